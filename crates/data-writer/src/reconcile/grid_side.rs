//! What the grid says of an event, as facts. Pure.

use http_api::to_hex;
use inventory::{
    HoldId, Order, OrderId, OrderStatus, Payment, PaymentId, PaymentStatus, Refund, RefundId,
    RefundStatus, SeatIx, SeatStatus, SettledAs,
};
use processing_unit::{CheckedEvent, ShardId};
use sha2::{Digest, Sha256};

use super::Thing;
use super::compare::Facts;
use crate::EventTerms;

pub(super) fn facts(checked: &CheckedEvent, terms: &EventTerms, shard: ShardId) -> Facts {
    let event = checked.event;
    let mut facts = Facts::new();
    facts.insert((Thing::Event, checked.event_id.clone()), event_values(terms, shard));
    for (at, seat) in checked.seats.iter().enumerate() {
        let values = vec![
            some(seat.status.as_str()),
            seat.hold.map(|no| HoldId { event, no }.to_string()),
            seat.order.map(|no| OrderId { event, no }.to_string()),
            some(seat.version),
        ];
        facts.insert((Thing::Seat, terms.seat_id(SeatIx(at as u32))), values);
    }
    for order in &checked.orders {
        let id = OrderId { event, no: order.no }.to_string();
        for priced in &order.seats {
            let key = format!("{id}/{}", terms.seat_id(priced.seat));
            let status = some(seat_status_of(order.status));
            let values = vec![status, some(&id), some(priced.price_minor)];
            facts.insert((Thing::OrderSeat, key), values);
        }
        for priced in &order.left {
            let key = format!("{id}/{}", terms.seat_id(priced.seat));
            let values = vec![some("released"), some(&id), some(priced.price_minor)];
            facts.insert((Thing::OrderSeat, key), values);
        }
        facts.insert((Thing::Order, id), order_values(checked, order));
    }
    for payment in &checked.payments {
        let id = PaymentId { event, no: payment.no }.to_string();
        facts.insert((Thing::Payment, id), payment_values(checked, payment));
    }
    for refund in &checked.refunds {
        let id = RefundId { event, no: refund.no }.to_string();
        facts.insert((Thing::Refund, id), refund_values(checked, refund));
    }
    facts.insert((Thing::Sums, checked.event_id.clone()), sums(checked));
    facts
}

fn some(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn event_values(terms: &EventTerms, shard: ShardId) -> Vec<Option<String>> {
    let sale = &terms.sale;
    vec![
        some(&sale.name),
        some(shard),
        some(terms.plan_version()),
        some(&terms.currency),
        some(sale.starts_at_ms),
    ]
}

/// What an order's seats are in `grid.order_seat`.
pub(crate) fn seat_status_of(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingPayment => "held",
        OrderStatus::Paid | OrderStatus::PartiallyRefunded => "sold",
        // Money comes back from orders that had let their seats go.
        OrderStatus::Cancelled
        | OrderStatus::Expired
        | OrderStatus::RefundPending
        | OrderStatus::Refunded => "released",
    }
}

fn order_values(checked: &CheckedEvent, order: &Order) -> Vec<Option<String>> {
    let contact = Sha256::digest(&order.contact);
    vec![
        some(order.status.as_str()),
        some(HoldId { event: checked.event, no: order.hold }),
        order.buyer.map(|id| uuid::Uuid::from_u128(id).to_string()),
        Some(to_hex(&contact)),
        some(order.total_minor),
        some(order.created_at_ms),
        some(order.expires_at_ms),
        order.paid_at_ms.map(|ms| ms.to_string()),
        some(order.version),
    ]
}

fn payment_values(checked: &CheckedEvent, payment: &Payment) -> Vec<Option<String>> {
    // While other seats are offered for its money, a payment has not ended in the tables.
    let ended = payment.status != PaymentStatus::Succeeded || payment.settled_as.is_some();
    let status = if ended { payment.status } else { PaymentStatus::Pending };
    vec![
        some(status.as_str()),
        some(OrderId { event: checked.event, no: payment.order }),
        some(&payment.provider),
        some(&payment.method),
        payment.provider_ref.clone(),
        payment.settled_as.map(|became| became.as_str().to_owned()),
        some(payment.amount_minor),
        payment.captured_minor.filter(|_| ended).map(|minor| minor.to_string()),
        some(payment.started_at_ms),
        payment.settled_at_ms.filter(|_| ended).map(|ms| ms.to_string()),
        some(payment.version),
    ]
}

fn refund_values(checked: &CheckedEvent, refund: &Refund) -> Vec<Option<String>> {
    let event = checked.event;
    vec![
        some(refund.status.as_str()),
        some(PaymentId { event, no: refund.payment }),
        some(OrderId { event, no: refund.order }),
        some(refund.amount_minor),
        some(refund.attempts),
        refund.last_error.clone(),
        some(refund.created_at_ms),
        some(refund.version),
    ]
}

/// Counted from the grid's parts, not from its counters.
fn sums(checked: &CheckedEvent) -> Vec<Option<String>> {
    let seats = |status| some(checked.seats.iter().filter(|seat| seat.status == status).count());
    let paid = checked.orders.iter().filter(|order| order.status == OrderStatus::Paid).count();
    vec![
        seats(SeatStatus::Free),
        seats(SeatStatus::Held),
        seats(SeatStatus::Sold),
        seats(SeatStatus::Blocked),
        some(paid),
        some(revenue_minor(checked)),
    ]
}

/// Captured money that bought seats, less what went back of it.
fn revenue_minor(checked: &CheckedEvent) -> i64 {
    let bought = |payment: &&Payment| match payment.settled_as {
        Some(SettledAs::Confirmed | SettledAs::Retaken | SettledAs::Swapped) => {
            payment.status == PaymentStatus::Succeeded
        }
        Some(SettledAs::Refunded) | None => false,
    };
    let back = |no: u64| {
        let of = checked.refunds.iter().filter(move |refund| refund.payment == no);
        of.filter(|r| r.status == RefundStatus::Succeeded).map(|r| r.amount_minor).sum::<i64>()
    };
    let payments = checked.payments.iter().filter(bought);
    payments.map(|payment| payment.captured_minor.unwrap_or(0) - back(payment.no)).sum()
}
