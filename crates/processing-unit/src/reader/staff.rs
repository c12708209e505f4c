//! Answers to what staff and the notifier ask. Pure.

use inventory::{Event, EventNo, RefundStatus, State};

use super::clock_ms;
use crate::query::{Answer, BesideAnswer, Expiries, RefundCounts, SaleAnswer, Turn};

/// Most turns told at once, whatever is asked for.
const TURNS_MAX: usize = 10_000;

pub(super) fn sale(state: &State, no: EventNo) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    Answer::Sale(Box::new(SaleAnswer {
        event: no,
        sale: event.sale().clone(),
        plan_version: event.plan().version,
        paused: event.is_paused(),
        cancel: event.cancel_progress(),
        seats: event.seats().total(),
        holds: event.holds().count() as u64,
        orders: event.orders().count() as u64,
        waiting: event.waiting_count() as u64,
        refunds: refunds(event),
        version: event.version(),
        at_ms: clock_ms(),
    }))
}

/// When held seats come back. A hold whose end has just passed counts as one of the next moment.
pub(super) fn expiries(state: &State, no: EventNo) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    let (mut expiries, at_ms) = (Expiries::default(), clock_ms());
    for hold in event.holds() {
        let seats = u32::try_from(hold.seats.len()).unwrap_or(u32::MAX);
        expiries.count(seats, hold.expires_at_ms.saturating_sub(at_ms));
    }
    Answer::Expiries(expiries)
}

fn refunds(event: &Event) -> RefundCounts {
    let mut counts = RefundCounts::default();
    for refund in event.refunds() {
        match refund.status {
            RefundStatus::Pending => counts.pending += 1,
            RefundStatus::Succeeded => counts.succeeded += 1,
            RefundStatus::Dead => counts.dead += 1,
        }
    }
    counts
}

pub(super) fn codes(state: &State, no: EventNo) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    Answer::Codes(event.codes().cloned().collect())
}

pub(super) fn beside(state: &State, no: EventNo) -> Answer {
    let Some(event) = state.event(no) else { return Answer::NotFound };
    Answer::Beside(Box::new(BesideAnswer {
        removed: event.removed().collect(),
        limits: event.own_limits().collect(),
        places: event.places().cloned().collect(),
    }))
}

pub(super) fn turns(state: &State, limit: u32) -> Answer {
    let all = state.events().flat_map(|event| event.turns_come().map(move |entry| (event, entry)));
    let turn = |(event, entry): (&Event, &inventory::WaitEntry)| {
        let hold = event.hold(entry.hold?)?.clone();
        let event_id = event.sale().event_id.clone();
        Some(Turn { event: event.no(), event_id, entry: entry.clone(), hold })
    };
    Answer::Turns(all.filter_map(turn).take((limit as usize).min(TURNS_MAX)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_seats_are_told_by_the_minute_of_their_end() {
        let mut expiries = Expiries::default();
        for (seats, left_ms) in
            [(2, 0), (1, 59_999), (4, 60_000), (3, 299_999), (5, 300_000), (6, u64::MAX)]
        {
            expiries.count(seats, left_ms);
        }
        assert_eq!(expiries, Expiries { by_minute: [3, 4, 0, 0, 3], later: 11 });
    }
}
