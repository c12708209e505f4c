//! The `tls` table of nodes and of their clients, and when it may be left out.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::{Tls, TlsError};

/// What to do without certificates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Go without on loopback, refuse to start elsewhere.
    #[default]
    Auto,
    /// Go without anywhere: whoever reaches a port is believed.
    Insecure,
}

/// Certificates in PEM files. All three or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// What to do without certificates. Default `auto`.
    pub mode: TlsMode,
    /// Certificates of the grid's authority.
    pub ca: Option<PathBuf>,
    /// This process's certificate, with those between it and the authority.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

impl TlsConfig {
    /// Certificates in these files.
    #[must_use]
    pub fn files(ca: PathBuf, cert: PathBuf, key: PathBuf) -> Self {
        Self { mode: TlsMode::Auto, ca: Some(ca), cert: Some(cert), key: Some(key) }
    }

    /// Checks that the files are named together, can be used, and are there when an address is
    /// reachable from another machine.
    ///
    /// # Errors
    /// [`TlsError`], which says what to write.
    pub fn check(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> Result<(), TlsError> {
        let refuse = |reason: String| Err(TlsError::Config(reason));
        if let Some(files) = self.given()? {
            if self.mode == TlsMode::Insecure {
                return refuse("tls: mode `insecure` and certificates exclude each other".into());
            }
            return files.load().map(drop);
        }
        let open = addresses.into_iter().find(|address| !address.ip().is_loopback());
        match open {
            Some(address) if self.mode == TlsMode::Auto => refuse(format!(
                "tls: {address} can be reached from other machines, and there are no certificates: \
                 make them with `seatgrid tls new-ca` and `seatgrid tls issue` and give `tls.ca`, \
                 `tls.cert` and `tls.key`; or write `tls.mode = \"insecure\"` to believe everybody"
            )),
            _ => Ok(()),
        }
    }

    /// The files, if TLS is on: one file is enough for that, since a half-written table must not
    /// lead to plain TCP. What is missing then is no file.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let is_on = self.ca.is_some() || self.cert.is_some() || self.key.is_some();
        let file = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        is_on.then(|| {
            Tls::new(Files { ca: file(&self.ca), cert: file(&self.cert), key: file(&self.key) })
        })
    }

    fn given(&self) -> Result<Option<Files>, TlsError> {
        match (&self.ca, &self.cert, &self.key) {
            (None, None, None) => Ok(None),
            (Some(ca), Some(cert), Some(key)) => {
                Ok(Some(Files { ca: ca.clone(), cert: cert.clone(), key: key.clone() }))
            }
            _ => Err(TlsError::Config("tls: `ca`, `cert` and `key` belong together".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn beyond_loopback_nothing_starts_without_certificates_or_a_plain_word() {
        let mut config = TlsConfig::default();
        config.check(addresses(&["127.0.0.1:1", "[::1]:2"])).expect("this machine alone");
        for open in ["10.0.0.1:1", "0.0.0.0:1", "[::]:1"] {
            let error = config.check(addresses(&["127.0.0.1:1", open])).expect_err(open);
            assert!(error.to_string().contains("seatgrid tls issue"), "{error}");
            assert!(error.to_string().contains(open), "{error}");
        }
        config.mode = TlsMode::Insecure;
        config.check(addresses(&["10.0.0.1:1"])).expect("as it was told");
    }

    #[test]
    fn files_belong_together_and_exclude_insecure() {
        let mut config = TlsConfig { ca: Some("ca.pem".into()), ..TlsConfig::default() };
        let error = config.check([]).expect_err("one of three").to_string();
        assert!(error.contains("belong together"), "{error}");
        config = TlsConfig::files("ca.pem".into(), "cert.pem".into(), "key.pem".into());
        let error = config.check([]).expect_err("no such file").to_string();
        assert!(error.contains("ca.pem"), "{error}");
        config.mode = TlsMode::Insecure;
        let error = config.check([]).expect_err("a contradiction").to_string();
        assert!(error.contains("exclude each other"), "{error}");
    }
}
