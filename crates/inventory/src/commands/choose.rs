//! Which seats a choice means: named ones, the best, or places of an area. Seats that wait for the
//! head of the waiting list are nobody else's, and the own seats of a hold count as free in a swap.

use std::borrow::Cow;

use super::Scope;
use super::best::Search;
use crate::plan::{PLAN_SECTIONS_MAX, PLAN_TIERS_MAX};
use crate::{Best, Choice, Event, Hold, HoldStep, PlanIndex, Refusal, SeatIx, SeatStatus};

/// Seats in plan order, with the rung that found them.
type Seats<'c> = (Cow<'c, [SeatIx]>, Option<HoldStep>);

/// Refuses a number of seats that no hold may have; the number.
pub(super) fn number(s: &Scope<'_>, choice: &Choice) -> Result<usize, Refusal> {
    let number = match choice {
        Choice::Seats(seats) => seats.len(),
        Choice::Best(best) => {
            check_wish(best)?;
            usize::from(best.number)
        }
        Choice::Area { quantity, .. } => usize::from(*quantity),
    };
    let max = s.event.sale.per_hold_max;
    match number {
        0 => Err(Refusal::SeatsInvalid),
        n if n > usize::from(max) => Err(Refusal::LimitPerHold { max }),
        n => Ok(n),
    }
}

/// A wish within the bounds of any plan.
pub(super) fn check_wish(wish: &Best) -> Result<(), Refusal> {
    let bounded = wish.tiers.len() <= PLAN_TIERS_MAX && wish.sections.len() <= PLAN_SECTIONS_MAX;
    if bounded && wish.accessible <= wish.number { Ok(()) } else { Err(Refusal::SeatsInvalid) }
}

/// The seats of a choice. `own` are the seats of the hold that they shall replace.
pub(super) fn seats<'c>(
    s: &Scope<'_>,
    choice: &'c Choice,
    own: Option<&Hold>,
) -> Result<Seats<'c>, Refusal> {
    match choice {
        Choice::Seats(seats) => named(s, seats, own).map(|seats| (seats, None)),
        Choice::Best(wish) => {
            let rows = s.event.index.best_order().iter().map(|at| *at as usize);
            let search = search(s.event, wish, own, s.at_ms);
            let (seats, step) = search.choose(rows).ok_or(Refusal::NotEnoughSeats)?;
            if wish.together && !step.is_together() {
                return Err(Refusal::NotEnoughAdjacent);
            }
            Ok((seats.into(), Some(step)))
        }
        Choice::Area { section, quantity } => {
            let free = |row| available(s.event, own, s.at_ms, row);
            let seats = in_area(&s.event.index, *section, *quantity, free)?;
            Ok((seats.into(), None))
        }
    }
}

/// A search over what is free for the public.
fn search<'a>(
    event: &'a Event,
    wish: &'a Best,
    own: Option<&'a Hold>,
    at_ms: u64,
) -> Search<'a, impl Fn(usize) -> u128> {
    Search {
        index: &event.index,
        wish,
        min_price_minor: 0,
        everybody: event.everybody(at_ms),
        free: move |row| available(event, own, at_ms, row),
    }
}

/// Free seats of a row, those of `own` among them, without those that the waiting list is owed.
fn available(event: &Event, own: Option<&Hold>, at_ms: u64, row: usize) -> u128 {
    let free = event.seats.free_bits(row) & !event.kept_bits(row, at_ms);
    own.map_or(free, |hold| free | own_bits(event, hold, row))
}

fn own_bits(event: &Event, hold: &Hold, row: usize) -> u128 {
    let places = hold.seats.iter().map(|priced| event.index.place(priced.seat));
    places.filter(|p| p.row as usize == row).fold(0, |bits, p| bits | 1 << p.bit)
}

/// The first places of an area that `free` offers.
fn in_area(
    index: &PlanIndex,
    section: u16,
    quantity: u16,
    free: impl Fn(usize) -> u128,
) -> Result<Vec<SeatIx>, Refusal> {
    let places = area_rows(index, section)?.flat_map(|row| index.rows()[row].seats(free(row)));
    let seats: Vec<SeatIx> = places.take(usize::from(quantity)).collect();
    if seats.len() == usize::from(quantity) { Ok(seats) } else { Err(Refusal::NotEnoughSeats) }
}

/// The rows of a section that is sold by quantity.
pub(super) fn area_rows(
    index: &PlanIndex,
    section: u16,
) -> Result<std::ops::Range<usize>, Refusal> {
    let rows = index.section_rows(section);
    let area = !rows.is_empty() && rows.clone().all(|row| index.rows()[row].area);
    if area { Ok(rows) } else { Err(Refusal::SeatsInvalid) }
}

/// Sorted, each once, and all in the plan.
pub(super) fn distinct<'c>(
    event: &Event,
    seats: &'c [SeatIx],
) -> Result<Cow<'c, [SeatIx]>, Refusal> {
    let mut seats = Cow::Borrowed(seats);
    if !seats.is_sorted() {
        seats.to_mut().sort_unstable();
    }
    let twice = seats.windows(2).any(|pair| pair[0] == pair[1]);
    let outside = seats.last().is_none_or(|last| last.at() >= event.seats.len());
    if twice || outside { Err(Refusal::SeatsInvalid) } else { Ok(seats) }
}

fn named<'c>(
    s: &Scope<'_>,
    seats: &'c [SeatIx],
    own: Option<&Hold>,
) -> Result<Cow<'c, [SeatIx]>, Refusal> {
    let (event, index) = (&*s.event, &s.event.index);
    let seats = distinct(event, seats)?;
    if seats.iter().any(|seat| index.in_area(*seat)) {
        return Err(Refusal::SeatsInvalid);
    }
    let is_own = |seat: &SeatIx| own.is_some_and(|h| event.seats.is_held_by(*seat, h.no));
    let status = |seat: &SeatIx| (*seat, event.seats.status(*seat));
    let taken = seats.iter().filter(|seat| !is_own(seat)).map(status);
    let taken: Vec<_> = taken.filter(|(_, status)| *status != SeatStatus::Free).collect();
    if !taken.is_empty() {
        return Err(Refusal::SeatTaken { seats: taken });
    }
    let kind = |seat: &SeatIx| index.kind_bits(*seat);
    let (accessible, companion) =
        seats.iter().map(kind).fold((false, false), |all, one| (all.0 | one.0, all.1 | one.1));
    if companion && !accessible && !event.everybody(s.at_ms) {
        return Err(Refusal::CompanionAlone);
    }
    if seats.iter().any(|seat| !is_own(seat) && event.is_kept(*seat, s.at_ms)) {
        return Err(Refusal::KeptForWaitlist);
    }
    Ok(seats)
}
