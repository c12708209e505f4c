//! ReassignSeats: staff seats the owner of an order elsewhere, at the prices that were paid.

use super::choose::distinct;
use super::refund_seats::check_owned;
use super::{Effect, Scope, waitlist};
use crate::{Change, Outcome, PricedSeat, ReassignSeats, Refusal, ReturnCause, SeatIx, SeatStatus};

pub(crate) fn apply(s: &mut Scope<'_>, c: &ReassignSeats) -> Result<Effect, Refusal> {
    let order = s.event.orders.get(&c.order.no).ok_or(Refusal::OrderNotFound)?;
    check_owned(order)?;
    let (from, to): (Vec<SeatIx>, Vec<SeatIx>) = c.moves.iter().copied().unzip();
    let from = distinct(s.event, &from)?;
    let to = distinct(s.event, &to)?;
    if !from.iter().all(|seat| order.seats.iter().any(|own| own.seat == *seat)) {
        return Err(Refusal::SeatsInvalid);
    }
    if let Some(seat) = to.iter().find(|seat| !is_open(s, **seat)) {
        return Err(Refusal::SeatsWrong { seat: *seat, status: s.event.seats.status(*seat) });
    }
    s.need_room(2)?;

    s.begin_change();
    exchange(s, c);
    waitlist::serve(s);
    Ok(s.effect(Outcome::SeatsReassigned))
}

/// Free or kept back, but not removed.
fn is_open(s: &Scope<'_>, seat: SeatIx) -> bool {
    match s.event.seats.status(seat) {
        SeatStatus::Free => true,
        SeatStatus::Blocked => !s.event.removed.contains(&seat),
        SeatStatus::Held | SeatStatus::Sold => false,
    }
}

fn exchange(s: &mut Scope<'_>, c: &ReassignSeats) {
    let no = c.order.no;
    let new_of = |seat: SeatIx| c.moves.iter().find(|(from, _)| *from == seat).map(|(_, to)| *to);
    let order = s.event.orders.get_mut(&no).expect("looked up above");
    let (mut gone, mut come) = (vec![], vec![]);
    for own in &mut order.seats {
        if let Some(seat) = new_of(own.seat) {
            gone.push(*own);
            *own = PricedSeat { seat, ..*own };
            come.push(*own);
        }
    }
    order.seats.sort_unstable();
    order.left.retain(|left| !come.iter().any(|seat| seat.seat == left.seat));
    order.left.extend(&gone);
    let back = if c.block { SeatStatus::Blocked } else { SeatStatus::Free };
    s.event.set_seats(&gone, (SeatStatus::Sold, no), (back, 0));
    for seat in &come {
        let now = (s.event.seats.status(seat.seat), 0);
        s.event.set_seats(&[*seat], now, (SeatStatus::Sold, no));
    }
    let (cause, blocked) = (ReturnCause::Reassigned, c.block);
    s.record(Change::SeatsReturned { order: no, seats: gone.into(), cause, blocked });
    s.record(Change::SeatsSold { order: no, seats: come.into() });
}
