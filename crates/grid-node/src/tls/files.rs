//! Certificates and keys from PEM files to what rustls takes. Blocking; called from threads that
//! may block, or at the start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::TlsError;

/// A PEM file is a few kilobytes; anything larger is another file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where certificate, key and authority are.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Time of change and size of each file; `None` while it cannot be seen.
pub(super) type Stamps = [Option<(SystemTime, u64)>; 3];

/// What the files hold, ready for use.
pub(crate) struct Loaded {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
    /// Names in the own certificate.
    pub names: Vec<String>,
}

impl Files {
    pub(super) fn stamps(&self) -> Stamps {
        [&self.ca, &self.cert, &self.key].map(|file| {
            let metadata = fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    pub(super) fn load(&self) -> Result<Loaded, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            let wrong = |e: rustls::Error| content(&self.ca, e);
            roots.add(certificate).map_err(wrong)?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(&self.cert)?;
        let names = dns_names(&chain)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|e| content(&self.key, format!("no private key: {e}")))?;
        let server = server_config(Arc::clone(&roots), chain.clone(), key.clone_key())?;
        let client = client_config(roots, chain, key)?;
        Ok(Loaded {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
            names,
        })
    }
}

impl Loaded {
    /// The name that any unit of the own grid answers to.
    pub(super) fn unit_name(&self) -> Result<String, TlsError> {
        let grid = self.names.iter().find_map(|name| {
            let (_, grid) = name.split_once('.')?;
            grid.ends_with(".seatgrid").then(|| format!("unit.{grid}"))
        });
        let other = || TlsError::Certificate(format!("{:?} name no grid", self.names));
        grid.ok_or_else(other)
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The names that the first certificate of a chain carries.
pub(super) fn dns_names(chain: &[CertificateDer<'_>]) -> Result<Vec<String>, TlsError> {
    let wrong = |reason: String| TlsError::Certificate(reason);
    let own = chain.first().ok_or_else(|| wrong("there is none".into()))?;
    let own = webpki::EndEntityCert::try_from(own).map_err(|e| wrong(e.to_string()))?;
    Ok(own.valid_dns_names().map(str::to_owned).collect())
}

fn server_config(
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|e| TlsError::Certificate(e.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|b| b.with_client_cert_verifier(verifier).with_single_cert(chain, key))
        .map_err(|e| TlsError::Certificate(e.to_string()))?;
    // A resumed session would go by the certificates of its first connection.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client_config(
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|b| b.with_root_certificates(roots).with_client_auth_cert(chain, key))
        .map_err(|e| TlsError::Certificate(e.to_string()))?;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    match found {
        Ok(found) if found.is_empty() => Err(content(file, "no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(content(file, error)),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unread = |source| TlsError::File { file: file.to_owned(), source };
    if fs::metadata(file).map_err(unread)?.len() > FILE_BYTES_MAX {
        return Err(content(file, "too large for certificates"));
    }
    fs::read(file).map_err(unread)
}

fn content(file: &Path, reason: impl ToString) -> TlsError {
    TlsError::Content { file: file.to_owned(), reason: reason.to_string() }
}
