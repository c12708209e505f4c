//! The sending side of a snapshot transfer: pieces of the file, no faster than allowed, from where
//! the receiver says it is.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::message::{Lane, Request, Response, SnapshotPiece};
use super::network::{Failure, Peers};
use super::snapshot_file::SnapshotFile;
use super::snapshots::SnapshotDir;
use super::types::Vote;
use crate::{NodeId, ShardId};

/// A snapshot travels in pieces of half a mebibyte: small beside the allowance of a second.
const PIECE_BYTES: usize = 512 << 10;
/// A receiver that sends the sender elsewhere more often than this has a problem of its own.
const TURNS_MAX: usize = 16;

/// Bounds what a node sends at once, all groups together.
pub(crate) struct Dispatch {
    transfers: Semaphore,
    allowance: Allowance,
    /// Patience with one piece.
    piece_timeout: Duration,
}

impl Dispatch {
    /// `bytes_per_s` of 0 does not slow down.
    pub fn new(transfers_max: usize, bytes_per_s: u64, piece_timeout: Duration) -> Self {
        let allowance = Allowance { bytes_per_s, free_at: Mutex::new(Instant::now()) };
        Self { transfers: Semaphore::new(transfers_max), allowance, piece_timeout }
    }
}

/// Bytes that may be sent, refilled by time.
struct Allowance {
    bytes_per_s: u64,
    /// When what was sent so far is paid off.
    free_at: Mutex<Instant>,
}

impl Allowance {
    /// When so many more bytes may go.
    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        if self.bytes_per_s == 0 {
            return now;
        }
        let cost_us = (bytes as u64).saturating_mul(1_000_000) / self.bytes_per_s;
        let mut free_at = self.free_at.lock();
        let at = (*free_at).max(now);
        *free_at = at + Duration::from_micros(cost_us);
        at
    }
}

/// One snapshot for one node.
pub(super) struct Shipment<'a> {
    pub peers: &'a Peers,
    pub dispatch: &'a Dispatch,
    pub to: NodeId,
    pub shard: ShardId,
    /// The sender's vote as leader.
    pub vote: Vote,
    pub file: &'a SnapshotFile,
    pub dir: &'a SnapshotDir,
    /// Patience with the answer to the last piece, after which the receiver installs.
    pub install_timeout: Duration,
}

impl Shipment<'_> {
    /// Sends it; the receiver's vote once it is installed.
    pub async fn send(&self) -> Result<Vote, Failure> {
        let _turn = self.dispatch.transfers.acquire().await.map_err(|_| Failure::unexpected())?;
        let total = self.file.len();
        let mut turns = 0;
        // Nothing yet: the receiver says where to begin.
        let (mut offset, mut next) = (0, self.send_piece(0, 0).await?);
        loop {
            match next {
                Response::Installed(vote) => return Ok(vote),
                Response::SnapshotUpto(have) if have < total => {
                    turns += usize::from(have != offset);
                    if turns > TURNS_MAX {
                        return Err(Failure::unexpected());
                    }
                    let sent = self.send_piece(have, PIECE_BYTES).await?;
                    offset = (have + PIECE_BYTES as u64).min(total);
                    next = sent;
                }
                _ => return Err(Failure::unexpected()),
            }
        }
    }

    async fn send_piece(&self, offset: u64, max: usize) -> Result<Response, Failure> {
        let file = self.file.clone();
        let read = crate::platform::blocking(move || file.piece(offset, max)).await;
        let bytes = read.map_err(std::io::Error::other).flatten();
        let bytes = bytes.map_err(|e| Failure::Broken(format!("reading the snapshot: {e}")))?;
        let at = self.dispatch.allowance.reserve(bytes.len(), Instant::now());
        tokio::time::sleep_until(at).await;
        metrics::counter!("seatgrid_snapshot_sent_bytes_total").increment(bytes.len() as u64);
        let total = self.file.len();
        let last = offset + bytes.len() as u64 == total;
        let patience = if last { self.install_timeout } else { self.dispatch.piece_timeout };
        let (vote, transfer) = (self.vote, self.file.transfer_id());
        let crc = crc32c::crc32c(&bytes);
        let piece = SnapshotPiece { vote, transfer, offset, total, crc, bytes };
        let body = Request::SnapshotPiece(piece).encode(self.shard);
        let answer = self.peers.call(self.to, Lane::Snapshot, body, patience).await;
        if last && answer.is_err() {
            self.suspect().await;
        }
        answer
    }

    /// After a whole that was not taken: is it damaged here? Then another one is made.
    async fn suspect(&self) {
        let file = self.file.clone();
        if let Ok(false) = crate::platform::blocking(move || file.is_sound()).await {
            let file = self.file.path().display();
            tracing::warn!(shard = self.shard, %file, "snapshot is damaged, making another");
            self.dir.want_another();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_spreads_bytes_over_time_and_none_does_not() {
        let begin = Instant::now();
        let half = Duration::from_millis(500);
        let allowance = Allowance { bytes_per_s: 1_000_000, free_at: Mutex::new(begin) };
        // The first goes at once, each of the others half a second after the one before.
        for nth in 0..5 {
            assert_eq!(allowance.reserve(500_000, begin), begin + half * nth);
        }
        // What was not used in time is lost: a pause is no licence for a burst.
        let later = begin + Duration::from_secs(60);
        assert_eq!(allowance.reserve(500_000, later), later);
        assert_eq!(allowance.reserve(1, later), later + half);
        let free = Allowance { bytes_per_s: 0, free_at: Mutex::new(later) };
        assert_eq!(free.reserve(usize::MAX, begin), begin);
    }
}
