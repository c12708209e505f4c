//! What the seller asks for: new payments, captures, cancels, refunds.
//!
//! Each question checks the key first, so that a repeat gets the object of the first request in
//! its present state, and then a ladder of refusals. A refusal leaves no trace, not even the key.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Draft, Ledger, REFUNDS_PER_PAYMENT_MAX, RequestKey};
use crate::{
    money::Money,
    provider::Method,
    sandbox::{
        object::{Cancellation, Change, Language, Payment, Refund, Status, Target},
        refusal::Refusal,
    },
};

/// A checked wish for a payment.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// Above zero.
    pub amount: Money,
    /// How.
    pub method: Method,
    /// One stage or two.
    pub capture: bool,
    /// Up to 128 characters.
    pub description: String,
    /// Absolute address.
    pub return_url: String,
    /// The seller's fields.
    pub metadata: BTreeMap<String, String>,
    /// The seller's language.
    pub language: Language,
    /// When waiting for the shopper ends, where the seller may choose.
    pub expires_at_ms: Option<i64>,
    /// Whether positions of a receipt came with it.
    pub receipt: bool,
}

/// A checked wish for a refund.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// The payment's id.
    pub payment_id: String,
    /// Above zero.
    pub amount: Money,
    /// Up to 250 characters.
    pub description: String,
    /// The seller's fields.
    pub metadata: BTreeMap<String, String>,
    /// How the bank behaves.
    pub manner: RefundManner,
    /// What the positions of its receipt are called.
    pub receipt: Vec<String>,
}

/// How the bank behaves towards a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundManner {
    /// Done at once.
    AtOnce,
    /// Pending for so many milliseconds, then done.
    After(i64),
    /// Refused by the bank.
    Rejected,
}

/// What a question leads to: changes to put in force and the object to answer with.
pub type Answer = Result<(Vec<Change>, Target), Refusal>;

impl Ledger {
    /// A new payment that waits for the shopper.
    pub fn create_payment(&self, key: &RequestKey, new: NewPayment, now_ms: i64) -> Answer {
        if let Some(target) = self.replay(key, now_ms)? {
            return Ok((Vec::new(), target));
        }
        if self.payments.len() >= self.terms.payments_max {
            return Err(Refusal::too_many_requests());
        }
        let payment = self.new_payment(new, now_ms);
        let target = Target::Payment(payment.id.clone());
        let mut draft = Draft::new(self);
        draft.payment(payment);
        draft.key(key, target.clone(), now_ms);
        Ok((draft.changes, target))
    }

    /// Takes reserved money, all of it or a part; the rest of the reserve is given back.
    pub fn capture(
        &self,
        key: &RequestKey,
        id: &str,
        amount: Option<Money>,
        now_ms: i64,
    ) -> Answer {
        if let Some(target) = self.replay(key, now_ms)? {
            return Ok((Vec::new(), target));
        }
        let mut payment = self.reserved(id)?.clone();
        let amount = amount.unwrap_or(payment.amount);
        if amount.currency != payment.amount.currency || amount.minor > payment.amount.minor {
            return Err(Refusal::invalid("amount", "Capture amount is above the reserved one"));
        }
        payment.amount = amount;
        payment.status = Status::Succeeded;
        payment.captured_at_ms = Some(now_ms);
        Ok(self.changed(key, payment, now_ms))
    }

    /// Gives reserved money back.
    pub fn cancel(&self, key: &RequestKey, id: &str, now_ms: i64) -> Answer {
        if let Some(target) = self.replay(key, now_ms)? {
            return Ok((Vec::new(), target));
        }
        let mut payment = self.reserved(id)?.clone();
        payment.status = Status::Canceled;
        payment.cancellation = Some(cancellation("merchant", "canceled_by_merchant"));
        Ok(self.changed(key, payment, now_ms))
    }

    /// Ends a payment that waits for the shopper, at the seller's wish.
    pub fn expire(&self, key: &RequestKey, id: &str, now_ms: i64) -> Answer {
        if let Some(target) = self.replay(key, now_ms)? {
            return Ok((Vec::new(), target));
        }
        let mut payment = self.payment(id).ok_or_else(|| Refusal::not_found("payment_id"))?.clone();
        if payment.status != Status::Pending {
            return Err(Refusal::invalid("payment_id", "Payment does not wait for the shopper"));
        }
        payment.status = Status::Canceled;
        payment.planned = None;
        payment.cancellation = Some(cancellation("merchant", "expired_by_merchant"));
        Ok(self.changed(key, payment, now_ms))
    }

