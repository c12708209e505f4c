//! OpenSale: an event's sale begins in this shard. Repeating it with the same content is harmless.

use std::sync::Arc;

use super::Effect;
use crate::outcome::{Outcome, Refusal};
use crate::plan::{NAME_BYTES_MAX, PRICE_MINOR_MAX};
use crate::{
    Actor, Backlog, Change, Detail, Event, Extension, FeedPosition, HoldBudget, LedgerRecord,
    OpenSale, Sale, SaleRules, State,
};

/// Shortest and longest life of a hold.
const HOLD_TTL_MS: std::ops::RangeInclusive<u32> = 5_000..=1_800_000;
/// Shortest and longest life of seats offered by the rules themselves.
const OFFER_TTL_MS: std::ops::RangeInclusive<u32> = 5_000..=86_400_000;
/// Shortest and longest while of a hold budget.
const COOL_DOWN_MS: std::ops::RangeInclusive<u32> = 1_000..=86_400_000;
/// Shortest and longest extension of a hold.
const EXTENSION_MS: std::ops::RangeInclusive<u32> = 1_000..=1_800_000;
/// How often a hold may be extended at most.
const EXTENSIONS: std::ops::RangeInclusive<u8> = 1..=10;
/// Largest permitted `per_hold_max`.
pub(crate) const PER_HOLD_LIMIT: u16 = 100;
/// Events of one shard.
pub(super) const EVENTS_MAX: usize = 10_000;
/// Seats of one shard, all events together: bounds memory and the size of a snapshot.
pub(super) const SHARD_SEATS_MAX: usize = 5_000_000;

pub(crate) fn apply(state: &mut State, actor: Actor, c: &OpenSale) -> Result<Effect, Refusal> {
    if let Some(event) = state.events.get(&c.event) {
        return if is_same(event, c) {
            Ok(Effect { version: event.version, outcome: Outcome::SaleOpened })
        } else {
            Err(Refusal::SaleDiffers)
        };
    }
    if state.staged.get(&c.event).is_some() {
        // Its own seats and orders are on their way back from the database.
        return Err(Refusal::EventPresent);
    }
    if state.fenced.contains(&c.event) {
        return Err(Refusal::EventMoved);
    }
    c.sale.check().map_err(|reason| Refusal::SaleInvalid { reason: reason.into() })?;
    c.plan.check().map_err(|e| Refusal::SaleInvalid { reason: e.to_string() })?;
    if state.events.len() >= EVENTS_MAX {
        return Err(Refusal::SaleInvalid { reason: "the shard has 10000 events".into() });
    }
    let seats: usize = state.events.values().map(|event| event.seats.len()).sum();
    if seats + c.plan.seat_count() > SHARD_SEATS_MAX {
        return Err(Refusal::SaleInvalid {
            reason: "the shard would have over 5000000 seats".into(),
        });
    }
    // The opening itself, and the ends of the window.
    let has_room = state.outbox.has_room(3, state.ledger_records_max);
    if !has_room || state.backlog(state.at_ms) != Backlog::Fine {
        return Err(Refusal::PersistenceBacklog);
    }

    let event = Event::open(c.event, c.sale.clone(), c.plan.clone(), state.at_ms);
    state.outbox.reserve(event.told.left());
    state.turns.extend(event.turns().map(|at_ms| (at_ms, c.event)));
    let version = event.version;
    state.outbox.push(LedgerRecord {
        position: FeedPosition::default(),
        at_ms: state.at_ms,
        event: c.event,
        version,
        actor,
        change: Change::SaleOpened { plan_version: c.plan.version },
        detail: Some(Box::new(Detail::Sale(c.sale.clone()))),
    });
    state.events.insert(c.event, Arc::new(event));
    Ok(Effect { version, outcome: Outcome::SaleOpened })
}

/// Whether the event was opened with these terms: later changes of window and plan do not count.
fn is_same(event: &Event, c: &OpenSale) -> bool {
    let mut opened = (*event.sale).clone();
    if let Some((opens_at_ms, closes_at_ms)) = event.first_window {
        (opened.opens_at_ms, opened.closes_at_ms) = (opens_at_ms, closes_at_ms);
    }
    opened == c.sale && (event.plan.version > c.plan.version || *event.plan == c.plan)
}

impl Sale {
    /// Checks every limit that the rules rely on, apart from the plan's.
    ///
    /// # Errors
    /// What is out of range, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        check(self)
    }
}

fn check(sale: &Sale) -> Result<(), &'static str> {
    if sale.event_id.is_empty() || sale.event_id.len() > 64 {
        return Err("event id must have 1 to 64 bytes");
    }
    if sale.name.is_empty() || sale.name.len() > NAME_BYTES_MAX {
        return Err("name must have 1 to 200 bytes");
    }
    if !sale.currency.iter().all(u8::is_ascii_uppercase) {
        return Err("currency must be three capital letters");
    }
    if sale.opens_at_ms >= sale.closes_at_ms {
        return Err("the sale closes before it opens");
    }
    if !HOLD_TTL_MS.contains(&sale.hold_ttl_ms) {
        return Err("hold time must be 5 s to 30 min");
    }
    if !(1..=PER_HOLD_LIMIT).contains(&sale.per_hold_max) {
        return Err("seats per hold must be 1 to 100");
    }
    if sale.event_id.contains('\0') || sale.name.contains('\0') {
        return Err("event id and name must have no NUL character");
    }
    check_rules(&sale.rules)
}

fn check_rules(rules: &SaleRules) -> Result<(), &'static str> {
    let fee = rules.fee;
    if !(0..=PRICE_MINOR_MAX).contains(&fee.per_seat_minor) || fee.basis_points > 10_000 {
        return Err("the fee must be 0 or more and at most the price");
    }
    if rules.per_person_max == Some(0) {
        return Err("seats per person must be 1 or more");
    }
    let budget = |of: HoldBudget| of.holds_max > 0 && COOL_DOWN_MS.contains(&of.cool_down_ms);
    if !rules.hold_budget.is_none_or(budget) {
        return Err("a hold budget must be 1 or more in 1 s to 24 h");
    }
    let extension =
        |of: Extension| EXTENSIONS.contains(&of.times_max) && EXTENSION_MS.contains(&of.by_ms);
    if !rules.extension.is_none_or(extension) {
        return Err("a hold is extended 1 to 10 times by 1 s to 30 min");
    }
    let ttl = |ttl_ms: u32| OFFER_TTL_MS.contains(&ttl_ms);
    if !rules.offer_ttl_ms.is_none_or(ttl) || !rules.waitlist_ttl_ms.is_none_or(ttl) {
        return Err("offers must last 5 s to 24 h");
    }
    Ok(())
}
