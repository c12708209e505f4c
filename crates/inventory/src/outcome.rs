//! What a command answers: an effect, or a refusal with its own name. Every command on every state
//! has one of them.

mod refusal;

use serde::{Deserialize, Serialize};

pub use refusal::Refusal;

use crate::{
    HoldId, OrderId, OrderStatus, PaymentId, PaymentStatus, PricedSeats, QueueId, RefundId,
    SettledAs, WaitId,
};

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The event's version after the command (for a replay: after the original).
    pub version: u64,
    /// Whether an earlier command with the same key had this effect.
    pub replayed: bool,
    /// What happened.
    pub outcome: Outcome,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The sale is open (now or since before).
    SaleOpened,
    /// Seats are held.
    Held(Held),
    /// The hold is gone and its seats are free.
    Released,
    /// The order waits for its payment.
    OrderPlaced(OrderPlaced),
    /// The order is cancelled.
    OrderCancelled,
    /// The payment attempt exists.
    PaymentStarted(PaymentStarted),
    /// The gateway's answer is noted.
    PaymentRecorded,
    /// The payment has ended.
    Settled(Settled),
    /// The refund's state is noted.
    RefundRecorded,
    /// So many holds ended; more may wait.
    Expired {
        /// Holds ended by this command.
        holds: u32,
        /// Whether more were due than one command may end.
        more: bool,
    },
    /// The outbox was trimmed.
    Acknowledged,
    /// Nothing changed, for this reason.
    Refused(Refusal),
    /// The sale is paused (now or since before).
    SalePaused,
    /// The sale goes on.
    SaleResumed,
    /// The event cannot be opened in this shard.
    Fenced,
    /// The event may be opened in this shard.
    Unfenced,
    /// The hold has these seats now.
    Swapped(Held),
    /// The hold has more time.
    Extended {
        /// Until when, milliseconds since 1970.
        expires_at_ms: u64,
        /// The time of the command.
        at_ms: u64,
        /// How often it may be extended again.
        left: u8,
    },
    /// The person's limit is set.
    PersonLimitSet,
    /// The window is set.
    WindowSet,
    /// The codes are known.
    CodesPut,
    /// So many seats are kept back.
    SeatsBlocked {
        /// How many.
        seats: u32,
    },
    /// So many seats are free.
    SeatsUnblocked {
        /// How many.
        seats: u32,
    },
    /// The seats are out of the sale.
    SeatsRemoved {
        /// Holds that ended for it.
        holds: Vec<HoldId>,
        /// Refunds decided for it.
        refunds: Vec<RefundId>,
    },
    /// The order has other seats.
    SeatsReassigned,
    /// The plan is in force (now or since before).
    PlanReplaced,
    /// Somebody waits.
    WaitlistJoined {
        /// The place.
        entry: WaitId,
        /// How many wait before it.
        before: u32,
    },
    /// The place is given up.
    WaitlistLeft,
    /// The seats are taken back.
    SeatsRefunded {
        /// The refund to carry out, if any money goes back.
        refund: Option<RefundId>,
        /// How much, in minor units.
        amount_minor: i64,
    },
    /// The refund is tried again.
    RefundRetried,
    /// The event is cancelled.
    EventCancelled {
        /// Holds ended by this command.
        holds: u32,
        /// Orders taken back by this command.
        orders: u32,
        /// Whether more is left to do.
        more: bool,
    },
    /// The shard is written to this database.
    Bound,
    /// The piece is taken (now or before); after the last the event is here.
    Recovered {
        /// How many pieces are taken; 0 once the event is here.
        pieces: u32,
    },
    /// So many records may wait for the database from here on.
    OutboxLimited,
    /// The waiting room is open (now or since before).
    QueueOpened {
        /// SHA-256 of the seed.
        commitment: [u8; 32],
    },
    /// Somebody is in the waiting room (now or since before).
    QueueEntered {
        /// The place.
        place: QueueId,
    },
    /// The turn is taken (now or since before).
    TurnTaken {
        /// Until when it lasts, milliseconds since 1970.
        until_ms: u64,
        /// The time of the command.
        at_ms: u64,
    },
}

/// A granted hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub hold: HoldId,
    /// Its seats with the frozen prices, in plan order.
    pub seats: PricedSeats,
    /// Sum of the prices.
    pub total_minor: i64,
    /// Which rung of the ladder found them; `None` for named seats.
    pub step: Option<HoldStep>,
    /// Whether all seats are neighbours in one row.
    pub adjacent: bool,
    /// When the hold ends, milliseconds since 1970.
    pub expires_at_ms: u64,
    /// The time of the grant, so that a countdown needs no clock of its own.
    pub at_ms: u64,
}

/// The rungs of best available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldStep {
    /// Side by side, leaving no lone free seat.
    AdjacentNoOrphan,
    /// Side by side.
    Adjacent,
    /// Not all side by side.
    Split,
    /// In two neighbouring rows, one part behind the other. Better than [`Self::Split`].
    NeighbouringRows,
}

impl HoldStep {
    /// Whether all seats are side by side in one row.
    pub fn is_together(self) -> bool {
        match self {
            Self::AdjacentNoOrphan | Self::Adjacent => true,
            Self::NeighbouringRows | Self::Split => false,
        }
    }

    /// The word used in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdjacentNoOrphan => "adjacent_no_orphan",
            Self::Adjacent => "adjacent",
            Self::NeighbouringRows => "neighbouring_rows",
            Self::Split => "split",
        }
    }
}

/// A placed order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Its id.
    pub order: OrderId,
    /// The hold it came from.
    pub hold: HoldId,
    /// Its seats and frozen prices.
    pub seats: PricedSeats,
    /// Sum of the prices.
    pub total_minor: i64,
    /// When the hold ends, milliseconds since 1970.
    pub expires_at_ms: u64,
    /// The time of the command.
    pub at_ms: u64,
}

/// A started payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStarted {
    /// Its id; also the idempotency key at the gateway.
    pub payment: PaymentId,
    /// How much to take, in minor units.
    pub amount_minor: i64,
    /// When the hold ends, milliseconds since 1970.
    pub pay_until_ms: u64,
}

/// A settled payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The payment.
    pub payment: PaymentId,
    /// Its order.
    pub order: OrderId,
    /// The payment's status now.
    pub status: PaymentStatus,
    /// What the captured money became; `None` when none was captured, and while other seats are
    /// offered for it.
    pub settled_as: Option<SettledAs>,
    /// The refund to carry out, when that is what it became.
    pub refund: Option<RefundId>,
    /// The order's status now.
    pub order_status: OrderStatus,
}
