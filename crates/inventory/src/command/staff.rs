//! What organisers and operators ask for.

use serde::{Deserialize, Serialize};

use crate::{EventNo, OrderId, SeatIx};

/// Grants no holds until the sale is resumed; what is held may be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseSale {
    /// The event.
    pub event: EventNo,
}

/// Grants holds again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeSale {
    /// The event.
    pub event: EventNo,
}

/// Marks an event that was never opened here as living in another shard, so that it cannot be
/// opened here any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The event.
    pub event: EventNo,
}

/// Takes the mark away: the event comes back to this shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfence {
    /// The event.
    pub event: EventNo,
}

/// Gives one person another limit of seats (a household, a company).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPersonLimit {
    /// The event.
    pub event: EventNo,
    /// The person.
    pub person: u128,
    /// The limit; `None` goes back to the sale's.
    pub max: Option<u16>,
}

/// Seats by name, or so many places of an area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeatSet {
    /// Exactly these; 1 to 10,000.
    Seats(Vec<SeatIx>),
    /// Places of an area, whichever fit.
    Area {
        /// The area's position among the plan's sections.
        section: u16,
        /// How many, 1 to 10,000.
        quantity: u16,
    },
}

/// Keeps free seats back: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSeats {
    /// The event.
    pub event: EventNo,
    /// Which seats.
    pub seats: SeatSet,
}

/// Gives blocked seats to the public: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnblockSeats {
    /// The event.
    pub event: EventNo,
    /// Which seats.
    pub seats: SeatSet,
}

/// Takes seats out of the sale for good. A hold of one of them ends, an order of one of them loses
/// it and gets its money back; both owners are told through the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveSeats {
    /// The event.
    pub event: EventNo,
    /// Which seats, 1 to 1,000.
    pub seats: Vec<SeatIx>,
}

/// Moves an order's seats to others at the prices that were paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignSeats {
    /// The order.
    pub order: OrderId,
    /// Pairs of an owned seat and a free or blocked seat that takes its place.
    pub moves: Vec<(SeatIx, SeatIx)>,
    /// Whether the old seats are kept back instead of sold again.
    pub block: bool,
}

/// Ends an event for good. Repeated (the shard's timer does so too) until nothing is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelEvent {
    /// The event.
    pub event: EventNo,
}
