//! Decides when a replica takes a snapshot and what its log may then forget.
//!
//! By bytes of log since the last one, with a random share on top, so that the groups of a node do
//! not do it all at once, and never more often than it costs: a snapshot is worth its own size in
//! log. The leader comes last, when its followers have theirs or do not come to it. The log keeps
//! what the older of the two kept snapshots needs: a damaged newest one costs nothing. A group whose
//! log is idle but keeps old segments of the node's log from being freed takes one too, and its log
//! then keeps nothing that the snapshot covers. Nothing is purged that no snapshot covers (invariant
//! I14).

use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver as _;
use rand::Rng as _;

use super::group::{Group, GroupParts};
use super::types::LogId;
use crate::NodeId;
use crate::machine::StateMachine;

/// How often the bytes are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A snapshot that takes longer is given up here; the next look tries again.
const PATIENCE: Duration = Duration::from_secs(120);
/// So long a leader leaves the first turn to its followers. Its log grows meanwhile.
const FOLLOWERS_FIRST: Duration = Duration::from_secs(10);
/// Patience with a follower's answer.
const ASK_PATIENCE: Duration = Duration::from_millis(500);

/// How often it is looked whether the group keeps old segments.
const PINNED_LOOKS: u32 = 20;
/// Up to so many segments, a group may keep the oldest. The log itself moves small groups out of
/// the way at its own, equal threshold.
const SEGMENTS_MAX: usize = 8;

/// Up to where the log is purged after a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// What the older of the two kept snapshots needs.
    SinceOlder,
    /// Nothing that the newest covers.
    SinceNewest,
}

/// Runs with the replica.
pub(super) async fn run<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let mut taken_at_bytes = 0;
    let mut threshold = threshold(parts, group);
    let mut looks = 0_u32;
    loop {
        tokio::time::sleep(LOOK).await;
        looks = looks.wrapping_add(1);
        let appended = group.log.appended_bytes();
        let keep = if group.dir.take_wanted() {
            Keep::SinceOlder
        } else if appended - taken_at_bytes >= threshold {
            followers_first(parts, group, taken_at_bytes + threshold + threshold / 2).await;
            Keep::SinceOlder
        } else if looks.is_multiple_of(PINNED_LOOKS) && pins_segments(parts, group) {
            Keep::SinceNewest
        } else {
            continue;
        };
        if take(parts, group, keep).await {
            taken_at_bytes = appended;
            threshold = self::threshold(parts, group);
        }
    }
}

/// Asks for a snapshot of what is applied now, and waits for it; whether it was made in time.
pub(super) async fn now<S: StateMachine>(group: &Group<S>) -> bool {
    let Some(applied) = group.replica.last_applied() else { return false };
    group.dir.want_another();
    tokio::time::timeout(PATIENCE, made(group, applied)).await.unwrap_or(false)
}

/// Waits until a snapshot covers so much; false when the group ends before.
async fn made<S: StateMachine>(group: &Group<S>, applied: LogId) -> bool {
    let mut metrics = group.raft.metrics();
    while metrics.borrow_watched().snapshot < Some(applied) {
        if metrics.changed().await.is_err() {
            return false;
        }
    }
    true
}

fn pins_segments<S: StateMachine>(parts: &GroupParts, group: &Group<S>) -> bool {
    let stats = parts.wal.stats();
    stats.segments > SEGMENTS_MAX && stats.pinned_by.contains(&group.shard)
}

/// Log bytes that lead to the next snapshot.
fn threshold<S: StateMachine>(parts: &GroupParts, group: &Group<S>) -> u64 {
    let last = group.dir.newest().map_or(0, |file| file.len());
    let bytes = parts.snapshot_after_log_bytes.max(last);
    bytes + rand::rng().random_range(0..=bytes / 4)
}

/// On the leader: waits until each other voter that answers has a snapshot newer than the own last
/// one, but not for ever, nor past so many bytes of log. On others: nothing.
async fn followers_first<S: StateMachine>(parts: &GroupParts, group: &Group<S>, bytes_max: u64) {
    let own = group.dir.newest().and_then(|file| file.header().last_log_id.map(|id| id.index));
    let deadline = Instant::now() + FOLLOWERS_FIRST;
    let more = || Instant::now() < deadline && group.log.appended_bytes() < bytes_max;
    while group.role().leads && more() {
        let asked = others(group).into_iter().map(|node| async move {
            let index = parts.peers.snapshot_index(node, group.shard, ASK_PATIENCE).await;
            index.is_none_or(|theirs| theirs > own)
        });
        if futures_util::future::join_all(asked).await.into_iter().all(|newer| newer) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The other voters.
fn others<S: StateMachine>(group: &Group<S>) -> Vec<NodeId> {
    let metrics = group.raft.metrics();
    let stored = metrics.borrow_watched().membership_config.clone();
    stored.voter_ids().filter(|node| *node != group.node_id).collect()
}

/// Takes a snapshot of what is applied now and lets the log forget, never past what a snapshot
/// covers (invariant I14); whether it worked.
async fn take<S: StateMachine>(parts: &GroupParts, group: &Group<S>, keep: Keep) -> bool {
    if group.gate.has_diverged() {
        // A wrong state must not become the one that a restart begins with.
        return false;
    }
    // The turn comes before the freeze, so that nothing frozen waits in memory.
    let Ok(_turn) = parts.writers.acquire().await else { return false };
    let Some(applied) = group.replica.last_applied() else { return false };
    if group.raft.trigger().snapshot().await.is_err() {
        return false;
    }
    if !tokio::time::timeout(PATIENCE, made(group, applied)).await.unwrap_or(false) {
        tracing::warn!(shard = group.shard, "no snapshot was made in time, trying again");
        return false;
    }
    metrics::counter!("seatgrid_snapshots_total").increment(1);
    forget(group, keep, applied.index).await;
    true
}

/// Purges the log up to the older kept snapshot, or up to the newest, which covers `newest`.
async fn forget<S: StateMachine>(group: &Group<S>, keep: Keep, newest: u64) {
    let upto = match keep {
        Keep::SinceNewest => Some(newest),
        Keep::SinceOlder => {
            let dir = group.dir.clone();
            let oldest = crate::platform::blocking(move || dir.oldest_index()).await;
            oldest.map_err(std::io::Error::other).flatten().unwrap_or_else(|error| {
                tracing::warn!(shard = group.shard, %error, "snapshot directory not readable");
                None
            })
        }
    };
    let Some(upto) = upto else { return };
    if let Err(error) = group.raft.trigger().purge_log(upto).await {
        tracing::debug!(shard = group.shard, %error, "log not purged");
    }
}
