//! Parked records and what people do with them: list, show, retry once the cause is gone, discard with
//! a reason. Each decision is a row of the ledger.
//!
//! A record that is retried is old by then: its things may have changed since, and those changes found
//! no row to change. So the record is written together with what the grid says of its things now, which
//! makes the tables right whatever was missed.

use std::sync::Arc;

use inventory::{
    Change, LedgerRecord, Order, OrderId, Payment, PaymentId, PaymentStatus, Refund, RefundId,
    SeatIx, SeatStatus, codec,
};
use processing_unit::{CheckedEvent, GridError};
use serde::Serialize;

use crate::attempts::{Decision, Verdict};
use crate::batch::{Batch, MapError};
use crate::rows::{
    OrderChange, OrderRow, OrderSeatRow, PaymentChange, PaymentEnd, PaymentRow, RefundRow, SeatRow,
    SeatState,
};
use crate::sink::{Checkpoint, Parked, Sink, WriteError};
use crate::terms::TermsByEvent;
use crate::{EventTerms, FeedSource};

/// A parked record as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct QuarantineEntry {
    pub(crate) id: i64,
    pub(crate) shard: u32,
    pub(crate) log_index: u64,
    pub(crate) ordinal: u32,
    pub(crate) sqlstate: String,
    pub(crate) error: String,
    pub(crate) parked_at_ms: u64,
    /// `retried` or `discarded`, when a person has decided.
    pub(crate) resolution: Option<String>,
    pub(crate) resolved_by: Option<String>,
    pub(crate) reason: Option<String>,
    /// The record; only when one is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<serde_json::Value>,
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CarryError {
    #[error("there is no open record {0} in quarantine")]
    NotFound(i64),
    #[error("the parked record cannot be read")]
    Unreadable,
    #[error("the grid does not tell what has become of it: {0}")]
    Grid(#[from] GridError),
    #[error("it still is no row: {0}")]
    Map(#[from] MapError),
    #[error("the database still does not take it: {0}")]
    Write(#[from] WriteError),
}

/// Carries out a decision in one transaction that extends the chain of attempts from `at`.
pub(crate) async fn carry_out<S: FeedSource>(
    source: &S,
    sink: &Sink,
    at: &Checkpoint,
    decision: &Decision,
) -> Result<Checkpoint, CarryError> {
    let parked = sink.parked(decision.id).await?.ok_or(CarryError::NotFound(decision.id))?;
    let batch = match decision.verdict {
        Verdict::Retry => as_of_now(source, &parked).await?,
        Verdict::Discard(_) => Batch::default(),
    };
    Ok(sink.resolve(at, decision, &parked, &batch).await?)
}

/// The parked record's rows, and its things as they are in the grid now.
async fn as_of_now<S: FeedSource>(source: &S, parked: &Parked) -> Result<Batch, CarryError> {
    let record: LedgerRecord =
        codec::decode(&parked.encoded).map_err(|_| CarryError::Unreadable)?;
    let terms = Arc::new(EventTerms::new(&source.plan(record.event).await?));
    let known = TermsByEvent::from([(record.event, Arc::clone(&terms))]);
    let mut batch = Batch::of(std::slice::from_ref(&record), &known)?;
    batch.ledger.clear();
    let now = source.check(record.event).await?;
    Now { checked: &now, terms }.put(&record.change, &mut batch);
    Ok(batch)
}

/// One event as the grid has it.
struct Now<'a> {
    checked: &'a CheckedEvent,
    terms: Arc<EventTerms>,
}

impl Now<'_> {
    /// Everything that the change names.
    fn put(&self, change: &Change, batch: &mut Batch) {
        let seats: Vec<SeatIx> = batch.seats.keys().map(|(_, seat)| *seat).collect();
        for seat in seats {
            self.put_seat(seat, batch);
        }
        let (order, payment, refund) = named(change);
        if let Some(order) = self.checked.orders.iter().find(|o| Some(o.no) == order) {
            self.put_order(order, batch);
        }
        if let Some(payment) = self.checked.payments.iter().find(|p| Some(p.no) == payment) {
            self.put_payment(payment, batch);
        }
        if let Some(refund) = self.checked.refunds.iter().find(|r| Some(r.no) == refund) {
            self.put_refund(refund, batch);
        }
    }

    fn put_seat(&self, seat: SeatIx, batch: &mut Batch) {
        let Some(now) = self.checked.seats.get(seat.at()) else { return };
        let until_ms = |hold: u64| {
            let order = self.checked.orders.iter().find(|order| order.hold == hold);
            order.map_or(0, |order| order.expires_at_ms)
        };
        let state = match (now.status, now.hold, now.order) {
            (SeatStatus::Held, Some(hold), _) => {
                // The deadline of a hold without an order is only in the record itself.
                let known = batch.seats.get(&(self.checked.event, seat)).map(|row| row.state);
                match known {
                    Some(known @ SeatState::Held { hold: same, .. }) if same == hold => known,
                    _ => SeatState::Held { hold, until_ms: until_ms(hold) },
                }
            }
            (SeatStatus::Sold, _, Some(order)) => SeatState::Sold { order },
            (SeatStatus::Free, ..) => SeatState::Free,
            (SeatStatus::Blocked, ..) => SeatState::Blocked,
            // Other states have rows of their own; the record's own state stands.
            _ => return,
        };
        if let Some(row) = batch.seats.get_mut(&(self.checked.event, seat)) {
            *row = SeatRow { state, version: now.version, ..row.clone() };
        }
    }

    fn put_order(&self, order: &Order, batch: &mut Batch) {
        let id = OrderId { event: self.checked.event, no: order.no };
        batch.order_changes.remove(&id);
        batch.released.remove(&id);
        let row = OrderRow {
            order: id,
            terms: Arc::clone(&self.terms),
            hold: order.hold,
            buyer: order.buyer,
            contact: order.contact.clone(),
            total_minor: order.total_minor,
            created_at_ms: order.created_at_ms,
            expires_at_ms: order.expires_at_ms,
            standing: OrderChange {
                status: order.status,
                paid_at_ms: order.paid_at_ms,
                expires_at_ms: None,
                version: order.version,
                at_ms: order.paid_at_ms.unwrap_or(order.created_at_ms),
            },
        };
        batch.orders.insert(id, row);
        for priced in &order.seats {
            let row = OrderSeatRow {
                terms: Arc::clone(&self.terms),
                price_minor: priced.price_minor,
                status: crate::reconcile::seat_status_of(order.status),
                version: order.version,
            };
            batch.order_seats.insert((id, priced.seat), row);
        }
        for priced in &order.left {
            let row = OrderSeatRow {
                terms: Arc::clone(&self.terms),
                price_minor: priced.price_minor,
                status: "released",
                version: order.version,
            };
            batch.order_seats.insert((id, priced.seat), row);
        }
    }

    fn put_payment(&self, payment: &Payment, batch: &mut Batch) {
        let id = PaymentId { event: self.checked.event, no: payment.no };
        batch.payment_changes.remove(&id);
        // While other seats are offered for its money, a payment has not ended in the tables.
        let ended = match (payment.status, payment.settled_as) {
            (PaymentStatus::Pending, _) | (PaymentStatus::Succeeded, None) => None,
            (PaymentStatus::Succeeded | PaymentStatus::Canceled, _) => payment.settled_at_ms,
        };
        let row = PaymentRow {
            payment: id,
            terms: Arc::clone(&self.terms),
            order: payment.order,
            provider: payment.provider.clone(),
            method: payment.method.clone(),
            amount_minor: payment.amount_minor,
            started_at_ms: payment.started_at_ms,
            change: PaymentChange {
                provider_ref: payment.provider_ref.clone(),
                end: ended.map(|at_ms| PaymentEnd {
                    status: payment.status.as_str(),
                    settled_as: payment.settled_as.map(|became| became.as_str()),
                    captured_minor: payment.captured_minor,
                    at_ms,
                }),
                version: payment.version,
                at_ms: payment.settled_at_ms.unwrap_or(payment.started_at_ms),
            },
        };
        batch.payments.insert(id, row);
    }

    fn put_refund(&self, refund: &Refund, batch: &mut Batch) {
        let id = RefundId { event: self.checked.event, no: refund.no };
        let row = RefundRow {
            refund: id,
            terms: Arc::clone(&self.terms),
            payment: refund.payment,
            order: refund.order,
            amount_minor: refund.amount_minor,
            status: refund.status.as_str(),
            attempts: refund.attempts,
            last_error: refund.last_error.clone(),
            created_at_ms: refund.created_at_ms,
            version: refund.version,
            at_ms: refund.created_at_ms,
        };
        batch.refunds.insert(id, row);
    }
}

/// The order, payment and refund that a change names.
fn named(change: &Change) -> (Option<u64>, Option<u64>, Option<u64>) {
    match change {
        Change::OrderPlaced { order, .. }
        | Change::OrderChanged { order, .. }
        | Change::SeatsReturned { order, .. }
        | Change::HoldExtended { order: Some(order), .. }
        | Change::SeatsSold { order, .. } => (Some(*order), None, None),
        Change::PaymentStarted { payment, order, .. }
        | Change::PaymentRecorded { payment, order, .. }
        | Change::PaymentSettled { payment, order, .. } => (Some(*order), Some(*payment), None),
        Change::RefundChanged { refund, payment, order, .. } => {
            (Some(*order), Some(*payment), Some(*refund))
        }
        Change::SaleOpened { .. }
        | Change::HoldGranted { .. }
        | Change::HoldReleased { .. }
        | Change::HoldExpired { .. }
        | Change::HoldExtended { order: None, .. }
        | Change::HoldWithdrawn { .. }
        | Change::SaleChanged(_)
        | Change::SeatsBlocked { .. }
        | Change::SeatsUnblocked { .. }
        | Change::SeatsRemoved { .. }
        | Change::SeatsAdded { .. }
        | Change::PlanReplaced { .. }
        | Change::WaitlistChanged { .. } => (None, None, None),
    }
}
