//! PlaceOrder: a live hold becomes an order; the deadline stays the hold's. What costs nothing is
//! sold at once.

use std::sync::Arc;

use super::{Effect, Scope, settle};
use crate::event::HoldEnd;
use crate::{
    Change, Detail, Order, OrderId, OrderPlaced, OrderStatus, Outcome, PlaceOrder, Refusal,
    SeatStatus,
};

/// Bytes of a sealed contact.
pub(crate) const CONTACT_BYTES_MAX: usize = 4_096;

/// Orders of one event beside those that ended unpaid: so many a seat, since a seat that is refunded is
/// sold again by another order, and so many besides.
pub(crate) const ORDERS_PER_SEAT_MAX: usize = 2;
/// See [`ORDERS_PER_SEAT_MAX`].
pub(crate) const ORDERS_BESIDE_MAX: usize = 1_000;

pub(crate) fn apply(s: &mut Scope<'_>, c: &PlaceOrder) -> Result<Effect, Refusal> {
    if c.contact.len() > CONTACT_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    if s.event.cancel.is_some() {
        return Err(Refusal::EventCancelled);
    }
    let hold = Arc::clone(s.live_hold(c.hold.no)?);
    if let Some(order) = hold.order {
        return Err(Refusal::OrderState { status: s.event.orders[&order].status });
    }
    let orders_max = s.event.seats.len() * ORDERS_PER_SEAT_MAX + ORDERS_BESIDE_MAX;
    if s.event.kept_orders() >= orders_max {
        return Err(Refusal::TooMany);
    }

    s.begin_change();
    let order = Order {
        no: s.event.take_no(),
        hold: hold.no,
        total_minor: hold.total_minor(),
        seats: hold.seats.to_vec(),
        left: Vec::new(),
        terms: hold.terms,
        offer: None,
        status: OrderStatus::PendingPayment,
        contact: c.contact.clone(),
        buyer: c.buyer,
        created_at_ms: s.at_ms,
        expires_at_ms: hold.expires_at_ms,
        paid_at_ms: None,
        payments: Vec::new(),
        refunds: Vec::new(),
        version: s.event.version,
    };
    let placed = OrderPlaced {
        order: OrderId { event: s.event.no, no: order.no },
        hold: c.hold,
        seats: hold.seats.clone(),
        total_minor: order.total_minor,
        expires_at_ms: order.expires_at_ms,
        at_ms: s.at_ms,
    };
    let change = Change::OrderPlaced {
        order: order.no,
        hold: hold.no,
        total_minor: order.total_minor,
        expires_at_ms: order.expires_at_ms,
        contact: order.contact.clone(),
        buyer: order.buyer,
        seats: hold.seats.clone(),
    };
    s.record_with(change, Detail::Order(order.terms));
    if let Some(hold) = s.event.holds.get_mut(&hold.no) {
        Arc::make_mut(hold).order = Some(order.no);
    }
    let (no, free_of_charge) = (order.no, order.total_minor == 0);
    s.event.orders.insert(no, order);
    if free_of_charge {
        // Nothing to pay: no gateway takes nothing.
        s.remove_hold(hold.no, HoldEnd::Sold);
        settle::sell(s, no, (SeatStatus::Held, hold.no));
    }
    Ok(s.effect(Outcome::OrderPlaced(placed)))
}
