//! Figures of a replica for operators and the controller. Nothing in the group decides by them.

use std::sync::atomic::Ordering;

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;

use super::{Group, Members};
use crate::NodeId;
use crate::admin::{FollowerReport, ReplicaReport};
use crate::machine::StateMachine;
use crate::raft::types::LogId;

/// Figures of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    pub last_log_index: Option<u64>,
    pub committed_index: Option<u64>,
    pub applied_index: Option<u64>,
    pub snapshot_index: Option<u64>,
    pub purged_index: Option<u64>,
    pub log_bytes: u64,
    pub doubtful: bool,
}

impl<S: StateMachine> Group<S> {
    /// Figures for status pages.
    pub fn figures(&self) -> Figures {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let index = |id: Option<LogId>| id.map(|id| id.index);
        Figures {
            last_log_index: metrics.last_log_index,
            committed_index: index(metrics.local_committed),
            applied_index: index(metrics.last_applied),
            snapshot_index: index(metrics.snapshot),
            purged_index: index(metrics.purged),
            log_bytes: self.log.bytes(),
            doubtful: self.gate.doubtful(),
        }
    }

    /// The replica, and the others if this node leads.
    pub fn report(&self) -> ReplicaReport {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let members = Members::of(metrics.membership_config.membership());
        let last_log_index = metrics.last_log_index.unwrap_or(0);
        let follower = |(&node, matched): (&NodeId, &Option<LogId>)| {
            let matched_index = matched.map_or(0, |id| id.index);
            let heard_at = metrics.heartbeat.as_ref().and_then(|all| all.get(&node)?.as_ref());
            let heard_ms =
                |ago: std::time::Duration| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
            FollowerReport {
                node,
                matched_index,
                lag: last_log_index.saturating_sub(matched_index),
                heard_ms: heard_at.map(|at| heard_ms(at.elapsed())),
            }
        };
        let others = metrics.replication.iter().flatten().filter(|(node, _)| **node != metrics.id);
        let index = |id: Option<LogId>| id.map_or(0, |id| id.index);
        ReplicaReport {
            node: self.node_id,
            shard: self.shard,
            term: metrics.vote.leader_id.term,
            leader: metrics.current_leader,
            serving: self.serves(),
            voters: members.by_preference(&self.preference()),
            learners: members.learners.iter().copied().collect(),
            joint: members.configs.len() > 1,
            version: self.version(),
            last_log_index,
            applied_index: index(metrics.last_applied),
            snapshot_index: index(metrics.snapshot),
            installing: self.parts.receipts.is_under_way(self.shard),
            doubtful: self.gate.doubtful(),
            commands_total: self.commands.load(Ordering::Relaxed),
            followers: others.map(follower).collect(),
        }
    }
}
