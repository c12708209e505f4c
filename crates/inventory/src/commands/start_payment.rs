//! StartPayment: one attempt to pay a pending order. A second one waits until the first has ended,
//! since both could succeed.

use super::{Effect, Scope};
use crate::{
    Change, OrderStatus, Outcome, Payment, PaymentId, PaymentStarted, PaymentStatus, Refusal,
    StartPayment,
};

/// Attempts per order.
pub(crate) const PAYMENTS_PER_ORDER_MAX: usize = 20;
/// Bytes of a provider's or method's name.
pub(crate) const NAME_BYTES_MAX: usize = 32;

pub(crate) fn apply(s: &mut Scope<'_>, c: &StartPayment) -> Result<Effect, Refusal> {
    if c.provider.len() > NAME_BYTES_MAX || c.method.len() > NAME_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    if c.provider.contains('\0') || c.method.contains('\0') {
        return Err(Refusal::TextInvalid);
    }
    if s.event.cancel.is_some() {
        return Err(Refusal::EventCancelled);
    }
    let order = s.event.orders.get(&c.order.no).ok_or(Refusal::OrderNotFound)?;
    if order.status != OrderStatus::PendingPayment {
        return Err(Refusal::OrderState { status: order.status });
    }
    s.live_hold(order.hold)?;
    let open = order.payments.iter().find(|no| s.event.pending_payments.contains(no));
    if let Some(no) = open {
        let payment = PaymentId { event: s.event.no, no: *no };
        return Err(Refusal::PaymentPending { payment });
    }
    if order.payments.len() >= PAYMENTS_PER_ORDER_MAX {
        return Err(Refusal::PaymentAttempts);
    }
    if !s.may_end_unpaid() {
        return Err(Refusal::TooMany);
    }
    let room = s.payment_room();
    s.need_room(1 + room)?;

    let (amount_minor, pay_until_ms) = (order.total_minor, order.expires_at_ms);
    s.begin_change();
    let no = s.event.take_no();
    s.outbox.reserve(room);
    insert(s, c, no, amount_minor);
    let payment = PaymentId { event: s.event.no, no };
    let started = PaymentStarted { payment, amount_minor, pay_until_ms };
    Ok(s.effect(Outcome::PaymentStarted(started)))
}

fn insert(s: &mut Scope<'_>, c: &StartPayment, no: u64, amount_minor: i64) {
    let payment = Payment {
        no,
        order: c.order.no,
        provider: c.provider.clone(),
        method: c.method.clone(),
        amount_minor,
        provider_ref: None,
        confirmation_url: None,
        status: PaymentStatus::Pending,
        settled_as: None,
        captured_minor: None,
        cancel_reason: None,
        started_at_ms: s.at_ms,
        settled_at_ms: None,
        version: s.event.version,
    };
    s.event.payments.insert(no, payment);
    s.event.pending_payments.insert(no);
    if let Some(order) = s.event.orders.get_mut(&c.order.no) {
        order.payments.push(no);
    }
    s.record(Change::PaymentStarted {
        payment: no,
        order: c.order.no,
        provider: c.provider.clone(),
        method: c.method.clone(),
        amount_minor,
    });
}
