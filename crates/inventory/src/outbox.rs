//! The outbox: every change that PostgreSQL must learn, in log order, until it is acknowledged.
//!
//! It is part of the replicated state, so a failover loses nothing and repeats nothing. It is
//! bounded: room for what a hold or payment may still write is reserved when it is granted, so that
//! a confirm is never refused for lack of room (invariant I12).

mod backlog;
mod change;
mod detail;

use serde::{Deserialize, Serialize};

pub use backlog::{BACKLOG_AGE_MAX_MS, BACKLOG_FULL_PERCENT, Backlog};
pub use change::{Change, ReturnCause, SaleChange, WaitChange};
pub use detail::{Detail, HoldDetail};

use crate::share::SharedQueue;
use crate::{Actor, EventNo, SeatIx};

/// A seat with its frozen price in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PricedSeat {
    /// The seat.
    pub seat: SeatIx,
    /// Its price.
    pub price_minor: i64,
}

/// A place in the feed of one shard: all rows up to and including it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct FeedPosition {
    /// Index of the log entry.
    pub log_index: u64,
    /// Row within the entry, from 0.
    pub ordinal: u32,
}

/// One change, as it will stand in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRecord {
    /// Its first row's place.
    pub position: FeedPosition,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// The event.
    pub event: EventNo,
    /// The event's version after the change.
    pub version: u64,
    /// Who asked.
    pub actor: Actor,
    /// What changed.
    pub change: Change,
    /// What recovery needs beside it; boxed, since most changes have none.
    pub detail: Option<Box<Detail>>,
}

/// Seats, or codes times [`SEATS_PER_CODE`], of a record that takes one place in the outbox: as many as
/// a shopper's largest hold has. Records of staff are larger and take several.
const SEATS_PER_PLACE: u64 = 100;
/// Seats that take as much memory as one code with all its tiers.
const SEATS_PER_CODE: u64 = 25;

/// Room that a record of so many seats takes, in records.
pub(crate) fn room_of_seats(seats: usize) -> u64 {
    (seats as u64).div_ceil(SEATS_PER_PLACE).max(1)
}

/// Room that a record of so many codes takes, in records.
pub(crate) fn room_of_codes(codes: usize) -> u64 {
    (codes as u64 * SEATS_PER_CODE).div_ceil(SEATS_PER_PLACE).max(1)
}

impl LedgerRecord {
    /// Room that it takes, in records of the usual size.
    pub(crate) fn room(&self) -> u64 {
        match self.detail.as_deref() {
            Some(Detail::Codes(codes)) => room_of_codes(codes.len()),
            Some(_) | None => room_of_seats(self.change.row_count() as usize),
        }
    }

    /// The place of its last row.
    pub fn last(&self) -> FeedPosition {
        let ordinal = self.position.ordinal + self.change.row_count() - 1;
        FeedPosition { log_index: self.position.log_index, ordinal }
    }
}

/// The records that PostgreSQL does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Outbox {
    records: SharedQueue<LedgerRecord>,
    /// Room that large records take beside their own place; follows from `records`.
    #[serde(skip)]
    beside: u64,
    /// Records that live holds and payments may still write.
    reserved: u64,
    /// Where the next row goes.
    next: FeedPosition,
    /// What PostgreSQL has.
    acknowledged: FeedPosition,
    /// When the last acknowledgement came, whether it said anything new or not.
    heard_ms: Option<u64>,
}

impl Outbox {
    /// With what the first form of snapshots held.
    pub(crate) fn with(
        records: Vec<LedgerRecord>,
        reserved: u64,
        (next, acknowledged): (FeedPosition, FeedPosition),
    ) -> Self {
        let records = records.into_iter().collect();
        Self { records, beside: 0, reserved, next, acknowledged, heard_ms: None }
    }

    /// Weighs the records anew: a snapshot has them without.
    pub(crate) fn weighed(mut self) -> Self {
        self.beside = self.records.iter().map(|record| record.room() - 1).sum();
        self
    }

    /// Starts a log entry: rows are numbered from 0 within it.
    pub(crate) fn begin(&mut self, log_index: u64) {
        if log_index != self.next.log_index {
            self.next = FeedPosition { log_index, ordinal: 0 };
        }
    }

    pub(crate) fn push(&mut self, mut record: LedgerRecord) {
        record.position = self.next;
        self.next.ordinal += record.change.row_count();
        self.beside += record.room() - 1;
        self.records.push_back(record);
    }

    /// Whether `records` more fit beside what is there and what is promised.
    pub(crate) fn has_room(&self, records: u64, max: u64) -> bool {
        self.taken() + records <= max
    }

    /// Room taken: by records as large as they are, and promised.
    pub(crate) fn taken(&self) -> u64 {
        self.records.len() as u64 + self.beside + self.reserved
    }

    /// Room that large records take beside their own place.
    pub(crate) fn beside(&self) -> u64 {
        self.beside
    }

    pub(crate) fn reserve(&mut self, records: u64) {
        self.reserved += records;
    }

    pub(crate) fn unreserve(&mut self, records: u64) {
        assert!(self.reserved >= records, "outbox gives back more room than it promised");
        self.reserved -= records;
    }

    /// Drops every record whose rows are all at or below `up_to`, which a writer says at a moment.
    pub(crate) fn acknowledge(&mut self, up_to: FeedPosition, at_ms: u64) {
        self.heard_ms = Some(at_ms);
        while let Some(record) = self.records.front().filter(|r| r.last() <= up_to) {
            self.beside -= record.room() - 1;
            self.records.drop_front();
        }
        self.acknowledged = self.acknowledged.max(up_to);
    }

    pub(crate) fn records(&self) -> &SharedQueue<LedgerRecord> {
        &self.records
    }

    /// Records of which a row lies after `position`.
    pub(crate) fn after(&self, position: FeedPosition) -> impl Iterator<Item = &LedgerRecord> {
        let known = self.records.partition_point(|r| r.last() <= position);
        self.records.iter_from(known)
    }

    /// The last row written, acknowledged or not.
    pub(crate) fn end(&self) -> FeedPosition {
        self.records.back().map_or(self.acknowledged, LedgerRecord::last)
    }

    pub(crate) fn heard_ms(&self) -> Option<u64> {
        self.heard_ms
    }

    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    pub(crate) fn acknowledged(&self) -> FeedPosition {
        self.acknowledged
    }
}
