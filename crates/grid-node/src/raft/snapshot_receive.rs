//! The receiving side of a snapshot transfer: pieces in, a checked file out.
//!
//! A transfer is named by its content, so that one that broke goes on where it was, with this leader
//! or the next, before or after a restart. Damage on the way is the sender's to repair; it must not
//! stop this node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::message::SnapshotPiece;
use super::snapshot_file::SnapshotFile;
use super::snapshots::{Incoming, SnapshotDir};
use crate::ShardId;

/// A transfer without a piece for so long has ended and makes room for another.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Bounds what a node takes in at once.
pub(crate) struct Receipts {
    /// Transfers at once.
    transfers_max: usize,
    /// Largest snapshot, in bytes.
    bytes_max: u64,
    /// The last piece of each transfer under way.
    under_way: Mutex<HashMap<ShardId, Instant>>,
}

impl Receipts {
    pub fn new(transfers_max: usize, bytes_max: u64) -> Self {
        Self { transfers_max, bytes_max, under_way: Mutex::default() }
    }

    /// Whether this shard's transfer may go on.
    fn admit(&self, shard: ShardId) -> bool {
        let now = Instant::now();
        let mut under_way = self.under_way.lock();
        under_way.retain(|_, last| now.duration_since(*last) < IDLE_MAX);
        let known = under_way.contains_key(&shard);
        let admitted = known || under_way.len() < self.transfers_max;
        if admitted {
            under_way.insert(shard, now);
        }
        admitted
    }

    /// Whether a snapshot of the shard is coming in.
    pub fn is_under_way(&self, shard: ShardId) -> bool {
        let last = self.under_way.lock().get(&shard).copied();
        last.is_some_and(|last| last.elapsed() < IDLE_MAX)
    }

    fn end(&self, shard: ShardId) {
        self.under_way.lock().remove(&shard);
    }
}

/// What a piece led to.
pub(super) enum Received {
    /// So many bytes are there; the sender goes on from here, whatever it meant to send next.
    Upto(u64),
    /// The file is whole and sound.
    Whole(SnapshotFile),
}

/// Takes one group's snapshots in.
pub(super) struct Receiver {
    shard: ShardId,
    dir: SnapshotDir,
    receipts: Arc<Receipts>,
    current: Mutex<Option<Incoming>>,
}

impl Receiver {
    pub fn new(shard: ShardId, dir: SnapshotDir, receipts: Arc<Receipts>) -> Arc<Self> {
        Arc::new(Self { shard, dir, receipts, current: Mutex::default() })
    }

    /// Takes one piece in; the error is for the sender.
    pub async fn take(self: &Arc<Self>, piece: SnapshotPiece) -> Result<Received, String> {
        let this = Arc::clone(self);
        let taken = crate::platform::blocking(move || this.take_blocking(&piece)).await;
        taken.map_err(|e| e.to_string()).flatten()
    }

    fn take_blocking(&self, piece: &SnapshotPiece) -> Result<Received, String> {
        // Asked again after an answer that was lost.
        if let Some(file) = self.dir.newest().filter(|f| f.transfer_id() == piece.transfer) {
            return Ok(Received::Whole(file));
        }
        if piece.total > self.receipts.bytes_max {
            return Err("the snapshot is over snapshot.bytes_max".into());
        }
        if crc32c::crc32c(&piece.bytes) != piece.crc {
            return Err("a piece was damaged on the way".into());
        }
        if !self.receipts.admit(self.shard) {
            return Err("this node takes in as many snapshots as it may".into());
        }
        let mut current = self.current.lock();
        let mut incoming = match current.take() {
            Some(known) if known.is(piece.transfer, piece.total) => known,
            _ => Incoming::open(&self.dir, piece.transfer, piece.total).map_err(said)?,
        };
        let follows = piece.offset == incoming.have();
        if follows && incoming.have() + piece.bytes.len() as u64 <= piece.total {
            incoming.append(&piece.bytes).map_err(said)?;
        }
        let have = incoming.have();
        if have < piece.total {
            *current = Some(incoming);
            return Ok(Received::Upto(have));
        }
        self.receipts.end(self.shard);
        incoming.finish().map(Received::Whole).map_err(said)
    }
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
