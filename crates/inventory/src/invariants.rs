//! What must hold after every command. Tests and simulation call this after each apply; the
//! cheap parts are asserted in the rules themselves.

use crate::commands::{HOLD_ROOM, PAYMENT_ROOM};
use crate::{
    Event, OrderStatus, PaymentStatus, RefundStatus, SeatIx, SeatStatus, SeatTable, SettledAs,
    State,
};

impl State {
    /// Checks every invariant of the state; names the first that is broken.
    pub fn check_invariants(&self) -> Result<(), String> {
        for event in self.events.values() {
            check_event(event).map_err(|e| format!("event {}: {e}", event.no.0))?;
        }
        self.check_timers()?;
        self.check_room()?;
        self.check_outbox()?;
        ensure(self.keys.in_step(), || "I8: keys and their order differ".into())
    }

    fn check_timers(&self) -> Result<(), String> {
        let holds = self.events.values().flat_map(|event| {
            event.holds.values().map(|hold| (hold.expires_at_ms, event.no, hold.no))
        });
        let expected: std::collections::BTreeSet<_> = holds.collect();
        ensure(self.deadlines == expected, || "I9: deadlines differ from live holds".into())
    }

    fn check_room(&self) -> Result<(), String> {
        let events = self.events.values();
        let promised = events.map(|e| {
            let open = e.pending_payments.len() + e.pending_refunds.len();
            e.holds.len() as u64 * HOLD_ROOM + open as u64 * PAYMENT_ROOM
        });
        let (promised, reserved) = (promised.sum::<u64>(), self.outbox.reserved());
        ensure(promised == reserved, || format!("I12: {promised} promised, {reserved} reserved"))
    }

    fn check_outbox(&self) -> Result<(), String> {
        let records = self.outbox.records();
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

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

fn check_event(event: &Event) -> Result<(), String> {
    check_seats(event)?;
    check_holds(event)?;
    check_orders(event)?;
    check_money(event)
}

/// I1: a seat has at most one live hold or one owner, and those say so too.
fn check_seats(event: &Event) -> Result<(), String> {
    let parts: Vec<_> = event.seats.parts().collect();
    let rebuilt = SeatTable::from_parts(&event.index, &parts);
    ensure(event.seats == rebuilt, || "counters or bits differ from seats".into())?;
    for (at, (status, holder, version)) in parts.into_iter().enumerate() {
        let seat = SeatIx(at as u32);
        let owned = match status {
            SeatStatus::Free | SeatStatus::Blocked => holder == 0,
            SeatStatus::Held => event.hold(holder).is_some_and(|h| has(&h.seats, seat)),
            SeatStatus::Sold => {
                event.order(holder).is_some_and(|o| has(&o.seats, seat) && o.paid_at_ms.is_some())
            }
        };
        ensure(owned, || format!("I1: seat {at} is {status:?} of {holder} without right"))?;
        ensure(version <= event.version, || format!("seat {at} is newer than its event"))?;
    }
    Ok(())
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
            let (status, holder) = (event.seats.status(seat.seat), event.seats.holder(seat.seat));
            let owns = status == SeatStatus::Held && holder == hold.no;
            ensure(owns, || format!("I1: hold {} lost seat {:?}", hold.no, seat.seat))?;
        }
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
        if order.status == OrderStatus::Paid {
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

/// I18: captured money is exactly one of: seats owned by the payer, or a refund.
fn check_money(event: &Event) -> Result<(), String> {
    for payment in event.payments() {
        let refunds = event.refunds().filter(|r| r.payment == payment.no);
        let back: Vec<_> = refunds.collect();
        let order =
            event.order(payment.order).ok_or_else(|| format!("p{} has no order", payment.no))?;
        let right = match (payment.status, payment.settled_as) {
            (PaymentStatus::Pending | PaymentStatus::Canceled, None) => back.is_empty(),
            (PaymentStatus::Succeeded, Some(SettledAs::Confirmed | SettledAs::Retaken)) => {
                back.is_empty() && order.status == OrderStatus::Paid
            }
            (PaymentStatus::Succeeded, Some(SettledAs::Refunded)) => {
                back.len() == 1 && Some(back[0].amount_minor) == payment.captured_minor
            }
            (PaymentStatus::Pending | PaymentStatus::Canceled, Some(_))
            | (PaymentStatus::Succeeded, None) => false,
        };
        ensure(right, || format!("I18: payment {} ended as {:?}", payment.no, payment.settled_as))?;
        let open = payment.status == PaymentStatus::Pending;
        let listed = event.pending_payments.contains(&payment.no);
        ensure(open == listed, || {
            format!("payment {} pending {open}, listed {listed}", payment.no)
        })?;
    }
    for refund in event.refunds() {
        let known = event.payment(refund.payment).is_some() && event.order(refund.order).is_some();
        ensure(known, || format!("I18: refund {} has no payment or order", refund.no))?;
        let open = refund.status == RefundStatus::Pending;
        let listed = event.pending_refunds.contains(&refund.no);
        ensure(open == listed, || format!("refund {} pending {open}, listed {listed}", refund.no))?;
    }
    Ok(())
}
