//! Late money whose seats are taken: other seats, as many and each at least as good, are held for the
//! payer for a while at the price that was paid. Taken, they are sold; otherwise the money goes back.

use super::super::best::Search;
use super::super::scope::NewHold;
use super::{end_payment, open_refund, sell};
use crate::commands::Scope;
use crate::event::{HoldEnd, HoldPurpose};
use crate::{Best, HoldStep, Order, PricedSeat, PricedSeats, SeatIx, SeatStatus, SettledAs};

/// Seats to offer, at the prices that were paid.
pub(super) struct Offer {
    seats: PricedSeats,
    step: HoldStep,
    ttl_ms: u32,
}

/// Seats for an order whose own are taken; `None` when the sale makes no offers or has none as good.
pub(super) fn find(s: &Scope<'_>, order: &Order) -> Option<Offer> {
    let ttl_ms = s.event.sale.rules.offer_ttl_ms?;
    let index = &s.event.index;
    if order.seats.iter().any(|priced| index.in_area(priced.seat)) {
        return None;
    }
    let accessible = order.seats.iter().filter(|priced| index.kind_bits(priced.seat).0).count();
    let dearest_minor = order.seats.iter().map(|priced| index.price_minor(priced.seat)).max()?;
    let wish = Best {
        number: order.seats.len() as u16,
        accessible: accessible as u16,
        prevent_orphans: true,
        ..Best::default()
    };
    let search = Search {
        index,
        wish: &wish,
        min_price_minor: dearest_minor,
        everybody: s.event.everybody(s.at_ms),
        free: |row: usize| s.event.seats.free_bits(row) & !s.event.kept_bits(row, s.at_ms),
    };
    let (seats, step) = search.choose(index.best_order().iter().map(|at| *at as usize))?;
    if !step.is_together() && s.event.adjacent(&order.seats) {
        return None;
    }
    Some(Offer { seats: at_paid_prices(&seats, &order.seats), step, ttl_ms })
}

fn at_paid_prices(seats: &[SeatIx], paid: &[PricedSeat]) -> PricedSeats {
    let pairs = seats.iter().zip(paid);
    pairs.map(|(seat, paid)| PricedSeat { seat: *seat, price_minor: paid.price_minor }).collect()
}

/// Holds the seats for the payer; the payment waits for the answer.
pub(super) fn make(s: &mut Scope<'_>, payment: u64, offer: Offer) {
    let no = s.event.payments[&payment].order;
    let terms = s.event.orders[&no].terms;
    let hold = s.grant(NewHold {
        seats: offer.seats,
        terms,
        step: Some(offer.step),
        ttl_ms: offer.ttl_ms,
        purpose: HoldPurpose::Offer { payment },
        order: Some(no),
    });
    if let Some(order) = s.event.orders.get_mut(&no) {
        order.offer = Some(hold.no);
    }
}

/// The payer takes the offered seats.
pub(crate) fn take_offer(s: &mut Scope<'_>, payment: u64, hold: u64) {
    s.begin_change();
    let seats = s.remove_hold(hold, HoldEnd::Sold).seats.to_vec();
    end_payment(s, payment, |payment| payment.settled_as = Some(SettledAs::Swapped));
    let no = s.event.payments[&payment].order;
    let order = s.event.orders.get_mut(&no).expect("a payment's order is kept with it");
    order.offer = None;
    let old = std::mem::replace(&mut order.seats, seats);
    let taken = |left: &PricedSeat| order.seats.iter().any(|seat| seat.seat == left.seat);
    let gone: Vec<PricedSeat> = old.into_iter().filter(|left| !taken(left)).collect();
    order.left.extend(gone);
    sell(s, no, (SeatStatus::Held, hold));
    s.outbox.unreserve(s.payment_room());
}

/// The payer does not take them, within a change that let the hold go.
pub(crate) fn refund_offer(s: &mut Scope<'_>, payment: u64) {
    end_payment(s, payment, |payment| payment.settled_as = Some(SettledAs::Refunded));
    let known = &s.event.payments[&payment];
    let (no, amount_minor) = (known.order, known.captured_minor.unwrap_or(0));
    if let Some(order) = s.event.orders.get_mut(&no) {
        order.offer = None;
    }
    open_refund(s, payment, amount_minor);
}
