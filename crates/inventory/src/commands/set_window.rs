//! SetWindow: the sale opens or closes at another time. Both ends come by the log's time: the first
//! entry at or after them is where the sale opens or closes for everybody.

use super::{Effect, Scope, queue, waitlist};
use crate::event::WindowTold;
use crate::{Change, Outcome, Refusal, SaleChange, SetWindow};
use std::sync::Arc;

pub(crate) fn apply(s: &mut Scope<'_>, c: &SetWindow) -> Result<Effect, Refusal> {
    if s.event.cancel.is_some() {
        return Err(Refusal::EventCancelled);
    }
    if c.opens_at_ms >= c.closes_at_ms {
        return Err(Refusal::OutOfRange);
    }
    // One for this change, two for the ends that may come again.
    s.need_room(3)?;

    s.begin_change();
    forget_turns(s);
    let sale = Arc::make_mut(&mut s.event.sale);
    let before = (sale.opens_at_ms, sale.closes_at_ms);
    (sale.opens_at_ms, sale.closes_at_ms) = (c.opens_at_ms, c.closes_at_ms);
    s.event.first_window.get_or_insert(before);
    let began = s.event.told.opened;
    s.event.told = WindowTold::at(&s.event.sale, s.at_ms);
    if !began {
        // A beginning that waits is not begun by moving it.
        s.event.told.opened = false;
        s.event.told.opened = s.event.told.closed || opens_now(s);
    }
    note_turns(s);
    let (opens_at_ms, closes_at_ms) = (c.opens_at_ms, c.closes_at_ms);
    s.record(Change::SaleChanged(SaleChange::WindowSet { opens_at_ms, closes_at_ms }));
    queue::follow_window(s);
    waitlist::serve(s);
    Ok(s.effect(Outcome::WindowSet))
}

/// Timers and room for the ends of the window that are not told yet.
pub(super) fn note_turns(s: &mut Scope<'_>) {
    s.outbox.reserve(s.event.told.left());
    s.turns.extend(s.event.turns().map(|at_ms| (at_ms, s.event.no)));
}

/// Takes those back.
pub(super) fn forget_turns(s: &mut Scope<'_>) {
    s.outbox.unreserve(s.event.told.left());
    for at_ms in s.event.turns() {
        s.turns.remove(&(at_ms, s.event.no));
    }
}

fn opens_now(s: &Scope<'_>) -> bool {
    s.at_ms >= s.event.sale.opens_at_ms && !s.opening_waits()
}

/// The end of the window that has come, if it is not told yet. A beginning that waits for PostgreSQL
/// is told when it no longer waits, or with the end.
pub(super) fn turn(s: &mut Scope<'_>) {
    let closed = !s.event.told.closed && s.at_ms >= s.event.sale.closes_at_ms;
    let opened = !s.event.told.opened && (closed || opens_now(s));
    if !opened && !closed {
        return;
    }
    forget_turns(s);
    s.begin_change();
    s.event.told.opened |= opened;
    s.event.told.closed |= closed;
    note_turns(s);
    if opened {
        s.record(Change::SaleChanged(SaleChange::Opened));
    }
    if closed {
        s.record(Change::SaleChanged(SaleChange::Closed));
        waitlist::clear(s);
        queue::follow_window(s);
    }
}
