//! One file per command: its refusals as a flat ladder, then its effect. What several commands
//! share is beside them: [`Scope`] with the ends of holds, and the choosing of seats.

pub(crate) mod acknowledge;
pub(crate) mod answer_offer;
mod best;
pub(crate) mod bind;
pub(crate) mod block_seats;
pub(crate) mod cancel_event;
pub(crate) mod cancel_order;
mod choose;
pub(crate) mod expire_holds;
pub(crate) mod extend_hold;
pub(crate) mod fence;
pub(crate) mod hold;
pub(crate) mod join_waitlist;
pub(crate) mod limit_outbox;
pub(crate) mod limits;
pub(crate) mod open_sale;
pub(crate) mod pause_sale;
pub(crate) mod place_order;
pub(crate) mod put_codes;
pub(crate) mod queue;
pub(crate) mod reassign_seats;
pub(crate) mod record_payment;
pub(crate) mod record_refund;
pub(crate) mod recover;
pub(crate) mod refund_seats;
pub(crate) mod release_hold;
pub(crate) mod remove_seats;
pub(crate) mod replace_plan;
mod scope;
pub(crate) mod set_person_limit;
pub(crate) mod set_window;
pub(crate) mod settle;
pub(crate) mod start_payment;
pub(crate) mod swap_seats;
mod take_back;
mod terms;
pub(crate) mod unblock_seats;
mod waitlist;
mod window;

pub use recover::RECOVERY_MARGIN;
pub use scope::ENDED_ORDERS_MAX;
pub(crate) use scope::{Effect, HOLD_ROOM, ORDER_KEPT_MS, Scope, payment_room};
pub use take_back::WHOLE_BASIS_POINTS;
pub(crate) use take_back::room as take_back_room;
pub(crate) use waitlist::WAIT_ROOM;

use crate::{Command, Refusal};

/// Applies a command about one event. What concerns the whole shard never comes here.
pub(crate) fn apply(s: &mut Scope<'_>, command: &Command) -> Result<Effect, Refusal> {
    match command {
        Command::Hold(c) => hold::apply(s, c),
        Command::ReleaseHold(c) => release_hold::apply(s, c),
        Command::SwapSeats(c) => swap_seats::apply(s, c),
        Command::ExtendHold(c) => extend_hold::apply(s, c),
        Command::PlaceOrder(c) => place_order::apply(s, c),
        Command::CancelOrder(c) => cancel_order::apply(s, c),
        Command::StartPayment(c) => start_payment::apply(s, c),
        Command::RecordPayment(c) => record_payment::apply(s, c),
        Command::Settle(c) => settle::apply(s, c),
        Command::AnswerOffer(c) => answer_offer::apply(s, c),
        Command::RecordRefund(c) => record_refund::apply(s, c),
        Command::RefundSeats(c) => refund_seats::apply(s, c),
        Command::RetryRefund(c) => refund_seats::retry(s, c),
        Command::JoinWaitlist(c) => join_waitlist::join(s, c),
        Command::LeaveWaitlist(c) => join_waitlist::leave(s, c),
        Command::PauseSale(_) => pause_sale::pause(s),
        Command::ResumeSale(_) => pause_sale::resume(s),
        Command::SetPersonLimit(c) => set_person_limit::apply(s, c),
        Command::SetWindow(c) => set_window::apply(s, c),
        Command::PutCodes(c) => put_codes::apply(s, c),
        Command::BlockSeats(c) => block_seats::apply(s, c),
        Command::UnblockSeats(c) => unblock_seats::apply(s, c),
        Command::RemoveSeats(c) => remove_seats::apply(s, c),
        Command::ReassignSeats(c) => reassign_seats::apply(s, c),
        Command::CancelEvent(_) => cancel_event::apply(s),
        Command::OpenQueue(c) => queue::open(s, c),
        Command::EnterQueue(c) => queue::enter(s, c),
        Command::TakeTurn(c) => queue::take(s, c),
        Command::OpenSale(_)
        | Command::ReplacePlan(_)
        | Command::ExpireHolds
        | Command::Acknowledge(_)
        | Command::Fence(_)
        | Command::Unfence(_)
        | Command::Bind(_)
        | Command::Recover(_)
        | Command::LimitOutbox(_) => unreachable!("dispatched with the whole shard"),
    }
}
