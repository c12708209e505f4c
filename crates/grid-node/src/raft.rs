//! The only home of openraft: its types, log store, state machine, network and settings.
//!
//! The rest of the crate sees [`Group`] and plain values. Settings and pitfalls come from measured
//! facts about this exact openraft release; an upgrade starts with reading this folder again.

mod checks;
mod compare;
mod directory;
mod doubt;
mod entry;
mod founding;
mod gate;
mod group;
mod lifecycle;
mod log_store;
mod members;
mod message;
mod mute;
mod network;
mod presence;
mod prompt;
mod server;
mod settings;
mod snapshot_file;
mod snapshot_receive;
mod snapshot_send;
mod snapshot_task;
mod snapshots;
mod state_machine;
mod types;

#[cfg(test)]
mod forms;
#[cfg(test)]
mod suite;

pub(crate) use directory::{Directory, Known, Myself, wrong_log};
pub(crate) use doubt::Doubts;
pub use group::RaiseError;
pub(crate) use group::{
    Control, Group, GroupOptions, GroupParts, OpenError, Origin, Proposal, ProposeError,
};
pub(crate) use network::{Peers, PeersOptions};
pub(crate) use presence::forget_files;
pub(crate) use server::{RaftService, Registry};
pub(crate) use settings::raft_config;
pub(crate) use snapshot_receive::Receipts;
pub(crate) use snapshot_send::Dispatch;
pub use snapshots::SnapshotError;
