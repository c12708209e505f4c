//! Decides when a replica takes a snapshot and what its log may then forget.
//!
//! By bytes of log since the last one, with a random share on top, so that the groups of a node do
//! not do it all at once. The log keeps what the older of the two kept snapshots needs: a damaged
//! newest one costs nothing.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use rand::Rng as _;

use super::group::{Group, GroupParts};
use crate::machine::StateMachine;

/// How often the bytes are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A snapshot that takes longer is given up here; the next look tries again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs with the replica.
pub(super) async fn run<S: StateMachine>(parts: &GroupParts, group: &Group<S>) {
    let mut taken_at_bytes = 0;
    let mut threshold = threshold(parts.snapshot_after_log_bytes);
    loop {
        tokio::time::sleep(LOOK).await;
        let appended = group.log.appended_bytes();
        if appended - taken_at_bytes < threshold {
            continue;
        }
        if take(group).await {
            taken_at_bytes = appended;
            threshold = self::threshold(parts.snapshot_after_log_bytes);
        }
    }
}

fn threshold(after_log_bytes: u64) -> u64 {
    after_log_bytes + rand::rng().random_range(0..=after_log_bytes / 4)
}

/// Takes a snapshot of what is applied now and lets the log forget; whether it worked.
async fn take<S: StateMachine>(group: &Group<S>) -> bool {
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
    forget(group).await;
    true
}

/// Purges the log up to the older kept snapshot.
async fn forget<S: StateMachine>(group: &Group<S>) {
    let dir = group.dir.clone();
    match tokio::task::spawn_blocking(move || dir.oldest_index()).await {
        Ok(Ok(Some(index))) => {
            if let Err(error) = group.raft.trigger().purge_log(index).await {
                tracing::debug!(shard = group.shard, %error, "log not purged");
            }
        }
        Ok(Ok(None)) | Err(_) => {}
        Ok(Err(error)) => {
            tracing::warn!(shard = group.shard, %error, "snapshot directory not readable");
        }
    }
}
