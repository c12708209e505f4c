//! What staff asks about an event beyond its sale: codes with their use, and how far a cancelled
//! event is undone. Reads only.

use serde::{Deserialize, Serialize};

use super::{Cancel, CodeUse, Event};
use crate::WaitEntry;

/// How far a cancelled event is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelProgress {
    /// Orders that the event remembers.
    pub orders: u64,
    /// Those that were looked at: what they owned is taken back.
    pub orders_done: u64,
    /// Whether nothing is left but refunds at the gateway.
    pub done: bool,
}

impl Event {
    /// Codes with their use, by hash.
    pub fn codes(&self) -> impl Iterator<Item = &CodeUse> {
        self.codes.all()
    }

    /// How far the event is undone; `None` for one that is not cancelled.
    pub fn cancel_progress(&self) -> Option<CancelProgress> {
        let orders = self.orders.len() as u64;
        let (last, done) = match self.cancel? {
            Cancel::Running { orders_done } => (orders_done, false),
            Cancel::Done => (u64::MAX, true),
        };
        let orders_done = self.orders.values().take_while(|order| order.no <= last).count() as u64;
        Some(CancelProgress { orders, orders_done, done })
    }

    /// Persons with a limit of their own, and it.
    pub fn own_limits(&self) -> impl Iterator<Item = (u128, u16)> + '_ {
        self.people.own_limits()
    }

    /// Places of the waiting list that wait or whose hold lives, oldest first.
    pub fn places(&self) -> impl Iterator<Item = &WaitEntry> {
        self.waitlist.values()
    }

    /// Places of the waiting list that were given a hold, oldest first.
    pub fn turns_come(&self) -> impl Iterator<Item = &WaitEntry> {
        self.waitlist.values().filter(|entry| entry.hold.is_some())
    }
}
