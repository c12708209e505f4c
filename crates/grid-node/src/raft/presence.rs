//! Opening a group empty on a node, and forgetting it: what is recorded in the node's log, in which
//! order, and which files go.
//!
//! A group that was here before may have acknowledged entries that it forgets. It therefore keeps
//! its vote, and a later life of it is recorded as joining until a leader has brought it past all
//! that was committed; until then it neither votes nor stands (invariants I4, I5).

use std::sync::Arc;

use tokio::sync::oneshot;

use super::group::GroupParts;
use super::snapshots::{SnapshotDir, SnapshotError};
use crate::ShardId;
use crate::wal::{self, Presence, Record, Wal, WalFailure};

/// Records durably whether a group lives here.
pub(super) async fn record(
    wal: &Wal,
    shard: ShardId,
    presence: Presence,
) -> Result<(), WalFailure> {
    let (done, durable) = oneshot::channel();
    let done = Box::new(move |result| {
        // Nobody waits any more only when the node stops.
        let _ = done.send(result);
    });
    wal.append(shard, vec![Record::Presence(presence)], wal::Sync::Durable, Some(done));
    durable.await.unwrap_or(Err(WalFailure::Closed))
}

/// Removes the snapshots that an earlier life of a group left. The record that it was dropped is
/// durable already: a log without its snapshots could not be opened.
pub(crate) async fn forget_files(parts: &GroupParts, shard: ShardId) -> Result<(), SnapshotError> {
    let (disk, root) = (Arc::clone(&parts.disk), parts.snapshot_root.clone());
    let removed =
        crate::platform::blocking(move || SnapshotDir::remove(&*disk, &root, shard)).await;
    removed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
