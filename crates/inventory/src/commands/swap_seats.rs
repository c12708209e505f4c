//! SwapSeats: a hold's seats are exchanged in one step; the deadline stays. Seats that stay keep
//! their price, new ones have the price of now.

use std::sync::Arc;

use super::terms::{Asker, freeze};
use super::{Effect, Scope, choose, hold, queue, waitlist, window};
use crate::event::HoldPurpose;
use crate::{
    Change, Detail, Hold, HoldDetail, Outcome, PricedSeat, PricedSeats, Refusal, SeatStatus,
    SwapSeats,
};

pub(crate) fn apply(s: &mut Scope<'_>, c: &SwapSeats) -> Result<Effect, Refusal> {
    hold::check_plan(s, c.plan_version)?;
    let old = Arc::clone(s.live_hold(c.hold.no)?);
    check_swappable(s, &old)?;
    // Who came in by a presale code stays in by it.
    let presale = window::check(s, old.terms.presale)?;
    let number = choose::number(s, &c.choice)?;
    let more = number.saturating_sub(old.seats.len()) as u32;
    if more > 0 && presale.is_none() {
        // More seats are a new wish; those in hand may be changed for as many others.
        queue::check(s, old.terms.person)?;
    }
    s.event.people.check_seats(&s.event.sale.rules, old.terms.person, more)?;
    s.need_room(2)?;
    let (seats, step) = choose::seats(s, &c.choice, Some(&old))?;
    let asker = Asker { person: old.terms.person, promo: old.terms.promo, presale };
    let (seats, terms) = freeze(s, asker, &seats, &old.seats)?;
    check_codes(s, &old, &terms, seats.len())?;

    s.begin_change();
    let next = Hold { adjacent: s.event.adjacent(&seats), seats, step, terms, ..Hold::clone(&old) };
    exchange(s, &old, &next);
    s.event.people.give_back(old.terms.person, old.seats.len());
    s.event.people.take(terms.person, next.seats.len());
    s.event.codes.give_back(&old.terms, old.seats.len());
    s.event.codes.take(&terms, next.seats.len());
    let held = hold::describe(s, &next);
    s.event.holds.insert(next.no, Arc::new(next));
    waitlist::serve(s);
    Ok(s.effect(Outcome::Swapped(held)))
}

fn check_swappable(s: &Scope<'_>, hold: &Hold) -> Result<(), Refusal> {
    match (hold.order, hold.purpose) {
        (Some(order), _) => Err(Refusal::OrderState { status: s.event.orders[&order].status }),
        // The list's turn was for what was wished there.
        (None, HoldPurpose::Waitlist { .. }) => Err(Refusal::KeptForWaitlist),
        (None, HoldPurpose::Sale | HoldPurpose::Offer { .. }) => Ok(()),
    }
}

/// The new use of the codes beside everybody else's, without the old one.
fn check_codes(
    s: &mut Scope<'_>,
    old: &Hold,
    terms: &crate::FrozenTerms,
    seats: usize,
) -> Result<(), Refusal> {
    s.event.codes.give_back(&old.terms, old.seats.len());
    let fits = s.event.codes.check_use(terms, seats);
    s.event.codes.take(&old.terms, old.seats.len());
    fits
}

fn exchange(s: &mut Scope<'_>, old: &Hold, next: &Hold) {
    let without = |of: &[PricedSeat], others: &[PricedSeat]| -> PricedSeats {
        let gone = |one: &&PricedSeat| !others.iter().any(|other| other.seat == one.seat);
        of.iter().filter(gone).copied().collect()
    };
    let (dropped, added) = (without(&old.seats, &next.seats), without(&next.seats, &old.seats));
    let (free, held) = ((SeatStatus::Free, 0), (SeatStatus::Held, old.no));
    if !dropped.is_empty() {
        s.event.set_seats(&dropped, held, free);
        s.record(Change::HoldReleased { hold: old.no, seats: dropped });
    }
    if !added.is_empty() {
        s.event.set_seats(&added, free, held);
        let (hold, expires_at_ms) = (old.no, old.expires_at_ms);
        let detail = Detail::Hold(HoldDetail::from(next));
        s.record_with(Change::HoldGranted { hold, expires_at_ms, seats: added }, detail);
    }
}
