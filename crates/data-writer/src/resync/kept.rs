//! What a recovery needs of an event beyond its rows, as the grid has it now: what was put in the lost
//! time is kept from here on, too, and what ended in it no longer. Pure.

use std::sync::Arc;

use inventory::{PaymentId, RefundId, Sale, WaitEntry, codec};
use processing_unit::CheckedEvent;

use crate::batch::Batch;
use crate::kept::{Kept, KeptKind, Place, Window};
use crate::recover::load::KeptLine;
use crate::{EventTerms, SaleStanding};

/// What is known of an event in one moment.
pub(super) struct Known<'a> {
    pub(super) checked: &'a CheckedEvent,
    pub(super) terms: &'a Arc<EventTerms>,
    pub(super) standing: &'a SaleStanding,
    /// What the tables keep of its sale, window, persons' limits and waiting list.
    pub(super) kept: &'a [KeptLine],
}

impl Known<'_> {
    /// Puts everything into the batch.
    pub(super) fn put(&self, batch: &mut Batch) {
        let one = String::new;
        self.put_sale(batch);
        let plan = codec::encode(self.terms.plan());
        self.put_one(batch, (KeptKind::Plan, one()), Some(plan));
        let mark = |is: bool| is.then(Vec::new);
        self.put_one(batch, (KeptKind::Paused, one()), mark(self.standing.paused));
        if self.standing.cancelled {
            self.put_one(batch, (KeptKind::Cancelled, one()), mark(true));
        }
        for code in &self.standing.codes {
            let key = format!("{:032x}", code.hash);
            self.put_one(batch, (KeptKind::Code, key), Some(codec::encode(code)));
        }
        let event = self.checked.event;
        for payment in &self.checked.payments {
            if let Some(page) = &payment.confirmation_url {
                let key = PaymentId { event, no: payment.no }.to_string();
                self.put_one(batch, (KeptKind::PaymentPage, key), Some(codec::encode(page)));
            }
        }
        for refund in self.checked.refunds.iter().filter(|refund| refund.key_no > 0) {
            let key = RefundId { event, no: refund.no }.to_string();
            self.put_one(batch, (KeptKind::RefundKey, key), Some(codec::encode(&refund.key_no)));
        }
        self.put_beside(batch);
    }

    /// Removed seats, persons' own limits and places of the waiting list; those that the tables keep and
    /// the grid no longer has are gone.
    fn put_beside(&self, batch: &mut Batch) {
        let ends = [KeptKind::PersonLimit, KeptKind::Wait];
        for kind in ends {
            for row in self.kept.iter().filter(|row| row.kind == kind.as_str()) {
                self.put_one(batch, (kind, row.key.clone()), None);
            }
        }
        let beside = &self.standing.beside;
        for seat in &beside.removed {
            self.put_one(batch, (KeptKind::Removed, seat.0.to_string()), Some(Vec::new()));
        }
        for (person, max) in &beside.limits {
            let key = format!("{person:032x}");
            self.put_one(batch, (KeptKind::PersonLimit, key), Some(codec::encode(max)));
        }
        for entry in &beside.places {
            let (no, place) = (entry.no.to_string(), codec::encode(&place(entry)));
            self.put_one(batch, (KeptKind::Wait, no.clone()), Some(place));
            if entry.hold.is_some() {
                self.put_one(batch, (KeptKind::Served, no), Some(Vec::new()));
            }
        }
    }

    /// The terms of the opening stay as they are kept, and with them the first window; an event that was
    /// opened in the lost time is kept with the terms of now.
    fn put_sale(&self, batch: &mut Batch) {
        let now = &self.terms.sale;
        let sale = self.kept.iter().find(|row| row.kind == KeptKind::Sale.as_str());
        let Some(first) = sale.and_then(|row| codec::decode::<Sale>(&row.detail).ok()) else {
            let sale = codec::encode(&**now);
            return self.put_one(batch, (KeptKind::Sale, String::new()), Some(sale));
        };
        let moved = (first.opens_at_ms, first.closes_at_ms) != (now.opens_at_ms, now.closes_at_ms);
        if moved || self.kept.iter().any(|row| row.kind == KeptKind::Window.as_str()) {
            let window = Window { opens_at_ms: now.opens_at_ms, closes_at_ms: now.closes_at_ms };
            let window = codec::encode(&window);
            self.put_one(batch, (KeptKind::Window, String::new()), Some(window));
        }
    }

    fn put_one(&self, batch: &mut Batch, (kind, key): (KeptKind, String), detail: Option<Vec<u8>>) {
        let (terms, version) = (Arc::clone(self.terms), self.checked.version);
        batch.kept.insert((self.checked.event, kind, key), Kept { terms, detail, version });
    }
}

fn place(entry: &WaitEntry) -> Place {
    Place {
        person: entry.person,
        wish: entry.wish.clone(),
        contact: entry.contact.clone(),
        joined_at_ms: entry.joined_at_ms,
    }
}
