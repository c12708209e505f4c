//! The one place where refusals and failures of the grid become HTTP. Exhaustive: a new refusal
//! does not compile until it has a code here.

use inventory::{Refusal, SeatIx, SeatStatus};
use processing_unit::GridError;
use serde_json::{Value, json};

use crate::time::rfc3339_ms;
use crate::{Code, Problem};

/// A refusal as a problem. `seat_id` names a seat of the event's plan.
#[expect(clippy::too_many_lines, reason = "one exhaustive table, a line for each refusal")]
pub fn from_refusal(refusal: &Refusal, seat_id: impl Fn(SeatIx) -> String) -> Problem {
    match refusal {
        Refusal::IdempotencyConflict => Problem::new(Code::IdempotencyConflict),
        Refusal::IdempotencyWindowExpired => Problem::new(Code::IdempotencyWindowExpired),
        Refusal::EventNotFound => Problem::new(Code::EventNotFound),
        Refusal::SaleDiffers => Problem::new(Code::VersionMismatch)
            .detail("The sale was opened with other terms or another plan"),
        Refusal::SaleInvalid { reason } => Problem::invalid_at("", reason.as_str()),
        Refusal::SaleNotOpen { opens_at_ms } => {
            Problem::new(Code::SaleNotOpen).fact("opens_at", rfc3339_ms(*opens_at_ms))
        }
        Refusal::SaleClosed => Problem::new(Code::SaleClosed),
        Refusal::PlanChanged { version } => Problem::new(Code::VersionMismatch)
            .detail("The plan has changed; read it again")
            .fact("plan_version", *version),
        Refusal::SeatsInvalid => {
            Problem::invalid_at("/seats", "No seat, a seat twice, or a seat outside the plan")
        }
        Refusal::LimitPerHold { max } => Problem::new(Code::LimitPerPerson)
            .detail(format!("One hold may have {max} seats at most"))
            .fact("scope", "hold")
            .fact("limit", *max),
        Refusal::SeatTaken { seats } => {
            Problem::new(Code::SeatTaken).fact("seats", named(seats, seat_id))
        }
        Refusal::NotEnoughSeats => Problem::new(Code::NotEnoughSeats),
        Refusal::NotEnoughAdjacent => Problem::new(Code::NotEnoughAdjacent),
        Refusal::PersistenceBacklog => Problem::new(Code::PersistenceBacklog),
        Refusal::HoldNotFound => Problem::new(Code::HoldNotFound),
        Refusal::HoldExpired => Problem::new(Code::HoldExpired),
        Refusal::OrderNotFound => Problem::new(Code::OrderNotFound),
        Refusal::OrderState { status } => {
            Problem::new(Code::OrderState).fact("order_status", status.as_str())
        }
        Refusal::PaymentPending { payment } => {
            Problem::new(Code::PaymentPending).fact("payment", payment.to_string())
        }
        Refusal::PaymentAttempts => Problem::new(Code::OrderState)
            .detail("The order has had as many payment attempts as allowed"),
        Refusal::PaymentNotFound => Problem::new(Code::PaymentNotFound),
        Refusal::RefundNotFound => Problem::new(Code::RefundNotFound),
        Refusal::TooLong => Problem::invalid_at("", "A text is longer than allowed"),
        Refusal::TextInvalid => Problem::invalid_at("", "A text has a NUL character"),
        Refusal::SalePaused => Problem::new(Code::SalePaused),
        Refusal::EventCancelled => Problem::new(Code::EventCancelled),
        // The router's table of places is a moment behind; the next one knows.
        Refusal::EventMoved => Problem::new(Code::NoLeader)
            .detail("The event has just moved to another shard; nothing happened"),
        Refusal::EventPresent => {
            Problem::new(Code::VersionMismatch).detail("The event lives in this shard")
        }
        Refusal::TooMany => Problem::new(Code::Overloaded),
        Refusal::LimitPerPerson { max, has } => Problem::new(Code::LimitPerPerson)
            .detail(format!("One person may have {max} seats at most"))
            .fact("scope", "person")
            .fact("limit", *max)
            .fact("has", *has),
        Refusal::HoldBudget { until_ms } => Problem::new(Code::RateLimited)
            .detail("Too many holds in a short while")
            .fact("until", rfc3339_ms(*until_ms)),
        Refusal::ExtensionNotAllowed => Problem::new(Code::ExtensionNotAllowed),
        Refusal::CodeUnknown | Refusal::CodeNotValid => Problem::new(Code::CodeInvalid),
        Refusal::CodeUsedUp => Problem::new(Code::CodeUsedUp),
        Refusal::CompanionAlone => Problem::new(Code::CompanionAlone),
        Refusal::SeatsWrong { seat, status } => {
            Problem::new(Code::SeatTaken).fact("seats", named(&[(*seat, *status)], seat_id))
        }
        Refusal::PlanLosesSeat { seat } => Problem::new(Code::VersionMismatch)
            .detail("The new plan must keep every seat at its place, and add others after them")
            .fact("seat", seat_id(*seat)),
        Refusal::WaitlistOff => {
            Problem::new(Code::WaitlistState).detail("The sale has no waiting list")
        }
        Refusal::WaitlistTwice { entry } => Problem::new(Code::WaitlistState)
            .detail("There is one place a person")
            .fact("entry", entry.to_string()),
        Refusal::SeatsFree => {
            Problem::new(Code::WaitlistState).detail("Such seats are free; hold them")
        }
        // The seats are free, but owed to those who wait.
        Refusal::KeptForWaitlist => {
            Problem::new(Code::NotEnoughSeats).detail("Seats that come back go to the waiting list")
        }
        Refusal::WaitNotFound => Problem::new(Code::NotFound),
        Refusal::NoOffer => Problem::new(Code::OfferGone),
        Refusal::RefundState { status } => {
            Problem::new(Code::OrderState).fact("refund_status", status.as_str())
        }
        Refusal::OtherDatabase => {
            Problem::new(Code::VersionMismatch).detail("The shard is written to another database")
        }
        Refusal::RecoveryInvalid { reason } => {
            Problem::new(Code::VersionMismatch).detail(reason.as_str())
        }
        Refusal::QueueRequired => Problem::new(Code::QueueRequired),
        Refusal::QueueOff => Problem::new(Code::NotFound).detail("The event has no waiting room"),
        Refusal::QueuePlaceNotFound => {
            Problem::new(Code::NotFound).detail("There is no such place in the waiting room")
        }
        Refusal::OutOfRange => Problem::invalid_at("", "A number or time is out of range"),
    }
}

