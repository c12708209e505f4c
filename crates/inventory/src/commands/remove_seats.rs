//! RemoveSeats: seats leave the sale for good. A hold of one of them ends, an order of one of them
//! loses it and gets its money back; the ledger tells both, so that their owners are told.

use std::collections::{BTreeMap, BTreeSet};

use super::block_seats::SEATS_PER_COMMAND_MAX;
use super::choose::distinct;
use super::take_back::{Terms, WHOLE_BASIS_POINTS, room, take_back};
use super::{Effect, Scope, waitlist};
use crate::event::HoldEnd;
use crate::outbox::room_of_seats;
use crate::{
    Change, HoldId, OrderStatus, Outcome, PricedSeats, RefundId, Refusal, RemoveSeats, ReturnCause,
    SeatIx, SeatStatus,
};

pub(crate) fn apply(s: &mut Scope<'_>, c: &RemoveSeats) -> Result<Effect, Refusal> {
    if c.seats.len() > SEATS_PER_COMMAND_MAX {
        return Err(Refusal::SeatsInvalid);
    }
    let seats = distinct(s.event, &c.seats)?;
    let (holds, orders) = owners(s, &seats);
    let refunds = orders.len() as u64 * room(&s.event.sale.rules);
    s.need_room(room_of_seats(seats.len()) + refunds)?;

    for hold in &holds {
        s.let_go(*hold, HoldEnd::Withdrawn, OrderStatus::Cancelled);
    }
    s.begin_change();
    let terms = Terms {
        share_basis_points: WHOLE_BASIS_POINTS,
        with_fee: true,
        cause: ReturnCause::Removed,
        block: true,
    };
    let refunds = orders.iter().filter_map(|(order, seats)| take_back(s, *order, seats, terms).0);
    let refunds: Vec<u64> = refunds.collect();
    block(s, &seats);
    waitlist::serve(s);
    let event = s.event.no;
    let holds = holds.into_iter().map(|no| HoldId { event, no }).collect();
    let refunds = refunds.into_iter().map(|no| RefundId { event, no }).collect();
    Ok(s.effect(Outcome::SeatsRemoved { holds, refunds }))
}

/// Holds that have one of the seats, and orders with those that they own.
fn owners(s: &Scope<'_>, seats: &[SeatIx]) -> (BTreeSet<u64>, BTreeMap<u64, Vec<SeatIx>>) {
    let (mut holds, mut orders) = (BTreeSet::new(), BTreeMap::<u64, Vec<SeatIx>>::new());
    for seat in seats {
        let holder = s.event.seats.holder(*seat);
        match s.event.seats.status(*seat) {
            SeatStatus::Held => {
                holds.insert(holder);
            }
            SeatStatus::Sold => orders.entry(holder).or_default().push(*seat),
            SeatStatus::Free | SeatStatus::Blocked => {}
        }
    }
    (holds, orders)
}

fn block(s: &mut Scope<'_>, seats: &[SeatIx]) {
    let seats: PricedSeats = seats.iter().map(|seat| s.event.priced(*seat)).collect();
    for priced in &seats {
        let now = (s.event.seats.status(priced.seat), 0);
        s.event.set_seats(&[*priced], now, (SeatStatus::Blocked, 0));
        s.event.removed.insert(priced.seat);
    }
    s.record(Change::SeatsRemoved { seats });
}
