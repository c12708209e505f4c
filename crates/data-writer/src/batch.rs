//! One transaction's worth of rows, made from records of the feed. Pure: no clock, no database.
//!
//! Rows that are overwritten (seats, orders, payments, refunds) are coalesced to their last state
//! within the batch; the ledger never is. Applying batches of any size one after another leaves
//! the same rows as one batch of all.

mod kept;
mod money;
mod orders;
mod seats;

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::{
    Change, EventNo, FeedPosition, LedgerRecord, OrderId, PaymentId, RefundId, SeatIx,
};

use crate::EventTerms;
use crate::kept::{Kept, KeptKind};
use crate::ledger::ledger_rows;
use crate::rows::{
    EventRow, LedgerRow, OrderChange, OrderRow, OrderSeatRow, PaymentChange, PaymentRow, RefundRow,
    SeatRow,
};
use crate::terms::TermsByEvent;
pub(crate) use kept::encoded;

/// Why records are not rows. Permanent: the same records never will be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The event's terms were not given.
    #[error("event {} is not known", .0.0)]
    EventUnknown(EventNo),
    /// A seat's index is outside its event's plan.
    #[error("event {} has no seat {}", .event.0, .seat.0)]
    SeatUnknown {
        /// The event.
        event: EventNo,
        /// The index.
        seat: SeatIx,
    },
}

/// Rows by table, keyed so that the order of rows is always the same: transactions that touch the
/// same rows cannot deadlock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Sales opened.
    pub events: BTreeMap<EventNo, EventRow>,
    /// Last states of seats.
    pub seats: BTreeMap<(EventNo, SeatIx), SeatRow>,
    /// Orders placed in this batch, as they stand at its end.
    pub orders: BTreeMap<OrderId, OrderRow>,
    /// Last changes of orders placed earlier.
    pub order_changes: BTreeMap<OrderId, OrderChange>,
    /// Seats of orders, where this batch knows them.
    pub order_seats: BTreeMap<(OrderId, SeatIx), OrderSeatRow>,
    /// Orders that let their seats go, with the version; applied before `order_seats`.
    pub released: BTreeMap<OrderId, u64>,
    /// Payments started in this batch, as they stand at its end.
    pub payments: BTreeMap<PaymentId, PaymentRow>,
    /// Changes of payments started earlier.
    pub payment_changes: BTreeMap<PaymentId, PaymentChange>,
    /// Last states of refunds.
    pub refunds: BTreeMap<RefundId, RefundRow>,
    /// What recovery needs beside the rows.
    pub kept: BTreeMap<(EventNo, KeptKind, String), Kept>,
    /// One row a change or seat, in log order.
    pub ledger: Vec<LedgerRow>,
}

impl Batch {
    /// Maps records, in log order. `terms` must know every event that they name.
    ///
    /// # Errors
    /// When a record names an event or a seat that does not exist.
    pub fn of(records: &[LedgerRecord], terms: &TermsByEvent) -> Result<Self, MapError> {
        let mut batch = Self::default();
        for record in records {
            let terms = terms.get(&record.event).ok_or(MapError::EventUnknown(record.event))?;
            batch.add(record, terms)?;
            batch.keep(record, terms);
            batch.ledger.extend(ledger_rows(record, terms));
        }
        Ok(batch)
    }

    fn add(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>) -> Result<(), MapError> {
        match &record.change {
            Change::SaleOpened { plan_version } => {
                self.open_sale(record, terms, *plan_version);
                Ok(())
            }
            Change::HoldGranted { .. }
            | Change::HoldReleased { .. }
            | Change::HoldExpired { .. }
            | Change::HoldWithdrawn { .. }
            | Change::SeatsBlocked { .. }
            | Change::SeatsUnblocked { .. }
            | Change::SeatsRemoved { .. }
            | Change::SeatsAdded { .. } => self.change_seats(record, terms),
            Change::HoldExtended { .. } => {
                self.change_seats(record, terms)?;
                self.change_order(record, terms)
            }
            Change::SeatsReturned { order, seats, .. } => {
                self.change_seats(record, terms)?;
                let order = OrderId { event: record.event, no: *order };
                self.put_order_seats(record, terms, (order, seats, "released"));
                Ok(())
            }
            Change::PlanReplaced { plan_version } => {
                self.put_event(record, terms, *plan_version);
                Ok(())
            }
            // Evidence only: no table tells of them.
            Change::SaleChanged(_) | Change::WaitlistChanged { .. } => Ok(()),
            Change::SeatsSold { order, seats } => {
                self.change_seats(record, terms)?;
                let order = OrderId { event: record.event, no: *order };
                self.put_order_seats(record, terms, (order, seats, "sold"));
                Ok(())
            }
            Change::OrderPlaced { .. } | Change::OrderChanged { .. } => {
                self.change_order(record, terms)
            }
            Change::PaymentStarted { .. }
            | Change::PaymentRecorded { .. }
            | Change::PaymentSettled { .. } => {
                self.change_payment(record, terms);
                Ok(())
            }
            Change::RefundChanged { .. } => {
                self.change_refund(record, terms);
                Ok(())
            }
        }
    }

    /// Place of the last row; `None` for an empty batch.
    pub fn last(&self) -> Option<FeedPosition> {
        self.ledger.last().map(|row| row.position)
    }

    /// How many rows go to the database.
    pub fn row_count(&self) -> usize {
        self.events.len()
            + self.seats.len()
            + self.orders.len()
            + self.order_changes.len()
            + self.order_seats.len()
            + self.payments.len()
            + self.payment_changes.len()
            + self.refunds.len()
            + self.ledger.len()
    }
}
