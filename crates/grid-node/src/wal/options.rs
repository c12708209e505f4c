//! Knobs of the log with their units, defaults and the relations between them.
//!
//! Filled from the node's configuration before the log is opened; never changed afterwards.

use std::path::PathBuf;

use super::error::WalError;
use super::format::HEADER_BYTES;

/// 64 MiB: a segment lasts seconds at full load, so rolling is rare and recycling still quick.
const SEGMENT_BYTES: u64 = 64 << 20;
/// 4 MiB: as much as one write takes in about the time of one fdatasync.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Calls that may wait. Callers have a few entries in flight per group; this is the guard behind.
const QUEUE_LEN_MAX: usize = 65_536;
/// 512 MiB that may wait: dozens of the largest commands during a stalled fdatasync.
const QUEUE_BYTES_MAX: usize = 512 << 20;
/// Two spare files cover a roll that comes before the next purge.
const SPARE_SEGMENTS_MAX: usize = 2;
/// From this many segments on, groups that pin the oldest one are moved to the newest.
const REWRITE_ABOVE_SEGMENTS: usize = 8;
/// 1 MiB: a group with a larger log is not cold, its owner takes a snapshot instead.
const REWRITE_BYTES_MAX: usize = 1 << 20;
/// A segment smaller than its header and one page would roll at every record.
const SEGMENT_BYTES_MIN: u64 = 2 * HEADER_BYTES as u64;

/// How a log is kept. [`WalOptions::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// The log's own directory; created if missing, held by one process at a time.
    pub dir: PathBuf,
    /// Stamped into each segment; a log of another cluster is refused.
    pub cluster_id: u128,
    /// Stamped into each segment; a log of another node is refused.
    pub node_id: u64,
    /// Size a segment file is preallocated to, in bytes. Default 64 MiB, at least 8 KiB. A larger
    /// record makes its segment longer.
    pub segment_bytes: u64,
    /// Bytes of records taken into one write, at least one call. Default 4 MiB.
    pub batch_bytes_max: usize,
    /// Calls that may wait for the writer. Default 65,536. One more stops the log.
    pub queue_len_max: usize,
    /// Payload bytes that may wait for the writer. Default 512 MiB. More stops the log, except that
    /// one call of any size is taken by an empty queue.
    pub queue_bytes_max: usize,
    /// Freed segment files kept for reuse. Default 2; 0 deletes them.
    pub spare_segments_max: usize,
    /// Number of segments above which small groups that pin the oldest one are rewritten into the
    /// newest. Default 8.
    pub rewrite_above_segments: usize,
    /// Largest log of one group, in payload bytes, that is rewritten that way. Default 1 MiB. What
    /// is rewritten at once never takes more than half a segment.
    pub rewrite_bytes_max: usize,
}

impl WalOptions {
    /// Options with default sizes for the log of one node.
    #[must_use]
    pub fn new(dir: PathBuf, cluster_id: u128, node_id: u64) -> Self {
        Self {
            dir,
            cluster_id,
            node_id,
            segment_bytes: SEGMENT_BYTES,
            batch_bytes_max: BATCH_BYTES_MAX,
            queue_len_max: QUEUE_LEN_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            spare_segments_max: SPARE_SEGMENTS_MAX,
            rewrite_above_segments: REWRITE_ABOVE_SEGMENTS,
            rewrite_bytes_max: REWRITE_BYTES_MAX,
        }
    }

    /// Checks each knob and the relations between them.
    ///
    /// # Errors
    /// [`WalError::Options`] naming the knob.
    pub fn validate(&self) -> Result<(), WalError> {
        let broken = if self.segment_bytes < SEGMENT_BYTES_MIN {
            format!("segment_bytes is {}, the least is {SEGMENT_BYTES_MIN}", self.segment_bytes)
        } else if self.batch_bytes_max == 0 || self.queue_len_max == 0 || self.queue_bytes_max == 0
        {
            "batch_bytes_max, queue_len_max and queue_bytes_max must be above 0".to_owned()
        } else if self.rewrite_above_segments < 2 {
            "rewrite_above_segments must be at least 2".to_owned()
        } else {
            return Ok(());
        };
        Err(WalError::Options(broken))
    }
}
