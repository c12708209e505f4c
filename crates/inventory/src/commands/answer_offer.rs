//! AnswerOffer: the shopper whose money came late takes the other seats, or wants it back. After the
//! offer's own deadline the money is on its way back whatever is answered.

use super::{Effect, Scope, settle, waitlist};
use crate::event::HoldEnd;
use crate::{AnswerOffer, OrderStatus, Outcome, Refusal};

pub(crate) fn apply(s: &mut Scope<'_>, c: &AnswerOffer) -> Result<Effect, Refusal> {
    let payment = s.event.payments.get(&c.payment.no).ok_or(Refusal::PaymentNotFound)?;
    let offer = s.event.orders.get(&payment.order).and_then(|order| order.offer);
    let hold = offer.and_then(|no| s.event.holds.get(&no)).ok_or(Refusal::NoOffer)?;
    if hold.offered_for() != Some(c.payment.no) {
        return Err(Refusal::NoOffer);
    }

    let (no, in_time) = (hold.no, s.at_ms < hold.expires_at_ms);
    match (in_time, c.accept) {
        (true, true) => settle::take_offer(s, c.payment.no, no),
        (true, false) => s.let_go(no, HoldEnd::Released, OrderStatus::RefundPending),
        (false, _) => s.let_go(no, HoldEnd::Expired, OrderStatus::RefundPending),
    }
    waitlist::serve(s);
    Ok(s.effect(Outcome::Settled(settle::describe(s, c.payment.no))))
}
