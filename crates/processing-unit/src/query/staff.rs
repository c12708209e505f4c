//! Answers to what staff and the notifier ask: a sale's state, and whose turn has come.

use std::sync::Arc;

use inventory::{CancelProgress, EventNo, Hold, Sale, SeatCounts, SeatIx, WaitEntry};
use serde::{Deserialize, Serialize};

/// A sale as staff sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleAnswer {
    /// The event.
    pub event: EventNo,
    /// Its terms, with the window as it is now.
    pub sale: Arc<Sale>,
    /// The plan in force.
    pub plan_version: u32,
    /// Whether no holds are granted for now.
    pub paused: bool,
    /// How far a cancelled event is undone.
    pub cancel: Option<CancelProgress>,
    /// Its seats.
    pub seats: SeatCounts,
    /// Live holds.
    pub holds: u64,
    /// Orders that are remembered.
    pub orders: u64,
    /// Places that wait.
    pub waiting: u64,
    /// Its refunds.
    pub refunds: RefundCounts,
    /// The event's version.
    pub version: u64,
    /// The leader's time, milliseconds since 1970.
    pub at_ms: u64,
}

/// Held seats by when they come back, if nobody pays for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expiries {
    /// Within the first minute, the second, and so on.
    pub by_minute: [u32; Self::MINUTES],
    /// After those.
    pub later: u32,
}

impl Expiries {
    /// Minutes that are told one by one.
    pub const MINUTES: usize = 5;

    /// Counts `seats` of a hold that ends `left_ms` from now.
    pub(crate) fn count(&mut self, seats: u32, left_ms: u64) {
        const MINUTE_MS: u64 = 60_000;
        let minute = usize::try_from(left_ms / MINUTE_MS).unwrap_or(usize::MAX);
        *self.by_minute.get_mut(minute).unwrap_or(&mut self.later) += seats;
    }
}

/// An event's refunds by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RefundCounts {
    /// To be carried out, or tried again.
    pub pending: u64,
    /// The gateway confirmed them.
    pub succeeded: u64,
    /// Given up; a person must look.
    pub dead: u64,
}

/// A place of a waiting list whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The event.
    pub event: EventNo,
    /// The event's public id.
    pub event_id: String,
    /// The place.
    pub entry: WaitEntry,
    /// The hold that it was given.
    pub hold: Hold,
}

/// What an event's sale has beside its terms, codes and contents: what a recovery needs besides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BesideAnswer {
    /// Seats that never come back.
    pub removed: Vec<SeatIx>,
    /// Persons with a limit of their own, and it; at most 10,000.
    pub limits: Vec<(u128, u16)>,
    /// Places of the waiting list that wait or whose hold lives, oldest first.
    pub places: Vec<WaitEntry>,
}
