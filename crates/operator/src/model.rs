//! What the grid looks like to an operator: the JSON shapes of the admin API, shared by the unit that
//! answers and the tool that asks. Shapes only; fields are added, never renamed.

use std::net::SocketAddr;

use grid_node::{NodeId, ShardId};
use serde::{Deserialize, Serialize};

use crate::health::Health;

/// The whole grid as one unit sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The unit that answered.
    pub asked: NodeId,
    /// Of the meta group's tables; grows with each change.
    pub revision: u64,
    /// The version of the rules that all replicas apply.
    pub active_version: u32,
    /// All nodes, also those that do not answer, by id.
    pub nodes: Vec<NodeView>,
    /// All shards, the meta group (0) first.
    pub shards: Vec<ShardView>,
    /// Operations that are not over, and the newest that are, by id.
    pub operations: Vec<OperationView>,
    /// The balancer of leaders.
    pub balancer: BalancerView,
    /// The placement in force, and the one that waits to be applied.
    pub layout: LayoutView,
    /// What is wrong now, the worst first.
    pub issues: Vec<Issue>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its id.
    pub node: NodeId,
    /// Its place in the life of a node.
    pub state: Stage,
    /// Whether it answered just now.
    pub reachable: bool,
    /// Where clients reach it.
    pub client: Option<SocketAddr>,
    /// Where operators reach it, if it said so.
    pub admin: Option<SocketAddr>,
    /// Its failure domain; empty when none was given.
    pub zone: String,
    /// Shards that it leads.
    pub leads: u32,
    /// Shards that it has a replica of.
    pub replicas: u32,
    /// Oldest and newest version of the rules that it can apply.
    pub versions: (u32, u32),
    /// The node whose place it took.
    pub replaces: Option<NodeId>,
    /// Its log and disk; `None` when it does not answer.
    pub log: Option<LogView>,
}

/// A node's place in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Joined, holds nothing yet.
    Spare,
    /// Takes replicas and leads.
    Active,
    /// Gives its replicas away.
    Draining,
    /// Gave everything away.
    Drained,
    /// Declared dead; its replicas are being replaced.
    Lost,
    /// No part of the grid any more.
    Removed,
}

impl Stage {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spare => "spare",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Lost => "lost",
            Self::Removed => "removed",
        }
    }
}

/// A node's log and disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// Bytes written since the node started.
    pub appended_bytes: u64,
    /// Duration of the last fdatasync, in microseconds.
    pub last_sync_us: u64,
    /// Segment files in use.
    pub segments: u64,
    /// Free bytes of the file system of the data directory.
    pub disk_free_bytes: Option<u64>,
    /// Size of that file system in bytes.
    pub disk_total_bytes: Option<u64>,
}

/// One shard over all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardView {
    /// The shard; 0 is the meta group.
    pub shard: ShardId,
    /// What it can do, and what it lacks.
    pub health: Health,
    /// The node that answers for it.
    pub leader: Option<NodeId>,
    /// Grows whenever its replicas change.
    pub epoch: u64,
    /// Grows whenever it gets another leader.
    pub term: u64,
    /// The version of the rules that it goes by; `None` when no replica answers.
    #[serde(default)]
    pub version: Option<u32>,
    /// Its newest committed entry.
    pub committed_index: Option<u64>,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<ReplicaView>,
    /// The change of its replicas that is under way.
    pub moving: Option<MoveView>,
}

/// A change of one shard's replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveView {
    /// The node that gets a replica.
    pub add: Option<NodeId>,
    /// The node that gives its replica up.
    pub remove: Option<NodeId>,
    /// How far it has come, as in `learning`.
    pub phase: String,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaView {
    /// Where it is.
    pub node: NodeId,
    /// Whether its node answers and has it.
    pub alive: bool,
    /// Whether it votes; a learner does not.
    pub votes: bool,
    /// The newest entry it has applied.
    pub applied_index: Option<u64>,
    /// Committed entries that it does not have yet.
    pub lag: u64,
    /// Whether it must get a snapshot, since its leader's log begins later.
    pub installing: bool,
    /// Whether the end of its log was cut and is not made good yet.
    pub doubtful: bool,
    /// Whether its state differs from that of the other replicas; it serves nobody then.
    #[serde(default)]
    pub diverged: bool,
    /// The newest entry behind which a majority of the voters was found to have its fingerprint.
    #[serde(default)]
    pub checked_index: Option<u64>,
    /// That fingerprint: 16 hexadecimal digits.
    #[serde(default)]
    pub checked_digest: Option<String>,
}

/// A change under way, or one that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationView {
    /// Its number.
    pub id: u64,
    /// What it does, as in `drain node 2`.
    pub what: String,
    /// Whether it goes on.
    pub state: Progress,
    /// Changes of replicas that are finished.
    pub moves_done: u32,
    /// Changes of replicas that it needs, as far as known.
    pub moves_total: u32,
    /// Why it failed, or what it waits for; empty when there is nothing to say.
    pub note: String,
    /// When it began, milliseconds since 1970.
    pub began_ms: u64,
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Under way.
    Running,
    /// Waits for `operation resume`.
    Paused,
    /// Over; all is as wanted.
    Done,
    /// Over; the detail says why.
    Failed,
    /// Over at an operator's word.
    Canceled,
}

impl Progress {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }
}

/// The balancer of leaders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerView {
    /// Whether it moves leaders by measured load.
    pub on: bool,
    /// Whether no new change of replicas is begun, for any operation.
    pub moves_paused: bool,
}

/// Placement of replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutView {
    /// Number of the layout in force; the staged one has the next.
    pub version: u64,
    /// Replicas wanted of each shard.
    pub replicas_wanted: u32,
    /// Changes that wait to be applied, one sentence each.
    pub staged: Vec<String>,
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable name, as in `node_unreachable`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, one sentence without a full stop.
    pub what: String,
    /// What to type or do now.
    pub remedy: String,
}

/// How bad an issue is. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Requests fail, or data is at risk with the next fault.
    Alarm,
    /// Something must be done within hours.
    Warning,
    /// Worth knowing.
    Notice,
}

impl Severity {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// What an order led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The steps, one sentence each.
    pub plan: Vec<String>,
    /// Whether anything was done: a dry run only shows the plan.
    pub dry_run: bool,
    /// The operation that carries it out; `None` when it is done already.
    pub operation: Option<u64>,
}

/// A replica's fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestView {
    /// Where.
    pub node: NodeId,
    /// Up to which entry it has applied.
    pub applied_index: u64,
    /// 16 hexadecimal digits; equal on replicas that have applied the same.
    pub digest: String,
}
