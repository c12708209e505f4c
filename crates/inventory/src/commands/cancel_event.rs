//! CancelEvent: an event ends for good: no new holds, then holds and unpaid orders end, then paid
//! orders are taken back with all their money (D54). Each command does a bounded part and says
//! whether more is left; what is done is in the state, so whoever goes on begins where it stopped.

use super::take_back::{Terms, WHOLE_BASIS_POINTS, room, take_back};
use super::{Effect, Scope, queue, set_window, waitlist};
use crate::event::{Cancel, HoldEnd, WindowTold};
use crate::{Change, OrderStatus, Outcome, Refusal, ReturnCause, SaleChange, SeatIx};

/// Holds ended and orders looked at by one command.
const STEP_MAX: usize = 1_024;

pub(crate) fn apply(s: &mut Scope<'_>) -> Result<Effect, Refusal> {
    if s.event.cancel.is_none() {
        s.need_room(1)?;
        begin(s);
    }

    let (holds, orders) = step(s);
    let more = s.event.cancel != Some(Cancel::Done);
    Ok(s.effect(Outcome::EventCancelled { holds, orders, more }))
}

fn begin(s: &mut Scope<'_>) {
    s.begin_change();
    set_window::forget_turns(s);
    s.event.told = WindowTold { opened: true, closed: true };
    s.event.cancel = Some(Cancel::Running { orders_done: 0 });
    s.cancelling.insert(s.event.no);
    waitlist::clear(s);
    queue::follow_window(s);
    s.record(Change::SaleChanged(SaleChange::Cancelled));
}

/// The next bounded part; how many holds and orders it ended. Stops early when the outbox has no
/// room for what a refund writes.
pub(super) fn step(s: &mut Scope<'_>) -> (u32, u32) {
    let Some(Cancel::Running { orders_done }) = s.event.cancel else { return (0, 0) };
    let holds: Vec<u64> = s.event.holds.values().map(|hold| hold.no).take(STEP_MAX).collect();
    for hold in &holds {
        s.let_go(*hold, HoldEnd::Withdrawn, OrderStatus::Cancelled);
    }
    let budget = STEP_MAX - holds.len();
    if budget == 0 {
        return (holds.len() as u32, 0);
    }
    let orders: Vec<u64> =
        s.event.orders.after(&orders_done).map(|(no, _)| *no).take(budget).collect();
    let (mut done, mut taken) = (orders_done, 0);
    for order in &orders {
        if !s.has_room(room(&s.event.sale.rules)) {
            break;
        }
        taken += u32::from(take_all(s, *order));
        done = *order;
    }
    let finished = orders.len() < budget && orders.last().is_none_or(|last| *last == done);
    if finished {
        s.cancelling.remove(&s.event.no);
    }
    s.event.cancel =
        Some(if finished { Cancel::Done } else { Cancel::Running { orders_done: done } });
    (holds.len() as u32, taken)
}

/// Takes all seats of an order back, if it owns any.
fn take_all(s: &mut Scope<'_>, no: u64) -> bool {
    let order = &s.event.orders[&no];
    if super::refund_seats::check_owned(order).is_err() {
        return false;
    }
    let seats: Vec<SeatIx> = order.seats.iter().map(|priced| priced.seat).collect();
    s.begin_change();
    let terms = Terms {
        share_basis_points: WHOLE_BASIS_POINTS,
        with_fee: true,
        cause: ReturnCause::EventCancelled,
        block: false,
    };
    take_back(s, no, &seats, terms);
    true
}
