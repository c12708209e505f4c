//! UnblockSeats: blocked seats are free again, first for those who wait: all or none.

use super::block_seats::resolve;
use super::{Effect, Scope, waitlist};
use crate::outbox::room_of_seats;
use crate::{Change, Outcome, PricedSeats, Refusal, SeatStatus, UnblockSeats};

pub(crate) fn apply(s: &mut Scope<'_>, c: &UnblockSeats) -> Result<Effect, Refusal> {
    let seats = resolve(s.event, &c.seats, SeatStatus::Blocked)?;
    let wrong = seats.iter().find(|seat| {
        s.event.seats.status(**seat) != SeatStatus::Blocked || s.event.removed.contains(seat)
    });
    if let Some(seat) = wrong {
        return Err(Refusal::SeatsWrong { seat: *seat, status: s.event.seats.status(*seat) });
    }
    s.need_room(room_of_seats(seats.len()))?;

    s.begin_change();
    let seats: PricedSeats = seats.into_iter().map(|seat| s.event.priced(seat)).collect();
    s.event.set_seats(&seats, (SeatStatus::Blocked, 0), (SeatStatus::Free, 0));
    let number = seats.len() as u32;
    s.record(Change::SeatsUnblocked { seats });
    waitlist::serve(s);
    Ok(s.effect(Outcome::SeatsUnblocked { seats: number }))
}
