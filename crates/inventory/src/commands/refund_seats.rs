//! RefundSeats: seats of a paid order go back, with a share of their money. RetryRefund: a refund
//! that was given up is tried again.

use super::take_back::{Terms, WHOLE_BASIS_POINTS, room, take_back};
use super::{Effect, Scope, record_refund, waitlist};
use crate::{
    Detail, Order, OrderStatus, Outcome, RefundId, RefundSeats, RefundStatus, Refusal, RetryRefund,
    ReturnCause, SeatIx,
};

/// Refunds of one order by parts; what is left of it can always be refunded as a whole.
pub(crate) const PARTS_PER_ORDER_MAX: usize = 20;

pub(crate) fn apply(s: &mut Scope<'_>, c: &RefundSeats) -> Result<Effect, Refusal> {
    let order = s.event.orders.get(&c.order.no).ok_or(Refusal::OrderNotFound)?;
    check_owned(order)?;
    let seats = pick(order, &c.seats)?;
    if c.share_basis_points > WHOLE_BASIS_POINTS {
        return Err(Refusal::OutOfRange);
    }
    if order.refunds.len() >= PARTS_PER_ORDER_MAX && seats.len() < order.seats.len() {
        return Err(Refusal::TooMany);
    }
    s.need_room(room(&s.event.sale.rules))?;

    s.begin_change();
    let terms = Terms {
        share_basis_points: c.share_basis_points,
        with_fee: c.with_fee,
        cause: ReturnCause::Refunded,
        block: c.block,
    };
    let (refund, amount_minor) = take_back(s, c.order.no, &seats, terms);
    let refund = refund.map(|no| RefundId { event: s.event.no, no });
    waitlist::serve(s);
    Ok(s.effect(Outcome::SeatsRefunded { refund, amount_minor }))
}

/// Refuses an order that owns no seats.
pub(super) fn check_owned(order: &Order) -> Result<(), Refusal> {
    match order.status {
        OrderStatus::Paid | OrderStatus::PartiallyRefunded => Ok(()),
        status @ (OrderStatus::PendingPayment
        | OrderStatus::Cancelled
        | OrderStatus::Expired
        | OrderStatus::RefundPending
        | OrderStatus::Refunded) => Err(Refusal::OrderState { status }),
    }
}

/// The wished seats of the order, all when none is named.
fn pick(order: &Order, seats: &[SeatIx]) -> Result<Vec<SeatIx>, Refusal> {
    let own: Vec<SeatIx> = order.seats.iter().map(|priced| priced.seat).collect();
    if seats.is_empty() {
        return Ok(own);
    }
    let mut wished = seats.to_vec();
    wished.sort_unstable();
    let once = wished.windows(2).all(|pair| pair[0] != pair[1]);
    if once && wished.iter().all(|seat| own.contains(seat)) {
        Ok(wished)
    } else {
        Err(Refusal::SeatsInvalid)
    }
}

pub(crate) fn retry(s: &mut Scope<'_>, c: &RetryRefund) -> Result<Effect, Refusal> {
    let known = s.event.refunds.get(&c.refund.no).ok_or(Refusal::RefundNotFound)?;
    match known.status {
        RefundStatus::Dead => {}
        status @ (RefundStatus::Pending | RefundStatus::Succeeded) => {
            return Err(Refusal::RefundState { status });
        }
    }
    let room = s.payment_room();
    s.need_room(1 + room)?;

    s.begin_change();
    s.outbox.reserve(room);
    let version = s.event.version;
    let refund = s.event.refunds.get_mut(&c.refund.no).expect("looked up above");
    (refund.status, refund.attempts, refund.version) = (RefundStatus::Pending, 0, version);
    refund.key_no += 1;
    let (change, key) = (record_refund::describe(refund), Detail::RefundKey(refund.key_no));
    s.event.pending_refunds.insert(c.refund.no);
    s.record_with(change, key);
    Ok(s.effect(Outcome::RefundRetried))
}
