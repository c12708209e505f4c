//! OpenQueue, EnterQueue, TakeTurn, and the waiting room's step by the log's time. While an event has a
//! waiting room, a hold needs a turn; a presale code lets in before the sale opens as ever.

use std::sync::Arc;

use super::waitlist::is_selling;
use super::{Effect, Scope, window};
use crate::event::Queue;
use crate::{EnterQueue, Event, OpenQueue, Outcome, QueueId, QueueRules, Refusal, TakeTurn};

/// Events with a waiting room at one time in one shard: bounds memory.
pub(crate) const QUEUES_MAX: usize = 8;
/// Turns a second.
const ADMIT_PER_S: std::ops::RangeInclusive<u32> = 1..=10_000;
/// Shortest and longest turn.
const TURN_TTL_MS: std::ops::RangeInclusive<u32> = 10_000..=86_400_000;
/// Shortest and longest wait for a turn to be taken.
const CLAIM_TTL_MS: std::ops::RangeInclusive<u32> = 5_000..=3_600_000;

pub(crate) fn open(s: &mut Scope<'_>, c: &OpenQueue) -> Result<Effect, Refusal> {
    if s.event.cancel.is_some() {
        return Err(Refusal::EventCancelled);
    }
    let QueueRules { admit_per_s, turn_ttl_ms, claim_ttl_ms } = c.rules;
    let in_range = ADMIT_PER_S.contains(&admit_per_s)
        && TURN_TTL_MS.contains(&turn_ttl_ms)
        && CLAIM_TTL_MS.contains(&claim_ttl_ms);
    if !in_range {
        return Err(Refusal::OutOfRange);
    }
    if let Some(queue) = &s.event.queue {
        if !queue.is_same(c.rules, c.seed) {
            return Err(Refusal::SaleDiffers);
        }
        return Ok(s.effect(Outcome::QueueOpened { commitment: queue.commitment() }));
    }
    if s.at_ms >= s.event.sale.closes_at_ms {
        return Err(Refusal::SaleClosed);
    }
    if s.queues.len() >= QUEUES_MAX {
        return Err(Refusal::TooMany);
    }

    let queue = Queue::new(c.rules, c.seed);
    let commitment = queue.commitment();
    s.event.queue = Some(Arc::new(queue));
    s.queues.insert(s.event.no);
    Ok(s.effect(Outcome::QueueOpened { commitment }))
}

pub(crate) fn enter(s: &mut Scope<'_>, c: &EnterQueue) -> Result<Effect, Refusal> {
    if s.event.queue.is_none() {
        return Err(Refusal::QueueOff);
    }
    match window::check(s, None) {
        Ok(_) | Err(Refusal::SalePaused | Refusal::SaleNotOpen { .. }) => {}
        // The opening waits for the database; so may people.
        Err(Refusal::PersistenceBacklog) => {}
        Err(refusal) => return Err(refusal),
    }
    if s.event.is_sold_out() {
        return Err(Refusal::NotEnoughSeats);
    }
    let queue = s.event.queue.as_mut().ok_or(Refusal::QueueOff)?;
    let no = Arc::make_mut(queue).enter(c.person, c.salt)?;
    let place = QueueId { event: s.event.no, no };
    Ok(s.effect(Outcome::QueueEntered { place }))
}

pub(crate) fn take(s: &mut Scope<'_>, c: &TakeTurn) -> Result<Effect, Refusal> {
    let at_ms = s.at_ms;
    let queue = s.event.queue.as_mut().ok_or(Refusal::QueueOff)?;
    let own = queue.place(c.place.no).is_some_and(|place| place.person == c.person);
    if !own {
        return Err(Refusal::QueuePlaceNotFound);
    }
    let until_ms = Arc::make_mut(queue).take_turn(c.person, at_ms);
    let until_ms = until_ms.ok_or(Refusal::QueueRequired)?;
    Ok(s.effect(Outcome::TurnTaken { until_ms, at_ms }))
}

/// Refuses a hold of whoever has no turn, where one is needed.
pub(super) fn check(s: &Scope<'_>, person: Option<u128>) -> Result<(), Refusal> {
    let Some(queue) = &s.event.queue else { return Ok(()) };
    if person.is_some_and(|person| queue.has_turn(person, s.at_ms)) {
        Ok(())
    } else {
        Err(Refusal::QueueRequired)
    }
}

/// Whoever holds is there.
pub(super) fn note_hold(s: &mut Scope<'_>, person: Option<u128>) {
    let at_ms = s.at_ms;
    if let (Some(queue), Some(person)) = (&mut s.event.queue, person) {
        Arc::make_mut(queue).take_turn(person, at_ms);
    }
}

/// What the time has brought: the draw when the sale has opened, turns that end and turns that come.
pub(super) fn step(s: &mut Scope<'_>) {
    let due = s.event.queue_due_ms(s.at_ms).is_some_and(|when| when <= s.at_ms);
    if !due {
        return;
    }
    let (at_ms, sells) = (s.at_ms, is_selling(s.event, s.at_ms));
    let Some(queue) = &mut s.event.queue else { return };
    let queue = Arc::make_mut(queue);
    if queue.drawn().is_none() {
        queue.draw(at_ms);
    }
    queue.step(at_ms, sells);
}

/// Keeps the waiting room in step with the window: it is emptied when the sale is over.
pub(super) fn follow_window(s: &mut Scope<'_>) {
    let Some(queue) = &mut s.event.queue else { return };
    if s.event.told.closed {
        Arc::make_mut(queue).clear();
        s.queues.remove(&s.event.no);
    } else {
        s.queues.insert(s.event.no);
    }
}

impl Event {
    /// Whether nothing is free and nothing can come back from a hold.
    pub fn is_sold_out(&self) -> bool {
        let total = self.seats.total();
        total.free == 0 && total.held == 0
    }

    /// When the waiting room has something to do, milliseconds since 1970; a past time means now.
    pub(crate) fn queue_due_ms(&self, at_ms: u64) -> Option<u64> {
        let queue = self.queue.as_ref()?;
        if self.told.closed {
            return None;
        }
        match queue.drawn() {
            None => self.told.opened.then_some(at_ms),
            Some(_) => queue.next_ms(is_selling(self, at_ms)),
        }
    }
}
