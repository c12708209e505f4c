//! Orders and their seats: what becomes `grid.sale_order` and `grid.order_seat`.

use std::sync::Arc;

use inventory::{Change, Detail, LedgerRecord, OrderId, OrderStatus, PricedSeat, codec};

use super::seats::check_seats;
use super::{Batch, MapError};
use crate::EventTerms;
use crate::rows::{OrderChange, OrderRow, OrderSeatRow};

impl Batch {
    pub(super) fn change_order(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
    ) -> Result<(), MapError> {
        match &record.change {
            Change::OrderPlaced { order, seats, .. } => {
                check_seats(record, terms, seats)?;
                let order = OrderId { event: record.event, no: *order };
                self.place_order(record, terms, order);
                self.put_order_seats(record, terms, (order, seats, "held"));
            }
            Change::OrderChanged { order, status } => {
                let order = OrderId { event: record.event, no: *order };
                self.move_order(record, order, *status);
            }
            Change::HoldExtended { order: Some(order), expires_at_ms, .. } => {
                let order = OrderId { event: record.event, no: *order };
                self.extend_order(record, order, *expires_at_ms);
            }
            Change::HoldExtended { order: None, .. }
            | Change::SaleOpened { .. }
            | Change::HoldGranted { .. }
            | Change::HoldReleased { .. }
            | Change::HoldExpired { .. }
            | Change::PaymentStarted { .. }
            | Change::PaymentRecorded { .. }
            | Change::PaymentSettled { .. }
            | Change::SeatsSold { .. }
            | Change::RefundChanged { .. }
            | Change::SaleChanged(_)
            | Change::HoldWithdrawn { .. }
            | Change::SeatsBlocked { .. }
            | Change::SeatsUnblocked { .. }
            | Change::SeatsRemoved { .. }
            | Change::SeatsAdded { .. }
            | Change::SeatsReturned { .. }
            | Change::PlanReplaced { .. }
            | Change::WaitlistChanged { .. } => {}
        }
        Ok(())
    }

    fn place_order(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>, order: OrderId) {
        let Change::OrderPlaced { hold, total_minor, expires_at_ms, contact, buyer, .. } =
            &record.change
        else {
            return;
        };
        let row = OrderRow {
            order,
            terms: Arc::clone(terms),
            hold: *hold,
            buyer: *buyer,
            contact: contact.clone(),
            detail: match record.detail.as_deref() {
                Some(Detail::Order(terms)) => Some(codec::encode(terms)),
                _ => None,
            },
            total_minor: *total_minor,
            created_at_ms: record.at_ms,
            expires_at_ms: *expires_at_ms,
            standing: OrderChange {
                status: OrderStatus::PendingPayment,
                paid_at_ms: None,
                expires_at_ms: None,
                version: record.version,
                at_ms: record.at_ms,
            },
        };
        self.orders.insert(order, row);
    }

    /// Only an order that waits for its money is given more time.
    fn extend_order(&mut self, record: &LedgerRecord, order: OrderId, expires_at_ms: u64) {
        self.move_order(record, order, OrderStatus::PendingPayment);
        if let Some(row) = self.orders.get_mut(&order) {
            row.expires_at_ms = expires_at_ms;
        } else if let Some(change) = self.order_changes.get_mut(&order) {
            change.expires_at_ms = Some(expires_at_ms);
        }
    }

    fn move_order(&mut self, record: &LedgerRecord, order: OrderId, status: OrderStatus) {
        let known = self.orders.get_mut(&order).map(|row| &mut row.standing);
        let earlier = known.as_ref().map(|standing| standing.paid_at_ms);
        let earlier = earlier.or_else(|| Some(self.order_changes.get(&order)?.paid_at_ms));
        let paid_now = (status == OrderStatus::Paid).then_some(record.at_ms);
        let standing = OrderChange {
            status,
            paid_at_ms: paid_now.or(earlier.flatten()),
            expires_at_ms: self.order_changes.get(&order).and_then(|known| known.expires_at_ms),
            version: record.version,
            at_ms: record.at_ms,
        };
        match known {
            Some(known) => *known = standing,
            None => {
                self.order_changes.insert(order, standing);
            }
        }
        if matches!(status, OrderStatus::Cancelled | OrderStatus::Expired) {
            self.release_order(order, record.version);
        }
    }

    /// Which seats the order had is in the tables, or in this batch.
    fn release_order(&mut self, order: OrderId, version: u64) {
        self.released.insert(order, version);
        let first = inventory::SeatIx(0);
        let last = inventory::SeatIx(u32::MAX);
        for (_, row) in self.order_seats.range_mut((order, first)..=(order, last)) {
            (row.status, row.version) = ("released", version);
        }
    }

    pub(super) fn put_order_seats(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        seats: (OrderId, &[PricedSeat], &'static str),
    ) {
        let (order, seats, status) = seats;
        for priced in seats {
            let row = OrderSeatRow {
                terms: Arc::clone(terms),
                price_minor: priced.price_minor,
                status,
                version: record.version,
            };
            self.order_seats.insert((order, priced.seat), row);
        }
    }
}
