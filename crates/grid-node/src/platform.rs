//! What a node takes from the machine under it: a disk for its log, a network, threads.
//!
//! Products run on [`Platform::real`]. A simulation puts its own disk and network here and gives the
//! node no threads but the one that it is started on; nothing else of a node differs then. Time and
//! chance are not here: they come from the process, which a simulation owns as a whole.

mod blocking;
mod network;

use std::sync::Arc;

pub(crate) use blocking::blocking;
pub(crate) use network::Port;
pub use network::{Accept, Listening, Network, ReadHalf, Stream, Tcp, WriteHalf};

use crate::wal::{Disk, RealDisk};

/// The machine under one node.
#[derive(Clone)]
pub struct Platform {
    /// What the log is on. Snapshots and the node's identity are files of the operating system.
    pub disk: Arc<dyn Disk>,
    /// How the node listens and dials.
    pub network: Arc<dyn Network>,
    /// Where its work runs.
    pub threads: Threads,
}

/// Where a node's work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Consensus and the log's writer have threads of their own.
    Own,
    /// All of it is tasks of the runtime that the node is started on, which must have one thread.
    Callers,
}

impl Platform {
    /// The operating system's files, TCP, own threads.
    #[must_use]
    pub fn real() -> Self {
        Self { disk: Arc::new(RealDisk), network: Arc::new(Tcp), threads: Threads::Own }
    }
}
