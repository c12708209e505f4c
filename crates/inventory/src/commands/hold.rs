//! Hold: seats are taken for a while, all or none, at prices frozen now.

use super::scope::NewHold;
use super::terms::{Asker, freeze};
use super::{Effect, HOLD_ROOM, Scope, choose, queue, window};
use crate::event::HoldPurpose;
use crate::{Held, Hold, HoldId, HoldSeats, Outcome, Refusal};

pub(crate) fn apply(s: &mut Scope<'_>, c: &HoldSeats) -> Result<Effect, Refusal> {
    check_plan(s, c.plan_version)?;
    let presale = window::check(s, c.presale)?;
    if presale.is_none() {
        queue::check(s, c.person)?;
    }
    let number = choose::number(s, &c.choice)?;
    s.event.people.check_seats(&s.event.sale.rules, c.person, number as u32)?;
    s.event.people.check_budget(&s.event.sale.rules, c.person, s.at_ms)?;
    s.need_room(1 + HOLD_ROOM)?;
    let (seats, step) = choose::seats(s, &c.choice, None)?;
    let asker = Asker { person: c.person, promo: c.promo, presale };
    let (seats, terms) = freeze(s, asker, &seats, &[])?;
    s.event.codes.check_use(&terms, seats.len())?;

    s.begin_change();
    s.event.people.note_hold(&s.event.sale.rules, c.person, s.at_ms);
    queue::note_hold(s, c.person);
    let (ttl_ms, purpose) = (s.event.sale.hold_ttl_ms, HoldPurpose::Sale);
    let hold = s.grant(NewHold { seats, terms, step, ttl_ms, purpose, order: None });
    Ok(s.effect(Outcome::Held(describe(s, &hold))))
}

/// Refuses what was chosen from another plan: prices may differ.
pub(super) fn check_plan(s: &Scope<'_>, plan_version: u32) -> Result<(), Refusal> {
    let version = s.event.plan.version;
    if plan_version == version { Ok(()) } else { Err(Refusal::PlanChanged { version }) }
}

pub(super) fn describe(s: &Scope<'_>, hold: &Hold) -> Held {
    Held {
        hold: HoldId { event: s.event.no, no: hold.no },
        seats: hold.seats.clone(),
        total_minor: hold.total_minor(),
        step: hold.step,
        adjacent: hold.adjacent,
        expires_at_ms: hold.expires_at_ms,
        at_ms: s.at_ms,
    }
}
