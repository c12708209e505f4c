//! Figures about the log for status pages, snapshot triggers and metrics.
//!
//! The writer publishes after each batch; readers copy. Nothing decides by them inside the log.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use parking_lot::Mutex;

use super::GroupId;

/// Counters and sizes of an open log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Records appended since the log was opened, the log's own included.
    pub appended_records: u64,
    /// Bytes written since the log was opened, frames and end markers included.
    pub appended_bytes: u64,
    /// fdatasync calls on segments since the log was opened.
    pub syncs: u64,
    /// Duration of the last fdatasync, in microseconds.
    pub last_sync_us: u64,
    /// Segment files in use.
    pub segments: usize,
    /// Files kept for reuse.
    pub spare_segments: usize,
    /// Payload bytes of the live entries of each group.
    pub live_bytes: BTreeMap<GroupId, u64>,
    /// Groups whose entries keep the oldest segment; empty when there is only one segment.
    pub pinned_by: Vec<GroupId>,
    /// Calls that wait for the writer.
    pub queue_len: usize,
    /// Payload bytes that wait for the writer.
    pub queue_bytes: usize,
}

/// Where the writer leaves the figures.
#[derive(Debug, Default)]
pub(super) struct StatsCell(Mutex<WalStats>);

impl StatsCell {
    /// A copy, with the queue's present size.
    pub fn read(&self, (queue_len, queue_bytes): (usize, usize)) -> WalStats {
        let stats = self.0.lock().clone();
        WalStats { queue_len, queue_bytes, ..stats }
    }

    /// Changes the figures.
    pub fn update(&self, change: impl FnOnce(&mut WalStats)) {
        change(&mut self.0.lock());
    }
}

/// Metric handles, fetched once: looking one up costs more than a small record.
pub(super) struct WalMetrics {
    pub appended_bytes: Counter,
    pub appended_records: Counter,
    pub sync_seconds: Histogram,
    pub batch_records: Histogram,
    pub segments: Gauge,
}

impl WalMetrics {
    pub fn new() -> Self {
        Self {
            appended_bytes: metrics::counter!("seatgrid_wal_appended_bytes_total"),
            appended_records: metrics::counter!("seatgrid_wal_appended_records_total"),
            sync_seconds: metrics::histogram!("seatgrid_wal_sync_seconds"),
            batch_records: metrics::histogram!("seatgrid_wal_batch_records"),
            segments: metrics::gauge!("seatgrid_wal_segments"),
        }
    }
}

/// Whole microseconds of a duration, for [`WalStats::last_sync_us`].
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
