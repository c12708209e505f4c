//! What operators and the controller ask of nodes: surgery on replicas, reports, the meta group's
//! state and commands. Travels on the client port; a question that only a leader can answer is
//! refused elsewhere with a hint.

use serde::{Deserialize, Serialize};

use crate::meta::{MetaCommand, MetaReply, MetaState};
use crate::node::NodeStatus;
use crate::{NodeId, ShardId};

/// A question or an instruction. Instructions may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// The meta group's state. `fresh` asks its leader; otherwise any node answers what it knows.
    Meta {
        /// Whether all that was acknowledged must be in it.
        fresh: bool,
    },
    /// Commits a command of the meta group. Its leader only.
    Change(MetaCommand),
    /// Lets a node's replica follow the shard's log without a vote. The shard's leader only.
    AddLearner {
        /// The shard.
        shard: ShardId,
        /// The node.
        node: NodeId,
    },
    /// Makes these nodes the shard's voters, jointly first and then alone; all others leave the
    /// group. Answered once a quorum of the new voters has it. The shard's leader only.
    SetVoters {
        /// The shard.
        shard: ShardId,
        /// Its voters from now on.
        voters: Vec<NodeId>,
    },
    /// Gives leadership to another voter. The shard's leader only.
    TransferLeader {
        /// The shard.
        shard: ShardId,
        /// The node.
        to: NodeId,
    },
    /// Writes the barrier of a version into the shard's log. The shard's leader only.
    RaiseVersion {
        /// The shard.
        shard: ShardId,
        /// The version.
        version: u32,
    },
    /// What this node knows of its replica of a shard.
    Replica {
        /// The shard.
        shard: ShardId,
    },
    /// A fingerprint of this node's replica of a shard.
    Digest {
        /// The shard.
        shard: ShardId,
    },
    /// Takes a snapshot of this node's replica of a shard now.
    Snapshot {
        /// The shard.
        shard: ShardId,
    },
    /// Roles, positions and sizes of all groups of this node.
    Status,
}

/// The answer to an [`AdminRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AdminAnswer {
    /// To [`AdminRequest::Meta`].
    Meta(Box<MetaState>),
    /// To [`AdminRequest::Change`].
    Changed(MetaReply),
    /// The instruction is carried out, or was before.
    Done,
    /// To [`AdminRequest::Replica`].
    Replica(Box<ReplicaReport>),
    /// To [`AdminRequest::Digest`].
    Digest {
        /// The last entry applied.
        applied_index: u64,
        /// Equal on replicas that have applied the same (invariant I3).
        digest: u64,
    },
    /// To [`AdminRequest::Status`].
    Status(Box<NodeStatus>),
    /// This node does not lead the shard.
    NotLeader {
        /// Who may.
        hint: Option<NodeId>,
    },
    /// This node has no replica of the shard.
    NotHere,
    /// It cannot be done now; says why. Nothing was changed.
    Refused(String),
    /// It was begun and may or may not come about; repeating it is harmless.
    Unknown(String),
}

impl AdminAnswer {
    /// Whether a node answered that was asked as a shard's leader and is not.
    pub(crate) fn is_of_another_than_the_leader(&self) -> bool {
        match self {
            Self::NotLeader { .. } | Self::NotHere => true,
            Self::Replica(report) => !report.serving,
            _ => false,
        }
    }
}

/// One replica as its node sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaReport {
    /// The node.
    pub node: NodeId,
    /// The shard.
    pub shard: ShardId,
    /// The term of the newest vote.
    pub term: u64,
    /// Who leads, as far as known.
    pub leader: Option<NodeId>,
    /// Whether this node leads and its lease is alive.
    pub serving: bool,
    /// Nodes that vote, from the group's own log.
    pub voters: Vec<NodeId>,
    /// Nodes that follow without a vote.
    pub learners: Vec<NodeId>,
    /// Whether the members are between two sets.
    pub joint: bool,
    /// The version that the shard goes by, as applied here.
    pub version: u32,
    /// The last entry in the log.
    pub last_log_index: u64,
    /// The last entry applied.
    pub applied_index: u64,
    /// The last entry that a snapshot covers.
    pub snapshot_index: u64,
    /// Whether a snapshot is being received or installed.
    pub installing: bool,
    /// Whether the log's end is in doubt after a cut.
    pub doubtful: bool,
    /// Commands proposed here since the start, for rates.
    pub commands_total: u64,
    /// Other members as the leader sees them; empty elsewhere.
    pub followers: Vec<FollowerReport>,
}

/// One follower as its leader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerReport {
    /// The node.
    pub node: NodeId,
    /// The last entry that it is known to have.
    pub matched_index: u64,
    /// Entries that it lacks.
    pub lag: u64,
    /// When it was last heard of, milliseconds ago; `None` when never in this term.
    pub heard_ms: Option<u64>,
}