fn named(seats: &[(SeatIx, SeatStatus)], seat_id: impl Fn(SeatIx) -> String) -> Value {
    let one = |(seat, status): &(SeatIx, SeatStatus)| {
        let (id, status) = (seat_id(*seat), status.as_str());
        json!({ "id": id, "status": status })
    };
    seats.iter().map(one).collect()
}

/// A failure of the grid as a problem; `missing` is the code for what is not there.
pub fn from_grid(error: GridError, missing: Code) -> Problem {
    match error {
        GridError::NoLeader => Problem::new(Code::NoLeader),
        GridError::Overloaded => Problem::new(Code::Overloaded),
        GridError::Unknown => Problem::new(Code::OutcomeUnknown),
        GridError::NotActive => Problem::new(Code::VersionInactive),
        GridError::TooLarge => Problem::new(Code::TooLarge),
        GridError::NotFound => Problem::new(missing),
        GridError::Protocol(_) => Problem::internal(error),
    }
}

/// A failure that came after a command was committed: what "nothing happened" says of the look that
/// failed would be untrue of the call. The same key resolves it.
pub fn after_write(problem: Problem) -> Problem {
    match problem.code() {
        Code::NoLeader | Code::Overloaded => Problem::new(Code::OutcomeUnknown),
        _ => problem,
    }
}

impl From<GridError> for Problem {
    fn from(error: GridError) -> Self {
        from_grid(error, Code::NotFound)
    }
}
