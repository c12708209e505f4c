//! Every reason for which a command changes nothing. New ones go last, so that old bytes keep their
//! meaning.

use serde::{Deserialize, Serialize};

use crate::{OrderStatus, PaymentId, RefundStatus, SeatIx, SeatStatus, WaitId};

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
    /// A text has a NUL character, which no table can hold.
    TextInvalid,
    /// The organiser has paused the sale.
    SalePaused,
    /// The event is cancelled.
    EventCancelled,
    /// The event lives in another shard.
    EventMoved,
    /// The event lives here, so it cannot be fenced.
    EventPresent,
    /// A table of the shard or the event is full.
    TooMany,
    /// The person would have more seats than allowed.
    LimitPerPerson {
        /// The limit.
        max: u16,
        /// Seats they hold and own.
        has: u32,
    },
    /// The person has taken as many holds as allowed in a while.
    HoldBudget {
        /// When they may again, milliseconds since 1970.
        until_ms: u64,
    },
    /// The sale does not extend holds, or this one was extended as often as allowed.
    ExtensionNotAllowed,
    /// No such code.
    CodeUnknown,
    /// The code does not work now, or not for these seats.
    CodeNotValid,
    /// The code was used as much as allowed.
    CodeUsedUp,
    /// Seats for companions are sold beside a seat for a wheelchair only.
    CompanionAlone,
    /// The seats are not those that the command needs.
    SeatsWrong {
        /// The first that is not, and what it is.
        seat: SeatIx,
        /// What it is.
        status: SeatStatus,
    },
    /// The new plan lacks a seat of the old one, or has it at another place.
    PlanLosesSeat {
        /// The first such seat.
        seat: SeatIx,
    },
    /// The sale has no waiting list.
    WaitlistOff,
    /// The person waits already.
    WaitlistTwice {
        /// At this place.
        entry: WaitId,
    },
    /// Seats under the wish are free: hold them.
    SeatsFree,
    /// The seats wait for the head of the waiting list.
    KeptForWaitlist,
    /// No such place in the waiting list.
    WaitNotFound,
    /// Nothing is offered for this payment (any more).
    NoOffer,
    /// The refund's status does not allow it.
    RefundState {
        /// The status.
        status: RefundStatus,
    },
    /// A share, limit or time is out of range.
    OutOfRange,
    /// Enough seats are free under the wish, but not side by side.
    NotEnoughAdjacent,
    /// The shard is written to another database.
    OtherDatabase,
    /// What was brought back from the database contradicts itself.
    RecoveryInvalid {
        /// What does.
        reason: String,
    },
    /// The event has a waiting room, and the person has no turn.
    QueueRequired,
    /// The event has no waiting room.
    QueueOff,
    /// No such place in the waiting room, or somebody else's.
    QueuePlaceNotFound,
}