    /// Gives taken money back, all of it or a part.
    pub fn create_refund(&self, key: &RequestKey, new: NewRefund, now_ms: i64) -> Answer {
        if let Some(target) = self.replay(key, now_ms)? {
            return Ok((Vec::new(), target));
        }
        let payment = self.refundable(&new)?;
        let refund = new_refund(new, payment.language, now_ms);
        let target = Target::Refund(refund.id.clone());
        let mut draft = Draft::new(self);
        if refund.status != Status::Canceled {
            let mut payment = payment.clone();
            payment.refunded_minor += refund.amount.minor;
            draft.payment(payment);
        }
        draft.tell_refund(&refund, now_ms);
        draft.changes.push(Change::Refund(refund));
        draft.key(key, target.clone(), now_ms);
        Ok((draft.changes, target))
    }

    pub(super) fn new_payment(&self, new: NewPayment, now_ms: i64) -> Payment {
        let own_ms = now_ms.saturating_add(self.terms.pending_ttl_ms);
        Payment {
            id: Uuid::new_v4().to_string(),
            status: Status::Pending,
            amount: new.amount,
            refunded_minor: 0,
            method: new.method,
            capture: new.capture,
            description: new.description,
            return_url: new.return_url,
            metadata: new.metadata,
            created_at_ms: now_ms,
            expires_at_ms: new.expires_at_ms.unwrap_or(own_ms),
            captured_at_ms: None,
            cancellation: None,
            decided: None,
            planned: None,
            language: new.language,
            was_reserved: false,
            receipt: new.receipt,
        }
    }

    fn reserved(&self, id: &str) -> Result<&Payment, Refusal> {
        let payment = self.payment(id).ok_or_else(|| Refusal::not_found("payment_id"))?;
        if payment.status != Status::WaitingForCapture {
            let description = "Payment is not waiting for capture";
            return Err(Refusal::invalid("payment_id", description));
        }
        Ok(payment)
    }

    fn refundable(&self, new: &NewRefund) -> Result<&Payment, Refusal> {
        let payment =
            self.payment(&new.payment_id).ok_or_else(|| Refusal::not_found("payment_id"))?;
        if payment.status != Status::Succeeded {
            return Err(Refusal::invalid("payment_id", "Payment did not succeed"));
        }
        if new.amount.currency != payment.amount.currency {
            return Err(Refusal::invalid("amount.currency", "Currency is not the payment's"));
        }
        if new.amount.minor > payment.refundable_minor() {
            let description = "Refund amount is above what can still be refunded";
            return Err(Refusal::invalid("amount", description));
        }
        if self.refunds_of.get(&payment.id).map_or(0, Vec::len) >= REFUNDS_PER_PAYMENT_MAX {
            return Err(Refusal::invalid("payment_id", "Too many refunds of one payment"));
        }
        Ok(payment)
    }

    fn changed(&self, key: &RequestKey, payment: Payment, now_ms: i64) -> (Vec<Change>, Target) {
        let target = Target::Payment(payment.id.clone());
        let mut draft = Draft::new(self);
        draft.tell_payment(&payment, now_ms, now_ms);
        draft.payment(payment);
        draft.key(key, target.clone(), now_ms);
        (draft.changes, target)
    }
}

pub(super) fn cancellation(party: &str, reason: &str) -> Cancellation {
    Cancellation { party: party.to_owned(), reason: reason.to_owned() }
}

fn new_refund(new: NewRefund, language: Language, now_ms: i64) -> Refund {
    let (status, settles_at_ms, cancelled) = match new.manner {
        RefundManner::AtOnce => (Status::Succeeded, now_ms, None),
        RefundManner::After(ms) => (Status::Pending, now_ms.saturating_add(ms), None),
        RefundManner::Rejected => {
            let why = cancellation("payment_network", "insufficient_funds");
            (Status::Canceled, now_ms, Some(why))
        }
    };
    Refund {
        id: Uuid::new_v4().to_string(),
        payment_id: new.payment_id,
        status,
        amount: new.amount,
        description: new.description,
        language,
        metadata: new.metadata,
        created_at_ms: now_ms,
        settles_at_ms,
        cancellation: cancelled,
        receipt: new.receipt,
    }
}
