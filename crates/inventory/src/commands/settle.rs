//! Settle: the one command that ends a payment. Captured money becomes exactly one of: the held
//! seats, the same seats taken again, or a refund (invariant I18). It is never refused for our
//! state's sake, and repeating it changes nothing.

use super::{Effect, PAYMENT_ROOM, Scope};
use crate::event::HoldEnd;
use crate::{
    Change, GatewayResult, OrderId, OrderStatus, Outcome, Payment, PaymentId, PaymentStatus,
    Refund, RefundId, RefundStatus, Refusal, SeatStatus, Settle, Settled, SettledAs,
};

pub(crate) fn apply(s: &mut Scope<'_>, c: &Settle) -> Result<Effect, Refusal> {
    let no = c.payment.no;
    let payment = s.event.payments.get(&no).ok_or(Refusal::PaymentNotFound)?;

    match (payment.status, captured(&c.result)) {
        // Captured is final; whatever is said later, and repeats, change nothing.
        (PaymentStatus::Succeeded, _) | (PaymentStatus::Canceled, None) => {}
        (PaymentStatus::Pending, None) => cancel(s, no, &c.result),
        (PaymentStatus::Pending, Some(amount_minor)) => capture(s, no, amount_minor),
        (PaymentStatus::Canceled, Some(amount_minor)) => {
            // The gateway took its "no" back: room was returned then and is needed again.
            s.outbox.reserve(PAYMENT_ROOM);
            s.event.pending_payments.insert(no);
            capture(s, no, amount_minor);
        }
    }
    Ok(s.effect(Outcome::Settled(describe(s, no))))
}

/// The captured amount; nothing captured counts as canceled.
fn captured(result: &GatewayResult) -> Option<i64> {
    match result {
        GatewayResult::Captured { amount_minor } => Some(*amount_minor).filter(|a| *a > 0),
        GatewayResult::Canceled { .. } => None,
    }
}

fn cancel(s: &mut Scope<'_>, no: u64, result: &GatewayResult) {
    let reason = match result {
        GatewayResult::Canceled { reason } => reason.chars().take(100).collect(),
        GatewayResult::Captured { .. } => "nothing_captured".to_owned(),
    };
    s.begin_change();
    end_payment(s, no, |payment| {
        payment.status = PaymentStatus::Canceled;
        payment.cancel_reason = Some(reason);
    });
    s.outbox.unreserve(PAYMENT_ROOM);
}

fn capture(s: &mut Scope<'_>, no: u64, amount_minor: i64) {
    let (order_no, asked_minor) = {
        let payment = &s.event.payments[&no];
        (payment.order, payment.amount_minor)
    };
    end_overdue_hold(s, order_no);
    s.begin_change();
    let settled_as =
        if amount_minor == asked_minor { decide(s, order_no) } else { SettledAs::Refunded };
    end_payment(s, no, |payment| {
        payment.status = PaymentStatus::Succeeded;
        payment.settled_as = Some(settled_as);
        payment.captured_minor = Some(amount_minor);
    });
    match settled_as {
        SettledAs::Confirmed => {
            let hold = s.event.orders[&order_no].hold;
            s.remove_hold(hold, HoldEnd::Sold);
            sell(s, order_no, (SeatStatus::Held, hold));
            s.outbox.unreserve(PAYMENT_ROOM);
        }
        SettledAs::Retaken => {
            sell(s, order_no, (SeatStatus::Free, 0));
            s.outbox.unreserve(PAYMENT_ROOM);
        }
        SettledAs::Refunded => decide_refund(s, no, amount_minor),
    }
}

/// A confirm after the deadline fails even if the expiry command has not come yet.
fn end_overdue_hold(s: &mut Scope<'_>, order: u64) {
    let no = s.event.orders[&order].hold;
    let overdue = s.event.holds.get(&no).is_some_and(|hold| hold.expires_at_ms <= s.at_ms);
    if overdue {
        s.let_go(no, HoldEnd::Expired, OrderStatus::Expired);
    }
}

fn decide(s: &Scope<'_>, order: u64) -> SettledAs {
    let order = &s.event.orders[&order];
    match order.status {
        OrderStatus::PendingPayment => SettledAs::Confirmed,
        OrderStatus::Expired if s.event.all_free(&order.seats) => SettledAs::Retaken,
        OrderStatus::Expired
        | OrderStatus::Cancelled
        | OrderStatus::Paid
        | OrderStatus::RefundPending
        | OrderStatus::Refunded
        | OrderStatus::PartiallyRefunded => SettledAs::Refunded,
    }
}

fn end_payment(s: &mut Scope<'_>, no: u64, change: impl FnOnce(&mut Payment)) {
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

fn sell(s: &mut Scope<'_>, order_no: u64, from: (SeatStatus, u64)) {
    let at_ms = s.at_ms;
    let order = s.event.orders.get_mut(&order_no).expect("a payment's order is kept with it");
    order.paid_at_ms = Some(at_ms);
    let seats = order.seats.clone();
    s.event.set_seats(&seats, from, (SeatStatus::Sold, order_no));
    s.change_order(order_no, OrderStatus::Paid);
    s.record(Change::SeatsSold { order: order_no, seats });
}

fn decide_refund(s: &mut Scope<'_>, payment: u64, amount_minor: i64) {
    let order = s.event.payments[&payment].order;
    let no = s.event.take_no();
    let refund = Refund {
        no,
        payment,
        order,
        amount_minor,
        status: RefundStatus::Pending,
        attempts: 0,
        last_error: None,
        created_at_ms: s.at_ms,
        version: s.event.version,
    };
    s.record(super::record_refund::describe(&refund));
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
}

fn describe(s: &Scope<'_>, no: u64) -> Settled {
    let event = s.event.no;
    let payment = &s.event.payments[&no];
    let order = &s.event.orders[&payment.order];
    let refund = order.refunds.iter().find(|no| s.event.refunds[no].payment == payment.no);
    Settled {
        payment: PaymentId { event, no },
        order: OrderId { event, no: order.no },
        status: payment.status,
        settled_as: payment.settled_as,
        refund: refund.map(|no| RefundId { event, no: *no }),
        order_status: order.status,
    }
}
