//! The meta group's commands and their outcomes. Every command may be repeated: the second time it
//! changes nothing and answers as if it had just been done.
//!
//! New variants go at the end: old logs hold the numbers of these.

use serde::{Deserialize, Serialize};

use super::types::{LayoutChange, MovePhase, NodeProfile, OperationKind, OperationState, Switches};
use crate::routes::Pin;
use crate::{NodeId, ShardId};

/// A founder as the founding configuration has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founder {
    /// The node.
    pub id: NodeId,
    /// Where it is reached.
    pub addresses: super::types::NodeAddresses,
    /// Failure zone.
    pub zone: String,
}

/// Changes the meta group's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetaCommand {
    /// Pins a key to the least loaded of the data shards 1..=shards.
    Pin {
        /// The key, 1 to 256 bytes.
        key: String,
        /// Data shards of the grid.
        shards: u32,
    },
    /// Writes down the founding layout, once.
    Found {
        /// The founders.
        nodes: Vec<Founder>,
        /// The shards and their voters, the preferred leader first; 0 is the meta group.
        shards: Vec<(ShardId, Vec<NodeId>)>,
        /// Replicas wanted of each shard.
        replicas: u32,
        /// The version that the founders go by.
        version: u32,
    },
    /// A node that starts says where it is; refused when its id belongs to another data directory.
    Announce {
        /// The node.
        node: NodeId,
        /// What it says.
        profile: NodeProfile,
    },
    /// Asks for an id.
    Join {
        /// What the newcomer says about itself.
        profile: NodeProfile,
        /// The lost node whose place it takes.
        replaces: Option<NodeId>,
    },
    /// Pins a key to a shard of the operator's choice, or moves its pin there.
    PinTo {
        /// The key.
        key: String,
        /// The shard.
        shard: ShardId,
        /// Whether a pin elsewhere may be moved: only after the old shard refuses the key.
        moved: bool,
    },
    /// Begins an operation.
    Begin {
        /// What is wanted.
        kind: OperationKind,
    },
    /// Pauses, resumes or cancels an operation.
    Steer {
        /// The operation.
        operation: u64,
        /// What it becomes: running, paused or canceled.
        to: OperationState,
    },
    /// The controller tells how an operation stands.
    Report {
        /// The operation.
        operation: u64,
        /// Where it stands.
        state: OperationState,
        /// What it waits for.
        note: String,
        /// Changes that it needs, as far as known.
        moves_total: u32,
    },
    /// Begins a change of a shard's replicas.
    StartMove {
        /// The shard.
        shard: ShardId,
        /// The node that gets a replica.
        add: Option<NodeId>,
        /// The node that gives its replica up.
        remove: Option<NodeId>,
        /// The operation that wants it.
        operation: u64,
    },
    /// Tells how far a change has come.
    AdvanceMove {
        /// The shard.
        shard: ShardId,
        /// How far.
        phase: MovePhase,
    },
    /// Ends a change: the replicas are as told.
    Publish {
        /// The shard.
        shard: ShardId,
        /// Its voters, the preferred leader first.
        replicas: Vec<NodeId>,
    },
    /// Changes who should lead a shard.
    Prefer {
        /// The shard.
        shard: ShardId,
        /// One of its replicas.
        node: NodeId,
    },
    /// Adds a change to the staged layout.
    Stage {
        /// The change.
        change: LayoutChange,
    },
    /// Applies the staged layout.
    ApplyLayout {
        /// The version that the operator has looked at: the one in force plus one.
        version: u64,
    },
    /// Forgets the staged layout.
    RevertLayout,
    /// Sets the switches.
    Switch {
        /// As they shall be.
        switches: Switches,
    },
    /// A shard's log has the barrier of a version.
    Raised {
        /// The shard.
        shard: ShardId,
        /// The version.
        version: u32,
    },
    /// Moves a pin. Bound to version 2.
    MovePin {
        /// The key.
        key: String,
        /// The revision of its last change, as known before its shard was told to refuse the key: who
        /// went by an older one moves nothing.
        since: u64,
        /// The shard that it goes to.
        to: ShardId,
    },
    /// Gives a key whose first life is lost another number; the old one goes to a name that nobody
    /// asks for. Bound to version 2.
    Renumber {
        /// The key.
        key: String,
        /// Its number until now: a second time changes nothing.
        from: u32,
    },
}

impl MetaCommand {
    /// The version that has the command. Under an older one it is unreadable, as it is to the
    /// releases that know only those.
    pub(super) fn version(&self) -> u32 {
        match self {
            Self::MovePin { .. }
            | Self::Renumber { .. }
            | Self::Begin { kind: OperationKind::FoundShard { .. } } => 2,
            _ => 1,
        }
    }
}

/// Why a command is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MetaRefusal {
    /// A field that cannot be: says which.
    #[error("{0}")]
    Invalid(String),
    /// No such node, shard, operation or pin.
    #[error("{0} is not known")]
    NotFound(String),
    /// The node id belongs to another data directory.
    #[error(
        "node {node} is known with another data directory; `seatgrid ctl node recover {node}` lets \
         it return under a new id"
    )]
    WrongLog {
        /// The node.
        node: NodeId,
    },
    /// The node was given up or has left.
    #[error("node {node} has left the grid and its id is never used again")]
    Gone {
        /// The node.
        node: NodeId,
    },
    /// It would lose data or service: says what and what to do first.
    #[error("{0}")]
    Unsafe(String),
    /// Something else must end first: says what.
    #[error("{0}")]
    Conflict(String),
}

/// The outcome of a [`MetaCommand`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetaReply {
    /// The key's pin, new or old.
    Pinned(Pin),
    /// The command could not be read or its field cannot be.
    Invalid,
    /// It is so now.
    Done,
    /// The node's id.
    Joined(NodeId),
    /// The operation's number.
    Begun(u64),
    /// Nothing was changed.
    Refused(MetaRefusal),
}
