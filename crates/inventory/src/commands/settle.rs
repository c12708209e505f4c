//! Settle: the one command that ends a payment. Captured money becomes exactly one of: the held
//! seats, the same seats taken again, other seats that are offered and taken, or a refund
//! (invariant I18). It is never refused for our state's sake, and repeating it changes nothing.

mod offer;

pub(super) use offer::{refund_offer, take_offer};

use super::{Effect, Scope, waitlist};
use crate::event::HoldEnd;
use crate::{
    Change, Detail, GatewayResult, OrderId, OrderStatus, Outcome, Payment, PaymentId,
    PaymentStatus, PricedSeats, Refund, RefundId, RefundStatus, Refusal, SeatStatus, Settle,
    Settled, SettledAs,
};

/// Characters kept of a gateway's reason.
pub(crate) const REASON_CHARS_MAX: usize = 100;

pub(crate) fn apply(s: &mut Scope<'_>, c: &Settle) -> Result<Effect, Refusal> {
    let no = c.payment.no;
    let payment = s.event.payments.get(&no).ok_or(Refusal::PaymentNotFound)?;

    match (payment.status, captured(&c.result)) {
        // Captured is final; whatever is said later, and repeats, change nothing.
        (PaymentStatus::Succeeded, _) | (PaymentStatus::Canceled, None) => {}
        (PaymentStatus::Pending, None) => cancel(s, no, &c.result),
        (PaymentStatus::Pending, Some(money)) => capture(s, no, money),
        (PaymentStatus::Canceled, Some(money)) => {
            // The gateway took its "no" back: room was returned then and is needed again.
            s.outbox.reserve(s.payment_room());
            s.event.pending_payments.insert(no);
            capture(s, no, money);
        }
    }
    Ok(s.effect(Outcome::Settled(describe(s, no))))
}

/// Captured money.
#[derive(Clone, Copy)]
struct Money {
    amount_minor: i64,
    /// Whether the gateway's object is the payment that we asked for.
    ours: bool,
}

/// The captured money; nothing captured counts as canceled.
fn captured(result: &GatewayResult) -> Option<Money> {
    let money = match result {
        GatewayResult::Captured { amount_minor } => (*amount_minor, true),
        GatewayResult::Mismatched { amount_minor } => (*amount_minor, false),
        GatewayResult::Canceled { .. } => return None,
    };
    let (amount_minor, ours) = money;
    (amount_minor > 0).then_some(Money { amount_minor, ours })
}

fn cancel(s: &mut Scope<'_>, no: u64, result: &GatewayResult) {
    let reason = match result {
        GatewayResult::Canceled { reason } => super::record_refund::plain(reason, REASON_CHARS_MAX),
        GatewayResult::Captured { .. } | GatewayResult::Mismatched { .. } => {
            "nothing_captured".to_owned()
        }
    };
    s.begin_change();
    end_payment(s, no, |payment| {
        payment.status = PaymentStatus::Canceled;
        payment.cancel_reason = Some(reason);
    });
    s.outbox.unreserve(s.payment_room());
}

/// What captured money becomes.
enum Decision {
    Confirm,
    Retake,
    Offer(offer::Offer),
    Refund,
}

fn capture(s: &mut Scope<'_>, no: u64, money: Money) {
    let (order_no, asked_minor) = {
        let payment = &s.event.payments[&no];
        (payment.order, payment.amount_minor)
    };
    end_overdue_hold(s, order_no);
    s.begin_change();
    let right = money.ours && money.amount_minor == asked_minor;
    let decision = if right { decide(s, order_no) } else { Decision::Refund };
    let settled_as = match decision {
        Decision::Confirm => Some(SettledAs::Confirmed),
        Decision::Retake => Some(SettledAs::Retaken),
        Decision::Refund => Some(SettledAs::Refunded),
        Decision::Offer(_) => None,
    };
    end_payment(s, no, |payment| {
        payment.status = PaymentStatus::Succeeded;
        payment.settled_as = settled_as;
        payment.captured_minor = Some(money.amount_minor);
    });
    match decision {
        Decision::Confirm => {
            let hold = s.event.orders[&order_no].hold;
            s.remove_hold(hold, HoldEnd::Sold);
            sell(s, order_no, (SeatStatus::Held, hold));
            s.outbox.unreserve(s.payment_room());
        }
        Decision::Retake => {
            let order = &s.event.orders[&order_no];
            let (person, seats) = (order.terms.person, order.seats.len());
            s.event.people.take(person, seats);
            sell(s, order_no, (SeatStatus::Free, 0));
            s.outbox.unreserve(s.payment_room());
        }
        Decision::Offer(offer) => offer::make(s, no, offer),
        Decision::Refund => {
            open_refund(s, no, money.amount_minor);
        }
    }
    // An overdue hold may have ended here, and wrong money takes nothing of it.
    waitlist::serve(s);
}

