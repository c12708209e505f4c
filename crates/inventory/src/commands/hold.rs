//! Hold: seats are taken for a while, all or none, at prices frozen now.

use super::{Effect, HOLD_ROOM, Scope, best};
use crate::event::total_minor;
use crate::{
    Change, Choice, Held, Hold, HoldId, HoldSeats, HoldStep, Outcome, PricedSeat, Refusal, SeatIx,
    SeatStatus,
};

pub(crate) fn apply(s: &mut Scope<'_>, c: &HoldSeats) -> Result<Effect, Refusal> {
    check_sale(s, c)?;
    check_number(s, &c.choice)?;
    s.need_room(1 + HOLD_ROOM)?;
    let (seats, step) = choose(s, &c.choice)?;

    s.begin_change();
    let no = s.event.take_no();
    let seats: Vec<PricedSeat> = seats.into_iter().map(|seat| s.event.priced(seat)).collect();
    s.event.set_seats(&seats, (SeatStatus::Free, 0), (SeatStatus::Held, no));
    let hold = Hold {
        no,
        adjacent: adjacent(s, &seats),
        seats,
        granted_at_ms: s.at_ms,
        expires_at_ms: s.at_ms + u64::from(s.event.sale.hold_ttl_ms),
        order: None,
        step,
    };
    s.outbox.reserve(HOLD_ROOM);
    s.deadlines.insert((hold.expires_at_ms, s.event.no, no));
    s.record(Change::HoldGranted {
        hold: no,
        expires_at_ms: hold.expires_at_ms,
        seats: hold.seats.clone(),
    });
    let held = describe(s, &hold);
    s.event.holds.insert(no, hold);
    Ok(s.effect(Outcome::Held(held)))
}

fn describe(s: &Scope<'_>, hold: &Hold) -> Held {
    Held {
        hold: HoldId { event: s.event.no, no: hold.no },
        seats: hold.seats.clone(),
        total_minor: total_minor(&hold.seats),
        step: hold.step,
        adjacent: hold.adjacent,
        expires_at_ms: hold.expires_at_ms,
        at_ms: s.at_ms,
    }
}

fn check_sale(s: &Scope<'_>, c: &HoldSeats) -> Result<(), Refusal> {
    let (sale, plan) = (&s.event.sale, &s.event.plan);
    if c.plan_version != plan.version {
        return Err(Refusal::PlanChanged { version: plan.version });
    }
    if s.at_ms < sale.opens_at_ms {
        return Err(Refusal::SaleNotOpen { opens_at_ms: sale.opens_at_ms });
    }
    if s.at_ms >= sale.closes_at_ms {
        return Err(Refusal::SaleClosed);
    }
    Ok(())
}

fn check_number(s: &Scope<'_>, choice: &Choice) -> Result<(), Refusal> {
    let number = match choice {
        Choice::Seats(seats) => seats.len(),
        Choice::Best(best) => usize::from(best.number),
    };
    let max = s.event.sale.per_hold_max;
    match number {
        0 => Err(Refusal::SeatsInvalid),
        n if n > usize::from(max) => Err(Refusal::LimitPerHold { max }),
        _ => Ok(()),
    }
}

/// The seats in plan order, with the rung that found them.
fn choose(s: &Scope<'_>, choice: &Choice) -> Result<(Vec<SeatIx>, Option<HoldStep>), Refusal> {
    match choice {
        Choice::Seats(seats) => named(s, seats).map(|seats| (seats, None)),
        Choice::Best(wish) => {
            let (seats, step) = best::choose(s.event, wish).ok_or(Refusal::NotEnoughSeats)?;
            Ok((seats, Some(step)))
        }
    }
}

fn named(s: &Scope<'_>, seats: &[SeatIx]) -> Result<Vec<SeatIx>, Refusal> {
    let mut seats = seats.to_vec();
    seats.sort_unstable();
    let twice = seats.windows(2).any(|pair| pair[0] == pair[1]);
    let outside = seats.last().is_some_and(|last| last.at() >= s.event.seats.len());
    if twice || outside {
        return Err(Refusal::SeatsInvalid);
    }
    let status = |seat: &SeatIx| (*seat, s.event.seats.status(*seat));
    let taken: Vec<_> =
        seats.iter().map(status).filter(|(_, status)| *status != SeatStatus::Free).collect();
    if taken.is_empty() { Ok(seats) } else { Err(Refusal::SeatTaken { seats: taken }) }
}

/// Whether the seats, in plan order, are neighbours in one row.
fn adjacent(s: &Scope<'_>, seats: &[PricedSeat]) -> bool {
    seats.windows(2).all(|pair| {
        let (a, b) = (s.event.index.place(pair[0].seat), s.event.index.place(pair[1].seat));
        a.row == b.row && a.bit + 1 == b.bit
    })
}
