//! An event as the grid has it now, as rows: for what the feed no longer tells. Pure.

use std::sync::Arc;

use inventory::{
    HoldDetail, Order, OrderId, Payment, PaymentId, PaymentStatus, Refund, RefundId, SeatIx,
    SeatStatus, codec,
};
use processing_unit::CheckedEvent;

use crate::EventTerms;
use crate::batch::{Batch, encoded};
use crate::rows::{
    EventRow, OrderChange, OrderRow, OrderSeatRow, PaymentChange, PaymentEnd, PaymentRow,
    RefundRow, SeatRow, SeatState,
};

/// One event as the grid has it.
pub(crate) struct Now<'a> {
    pub(crate) checked: &'a CheckedEvent,
    pub(crate) terms: Arc<EventTerms>,
    /// The deadline of a hold without an order, which the grid does not tell, at the latest.
    pub(crate) held_until_ms: u64,
}

impl Now<'_> {
    /// Every row of the event, as of `at_ms`.
    pub(crate) fn put_all(&self, at_ms: u64, batch: &mut Batch) {
        let (event, version) = (self.checked.event, self.checked.version);
        let (terms, plan_version) = (Arc::clone(&self.terms), self.terms.plan_version());
        batch.events.insert(event, EventRow { terms, plan_version, version, at_ms });
        for (at, now) in self.checked.seats.iter().enumerate() {
            let seat = SeatIx(at as u32);
            let row = SeatRow {
                terms: Arc::clone(&self.terms),
                seat,
                state: SeatState::Free,
                price_minor: self.terms.seat(seat).map_or(0, |words| words.price_minor),
                hold_detail: None,
                version: now.version,
                at_ms,
            };
            batch.seats.insert((event, seat), row);
            self.put_seat(seat, batch);
        }
        for order in &self.checked.orders {
            self.put_order(order, batch);
            self.put_prices(order, batch);
        }
        for payment in &self.checked.payments {
            self.put_payment(payment, batch);
        }
        for refund in &self.checked.refunds {
            self.put_refund(refund, batch);
        }
    }

    /// Prices are frozen for what an order waits for or owns.
    fn put_prices(&self, order: &Order, batch: &mut Batch) {
        for priced in &order.seats {
            let Some(row) = batch.seats.get_mut(&(self.checked.event, priced.seat)) else {
                continue;
            };
            let has = match row.state {
                SeatState::Held { hold, .. } => hold == order.hold,
                SeatState::Sold { order: owner } => owner == order.no,
                SeatState::Free | SeatState::Blocked => false,
            };
            if has {
                row.price_minor = priced.price_minor;
            }
        }
    }

    pub(crate) fn put_seat(&self, seat: SeatIx, batch: &mut Batch) {
        let Some(now) = self.checked.seats.get(seat.at()) else { return };
        let until_ms = |no: u64| {
            let hold = self.checked.holds.iter().find(|hold| hold.no == no);
            hold.map_or(self.held_until_ms, |hold| hold.expires_at_ms)
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
            let hold = now.hold.and_then(|no| self.checked.holds.iter().find(|h| h.no == no));
            let hold_detail = hold.map(|hold| encoded(&HoldDetail::from(hold)));
            *row = SeatRow { state, hold_detail, version: now.version, ..row.clone() };
        }
    }

    pub(crate) fn put_order(&self, order: &Order, batch: &mut Batch) {
        let id = OrderId { event: self.checked.event, no: order.no };
        batch.order_changes.remove(&id);
        batch.released.remove(&id);
        let row = OrderRow {
            order: id,
            terms: Arc::clone(&self.terms),
            hold: order.hold,
            buyer: order.buyer,
            contact: order.contact.clone(),
            detail: Some(codec::encode(&order.terms)),
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

    pub(crate) fn put_payment(&self, payment: &Payment, batch: &mut Batch) {
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

    pub(crate) fn put_refund(&self, refund: &Refund, batch: &mut Batch) {
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
