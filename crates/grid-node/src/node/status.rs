//! What a node says of itself, for probes, operators and tests.

use serde::{Deserialize, Serialize};

use super::Hosted;
use crate::machine::StateMachine;
use crate::shard::Shard;
use crate::wal::Wal;
use crate::{NodeId, ShardId};

/// A node's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node.
    pub node_id: NodeId,
    /// Its groups, the meta group (shard 0) first.
    pub shards: Vec<ShardStatus>,
    /// Its log.
    pub log: LogStatus,
}

impl NodeStatus {
    /// Whether every group here knows a leader: then this node can be sent requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shards.iter().all(|shard| shard.leader.is_some())
    }
}

/// One replica's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardStatus {
    /// The shard; 0 is the meta group.
    pub shard: ShardId,
    /// Whether this node leads it and may answer for it.
    pub serving: bool,
    /// Who leads, as far as known.
    pub leader: Option<NodeId>,
    /// Term of the newest vote.
    pub term: u64,
    /// Its voters, the preferred leader first.
    pub voters: Vec<NodeId>,
    /// Index of the last entry in the log.
    pub last_log_index: Option<u64>,
    /// Index up to which entries are known to be committed.
    pub committed_index: Option<u64>,
    /// Index up to which entries are applied.
    pub applied_index: Option<u64>,
    /// Index that the newest snapshot covers.
    pub snapshot_index: Option<u64>,
    /// Index up to which the log is gone.
    pub purged_index: Option<u64>,
    /// Bytes of the log in memory.
    pub log_bytes: u64,
    /// Whether the log was empty or its end cut at the start, and it is not made good yet.
    pub doubtful: bool,
    /// The version that it goes by, as applied here.
    pub version: u32,
    /// The newest entry whose fingerprint was taken here for comparison, and the fingerprint.
    pub digest: Option<(u64, u64)>,
    /// Whether the state differs from that of the other replicas; it answers nobody then.
    pub diverged: bool,
}

/// The log's figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStatus {
    /// Bytes written since the start.
    pub appended_bytes: u64,
    /// fdatasync calls since the start.
    pub syncs: u64,
    /// Duration of the last one, in microseconds.
    pub last_sync_us: u64,
    /// Segment files in use.
    pub segments: u64,
    /// Calls that wait for the writer.
    pub queue_len: u64,
    /// Bytes that wait for the writer.
    pub queue_bytes: u64,
    /// Bytes that the log's file system has left; `None` where that cannot be told.
    pub disk_free_bytes: Option<u64>,
    /// Size of that file system in bytes.
    pub disk_total_bytes: Option<u64>,
}

/// Gathers the figures.
pub(super) fn status<S: StateMachine>(
    node_id: NodeId,
    hosted: &Hosted<S>,
    wal: &Wal,
) -> NodeStatus {
    let (stats, space) = (wal.stats(), wal.disk_space());
    NodeStatus {
        node_id,
        shards: hosted
            .meta()
            .map(|meta| shard_status(&meta))
            .into_iter()
            .chain(hosted.shards().values().map(|shard| shard_status(shard)))
            .collect(),
        log: LogStatus {
            appended_bytes: stats.appended_bytes,
            syncs: stats.syncs,
            last_sync_us: stats.last_sync_us,
            segments: stats.segments as u64,
            queue_len: stats.queue_len as u64,
            queue_bytes: stats.queue_bytes as u64,
            disk_free_bytes: space.map(|space| space.free_bytes),
            disk_total_bytes: space.map(|space| space.total_bytes),
        },
    }
}

fn shard_status<S: StateMachine>(shard: &Shard<S>) -> ShardStatus {
    let group = shard.group();
    let (role, figures) = (group.role(), group.figures());
    ShardStatus {
        shard: group.shard,
        serving: group.serves(),
        leader: role.leader,
        term: role.term,
        voters: group.voters(),
        last_log_index: figures.last_log_index,
        committed_index: figures.committed_index,
        applied_index: figures.applied_index,
        snapshot_index: figures.snapshot_index,
        purged_index: figures.purged_index,
        log_bytes: figures.log_bytes,
        doubtful: figures.doubtful,
        version: group.version(),
        digest: group.replica.checks().confirmed(),
        diverged: group.has_diverged(),
    }
}
