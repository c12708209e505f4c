//! What must hold after every command. Tests and simulation call this after each apply; the
//! cheap parts are asserted in the rules themselves.

mod money;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::{HOLD_ROOM, WAIT_ROOM, payment_room};
use crate::event::{Cancel, EndedOrders, HoldPurpose};
use crate::{Event, EventNo, OrderStatus, SeatIx, SeatStatus, SeatTable, State};

impl State {
    /// Checks every invariant of the state; names the first that is broken.
    pub fn check_invariants(&self) -> Result<(), String> {
        for event in self.events.values() {
            check_event(event).map_err(|e| format!("event {}: {e}", event.no.0))?;
            let fenced = self.fenced.contains(&event.no);
            ensure(!fenced, || format!("I7: event {} is here and fenced", event.no.0))?;
        }
        self.check_timers()?;
        self.check_room()?;
        self.check_outbox()?;
        self.check_ended()?;
        ensure(self.keys.in_step(), || "I8: keys and their order differ".into())
    }

    fn check_timers(&self) -> Result<(), String> {
        let holds = self
            .events
            .values()
            .flat_map(|event| event.holds().map(|hold| (hold.expires_at_ms, event.no, hold.no)));
        let expected: BTreeSet<_> = holds.collect();
        ensure(self.deadlines == expected, || "I9: deadlines differ from live holds".into())?;
        let turns = self.events().flat_map(|e| e.turns().map(|at_ms| (at_ms, e.no)));
        let expected: BTreeSet<_> = turns.collect();
        ensure(self.turns == expected, || "timers differ from sales' windows".into())?;
        let running = |e: &&Event| matches!(e.cancel, Some(Cancel::Running { .. }));
        let expected: BTreeSet<_> = self.events().filter(running).map(|e| e.no).collect();
        ensure(self.cancelling == expected, || "timers differ from cancelled events".into())?;
        let open = |e: &&Event| e.has_queue() && !e.told.closed;
        let expected: BTreeSet<_> = self.events().filter(open).map(|e| e.no).collect();
        ensure(self.queues == expected, || "timers differ from waiting rooms".into())
    }

    fn check_room(&self) -> Result<(), String> {
        let promised = self.events.values().map(|event| promised(event));
        let (promised, reserved) = (promised.sum::<u64>(), self.outbox.reserved());
        ensure(promised == reserved, || format!("I12: {promised} promised, {reserved} reserved"))
    }

    fn check_ended(&self) -> Result<(), String> {
        let mut ended = BTreeMap::<EventNo, EndedOrders>::new();
        for (_, event, order) in self.forget.iter() {
            let paying = self.event(*event).is_some_and(|event| event.was_paying(*order));
            let found = ended.entry(*event).or_default();
            (found.all, found.paying) = (found.all + 1, found.paying + usize::from(paying));
        }
        for event in self.events() {
            let found = ended.get(&event.no).copied().unwrap_or_default();
            let counted = event.ended_orders;
            ensure(counted == found, || {
                format!("event {} counts {counted:?} that ended, not {found:?}", event.no.0)
            })?;
        }
        Ok(())
    }

    fn check_outbox(&self) -> Result<(), String> {
        let records = self.outbox.records();
        let beside: u64 = records.iter().map(|record| record.room() - 1).sum();
        let counted = self.outbox.beside();
        ensure(beside == counted, || format!("I13: {beside} beside, {counted} counted"))?;
        let pairs = records.iter().zip(records.iter().skip(1));
        for (a, b) in pairs {
            let (last, next) = (a.last(), b.position);
            let follows = if next.log_index == last.log_index {
                next.ordinal == last.ordinal + 1
            } else {
                next.log_index > last.log_index && next.ordinal == 0
            };
            ensure(follows, || format!("I10: {next:?} does not follow {last:?}"))?;
        }
        Ok(())
    }
}

