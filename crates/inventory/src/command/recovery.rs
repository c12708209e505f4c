//! What ties a shard to its database: which one it is, how much may wait for it, and what brings the
//! shard back from there after all its replicas were lost.

use serde::{Deserialize, Serialize};

use crate::{
    CodeUse, EventNo, Hold, Order, Payment, Plan, Refund, Sale, SeatIx, SeatStatus, WaitEntry,
};

/// Says which database the shard is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The database that it was written to before, if any: whoever is wrong here changes nothing.
    pub from: Option<u128>,
    /// The database.
    pub to: u128,
}

/// Says how much may wait for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitOutbox {
    /// Records, promised ones included; within [`crate::LEDGER_RECORDS_LIMITS`].
    pub records_max: u64,
}

/// One piece of an event that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverEvent {
    /// The event.
    pub event: EventNo,
    /// Its place among the event's pieces, from 0; one that is taken already is not taken twice.
    pub number: u32,
    /// What comes back.
    pub piece: RecoverPiece,
}

/// What comes back of an event. The first piece drops all that an earlier try has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoverPiece {
    /// Begins: terms and plan. Always piece 0.
    Begin(Box<RecoverBegin>),
    /// Seats in plan order, after those that came before: status, holder, version.
    Seats(Vec<(SeatStatus, u64, u64)>),
    /// Whatever else.
    Things(RecoveredThings),
    /// Ends: the event is checked and lives here from now on.
    Finish,
}

/// An event without its seats and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverBegin {
    /// Its terms, with the window of now.
    pub sale: Sale,
    /// Its plan.
    pub plan: Plan,
    /// The window that the sale was opened with, once another was set.
    pub first_window: Option<(u64, u64)>,
    /// Whether the sale is paused.
    pub paused: bool,
    /// Whether the event is cancelled.
    pub cancelled: bool,
    /// Seats that never come back.
    pub removed: Vec<SeatIx>,
    /// The highest version that is known; the event goes on far above it.
    pub version: u64,
    /// The highest number that is known to have been given out; new ones are far above it.
    pub last_no: u64,
}

/// What happened in an event, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecoveredThings {
    /// Live holds.
    pub holds: Vec<Hold>,
    /// Orders.
    pub orders: Vec<Order>,
    /// Payments.
    pub payments: Vec<Payment>,
    /// Refunds.
    pub refunds: Vec<Refund>,
    /// Codes with what was sold under them; what is held is counted anew.
    pub codes: Vec<CodeUse>,
    /// Persons with a limit of their own.
    pub limits: Vec<(u128, u16)>,
    /// Places in the waiting list.
    pub waitlist: Vec<WaitEntry>,
}
