//! Recover: an event comes back from the database, in pieces that are only kept until the last one.
//! That one checks everything, so that nothing lives here that the rules would not have made, and
//! lets the event go on with numbers and versions that nobody can have seen.
//!
//! An event that lives here is never touched: whoever recovers a living shard is refused.

mod check;

use std::sync::Arc;

use super::open_sale::{EVENTS_MAX, SHARD_SEATS_MAX};
use super::{Effect, ORDER_KEPT_MS};
use crate::event::{Cancel, Event, PeopleForm, WindowTold};
use crate::invariants::promised;
use crate::snapshot::{EventV2, Staged, event_in};
use crate::{
    EventNo, Order, OrderStatus, Outcome, RecoverBegin, RecoverEvent, RecoverPiece,
    RecoveredThings, Refusal, State,
};

/// How far numbers and versions go on above the highest known. The outbox holds no more records that
/// the database lacks than the largest of [`crate::LEDGER_RECORDS_LIMITS`], and each number or version
/// that was given out made at least one; this is twice that.
pub const RECOVERY_MARGIN: u64 = 20_000_000;

pub(crate) fn apply(state: &mut State, c: &RecoverEvent) -> Result<Effect, Refusal> {
    if state.events.get(&c.event).is_some() {
        return match c.piece {
            // The answer to the last piece was lost, or the whole was done before.
            RecoverPiece::Finish => Ok(taken(0)),
            RecoverPiece::Begin(_) | RecoverPiece::Seats(_) | RecoverPiece::Things(_) => {
                Err(Refusal::EventPresent)
            }
        };
    }
    if state.fenced.contains(&c.event) {
        return Err(Refusal::EventMoved);
    }
    match (&c.piece, c.number) {
        (RecoverPiece::Begin(begin), 0) => start(state, c.event, begin),
        (RecoverPiece::Seats(_) | RecoverPiece::Things(_) | RecoverPiece::Finish, 1..) => {
            go_on(state, c)
        }
        (RecoverPiece::Begin(_), 1..)
        | (RecoverPiece::Seats(_) | RecoverPiece::Things(_) | RecoverPiece::Finish, 0) => {
            Err(Refusal::OutOfRange)
        }
    }
}

fn taken(pieces: u32) -> Effect {
    Effect { version: 0, outcome: Outcome::Recovered { pieces } }
}

fn invalid(reason: impl Into<String>) -> Refusal {
    Refusal::RecoveryInvalid { reason: reason.into() }
}

fn start(state: &mut State, no: EventNo, begin: &RecoverBegin) -> Result<Effect, Refusal> {
    begin.plan.check().map_err(|e| invalid(e.to_string()))?;
    if begin.sale.opens_at_ms >= begin.sale.closes_at_ms {
        return Err(invalid("the sale closes before it opens"));
    }
    if state.events.len() + state.staged.len() >= EVENTS_MAX {
        return Err(invalid("the shard has 10000 events"));
    }
    let alive: usize = state.events.values().map(|event| event.seats.len()).sum();
    let others = state.staged.iter().filter(|(known, _)| **known != no);
    let coming: usize = others.map(|(_, staged)| staged.parts.plan.seat_count()).sum();
    if alive + coming + begin.plan.seat_count() > SHARD_SEATS_MAX {
        return Err(invalid("the shard would have over 5000000 seats"));
    }

    let version = begin.version + RECOVERY_MARGIN;
    let told = WindowTold::at(&begin.sale, state.at_ms);
    let parts = EventV2 {
        no,
        version,
        next_no: begin.last_no + RECOVERY_MARGIN,
        sale: begin.sale.clone(),
        plan: begin.plan.clone(),
        seats: Vec::new(),
        holds: Vec::new(),
        orders: Vec::new(),
        payments: Vec::new(),
        refunds: Vec::new(),
        ended: Vec::new(),
        first_window: begin.first_window,
        told: if begin.cancelled { WindowTold { opened: true, closed: true } } else { told },
        paused: begin.paused,
        cancel: begin.cancelled.then_some(Cancel::Running { orders_done: 0 }),
        removed: begin.removed.clone(),
        people: PeopleForm::default(),
        codes: Vec::new(),
        waitlist: Vec::new(),
        map_floor: version,
        queue: None,
    };
    state.staged.insert(no, Arc::new(Staged { pieces: 1, parts }));
    Ok(taken(1))
}

fn go_on(state: &mut State, c: &RecoverEvent) -> Result<Effect, Refusal> {
    let staged = state.staged.get_mut(&c.event).ok_or(Refusal::EventNotFound)?;
    if c.number < staged.pieces {
        return Ok(taken(staged.pieces));
    }
    if c.number > staged.pieces {
        return Err(Refusal::OutOfRange);
    }
    match &c.piece {
        RecoverPiece::Begin(_) => unreachable!("the first piece was told apart above"),
        RecoverPiece::Seats(seats) => {
            let staged = Arc::make_mut(staged);
            staged.parts.seats.extend(seats);
            staged.pieces += 1;
            Ok(taken(staged.pieces))
        }
        RecoverPiece::Things(things) => {
            let staged = Arc::make_mut(staged);
            add(&mut staged.parts, things);
            staged.pieces += 1;
            Ok(taken(staged.pieces))
        }
        RecoverPiece::Finish => finish(state, c.event),
    }
}

fn add(parts: &mut EventV2, things: &RecoveredThings) {
    let RecoveredThings { holds, orders, payments, refunds, codes, limits, waitlist } =
        things.clone();
    parts.holds.extend(holds);
    parts.orders.extend(orders);
    parts.payments.extend(payments);
    parts.refunds.extend(refunds);
    parts.codes.extend(codes);
    parts.people.limit(limits);
    parts.waitlist.extend(waitlist);
}

fn finish(state: &mut State, no: EventNo) -> Result<Effect, Refusal> {
    let parts = state.staged[&no].parts.clone();
    check::references(&parts).map_err(invalid)?;
    let mut event = event_in(parts).map_err(|e| invalid(e.to_string()))?;
    count(&mut event);
    crate::invariants::check_event(&event).map_err(invalid)?;
    let room = promised(&event);
    if !state.outbox.has_room(room, state.ledger_records_max) {
        return Err(Refusal::PersistenceBacklog);
    }

    state.staged.remove(&no);
    state.outbox.reserve(room);
    let forgotten_at_ms = state.at_ms + ORDER_KEPT_MS;
    let unpaid =
        |order: &&Order| matches!(order.status, OrderStatus::Cancelled | OrderStatus::Expired);
    let ended: Vec<u64> = event.orders.values().filter(unpaid).map(|order| order.no).collect();
    for order in ended {
        event.note_ended(order);
        state.forget.insert((forgotten_at_ms, no, order));
    }
    // What they were answered is not in the database.
    state.keys.lose_before(state.at_ms);
    state.take_in(event);
    Ok(taken(0))
}

/// Counts what persons and codes have; only what was sold under a code is told.
fn count(event: &mut Event) {
    let holds: Vec<_> = event.holds.values().cloned().collect();
    for hold in holds {
        let adjacent = event.adjacent(&hold.seats);
        let known = event.holds.get_mut(&hold.no).expect("listed above");
        Arc::make_mut(known).adjacent = adjacent;
        event.people.take(hold.terms.person, hold.seats.len());
        if hold.offered_for().is_none() {
            event.codes.take(&hold.terms, hold.seats.len());
        }
    }
    let owners: Vec<_> = event.orders.values().cloned().collect();
    for order in owners {
        if order.status.owns_seats() {
            event.people.take(order.terms.person, order.seats.len());
        }
    }
}
