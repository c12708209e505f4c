//! The outbox: every change that PostgreSQL must learn, in log order, until it is acknowledged.
//!
//! It is part of the replicated state, so a failover loses nothing and repeats nothing. It is
//! bounded: room for what a hold or payment may still write is reserved when it is granted, so that
//! a confirm is never refused for lack of room (invariant I12).

use serde::{Deserialize, Serialize};

use crate::share::SharedQueue;
use crate::{Actor, EventNo, OrderStatus, PaymentStatus, RefundStatus, SeatIx, SettledAs};

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
}

/// What changed. Seats' changes make one ledger row a seat, all others one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The sale opened; all seats of the plan are free.
    SaleOpened {
        /// The plan.
        plan_version: u32,
    },
    /// Seats are held.
    HoldGranted {
        /// The hold.
        hold: u64,
        /// Until when, milliseconds since 1970.
        expires_at_ms: u64,
        /// Which seats.
        seats: Vec<PricedSeat>,
    },
    /// Seats are free again because the shopper gave them back.
    HoldReleased {
        /// The hold.
        hold: u64,
        /// Which seats.
        seats: Vec<PricedSeat>,
    },
    /// Seats are free again because the deadline passed.
    HoldExpired {
        /// The hold.
        hold: u64,
        /// Which seats.
        seats: Vec<PricedSeat>,
    },
    /// An order exists.
    OrderPlaced {
        /// The order.
        order: u64,
        /// Its hold.
        hold: u64,
        /// Sum of the prices.
        total_minor: i64,
        /// The deadline of its hold.
        expires_at_ms: u64,
        /// Sealed contact.
        contact: Vec<u8>,
        /// The account, if any.
        buyer: Option<u128>,
        /// Its seats.
        seats: Vec<PricedSeat>,
    },
    /// An order's status changed.
    OrderChanged {
        /// The order.
        order: u64,
        /// The new status.
        status: OrderStatus,
    },
    /// A payment attempt exists.
    PaymentStarted {
        /// The payment.
        payment: u64,
        /// Its order.
        order: u64,
        /// Provider's name.
        provider: String,
        /// Method's name.
        method: String,
        /// How much.
        amount_minor: i64,
    },
    /// The gateway knows the payment.
    PaymentRecorded {
        /// The payment.
        payment: u64,
        /// Its order.
        order: u64,
        /// The gateway's id.
        provider_ref: String,
    },
    /// A payment ended.
    PaymentSettled {
        /// The payment.
        payment: u64,
        /// Its order.
        order: u64,
        /// Succeeded or canceled.
        status: PaymentStatus,
        /// What captured money became.
        settled_as: Option<SettledAs>,
        /// How much was captured.
        amount_minor: i64,
    },
    /// Seats are sold.
    SeatsSold {
        /// To this order.
        order: u64,
        /// Which seats.
        seats: Vec<PricedSeat>,
    },
    /// A refund was decided or its state changed.
    RefundChanged {
        /// The refund.
        refund: u64,
        /// The payment it gives back.
        payment: u64,
        /// That payment's order.
        order: u64,
        /// How much.
        amount_minor: i64,
        /// Its status now.
        status: RefundStatus,
        /// Failed attempts so far.
        attempts: u32,
        /// The last failure.
        error: Option<String>,
    },
}

impl Change {
    /// How many ledger rows the change makes; at least one.
    pub fn row_count(&self) -> u32 {
        match self {
            Self::HoldGranted { seats, .. }
            | Self::HoldReleased { seats, .. }
            | Self::HoldExpired { seats, .. }
            | Self::SeatsSold { seats, .. } => seats.len() as u32,
            Self::SaleOpened { .. }
            | Self::OrderPlaced { .. }
            | Self::OrderChanged { .. }
            | Self::PaymentStarted { .. }
            | Self::PaymentRecorded { .. }
            | Self::PaymentSettled { .. }
            | Self::RefundChanged { .. } => 1,
        }
    }
}

impl LedgerRecord {
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
    /// Records that live holds and payments may still write.
    reserved: u64,
    /// Where the next row goes.
    next: FeedPosition,
    /// What PostgreSQL has.
    acknowledged: FeedPosition,
}

impl Outbox {
    /// Starts a log entry: rows are numbered from 0 within it.
    pub(crate) fn begin(&mut self, log_index: u64) {
        if log_index != self.next.log_index {
            self.next = FeedPosition { log_index, ordinal: 0 };
        }
    }

    pub(crate) fn push(&mut self, mut record: LedgerRecord) {
        record.position = self.next;
        self.next.ordinal += record.change.row_count();
        self.records.push_back(record);
    }

    /// Whether `records` more fit beside what is there and what is promised.
    pub(crate) fn has_room(&self, records: u64, max: u64) -> bool {
        self.records.len() as u64 + self.reserved + records <= max
    }

    pub(crate) fn reserve(&mut self, records: u64) {
        self.reserved += records;
    }

    pub(crate) fn unreserve(&mut self, records: u64) {
        assert!(self.reserved >= records, "outbox gives back more room than it promised");
        self.reserved -= records;
    }

    /// Drops every record whose rows are all at or below `up_to`.
    pub(crate) fn acknowledge(&mut self, up_to: FeedPosition) {
        while self.records.front().is_some_and(|r| r.last() <= up_to) {
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

    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    pub(crate) fn acknowledged(&self) -> FeedPosition {
        self.acknowledged
    }
}
