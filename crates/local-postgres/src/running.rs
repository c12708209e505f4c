//! The asynchronous handle of a database in use: given, or a server that we own. Owns the server
//! process and ends it; decides nothing else.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::StopError;
use crate::server::Server;

/// How often a running server is looked at. A dead database stops no sale, so this need not be
/// quick.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// Where the database comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its URL was given; nothing was started.
    Given,
    /// A server that was found on this machine, of this major version.
    Installed {
        /// Such as 15.
        major: u32,
    },
    /// The server that this binary carries, of this major version.
    Bundled {
        /// Such as 17.
        major: u32,
    },
}

/// A database that accepts connections. Dropping it asks a managed server to stop.
#[derive(Debug)]
pub struct Running {
    url: String,
    source: Source,
    server: Option<Arc<Mutex<Server>>>,
}

impl Running {
    pub(crate) fn new(url: String, source: Source, server: Option<Server>) -> Self {
        Self { url, source, server: server.map(|server| Arc::new(Mutex::new(server))) }
    }

    /// The connection URL, with its password: do not log it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the database comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The server's process, when it is a managed one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.lock().pid())
    }

    /// Resolves when a managed server has ended; never for a given one. Cancel-safe.
    pub async fn exited(&self) {
        let Some(server) = &self.server else {
            return std::future::pending().await;
        };
        while server.lock().is_running() {
            tokio::time::sleep(WATCH_EVERY).await;
        }
    }

    /// Stops a managed server (25 s at most) and waits for its end; does nothing to a given one.
    ///
    /// # Errors
    /// When the process resists even a kill, or may not be signalled.
    pub async fn stop(mut self) -> Result<(), StopError> {
        let Some(server) = self.server.take() else {
            return Ok(());
        };
        let stopped = tokio::task::spawn_blocking(move || server.lock().stop()).await;
        stopped.unwrap_or(Err(StopError::RuntimeEnded))
    }

    /// As [`Running::stop`], on the caller's thread.
    pub(crate) fn stop_blocking(mut self) -> Result<(), StopError> {
        self.server.take().map_or(Ok(()), |server| server.lock().stop())
    }

    /// Lets a managed server run on; [`crate::LocalPostgres::start`] finds it again.
    pub(crate) fn leave(mut self) {
        self.server = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = &self.server
            && let Err(error) = server.lock().ask_to_stop()
        {
            tracing::warn!(%error, "the managed PostgreSQL was left running");
        }
    }
}
