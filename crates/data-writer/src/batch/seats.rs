//! Seats and sales: what becomes `grid.event` and `grid.seat`.

use std::sync::Arc;

use inventory::{Change, LedgerRecord, PricedSeat, SeatIx};

use super::kept::hold_detail;
use super::{Batch, MapError};
use crate::EventTerms;
use crate::rows::{EventRow, SeatRow, SeatState};

impl Batch {
    /// The event and every seat of its plan, free.
    pub(super) fn open_sale(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        plan_version: u32,
    ) {
        self.put_event(record, terms, plan_version);
        for at in 0..terms.seat_count() {
            let seat = SeatIx(at as u32);
            let price_minor = terms.seat(seat).map_or(0, |words| words.price_minor);
            self.put_seat(record, terms, (PricedSeat { seat, price_minor }, SeatState::Free));
        }
    }

    /// The event with its terms as they are known now.
    pub(super) fn put_event(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        plan_version: u32,
    ) {
        let (version, at_ms) = (record.version, record.at_ms);
        let row = EventRow { terms: Arc::clone(terms), plan_version, version, at_ms };
        self.events.insert(record.event, row);
    }

    /// The seats that a change names, in the state it gives them.
    pub(super) fn change_seats(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
    ) -> Result<(), MapError> {
        let Some((seats, state)) = seats_of(&record.change) else {
            return Ok(());
        };
        check_seats(record, terms, seats)?;
        let detail = hold_detail(record);
        for priced in seats {
            self.put_seat(record, terms, (*priced, state));
            if let Some(row) = self.seats.get_mut(&(record.event, priced.seat)) {
                row.hold_detail.clone_from(&detail);
            }
        }
        Ok(())
    }

    fn put_seat(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        seat: (PricedSeat, SeatState),
    ) {
        let (PricedSeat { seat, price_minor }, state) = seat;
        let row = SeatRow {
            terms: Arc::clone(terms),
            seat,
            state,
            price_minor,
            hold_detail: None,
            version: record.version,
            at_ms: record.at_ms,
        };
        self.seats.insert((record.event, seat), row);
    }
}

fn seats_of(change: &Change) -> Option<(&[PricedSeat], SeatState)> {
    match change {
        Change::HoldGranted { hold, expires_at_ms, seats } => {
            Some((seats, SeatState::Held { hold: *hold, until_ms: *expires_at_ms }))
        }
        Change::HoldExtended { hold, expires_at_ms, seats, .. } => {
            Some((seats, SeatState::Held { hold: *hold, until_ms: *expires_at_ms }))
        }
        Change::HoldReleased { seats, .. }
        | Change::HoldExpired { seats, .. }
        | Change::HoldWithdrawn { seats, .. }
        | Change::SeatsUnblocked { seats }
        | Change::SeatsAdded { seats }
        | Change::SeatsReturned { seats, blocked: false, .. } => Some((seats, SeatState::Free)),
        Change::SeatsBlocked { seats }
        | Change::SeatsRemoved { seats }
        | Change::SeatsReturned { seats, blocked: true, .. } => Some((seats, SeatState::Blocked)),
        Change::SeatsSold { order, seats } => Some((seats, SeatState::Sold { order: *order })),
        Change::SaleOpened { .. }
        | Change::OrderPlaced { .. }
        | Change::OrderChanged { .. }
        | Change::PaymentStarted { .. }
        | Change::PaymentRecorded { .. }
        | Change::PaymentSettled { .. }
        | Change::RefundChanged { .. }
        | Change::SaleChanged(_)
        | Change::PlanReplaced { .. }
        | Change::WaitlistChanged { .. } => None,
    }
}

/// Every seat is in the plan.
pub(super) fn check_seats(
    record: &LedgerRecord,
    terms: &EventTerms,
    seats: &[PricedSeat],
) -> Result<(), MapError> {
    match seats.iter().find(|priced| priced.seat.at() >= terms.seat_count()) {
        None => Ok(()),
        Some(priced) => Err(MapError::SeatUnknown { event: record.event, seat: priced.seat }),
    }
}
