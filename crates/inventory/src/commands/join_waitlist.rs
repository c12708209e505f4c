//! JoinWaitlist and LeaveWaitlist: a place in the line for seats that come back.

use super::waitlist::WAIT_ROOM;
use super::{Effect, Scope, choose, queue, waitlist, window};
use crate::event::WaitEntry;
use crate::{
    Change, Choice, Detail, JoinWaitlist, LeaveWaitlist, Outcome, Refusal, WaitChange, WaitId,
};

/// Places in one event's list.
pub(crate) const WAITLIST_MAX: usize = 5_000;
/// Bytes of a sealed contact.
pub(crate) const CONTACT_BYTES_MAX: usize = 1_024;

pub(crate) fn join(s: &mut Scope<'_>, c: &JoinWaitlist) -> Result<Effect, Refusal> {
    check(s, c)?;
    let twice = s.event.waitlist.values().find(|entry| entry.person == c.person);
    if let Some(entry) = twice {
        return Err(Refusal::WaitlistTwice { entry: WaitId { event: s.event.no, no: entry.no } });
    }
    if s.event.waitlist.len() >= WAITLIST_MAX {
        return Err(Refusal::TooMany);
    }
    let number = u32::from(c.wish.number);
    s.event.people.check_seats(&s.event.sale.rules, Some(c.person), number)?;
    if choose::seats(s, &Choice::Best(c.wish.clone()), None).is_ok() {
        return Err(Refusal::SeatsFree);
    }
    s.need_room(1 + WAIT_ROOM)?;

    s.begin_change();
    let no = s.event.take_no();
    let before = s.event.waiting.len() as u32;
    s.event.waiting.insert(no);
    s.event.count_wish(&c.wish, true);
    s.outbox.reserve(WAIT_ROOM);
    let (wish, contact) = (c.wish.clone(), c.contact.clone());
    let (person, joined_at_ms) = (c.person, s.at_ms);
    let change = WaitChange::Joined { number: wish.number, contact: contact.clone() };
    let detail = Detail::Wait { person, wish: wish.clone() };
    let entry = WaitEntry { no, person, wish, contact, joined_at_ms, hold: None };
    s.event.waitlist.insert(no, entry);
    s.record_with(Change::WaitlistChanged { entry: no, change }, detail);
    let entry = WaitId { event: s.event.no, no };
    Ok(s.effect(Outcome::WaitlistJoined { entry, before }))
}

fn check(s: &Scope<'_>, c: &JoinWaitlist) -> Result<(), Refusal> {
    if s.event.sale.rules.waitlist_ttl_ms.is_none() {
        return Err(Refusal::WaitlistOff);
    }
    match window::check(s, None) {
        Ok(_) | Err(Refusal::SalePaused) => {}
        Err(refusal) => return Err(refusal),
    }
    if !s.event.is_sold_out() {
        // While seats come back the waiting room is the way to them.
        queue::check(s, Some(c.person))?;
    }
    if c.contact.len() > CONTACT_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    choose::number(s, &Choice::Best(c.wish.clone()))?;
    // The line is kept by tier and price; anything finer could block it for ever.
    let plain = c.wish.sections.is_empty() && c.wish.accessible == 0 && !c.wish.together;
    let known = |tier: &u16| usize::from(*tier) < s.event.index.tier_count();
    if plain && c.wish.tiers.iter().all(known) { Ok(()) } else { Err(Refusal::OutOfRange) }
}

pub(crate) fn leave(s: &mut Scope<'_>, c: &LeaveWaitlist) -> Result<Effect, Refusal> {
    if !s.event.waiting.contains(&c.entry.no) {
        return Err(Refusal::WaitNotFound);
    }

    waitlist::leave(s, c.entry.no);
    // What was kept for this place may serve the ones behind it.
    waitlist::serve(s);
    Ok(s.effect(Outcome::WaitlistLeft))
}
