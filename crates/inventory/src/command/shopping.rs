//! What shoppers ask for before money: holds, orders, the waiting list.

use serde::{Deserialize, Serialize};

use crate::{EventNo, HoldId, OrderId, SeatIx, WaitId};

/// Takes seats: all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldSeats {
    /// The event.
    pub event: EventNo,
    /// The plan version that the indices refer to.
    pub plan_version: u32,
    /// Which seats.
    pub choice: Choice,
    /// Opaque id of the person whose limits apply; `None` when nobody is known.
    pub person: Option<u128>,
    /// Hash of a promo code.
    pub promo: Option<u128>,
    /// Hash of a presale code.
    pub presale: Option<u128>,
}

impl HoldSeats {
    /// A wish of nobody in particular, without codes.
    pub fn of(event: EventNo, plan_version: u32, choice: Choice) -> Self {
        Self { event, plan_version, choice, person: None, promo: None, presale: None }
    }
}

/// How the seats are chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Exactly these.
    Seats(Vec<SeatIx>),
    /// The best that are free.
    Best(Best),
    /// Places in a general-admission area.
    Area {
        /// The area's position among the plan's sections.
        section: u16,
        /// How many places, 1 or more.
        quantity: u16,
    },
}

/// A wish for the best free seats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Best {
    /// How many, 1 or more.
    pub number: u16,
    /// Wanted tiers by position; empty means any.
    pub tiers: Vec<u16>,
    /// Wanted sections by position; empty means any.
    pub sections: Vec<u16>,
    /// Highest price of one seat in minor units.
    pub max_price_minor: Option<i64>,
    /// Prefer places that leave no single free seat behind.
    pub prevent_orphans: bool,
    /// How many of them are for wheelchairs; the others sit beside those, on companion seats first.
    pub accessible: u16,
    /// Side by side in one row, or not at all.
    pub together: bool,
}

/// Gives a hold back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHold {
    /// The hold.
    pub hold: HoldId,
}

/// Turns a hold into an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The hold.
    pub hold: HoldId,
    /// The buyer's contact, sealed outside the grid; 4 KiB at most.
    pub contact: Vec<u8>,
    /// The account that buys; `None` for a guest.
    pub buyer: Option<u128>,
}

/// Gives an unpaid order up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub order: OrderId,
}

/// Exchanges a hold's seats in one step: chosen like a new hold, its own seats counting as free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapSeats {
    /// The hold, not yet an order.
    pub hold: HoldId,
    /// The plan version that the indices refer to.
    pub plan_version: u32,
    /// Which seats instead.
    pub choice: Choice,
}

/// Gives a hold more time, as far as the sale's rules allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendHold {
    /// The hold.
    pub hold: HoldId,
}

/// Waits for seats to come back; served strictly in the order of joining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWaitlist {
    /// The event.
    pub event: EventNo,
    /// Opaque id of the person; one place a person.
    pub person: u128,
    /// What to wait for.
    pub wish: Best,
    /// Where to send word, sealed outside the grid; 1 KiB at most.
    pub contact: Vec<u8>,
}

/// Waits no longer. Seats offered already are given back by releasing their hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveWaitlist {
    /// The place.
    pub entry: WaitId,
}
