//! PlaceOrder: a live hold becomes an order; the deadline stays the hold's.

use super::{Effect, Scope};
use crate::event::total_minor;
use crate::{Change, Order, OrderId, OrderPlaced, OrderStatus, Outcome, PlaceOrder, Refusal};

/// Bytes of a sealed contact.
const CONTACT_BYTES_MAX: usize = 4_096;

pub(crate) fn apply(s: &mut Scope<'_>, c: &PlaceOrder) -> Result<Effect, Refusal> {
    if c.contact.len() > CONTACT_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    let hold = s.live_hold(c.hold.no)?.clone();
    if let Some(order) = hold.order {
        return Err(Refusal::OrderState { status: s.event.orders[&order].status });
    }

    s.begin_change();
    let order = Order {
        no: s.event.take_no(),
        hold: hold.no,
        total_minor: total_minor(&hold.seats),
        seats: hold.seats,
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
        seats: order.seats.clone(),
        total_minor: order.total_minor,
        expires_at_ms: order.expires_at_ms,
        at_ms: s.at_ms,
    };
    s.record(Change::OrderPlaced {
        order: order.no,
        hold: hold.no,
        total_minor: order.total_minor,
        expires_at_ms: order.expires_at_ms,
        contact: order.contact.clone(),
        buyer: order.buyer,
        seats: order.seats.clone(),
    });
    if let Some(hold) = s.event.holds.get_mut(&hold.no) {
        hold.order = Some(order.no);
    }
    s.event.orders.insert(order.no, order);
    Ok(s.effect(Outcome::OrderPlaced(placed)))
}