/// A confirm after the deadline fails even if the expiry command has not come yet.
fn end_overdue_hold(s: &mut Scope<'_>, order: u64) {
    let no = s.event.orders[&order].hold;
    let overdue = s.event.holds.get(&no).is_some_and(|hold| hold.expires_at_ms <= s.at_ms);
    if overdue {
        s.let_go(no, HoldEnd::Expired, OrderStatus::Expired);
    }
}

fn decide(s: &Scope<'_>, order_no: u64) -> Decision {
    let order = &s.event.orders[&order_no];
    match order.status {
        OrderStatus::PendingPayment => Decision::Confirm,
        OrderStatus::Expired if s.event.cancel.is_some() || order.offer.is_some() => {
            Decision::Refund
        }
        OrderStatus::Expired => {
            let (rules, seats) = (&s.event.sale.rules, order.seats.len() as u32);
            if s.event.people.check_seats(rules, order.terms.person, seats).is_err() {
                return Decision::Refund;
            }
            if s.event.all_free(&order.seats) {
                return Decision::Retake;
            }
            offer::find(s, order).map_or(Decision::Refund, Decision::Offer)
        }
        OrderStatus::Cancelled
        | OrderStatus::Paid
        | OrderStatus::RefundPending
        | OrderStatus::Refunded
        | OrderStatus::PartiallyRefunded => Decision::Refund,
    }
}

pub(super) fn end_payment(s: &mut Scope<'_>, no: u64, change: impl FnOnce(&mut Payment)) {
    let (version, at_ms) = (s.event.version, s.at_ms);
    let payment = s.event.payments.get_mut(&no).expect("looked up by the caller");
    change(payment);
    payment.version = version;
    payment.settled_at_ms = Some(at_ms);
    let record = Change::PaymentSettled {
        payment: no,
        order: payment.order,
        status: payment.status,
        settled_as: payment.settled_as,
        amount_minor: payment.captured_minor.unwrap_or(0),
    };
    s.event.pending_payments.remove(&no);
    s.record(record);
}

/// Makes the order own its seats, which have `from` until now.
pub(super) fn sell(s: &mut Scope<'_>, order_no: u64, from: (SeatStatus, u64)) {
    let at_ms = s.at_ms;
    let order = s.event.orders.get_mut(&order_no).expect("a payment's order is kept with it");
    order.paid_at_ms = Some(at_ms);
    let (seats, terms) = (PricedSeats::from(order.seats.clone()), order.terms);
    s.event.codes.sell(&terms, seats.len());
    s.event.set_seats(&seats, from, (SeatStatus::Sold, order_no));
    s.change_order(order_no, OrderStatus::Paid);
    s.record(Change::SeatsSold { order: order_no, seats });
}

/// Decides that so much of a payment goes back; the refund's number. Its room was promised before.
pub(super) fn open_refund(s: &mut Scope<'_>, payment: u64, amount_minor: i64) -> u64 {
    let order = s.event.payments[&payment].order;
    let no = s.event.take_no();
    let refund = Refund {
        no,
        key_no: 0,
        payment,
        order,
        amount_minor,
        status: RefundStatus::Pending,
        attempts: 0,
        last_error: None,
        created_at_ms: s.at_ms,
        version: s.event.version,
    };
    s.record_with(super::record_refund::describe(&refund), Detail::RefundKey(refund.key_no));
    s.event.refunds.insert(no, refund);
    s.event.pending_refunds.insert(no);
    let known = s.event.orders.get_mut(&order).expect("a payment's order is kept with it");
    known.refunds.push(no);
    match known.status {
        // The order owns its seats or still may: only this payment goes back.
        OrderStatus::Paid | OrderStatus::PendingPayment | OrderStatus::PartiallyRefunded => {}
        OrderStatus::Cancelled
        | OrderStatus::Expired
        | OrderStatus::RefundPending
        | OrderStatus::Refunded => s.change_order(order, OrderStatus::RefundPending),
    }
    no
}

pub(super) fn describe(s: &Scope<'_>, no: u64) -> Settled {
    let event = s.event.no;
    let payment = &s.event.payments[&no];
    let order = &s.event.orders[&payment.order];
    let of_this = |no: &&u64| s.event.refunds[no].payment == payment.no;
    let became_refund = payment.settled_as == Some(SettledAs::Refunded);
    let refund = order.refunds.iter().find(of_this).filter(|_| became_refund);
    Settled {
        payment: PaymentId { event, no },
        order: OrderId { event, no: order.no },
        status: payment.status,
        settled_as: payment.settled_as,
        refund: refund.map(|no| RefundId { event, no: *no }),
        order_status: order.status,
    }
}
