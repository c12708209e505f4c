//! What a command answers: an effect, or a refusal with its own name. Every command on every state
//! has one of them.

use serde::{Deserialize, Serialize};

use crate::{
    HoldId, OrderId, OrderStatus, PaymentId, PaymentStatus, PricedSeat, RefundId, SeatIx,
    SeatStatus, SettledAs,
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
}

/// A granted hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub hold: HoldId,
    /// Its seats with the frozen prices, in plan order.
    pub seats: Vec<PricedSeat>,
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

/// The rungs of best available, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldStep {
    /// Side by side, leaving no lone free seat.
    AdjacentNoOrphan,
    /// Side by side.
    Adjacent,
    /// Not all side by side.
    Split,
}

/// A placed order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// Its id.
    pub order: OrderId,
    /// The hold it came from.
    pub hold: HoldId,
    /// Its seats and frozen prices.
    pub seats: Vec<PricedSeat>,
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
    /// What the captured money became; `None` when none was captured.
    pub settled_as: Option<SettledAs>,
    /// The refund to carry out, when that is what it became.
    pub refund: Option<RefundId>,
    /// The order's status now.
    pub order_status: OrderStatus,
}

/// Why nothing changed. One variant per cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The key came earlier with another body.
    IdempotencyConflict,
    /// The key is too old to know whether it was executed.
    IdempotencyWindowExpired,
    /// The shard has no such event.
    EventNotFound,
    /// The event's sale was opened with other terms or another plan.
    SaleDiffers,
    /// The plan or the terms cannot be sold from.
    SaleInvalid {
        /// Where and why.
        reason: String,
    },
    /// The sale opens later.
    SaleNotOpen {
        /// When, milliseconds since 1970.
        opens_at_ms: u64,
    },
    /// The sale is over.
    SaleClosed,
    /// The request refers to a plan that is not the current one.
    PlanChanged {
        /// The current version.
        version: u32,
    },
    /// No seat, a seat twice, or an index outside the plan.
    SeatsInvalid,
    /// More seats than one hold may have.
    LimitPerHold {
        /// The limit.
        max: u16,
    },
    /// Named seats are not free.
    SeatTaken {
        /// Those seats and what they are instead.
        seats: Vec<(SeatIx, SeatStatus)>,
    },
    /// Fewer seats are free under the wish than asked for.
    NotEnoughSeats,
    /// The outbox has no room for what a hold may still write.
    PersistenceBacklog,
    /// No such hold, or it has ended.
    HoldNotFound,
    /// The hold's deadline has passed.
    HoldExpired,
    /// No such order.
    OrderNotFound,
    /// The order's status does not allow it.
    OrderState {
        /// The status.
        status: OrderStatus,
    },
    /// Another payment of the order may still succeed.
    PaymentPending {
        /// That payment.
        payment: PaymentId,
    },
    /// The order has had as many payment attempts as allowed.
    PaymentAttempts,
    /// No such payment.
    PaymentNotFound,
    /// No such refund.
    RefundNotFound,
    /// A text or blob is longer than its limit.
    TooLong,
}
