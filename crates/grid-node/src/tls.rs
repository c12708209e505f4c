//! Mutual TLS on both ports: who a certificate names, and what is refused without one.
//!
//! One private authority per grid. A node's certificate names the node and the grid, a client's
//! names the grid alone; a connection is believed to come from a node only when the certificate
//! says so. Files are read again when they change, for the connections that follow. Never falls
//! back to plain TCP, and never resumes a session, so each connection checks anew.

mod caller;
mod config;
mod files;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

pub(crate) use caller::Caller;
pub use config::{TlsConfig, TlsMode};

use self::files::{Loaded, Stamps};
use crate::NodeId;

/// Pause between looks whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why there is no TLS, or why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The configuration contradicts itself or leaves the network open.
    #[error("{0}")]
    Config(String),
    /// A file cannot be read.
    #[error("{file}: {source}", file = .file.display())]
    File {
        /// Its path.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{file}: {reason}", file = .file.display())]
    Content {
        /// Its path.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key do not belong together, or are not for this grid.
    #[error("certificate: {0}")]
    Certificate(String),
}

/// The names that a node's certificate must carry: its own, and the one that clients ask for.
#[must_use]
pub fn node_names(cluster_id: u128, node: NodeId) -> [String; 2] {
    [format!("node-{node}{}", suffix(cluster_id)), format!("unit{}", suffix(cluster_id))]
}

/// The name that a client's certificate must carry.
#[must_use]
pub fn client_name(cluster_id: u128) -> String {
    format!("client{}", suffix(cluster_id))
}

/// What all names of a grid end with.
fn suffix(cluster_id: u128) -> String {
    format!(".{cluster_id:032x}.seatgrid")
}

/// Who must be at the other end of a dialled connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callee {
    /// One node.
    Node { cluster_id: u128, node: NodeId },
    /// Any node of the grid that the own certificate names.
    AnyUnit,
}

/// Dialling with TLS.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub tls: Tls,
    pub callee: Callee,
}

/// Certificate, key and authority, as the files have them now.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    files: files::Files,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    loaded: Option<Arc<Loaded>>,
    looked_at: Option<Instant>,
    /// Of the files as last tried, sound or not.
    stamps: Option<Stamps>,
}

impl Tls {
    pub(super) fn new(files: files::Files) -> Self {
        Self { inner: Arc::new(Inner { files, state: Mutex::default() }) }
    }

    /// What the files hold; read again at most once a second, and only after a change. Damaged new
    /// files leave the old ones in force.
    ///
    /// # Errors
    /// [`TlsError`] when there is nothing usable at all.
    pub async fn current(&self) -> Result<Arc<Loaded>, TlsError> {
        if let Some(loaded) = self.recent() {
            return Ok(loaded);
        }
        let inner = Arc::clone(&self.inner);
        let look = crate::platform::blocking(move || inner.look());
        look.await.map_err(|error| TlsError::Config(error.to_string()))?
    }

    /// Checks that the own certificate names this node.
    ///
    /// # Errors
    /// [`TlsError`], saying what to type.
    pub async fn must_name(&self, cluster_id: u128, node: NodeId) -> Result<(), TlsError> {
        let loaded = self.current().await?;
        let own = Caller::certified(loaded.names.clone());
        let fits = own.must_be_node(cluster_id, node).and_then(|()| own.must_be_of(cluster_id));
        fits.map_err(|reason| {
            TlsError::Certificate(format!("{reason}; make one: `seatgrid tls issue --node {node}`"))
        })
    }

    fn recent(&self) -> Option<Arc<Loaded>> {
        let state = self.inner.state.lock();
        let is_recent = state.looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        state.loaded.clone().filter(|_| is_recent)
    }

    /// Makes an accepted connection secret, and says whom the peer's certificate names. Waits as
    /// long as the peer does: callers set a deadline.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(tokio_rustls::server::TlsStream<TcpStream>, Caller)> {
        let loaded = self.current().await.map_err(io::Error::other)?;
        let stream = loaded.acceptor.accept(stream).await?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let names = files::dns_names(certificates).map_err(io::Error::other)?;
        Ok((stream, Caller::certified(names)))
    }
}

impl Inner {
    fn look(&self) -> Result<Arc<Loaded>, TlsError> {
        let stamps = self.files.stamps();
        let mut state = self.state.lock();
        state.looked_at = Some(Instant::now());
        if let Some(loaded) = state.loaded.clone().filter(|_| state.stamps == Some(stamps)) {
            return Ok(loaded);
        }
        let is_first = state.loaded.is_none();
        state.stamps = Some(stamps);
        match (self.files.load(), state.loaded.clone()) {
            (Ok(loaded), _) => {
                if !is_first {
                    tracing::info!(names = ?loaded.names, "certificate files read again");
                }
                let loaded = Arc::new(loaded);
                state.loaded = Some(Arc::clone(&loaded));
                Ok(loaded)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "changed certificate files not usable: the old ones stay");
                Ok(known)
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl Dial {
    /// Makes a dialled connection secret, with the one who should be there and nobody else.
    pub async fn connect(
        &self,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let loaded = self.tls.current().await.map_err(io::Error::other)?;
        let name = match self.callee {
            Callee::Node { cluster_id, node } => node_names(cluster_id, node)[0].clone(),
            Callee::AnyUnit => loaded.unit_name().map_err(io::Error::other)?,
        };
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        loaded.connector.connect(name, stream).await
    }
}

#[cfg(test)]
mod tests;
