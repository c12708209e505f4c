//! What the meta group knows: nodes, shards, changes under way, goals of operators.
//!
//! Plain data, read by every node, the router and the operator's tools. Changed only by
//! [`super::MetaCommand`]s that a quorum has committed.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::{NodeId, ShardId};

/// Where a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAddresses {
    /// By the other nodes.
    pub raft: SocketAddr,
    /// By clients.
    pub client: SocketAddr,
    /// By operators and probes; `None` when the application serves none.
    pub admin: Option<SocketAddr>,
}

/// What a node says about itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Names its data directory: drawn once, kept with the log, never shared.
    pub log_id: u128,
    /// Where it is reached.
    pub addresses: NodeAddresses,
    /// Failure zone (rack, room): replicas of a shard are spread over zones. Up to 64 bytes.
    pub zone: String,
    /// Versions of state and entries that it can read: oldest and newest.
    pub versions: (u32, u32),
}

/// What may be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeState {
    /// It has an id and holds nothing until an operator adds it.
    Spare,
    /// It may hold replicas and lead.
    Active,
    /// Its replicas are being moved away.
    Draining,
    /// It holds nothing and gets nothing.
    Drained,
    /// Its data directory is gone; its replicas are being made elsewhere. The id never returns.
    Lost,
    /// It has left; the id never returns.
    Removed,
}

impl NodeState {
    /// Whether it may take part in the grid at all.
    #[must_use]
    pub fn is_member(self) -> bool {
        !matches!(self, Self::Lost | Self::Removed)
    }
}

/// One node as registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node.
    pub id: NodeId,
    /// Its data directory; `None` until a founder has announced itself.
    pub log_id: Option<u128>,
    /// Where it is reached.
    pub addresses: NodeAddresses,
    /// Failure zone.
    pub zone: String,
    /// Versions that it can read: oldest and newest.
    pub versions: (u32, u32),
    /// What may be done with it.
    pub state: NodeState,
    /// The lost node whose place it took.
    pub replaces: Option<NodeId>,
}

/// How far a change of replicas has come. Each step is repeated harmlessly by a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MovePhase {
    /// Recorded: the new node may open the replica.
    Planned,
    /// The group has it as a learner.
    Learning,
    /// It has nearly all of the log.
    CaughtUp,
    /// It votes; the old one still does.
    Voting,
    /// The old one leads no more.
    LeaderMoved,
    /// The old one votes no more.
    Shrunk,
}

/// A change of one shard's replicas under way: one is added, one leaves, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaMove {
    /// The node that gets a replica.
    pub add: Option<NodeId>,
    /// The node that gives its replica up.
    pub remove: Option<NodeId>,
    /// How far it has come.
    pub phase: MovePhase,
    /// Set when an operator wants it undone; it is, unless the new replica votes already.
    pub aborted: bool,
    /// The operation that wanted it.
    pub operation: u64,
    /// When it was begun, milliseconds since 1970.
    pub begun_at_ms: u64,
}

/// Where a shard is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Grows with each published change of its replicas; from 1.
    pub epoch: u64,
    /// Nodes whose replicas vote, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// A change under way.
    pub moving: Option<ReplicaMove>,
    /// The version whose barrier its log has.
    pub version: u32,
}

impl ShardRecord {
    /// The voters after a change: a newcomer takes the place of the one that leaves, so that the
    /// preferred leader of the others stays.
    #[must_use]
    pub fn replicas_after(&self, (add, remove): (Option<NodeId>, Option<NodeId>)) -> Vec<NodeId> {
        let mut replicas = self.replicas.clone();
        let place = remove.and_then(|node| replicas.iter().position(|r| *r == node));
        match (add, place) {
            (Some(add), Some(place)) => replicas[place] = add,
            (Some(add), None) => replicas.push(add),
            (None, Some(place)) => drop(replicas.remove(place)),
            (None, None) => {}
        }
        replicas
    }

    /// Whether a node has, gets or still has a replica.
    #[must_use]
    pub fn involves(&self, node: NodeId) -> bool {
        self.replicas.contains(&node) || self.moving.is_some_and(|moving| moving.add == Some(node))
    }
}

/// What an operator wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// Give a spare node its share of replicas and leaders.
    AddNode {
        /// The node.
        node: NodeId,
    },
    /// Move leaders and replicas away from a node.
    DrainNode {
        /// The node.
        node: NodeId,
        /// Accept fewer replicas where no other node can take one.
        fewer_replicas: bool,
    },
    /// Take an empty node out for good.
    RemoveNode {
        /// The node.
        node: NodeId,
    },
    /// Give up a node whose data is gone and make its replicas elsewhere.
    RecoverNode {
        /// The lost node.
        node: NodeId,
    },
    /// Add a replica, take one away, or both.
    MoveReplica {
        /// The shard.
        shard: ShardId,
        /// The node that gets a replica.
        add: Option<NodeId>,
        /// The node that gives its replica up.
        remove: Option<NodeId>,
    },
    /// Let a replica lead.
    TransferLeader {
        /// The shard.
        shard: ShardId,
        /// The node.
        to: NodeId,
    },
    /// Spread replicas evenly over the active nodes.
    Rebalance,
    /// Carry out an applied layout.
    ApplyLayout {
        /// Its version.
        version: u64,
    },
    /// Let all shards go by a newer version.
    Activate {
        /// The version.
        version: u32,
    },
    /// Let other nodes found a shard anew, empty, whose replicas are lost. Bound to version 2.
    FoundShard {
        /// The shard.
        shard: ShardId,
        /// Its replicas as the operator saw them, one that was being added included.
        lost: Vec<NodeId>,
        /// Nodes that never had one of them, the preferred leader first.
        replicas: Vec<NodeId>,
    },
}

/// Where an operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// Being carried out.
    Running,
    /// Begun changes are finished, no new ones are begun.
    Paused,
    /// Done as wanted.
    Done,
    /// Given up by an operator.
    Canceled,
    /// Cannot be done; says why.
    Failed(String),
}

impl OperationState {
    /// Whether nothing more will be done for it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Running | Self::Paused)
    }
}

/// An operator's goal and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number, from 1.
    pub id: u64,
    /// What is wanted.
    pub kind: OperationKind,
    /// Where it stands.
    pub state: OperationState,
    /// What it waits for, in words; empty when it waits for nothing.
    pub note: String,
    /// Replica changes finished for it.
    pub moves_done: u32,
    /// Replica changes that it needed or needs, as far as known.
    pub moves_total: u32,
    /// When it was begun, milliseconds since 1970.
    pub begun_at_ms: u64,
    /// When it last changed, milliseconds since 1970.
    pub changed_at_ms: u64,
}

/// One staged change of the layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayoutChange {
    /// Let a spare or drained node hold replicas.
    Add {
        /// The node.
        node: NodeId,
    },
    /// Move everything away from a node.
    Drain {
        /// The node.
        node: NodeId,
    },
    /// Put a node into another zone.
    Zone {
        /// The node.
        node: NodeId,
        /// The zone.
        zone: String,
    },
    /// Keep so many replicas of each shard: 1, 3 or 5.
    Replicas {
        /// The number.
        count: u32,
    },
}

/// Staged and applied layouts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Version of the layout in force; the staged one is the next.
    pub version: u64,
    /// Changes that wait to be applied, in order.
    pub staged: Vec<LayoutChange>,
}

/// Switches that operators set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// Whether leaders are moved by measured load.
    pub balancer: bool,
    /// Whether all changes of replicas stand still, those under way included.
    pub moves_paused: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self { balancer: true, moves_paused: false }
    }
}