/// Records promised to what lives in an event.
pub(crate) fn promised(event: &Event) -> u64 {
    let offers = event.holds().filter(|hold| hold.offered_for().is_some()).count();
    let open = event.pending_payments.len() + event.pending_refunds.len() + offers;
    event.holds.len() as u64 * HOLD_ROOM
        + open as u64 * payment_room(&event.sale.rules)
        + event.waiting.len() as u64 * WAIT_ROOM
        + event.told.left()
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

pub(crate) fn check_event(event: &Event) -> Result<(), String> {
    check_seats(event)?;
    event.queue.as_ref().map_or(Ok(()), |queue| queue.check())?;
    check_holds(event)?;
    check_orders(event)?;
    money::check(event)?;
    people::check(event)
}

/// I1: a seat has at most one live hold or one owner, and those say so too.
fn check_seats(event: &Event) -> Result<(), String> {
    let parts: Vec<_> = event.seats.parts().collect();
    let rebuilt = SeatTable::from_parts(&event.index, &parts);
    ensure(event.seats == rebuilt, || "counters or bits differ from seats".into())?;
    for (at, (status, holder, version)) in parts.into_iter().enumerate() {
        let seat = SeatIx(at as u32);
        let owned = match status {
            SeatStatus::Free => holder == 0 && !event.removed.contains(&seat),
            SeatStatus::Blocked => holder == 0,
            SeatStatus::Held => event.hold(holder).is_some_and(|h| has(&h.seats, seat)),
            SeatStatus::Sold => {
                event.order(holder).is_some_and(|o| has(&o.seats, seat) && o.paid_at_ms.is_some())
            }
        };
        ensure(owned, || format!("I1: seat {at} is {status:?} of {holder} without right"))?;
        ensure(version <= event.version, || format!("seat {at} is newer than its event"))?;
    }
    let blocked = |seat: &SeatIx| event.seats.status(*seat) == SeatStatus::Blocked;
    ensure(event.removed.iter().all(blocked), || "I1: a removed seat came back".into())
}

fn has(seats: &[crate::PricedSeat], seat: SeatIx) -> bool {
    seats.iter().any(|s| s.seat == seat)
}

fn check_holds(event: &Event) -> Result<(), String> {
    for hold in event.holds() {
        ensure(!hold.seats.is_empty(), || format!("hold {} is empty", hold.no))?;
        ensure(hold.no < event.next_no, || format!("hold {} was never given out", hold.no))?;
        let ended = event.hold_end(hold.no).is_some();
        ensure(!ended, || format!("hold {} is live and ended", hold.no))?;
        for seat in &hold.seats {
            let owns = event.seats.is_held_by(seat.seat, hold.no);
            ensure(owns, || format!("I1: hold {} lost seat {:?}", hold.no, seat.seat))?;
        }
        let wanted = match hold.purpose {
            HoldPurpose::Sale => true,
            HoldPurpose::Waitlist { entry } => {
                event.waitlist.get(&entry).is_some_and(|entry| entry.hold == Some(hold.no))
            }
            HoldPurpose::Offer { .. } => {
                let order = hold.order.and_then(|no| event.order(no));
                order.is_some_and(|order| order.offer == Some(hold.no))
            }
        };
        ensure(wanted, || format!("hold {} is nobody's", hold.no))?;
    }
    Ok(())
}

fn check_orders(event: &Event) -> Result<(), String> {
    for order in event.orders() {
        let live = event.hold(order.hold).is_some_and(|h| h.order == Some(order.no));
        let pending = order.status == OrderStatus::PendingPayment;
        ensure(live == pending, || {
            format!("order {} is pending {pending}, hold {live}", order.no)
        })?;
        let offered = order.offer.is_none_or(|no| event.hold(no).is_some());
        ensure(offered, || format!("order {} is offered what is gone", order.no))?;
        if order.status.owns_seats() {
            ensure(!order.seats.is_empty(), || format!("order {} owns nothing", order.no))?;
            for seat in &order.seats {
                let (status, holder) =
                    (event.seats.status(seat.seat), event.seats.holder(seat.seat));
                let owns = status == SeatStatus::Sold && holder == order.no;
                ensure(owns, || format!("I1: paid order {} lost {:?}", order.no, seat.seat))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
