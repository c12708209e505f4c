//! A throwaway authority for tests: certificates that fit, and those that must be refused.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Files of one certificate.
#[derive(Debug, Clone)]
pub struct Files {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// An authority with a directory for what it issues.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    /// A new one; each has its own key, whatever its name.
    pub fn new(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(dir.join("ca.pem"), certificate.pem()).expect("written");
        Self { issuer: Issuer::new(params, key), dir: dir.to_owned() }
    }

    /// A certificate with these names, valid for an hour.
    pub fn issue(&self, label: &str, names: &[String]) -> Files {
        let now = SystemTime::now();
        self.issue_until(label, names, now + Duration::from_secs(3600))
    }

    /// A certificate with these names that ends at a time.
    pub fn issue_until(&self, label: &str, names: &[String], end: SystemTime) -> Files {
        let mut params = CertificateParams::new(names.to_vec()).expect("names");
        params.not_before = (end - Duration::from_secs(7200)).into();
        params.not_after = end.into();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let files = Files {
            ca: self.dir.join("ca.pem"),
            cert: self.dir.join(format!("{label}.pem")),
            key: self.dir.join(format!("{label}.key")),
        };
        std::fs::write(&files.cert, certificate.pem()).expect("written");
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        files
    }
}
