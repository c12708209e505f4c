//! The types openraft is instantiated with, and short names for those it derives.

use std::fmt;

use bytes::Bytes;
use openraft::alias;
use serde::{Deserialize, Serialize};

use super::snapshot_file::SnapshotFile;
use crate::NodeId;
use crate::batch::Replies;

/// The data of one log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The leader's clock at the proposal, milliseconds since 1970.
    pub at_ms: u64,
    /// What it does.
    pub content: Content,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Commands, as [`crate::batch`] lays them out.
    Commands(Bytes),
    /// The version of all entries after it.
    Barrier(u32),
}

impl Content {
    /// About as many bytes as it takes in an entry.
    pub fn len(&self) -> usize {
        match self {
            Self::Commands(body) => body.len(),
            Self::Barrier(_) => size_of::<u32>(),
        }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Commands(body) => write!(f, "{} bytes at {}", body.len(), self.at_ms),
            Content::Barrier(version) => write!(f, "version {version} at {}", self.at_ms),
        }
    }
}

openraft::declare_raft_types!(
    /// Type configuration of all groups. Nodes are ids alone: addresses come from configuration.
    pub Types:
        D = Batch,
        R = Replies,
        NodeId = NodeId,
        Node = openraft::EmptyNode,
        AsyncRuntime = openraft_rt_tokio::TokioRuntime,
);

/// A position in a log with the leader that wrote it.
pub type LogId = alias::LogIdOf<Types>;
/// A vote: term, node, and whether a quorum granted it.
pub type Vote = alias::VoteOf<Types>;
/// A log entry.
pub type Entry = alias::EntryOf<Types>;
/// A leader's id as it stands in votes and log positions.
pub type LeaderId = alias::LeaderIdOf<Types>;
/// Members of a group.
pub type Membership = openraft::Membership<NodeId, openraft::EmptyNode>;
/// Members of a group and where that was logged.
pub type StoredMembership = alias::StoredMembershipOf<Types>;
/// What a snapshot covers.
pub type SnapshotMeta = alias::SnapshotMetaOf<Types>;
/// A snapshot: what it covers and its file.
pub type Snapshot = alias::SnapshotOf<Types, SnapshotFile>;
/// Any failure of a call to another node.
pub type RpcError = openraft::errors::RPCError<Types>;
