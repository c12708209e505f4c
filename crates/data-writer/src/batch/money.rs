//! Payments and refunds: what becomes `grid.payment` and `grid.refund`.

use std::sync::Arc;

use inventory::{Change, LedgerRecord, PaymentId, PaymentStatus, RefundId};

use super::Batch;
use crate::EventTerms;
use crate::rows::{PaymentChange, PaymentEnd, PaymentRow, RefundRow};

impl Batch {
    pub(super) fn change_payment(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>) {
        match &record.change {
            Change::PaymentStarted { payment, order, provider, method, amount_minor } => {
                let payment = PaymentId { event: record.event, no: *payment };
                let row = PaymentRow {
                    payment,
                    terms: Arc::clone(terms),
                    order: *order,
                    provider: provider.clone(),
                    method: method.clone(),
                    amount_minor: *amount_minor,
                    started_at_ms: record.at_ms,
                    change: PaymentChange::default(),
                };
                self.payments.insert(payment, row);
                self.payment(record, payment.no);
            }
            Change::PaymentRecorded { payment, provider_ref, .. } => {
                self.payment(record, *payment).provider_ref = Some(provider_ref.clone());
            }
            // Other seats are offered for the money: it becomes something when that is answered.
            Change::PaymentSettled {
                payment,
                status: PaymentStatus::Succeeded,
                settled_as: None,
                ..
            } => {
                self.payment(record, *payment);
            }
            Change::PaymentSettled { payment, status, settled_as, amount_minor, .. } => {
                let captured = *status == PaymentStatus::Succeeded;
                self.payment(record, *payment).end = Some(PaymentEnd {
                    status: status.as_str(),
                    settled_as: settled_as.map(|became| became.as_str()),
                    captured_minor: captured.then_some(*amount_minor),
                    at_ms: record.at_ms,
                });
            }
            Change::SaleOpened { .. }
            | Change::HoldGranted { .. }
            | Change::HoldReleased { .. }
            | Change::HoldExpired { .. }
            | Change::OrderPlaced { .. }
            | Change::OrderChanged { .. }
            | Change::SeatsSold { .. }
            | Change::RefundChanged { .. }
            | Change::SaleChanged(_)
            | Change::HoldExtended { .. }
            | Change::HoldWithdrawn { .. }
            | Change::SeatsBlocked { .. }
            | Change::SeatsUnblocked { .. }
            | Change::SeatsRemoved { .. }
            | Change::SeatsAdded { .. }
            | Change::SeatsReturned { .. }
            | Change::PlanReplaced { .. }
            | Change::WaitlistChanged { .. } => {}
        }
    }

    /// The part that changes of a payment, wherever it is known, touched by this record.
    fn payment(&mut self, record: &LedgerRecord, no: u64) -> &mut PaymentChange {
        let payment = PaymentId { event: record.event, no };
        let change = match self.payments.get_mut(&payment) {
            Some(row) => &mut row.change,
            None => self.payment_changes.entry(payment).or_default(),
        };
        (change.version, change.at_ms) = (record.version, record.at_ms);
        change
    }

    pub(super) fn change_refund(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>) {
        let Change::RefundChanged { refund, payment, order, amount_minor, status, attempts, error } =
            &record.change
        else {
            return;
        };
        let refund = RefundId { event: record.event, no: *refund };
        let created_at_ms = self.refunds.get(&refund).map_or(record.at_ms, |r| r.created_at_ms);
        let row = RefundRow {
            refund,
            terms: Arc::clone(terms),
            payment: *payment,
            order: *order,
            amount_minor: *amount_minor,
            status: status.as_str(),
            attempts: *attempts,
            last_error: error.clone(),
            created_at_ms,
            version: record.version,
            at_ms: record.at_ms,
        };
        self.refunds.insert(refund, row);
    }
}
