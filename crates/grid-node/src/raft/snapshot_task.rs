//! Decides when a replica takes a snapshot and what its log may then forget.
//!
//! By bytes of log since the last one, with a random share on top, so that the groups of a node do
//! not do it all at once. The log keeps what the older of the two kept snapshots needs: a damaged
//! newest one costs nothing. A group whose log is idle but keeps old segments of the node's log
//! from being freed takes one too, and its log then keeps nothing that the snapshot covers. Nothing
//! is purged that no snapshot covers (invariant I14).

use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use rand::Rng as _;

use super::group::{Group, GroupParts};
use crate::machine::StateMachine;

/// How often the bytes are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A snapshot that takes longer is given up here; the next look tries again.
const PATIENCE: Duration = Duration::from_secs(120);

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
    let mut threshold = threshold(parts.snapshot_after_log_bytes);
    let mut looks = 0_u32;
    loop {
        tokio::time::sleep(LOOK).await;
        looks = looks.wrapping_add(1);
        let appended = group.log.appended_bytes();
        let keep = if appended - taken_at_bytes >= threshold {
            Keep::SinceOlder
        } else if looks.is_multiple_of(PINNED_LOOKS) && pins_segments(parts, group) {
            Keep::SinceNewest
        } else {
            continue;
        };
        if take(group, keep).await {
            taken_at_bytes = appended;
            threshold = self::threshold(parts.snapshot_after_log_bytes);
        }
    }
}

fn pins_segments<S: StateMachine>(parts: &GroupParts, group: &Group<S>) -> bool {
    let stats = parts.wal.stats();
    stats.segments > SEGMENTS_MAX && stats.pinned_by.contains(&group.shard)
}

fn threshold(after_log_bytes: u64) -> u64 {
    after_log_bytes + rand::rng().random_range(0..=after_log_bytes / 4)
}

/// Takes a snapshot of what is applied now and lets the log forget, never past what a snapshot
/// covers (invariant I14); whether it worked.
async fn take<S: StateMachine>(group: &Group<S>, keep: Keep) -> bool {
    let Some(applied) = group.replica.last_applied() else { return false };
    if group.raft.trigger().snapshot().await.is_err() {
        return false;
    }
    let mut metrics = group.raft.metrics();
    let done = async {
        while metrics.borrow_watched().snapshot < Some(applied) {
            if metrics.changed().await.is_err() {
                return false;
            }
        }
        true
    };
    if !tokio::time::timeout(PATIENCE, done).await.unwrap_or(false) {
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
            let oldest = tokio::task::spawn_blocking(move || dir.oldest_index()).await;
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
