//! Seats taken back from the order that owns them, with what goes back of their money. Shared by
//! refunds, removed seats and cancelled events.

use super::{Scope, payment_room, settle};
use crate::{Change, OrderStatus, PricedSeat, ReturnCause, SaleRules, SeatIx, SeatStatus};

/// Everything goes back.
pub const WHOLE_BASIS_POINTS: u16 = 10_000;

/// On which terms seats are taken back.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// How much of the price, in hundredths of a percent.
    pub(super) share_basis_points: u16,
    /// Whether of the fee as well.
    pub(super) with_fee: bool,
    pub(super) cause: ReturnCause,
    /// Whether the seats are kept back.
    pub(super) block: bool,
}

/// Records written at once: seats returned, refund decided, order changed.
const RECORDS: u64 = 3;

/// Room to ask for before taking seats back from one order: a refund promises more besides.
pub(crate) fn room(rules: &SaleRules) -> u64 {
    RECORDS + payment_room(rules)
}

/// Takes owned seats back within a change that the caller began; the refund and its amount.
pub(super) fn take_back(
    s: &mut Scope<'_>,
    order_no: u64,
    seats: &[SeatIx],
    terms: Terms,
) -> (Option<u64>, i64) {
    let order = s.event.orders.get_mut(&order_no).expect("the caller saw the order");
    let (gone, kept): (Vec<PricedSeat>, Vec<PricedSeat>) =
        order.seats.iter().partition(|priced| seats.contains(&priced.seat));
    order.left.extend(&gone);
    let (all_gone, frozen) = (kept.is_empty(), order.terms);
    order.seats = kept;
    let amount_minor = amount(&gone, frozen.fee, terms);
    let to = if terms.block { SeatStatus::Blocked } else { SeatStatus::Free };
    s.event.set_seats(&gone, (SeatStatus::Sold, order_no), (to, 0));
    s.event.people.give_back(frozen.person, gone.len());
    let (cause, blocked) = (terms.cause, terms.block);
    s.record(Change::SeatsReturned { order: order_no, seats: gone.into(), cause, blocked });
    let refund = refund(s, order_no, amount_minor);
    let status = match (all_gone, refund) {
        (true, Some(_)) => OrderStatus::RefundPending,
        (true, None) => OrderStatus::Refunded,
        (false, _) => OrderStatus::PartiallyRefunded,
    };
    s.change_order(order_no, status);
    (refund.map(|(no, _)| no), refund.map_or(0, |(_, minor)| minor))
}

/// What goes back for these seats, each rounded down.
fn amount(seats: &[PricedSeat], fee: crate::Fee, terms: Terms) -> i64 {
    let share = |minor: i64| {
        // Prices are at most 10^12, so a share fits.
        (i128::from(minor) * i128::from(terms.share_basis_points) / i128::from(WHOLE_BASIS_POINTS))
            as i64
    };
    let one = |seat: &PricedSeat| {
        let fee_minor = if terms.with_fee { fee.on(seat.price_minor) } else { 0 };
        share(seat.price_minor) + share(fee_minor)
    };
    seats.iter().map(one).sum()
}

/// Decides a refund of at most what is left of the payment that bought the order.
fn refund(s: &mut Scope<'_>, order: u64, amount_minor: i64) -> Option<(u64, i64)> {
    let order = &s.event.orders[&order];
    let bought = |no: &&u64| s.event.payments[no].settled_as.is_some_and(|end| end.bought());
    let payment = *order.payments.iter().find(bought)?;
    let refunds = order.refunds.iter().map(|no| &s.event.refunds[no]);
    let back_minor: i64 =
        refunds.filter(|refund| refund.payment == payment).map(|r| r.amount_minor).sum();
    let captured_minor = s.event.payments[&payment].captured_minor.unwrap_or(0);
    let amount_minor = amount_minor.min(captured_minor - back_minor);
    if amount_minor <= 0 {
        return None;
    }
    s.outbox.reserve(s.payment_room());
    Some((settle::open_refund(s, payment, amount_minor), amount_minor))
}
