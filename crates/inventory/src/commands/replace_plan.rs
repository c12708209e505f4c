//! ReplacePlan: the plan of an open sale is corrected or extended. Every known seat keeps its index,
//! so nothing held or sold can be lost; prices that were frozen stay.

use std::sync::Arc;

use super::open_sale::SHARD_SEATS_MAX;
use super::{Effect, Scope, waitlist};
use crate::outbox::room_of_seats;
use crate::{Change, Outcome, Plan, PlanIndex, PricedSeat, Refusal, ReplacePlan, SeatIx};

/// Seats in one record of the ledger.
const SEATS_PER_RECORD: usize = 1_000;

pub(crate) fn apply(
    s: &mut Scope<'_>,
    c: &ReplacePlan,
    shard_seats: usize,
) -> Result<Effect, Refusal> {
    let old = Arc::clone(&s.event.plan);
    if *old == c.plan {
        return Ok(s.effect(Outcome::PlanReplaced));
    }
    if c.plan.version != old.version + 1 {
        return Err(Refusal::PlanChanged { version: old.version });
    }
    let invalid = |reason: String| Refusal::SaleInvalid { reason };
    c.plan.check().map_err(|e| invalid(e.to_string()))?;
    if let Some((seat, _)) = old.first_lost(&c.plan) {
        return Err(Refusal::PlanLosesSeat { seat });
    }
    check_names(&old, &c.plan).map_err(|what| invalid(what.into()))?;
    let (before, after) = (old.seat_count(), c.plan.seat_count());
    if shard_seats + (after - before) > SHARD_SEATS_MAX {
        return Err(Refusal::TooMany);
    }
    let added = if after > before { room_of_seats(after - before) } else { 0 };
    s.need_room(1 + added)?;

    s.begin_change();
    put(s, &c.plan);
    s.record(Change::PlanReplaced { plan_version: c.plan.version });
    let added: Vec<PricedSeat> =
        (before..after).map(|at| s.event.priced(SeatIx(at as u32))).collect();
    for seats in added.chunks(SEATS_PER_RECORD) {
        s.record(Change::SeatsAdded { seats: seats.iter().copied().collect() });
    }
    waitlist::serve(s);
    Ok(s.effect(Outcome::PlanReplaced))
}

/// Tiers and sections keep their positions too: wishes and counters refer to them.
fn check_names(old: &Plan, new: &Plan) -> Result<(), &'static str> {
    let tiers =
        old.tiers.iter().map(|t| &t.id).eq(new.tiers.iter().map(|t| &t.id).take(old.tiers.len()));
    let theirs = new.sections.iter().map(|section| &section.id).take(old.sections.len());
    let sections = old.sections.iter().map(|section| &section.id).eq(theirs);
    match (tiers, sections) {
        (false, _) => Err("plan: known tiers must stay, in their order"),
        (true, false) => Err("plan: known sections must stay, in their order"),
        (true, true) => Ok(()),
    }
}

fn put(s: &mut Scope<'_>, plan: &Plan) {
    let index = PlanIndex::new(plan);
    s.event.seats = s.event.seats.extended(&index, s.event.version);
    s.event.index = Arc::new(index);
    s.event.plan = Arc::new(plan.clone());
    s.event.count_wishes();
}
