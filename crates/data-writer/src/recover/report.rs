//! What came back and what did not, for people: the gap report.

use std::fmt;

use inventory::{PaymentStatus, RECOVERY_MARGIN, RefundStatus, SeatStatus};
use processing_unit::ShardId;
use serde::Serialize;

use super::assemble::Whole;
use super::load::Written;

/// All shards of one recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Shards that came back.
    pub shards: Vec<RecoveredShard>,
    /// Shards that live and were not touched, with the reason.
    pub left_alone: Vec<String>,
}

/// The time of which everything is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LostWindow {
    /// The tables' watermark: what happened before is here, milliseconds since 1970.
    pub from_ms: u64,
    /// The loss of the shard, as far as it is known, milliseconds since 1970.
    pub until_ms: u64,
}

impl LostWindow {
    /// How long it is, in milliseconds.
    #[must_use]
    pub fn ms(&self) -> u64 {
        self.until_ms.saturating_sub(self.from_ms)
    }
}

/// One shard that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveredShard {
    /// The shard.
    pub shard: ShardId,
    /// The ledger's incarnation from here on.
    pub incarnation: u64,
    /// The last record that the tables have, as index.row.
    pub lost_after: String,
    /// What happened in it is lost.
    #[serde(flatten)]
    pub lost: LostWindow,
    /// Whether an earlier try was gone on with.
    pub went_on: bool,
    /// Its events.
    pub events: Vec<RecoveredEvent>,
}

/// One event that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveredEvent {
    /// Its public id.
    pub event_id: String,
    /// Its number, which is in every id of it.
    pub number: u32,
    /// Its seats.
    pub seats: u64,
    /// Sold ones.
    pub sold: u64,
    /// Held ones.
    pub held: u64,
    /// Its orders.
    pub orders: u64,
    /// Payments whose end must be asked for at the gateway; the poller does.
    pub payments_open: u64,
    /// Refunds to carry out.
    pub refunds_open: u64,
    /// A payment at a gateway is unknown here if its number is above this one...
    pub numbers_lost_above: u64,
    /// ...and below this one: give its money back by hand.
    pub numbers_lost_below: u64,
}

impl RecoveredEvent {
    pub(super) fn of(event: &Written, whole: &Whole) -> Self {
        let count = |of| whole.seats.iter().filter(|seat| seat.0 == of).count() as u64;
        let things = &whole.things;
        let open = |p: &&inventory::Payment| p.status == PaymentStatus::Pending;
        let due = |r: &&inventory::Refund| r.status == RefundStatus::Pending;
        Self {
            event_id: event.event_id.clone(),
            number: event.number.0,
            seats: whole.seats.len() as u64,
            sold: count(SeatStatus::Sold),
            held: count(SeatStatus::Held),
            orders: things.orders.len() as u64,
            payments_open: things.payments.iter().filter(open).count() as u64,
            refunds_open: things.refunds.iter().filter(due).count() as u64,
            numbers_lost_above: whole.known_no,
            numbers_lost_below: whole.begin.last_no + RECOVERY_MARGIN,
        }
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shard in &self.shards {
            writeln!(f, "{shard}")?;
        }
        for why in &self.left_alone {
            writeln!(f, "{why}: left alone")?;
        }
        Ok(())
    }
}

impl fmt::Display for RecoveredShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shard {}: {} events are back, incarnation {} begins; lost is what happened after record \
             {}, {} ms from {} to {} in ms since 1970",
            self.shard,
            self.events.len(),
            self.incarnation,
            self.lost_after,
            self.lost.ms(),
            self.lost.from_ms,
            self.lost.until_ms
        )?;
        for event in &self.events {
            write!(
                f,
                "\n  {}: {} seats, {} sold, {} held; {} orders, {} payments and {} refunds open; \
                 payments at a gateway from p{}-{} to p{}-{} are unknown here",
                event.event_id,
                event.seats,
                event.sold,
                event.held,
                event.orders,
                event.payments_open,
                event.refunds_open,
                event.number,
                event.numbers_lost_above + 1,
                event.number,
                event.numbers_lost_below - 1
            )?;
        }
        Ok(())
    }
}
