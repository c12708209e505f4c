//! Every kind of change that the ledger knows. New kinds go last, so that old bytes keep their
//! meaning.

use serde::{Deserialize, Serialize};

use crate::{OrderStatus, PaymentStatus, PricedSeats, RefundStatus, SettledAs};

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
        seats: PricedSeats,
    },
    /// Seats are free again because the shopper gave them back.
    HoldReleased {
        /// The hold.
        hold: u64,
        /// Which seats.
        seats: PricedSeats,
    },
    /// Seats are free again because the deadline passed.
    HoldExpired {
        /// The hold.
        hold: u64,
        /// Which seats.
        seats: PricedSeats,
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
        seats: PricedSeats,
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
        seats: PricedSeats,
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
    /// The sale's own state changed.
    SaleChanged(SaleChange),
    /// A hold has more time.
    HoldExtended {
        /// The hold.
        hold: u64,
        /// The order made from it, which has as much time.
        order: Option<u64>,
        /// Until when now, milliseconds since 1970.
        expires_at_ms: u64,
        /// Its seats.
        seats: PricedSeats,
    },
    /// Seats of a hold are free again because the organiser took one of them, or the event, away.
    HoldWithdrawn {
        /// The hold.
        hold: u64,
        /// Which seats.
        seats: PricedSeats,
    },
    /// Free seats are kept back.
    SeatsBlocked {
        /// Which seats, at their price now.
        seats: PricedSeats,
    },
    /// Blocked seats are free again.
    SeatsUnblocked {
        /// Which seats, at their price now.
        seats: PricedSeats,
    },
    /// Seats are blocked for good; their holds and orders were ended before.
    SeatsRemoved {
        /// Which seats, at their price now.
        seats: PricedSeats,
    },
    /// The plan has new seats, all free.
    SeatsAdded {
        /// Which seats.
        seats: PricedSeats,
    },
    /// An order no longer owns seats.
    SeatsReturned {
        /// The order.
        order: u64,
        /// Which seats, at the prices that were paid.
        seats: PricedSeats,
        /// Why.
        cause: ReturnCause,
        /// Whether they are kept back instead of free.
        blocked: bool,
    },
    /// The plan has a new version.
    PlanReplaced {
        /// The new version.
        plan_version: u32,
    },
    /// A place in the waiting list changed.
    WaitlistChanged {
        /// The place.
        entry: u64,
        /// How.
        change: WaitChange,
    },
}

/// How the sale's own state changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaleChange {
    /// No holds are granted.
    Paused,
    /// Holds are granted again.
    Resumed,
    /// The window was moved.
    WindowSet {
        /// When holds begin to be granted, milliseconds since 1970.
        opens_at_ms: u64,
        /// When holds stop being granted.
        closes_at_ms: u64,
    },
    /// The window's beginning came.
    Opened,
    /// The window's end came.
    Closed,
    /// So many codes were added or changed.
    CodesPut {
        /// How many.
        codes: u32,
    },
    /// A person got another limit.
    PersonLimitSet {
        /// The limit; `None` is the sale's.
        max: Option<u16>,
    },
    /// The event is cancelled.
    Cancelled,
}

/// Why an order no longer owns seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReturnCause {
    /// They were refunded.
    Refunded,
    /// The organiser removed them.
    Removed,
    /// The order has others instead.
    Reassigned,
    /// The event was cancelled.
    EventCancelled,
}

impl ReturnCause {
    /// The word used in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refunded => "refunded",
            Self::Removed => "removed",
            Self::Reassigned => "reassigned",
            Self::EventCancelled => "event_cancelled",
        }
    }
}

/// How a place in the waiting list changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitChange {
    /// Somebody waits.
    Joined {
        /// For how many seats.
        number: u16,
        /// The sealed contact.
        contact: Vec<u8>,
    },
    /// Its turn came.
    Served {
        /// The hold that it was given.
        hold: u64,
    },
    /// It waits no longer.
    Left,
}

impl Change {
    /// How many ledger rows the change makes; at least one.
    pub fn row_count(&self) -> u32 {
        match self {
            Self::HoldGranted { seats, .. }
            | Self::HoldReleased { seats, .. }
            | Self::HoldExpired { seats, .. }
            | Self::HoldExtended { seats, .. }
            | Self::HoldWithdrawn { seats, .. }
            | Self::SeatsBlocked { seats }
            | Self::SeatsUnblocked { seats }
            | Self::SeatsRemoved { seats }
            | Self::SeatsAdded { seats }
            | Self::SeatsReturned { seats, .. }
            | Self::SeatsSold { seats, .. } => seats.len() as u32,
            Self::SaleOpened { .. }
            | Self::OrderPlaced { .. }
            | Self::OrderChanged { .. }
            | Self::PaymentStarted { .. }
            | Self::PaymentRecorded { .. }
            | Self::PaymentSettled { .. }
            | Self::RefundChanged { .. }
            | Self::SaleChanged(_)
            | Self::PlanReplaced { .. }
            | Self::WaitlistChanged { .. } => 1,
        }
    }
}
