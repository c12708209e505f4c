//! The threads that consensus runs on, apart from clients and application.

use tokio::runtime::{Builder, Handle, Runtime};

use super::StartError;
use crate::platform::Threads;

/// Where consensus runs.
pub(super) struct Consensus {
    handle: Handle,
    /// Threads of its own, unless the platform has none.
    own: Option<Runtime>,
}

impl Consensus {
    /// So many threads of its own, or, with none, the runtime that this is called on.
    pub fn new(threads: Threads, count: usize) -> Result<Self, StartError> {
        if threads == Threads::Callers || count == 0 {
            return Ok(Self { handle: Handle::current(), own: None });
        }
        let own = Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name("raft")
            .enable_all()
            .build()
            .map_err(|source| StartError::Io { what: "threads for consensus".into(), source })?;
        Ok(Self { handle: own.handle().clone(), own: Some(own) })
    }

    /// To start tasks on.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends its own threads in the background.
    pub fn end(self) {
        if let Some(own) = self.own {
            own.shutdown_background();
        }
    }
}
