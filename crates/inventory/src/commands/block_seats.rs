//! BlockSeats: the organiser keeps free seats back: all or none.

use std::borrow::Cow;

use super::choose::{area_rows, distinct};
use super::{Effect, Scope};
use crate::outbox::room_of_seats;
use crate::{
    BlockSeats, Change, Event, Outcome, PricedSeats, Refusal, SeatIx, SeatSet, SeatStatus,
};

/// Seats of one staff command.
pub(super) const SEATS_PER_COMMAND_MAX: usize = 1_000;

pub(crate) fn apply(s: &mut Scope<'_>, c: &BlockSeats) -> Result<Effect, Refusal> {
    let seats = resolve(s.event, &c.seats, SeatStatus::Free)?;
    let status = |seat: &SeatIx| (*seat, s.event.seats.status(*seat));
    let taken = seats.iter().map(status).filter(|(_, status)| *status != SeatStatus::Free);
    let taken: Vec<_> = taken.collect();
    if !taken.is_empty() {
        return Err(Refusal::SeatTaken { seats: taken });
    }
    s.need_room(room_of_seats(seats.len()))?;

    s.begin_change();
    let seats: PricedSeats = seats.into_iter().map(|seat| s.event.priced(seat)).collect();
    s.event.set_seats(&seats, (SeatStatus::Free, 0), (SeatStatus::Blocked, 0));
    let number = seats.len() as u32;
    s.record(Change::SeatsBlocked { seats });
    Ok(s.effect(Outcome::SeatsBlocked { seats: number }))
}

/// The seats of a set; of an area those that have `status`, the last places first, so that the
/// public fills it from the front.
pub(super) fn resolve(
    event: &Event,
    set: &SeatSet,
    status: SeatStatus,
) -> Result<Vec<SeatIx>, Refusal> {
    let number = match set {
        SeatSet::Seats(seats) => seats.len(),
        SeatSet::Area { quantity, .. } => usize::from(*quantity),
    };
    if !(1..=SEATS_PER_COMMAND_MAX).contains(&number) {
        return Err(Refusal::SeatsInvalid);
    }
    match set {
        SeatSet::Seats(seats) => distinct(event, seats).map(Cow::into_owned),
        SeatSet::Area { section, quantity } => {
            let fits = |seat: &SeatIx| {
                event.seats.status(*seat) == status && !event.removed.contains(seat)
            };
            let all = in_area_all(event, *section)?;
            let mut seats: Vec<SeatIx> =
                all.into_iter().rev().filter(fits).take(usize::from(*quantity)).collect();
            seats.reverse();
            if seats.len() == number { Ok(seats) } else { Err(Refusal::NotEnoughSeats) }
        }
    }
}

fn in_area_all(event: &Event, section: u16) -> Result<Vec<SeatIx>, Refusal> {
    let rows = area_rows(&event.index, section)?;
    Ok(rows.flat_map(|row| event.index.rows()[row].seats(u128::MAX)).collect())
}
