//! ExpireHolds: what the time has brought. Every hold whose deadline is not after the entry's time
//! ends, exactly once, and its seats go to whoever waits; windows open and close; cancelled events
//! are undone a step further; unpaid orders that ended long ago are forgotten. Capped per command;
//! the rest comes in the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Effect, ORDER_KEPT_MS, cancel_event, queue, set_window, waitlist};
use crate::event::HoldEnd;
use crate::state::EXPIRE_BATCH_MAX;
use crate::{Actor, EventNo, OrderStatus, Outcome, State};

pub(crate) fn apply(state: &mut State) -> Effect {
    let mut touched = BTreeSet::new();
    let mut holds = 0;
    while holds < EXPIRE_BATCH_MAX {
        let Some((_, event, hold)) = due(state.deadlines.first(), state.at_ms) else {
            break;
        };
        expire(state, event, hold);
        touched.insert(event);
        holds += 1;
    }
    let at_ms = state.at_ms;
    let turns = state.turns_not_held_back().take_while(|(when, _)| *when <= at_ms);
    let turns: Vec<EventNo> =
        turns.map(|(_, event)| event).take(EXPIRE_BATCH_MAX as usize).collect();
    for event in turns {
        set_window::turn(&mut state.scope(event, Actor::SYSTEM).expect("a timer's event exists"));
        touched.insert(event);
    }
    for event in touched {
        waitlist::serve(&mut state.scope(event, Actor::SYSTEM).expect("touched above"));
    }
    let queues: Vec<EventNo> = state.queues.iter().copied().collect();
    for event in queues {
        queue::step(&mut state.scope(event, Actor::SYSTEM).expect("a waiting room's event exists"));
    }
    if let Some(event) = state.cancelling.first().copied() {
        cancel_event::step(&mut state.scope(event, Actor::SYSTEM).expect("cancelled here"));
    }
    let mut forgotten = 0;
    while forgotten < EXPIRE_BATCH_MAX {
        let Some((when, event, order)) = due(state.forget.first(), state.at_ms) else {
            break;
        };
        state.forget.remove(&(when, event, order));
        forget(state, event, order);
        forgotten += 1;
    }
    let more = state.next_deadline_ms().is_some_and(|next| next <= state.at_ms);
    Effect { version: 0, outcome: Outcome::Expired { holds, more } }
}

type Timer = (u64, EventNo, u64);

fn due(first: Option<&Timer>, at_ms: u64) -> Option<Timer> {
    first.copied().filter(|(when, ..)| *when <= at_ms)
}

fn expire(state: &mut State, event: EventNo, hold: u64) {
    let mut scope = state.scope(event, Actor::SYSTEM).expect("a deadline's event exists");
    scope.let_go(hold, HoldEnd::Expired, OrderStatus::Expired);
}

/// Forgets an ended, unpaid order unless money may still move; then it is asked again later.
fn forget(state: &mut State, event_no: EventNo, no: u64) {
    let at_ms = state.at_ms;
    let event = state.events.get_mut(&event_no).expect("a timer's event exists");
    let event = Arc::make_mut(event);
    event.drop_ended(no);
    let Some(order) = event.orders.get(&no) else {
        return;
    };
    let unpaid = matches!(order.status, OrderStatus::Expired | OrderStatus::Cancelled);
    if !unpaid {
        return;
    }
    let open_payment = order.payments.iter().any(|no| event.pending_payments.contains(no));
    let open_refund = order.refunds.iter().any(|no| event.pending_refunds.contains(no));
    if open_payment || open_refund || order.offer.is_some() {
        event.note_ended(no);
        state.forget.insert((at_ms + ORDER_KEPT_MS, event_no, no));
        return;
    }
    for payment in &order.payments {
        event.payments.remove(payment);
    }
    for refund in &order.refunds {
        event.refunds.remove(refund);
    }
    event.orders.remove(&no);
}
