//! What recovery needs of a record and no other table tells: what becomes `grid.recovery`, and the
//! details of holds and orders. Pure.

use std::sync::Arc;

use inventory::{
    Change, Detail, HoldDetail, LedgerRecord, PaymentId, RefundId, SaleChange, WaitChange, codec,
};

use super::Batch;
use crate::EventTerms;
use crate::kept::{Kept, KeptKind, Place, Window};

impl Batch {
    /// The details that a record has.
    pub(super) fn keep(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>) {
        match &record.change {
            Change::SaleOpened { .. } => {
                if let Some(Detail::Sale(sale)) = record.detail.as_deref() {
                    self.put_kept(
                        record,
                        terms,
                        (KeptKind::Sale, String::new()),
                        Some(codec::encode(sale)),
                    );
                }
                self.keep_plan(record, terms);
            }
            Change::PlanReplaced { .. } => self.keep_plan(record, terms),
            Change::SaleChanged(change) => self.keep_sale(record, terms, *change),
            Change::SeatsRemoved { seats } => {
                for priced in seats {
                    let key = (KeptKind::Removed, priced.seat.0.to_string());
                    self.put_kept(record, terms, key, Some(Vec::new()));
                }
            }
            Change::WaitlistChanged { entry, change } => {
                self.keep_place(record, terms, (*entry, change));
            }
            Change::PaymentRecorded { payment, .. } => {
                if let Some(Detail::PaymentPage(page)) = record.detail.as_deref() {
                    let id = PaymentId { event: record.event, no: *payment };
                    let key = (KeptKind::PaymentPage, id.to_string());
                    self.put_kept(record, terms, key, Some(codec::encode(page)));
                }
            }
            Change::RefundChanged { refund, .. } => {
                if let Some(Detail::RefundKey(no @ 1..)) = record.detail.as_deref() {
                    let id = RefundId { event: record.event, no: *refund };
                    let key = (KeptKind::RefundKey, id.to_string());
                    self.put_kept(record, terms, key, Some(codec::encode(no)));
                }
            }
            // Holds and orders have theirs in their own rows; the others have none.
            Change::HoldGranted { .. }
            | Change::HoldExtended { .. }
            | Change::HoldReleased { .. }
            | Change::HoldExpired { .. }
            | Change::HoldWithdrawn { .. }
            | Change::OrderPlaced { .. }
            | Change::OrderChanged { .. }
            | Change::PaymentStarted { .. }
            | Change::PaymentSettled { .. }
            | Change::SeatsSold { .. }
            | Change::SeatsBlocked { .. }
            | Change::SeatsUnblocked { .. }
            | Change::SeatsAdded { .. }
            | Change::SeatsReturned { .. } => {}
        }
    }

    fn keep_plan(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>) {
        let bytes = codec::encode(terms.plan());
        self.put_kept(record, terms, (KeptKind::Plan, String::new()), Some(bytes));
    }

    fn keep_sale(&mut self, record: &LedgerRecord, terms: &Arc<EventTerms>, change: SaleChange) {
        let mut put = |kind, key: String, detail| {
            self.put_kept(record, terms, (kind, key), detail);
        };
        match change {
            SaleChange::Paused => put(KeptKind::Paused, String::new(), Some(Vec::new())),
            SaleChange::Resumed => put(KeptKind::Paused, String::new(), None),
            SaleChange::Cancelled => put(KeptKind::Cancelled, String::new(), Some(Vec::new())),
            SaleChange::WindowSet { opens_at_ms, closes_at_ms } => {
                let window = Window { opens_at_ms, closes_at_ms };
                put(KeptKind::Window, String::new(), Some(codec::encode(&window)));
            }
            SaleChange::CodesPut { .. } => {
                if let Some(Detail::Codes(codes)) = record.detail.as_deref() {
                    for code in codes {
                        let key = format!("{:032x}", code.hash);
                        put(KeptKind::Code, key, Some(codec::encode(code)));
                    }
                }
            }
            SaleChange::PersonLimitSet { max } => {
                if let Some(Detail::Person(person)) = record.detail.as_deref() {
                    let detail = max.map(|max| codec::encode(&max));
                    put(KeptKind::PersonLimit, format!("{person:032x}"), detail);
                }
            }
            SaleChange::Opened | SaleChange::Closed => {}
        }
    }

    fn keep_place(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        (entry, change): (u64, &WaitChange),
    ) {
        let key = (KeptKind::Wait, entry.to_string());
        let detail = match (change, record.detail.as_deref()) {
            (WaitChange::Joined { contact, .. }, Some(Detail::Wait { person, wish })) => {
                let (contact, wish) = (contact.clone(), wish.clone());
                let place = Place { person: *person, wish, contact, joined_at_ms: record.at_ms };
                Some(codec::encode(&place))
            }
            (WaitChange::Joined { .. }, _) => return,
            // Still a place while its hold lives.
            (WaitChange::Served { .. }, _) => {
                let key = (KeptKind::Served, entry.to_string());
                return self.put_kept(record, terms, key, Some(Vec::new()));
            }
            (WaitChange::Left, _) => None,
        };
        self.put_kept(record, terms, key, detail);
    }

    fn put_kept(
        &mut self,
        record: &LedgerRecord,
        terms: &Arc<EventTerms>,
        (kind, key): (KeptKind, String),
        detail: Option<Vec<u8>>,
    ) {
        let row = Kept { terms: Arc::clone(terms), detail, version: record.version };
        self.kept.insert((record.event, kind, key), row);
    }
}

/// The detail of the hold that a record grants or extends.
pub(super) fn hold_detail(record: &LedgerRecord) -> Option<Arc<[u8]>> {
    match record.detail.as_deref() {
        Some(Detail::Hold(detail)) => Some(encoded(detail)),
        _ => None,
    }
}

/// A hold's detail as bytes.
pub(crate) fn encoded(detail: &HoldDetail) -> Arc<[u8]> {
    codec::encode(detail).into()
}
