//! What the shopper, the bank and time do to a payment: the effect of every outcome of the page.
//!
//! Truth and tale are kept apart here: the payment says what really happened, the notices say what
//! the seller is told, and some outcomes make the two differ on purpose.

use uuid::Uuid;

use super::{Draft, Ledger, requests::cancellation};
use crate::{
    money::{Currency, Money},
    sandbox::{
        object::{Cancellation, Change, Payment, Planned, Refund, Status},
        outcome::{Decision, Outcome},
    },
};

/// How many times `duplicate` sends its notice at once.
const DUPLICATES_AT_ONCE: usize = 50;
/// When `duplicate` sends it again, milliseconds after the first ones.
const DUPLICATES_LATER_MS: [i64; 3] = [200, 1_000, 3_000];
/// How long the stale notice of `reorder` comes after the true one, milliseconds.
const STALE_AFTER_MS: i64 = 500;

/// Why the page's decision has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// No such payment.
    #[error("no such payment")]
    NotFound,
    /// Something else was decided before, or the payment has ended.
    #[error("payment is already {}", status.as_str())]
    AlreadyDecided {
        /// Where the payment stands.
        status: Status,
    },
}

impl Ledger {
    /// Puts a decision of the payment page in force, now or later. The same decision again
    /// changes nothing.
    ///
    /// # Errors
    /// [`DecideError`]; nothing changed.
    pub fn decide(
        &self,
        id: &str,
        decision: &Decision,
        now_ms: i64,
    ) -> Result<Vec<Change>, DecideError> {
        let payment = self.payment(id).ok_or(DecideError::NotFound)?;
        if payment.decided == Some(decision.outcome) {
            return Ok(Vec::new());
        }
        if payment.status != Status::Pending || payment.decided.is_some() {
            return Err(DecideError::AlreadyDecided { status: payment.status });
        }
        let mut draft = Draft::new(self);
        draft.decided(payment, decision, now_ms);
        Ok(draft.changes)
    }
}

impl Draft<'_> {
    /// Time has come for a payment: a planned decision, or the end of waiting.
    pub(super) fn payment_due(&mut self, payment: &Payment, now_ms: i64) {
        match (&payment.planned, payment.status) {
            (Some(planned), Status::Pending) => {
                self.strike(payment, planned.outcome, planned.reason.as_deref(), now_ms);
            }
            (_, Status::Pending) => {
                self.end(payment, cancellation("yoo_money", "expired_on_confirmation"), now_ms);
            }
            (_, Status::WaitingForCapture) => {
                self.end(payment, cancellation("yoo_money", "expired_on_capture"), now_ms);
            }
            (_, Status::Succeeded | Status::Canceled) => {}
        }
    }

    /// Time has come for a pending refund.
    pub(super) fn refund_due(&mut self, refund: &Refund, now_ms: i64) {
        let refund = Refund { status: Status::Succeeded, ..refund.clone() };
        self.tell_refund(&refund, now_ms);
        self.changes.push(Change::Refund(refund));
    }

    fn decided(&mut self, payment: &Payment, decision: &Decision, now_ms: i64) {
        let outcome = decision.outcome;
        let delay_ms = match decision.delay_ms {
            0 => outcome.default_delay_ms(),
            chosen => chosen,
        };
        let due_at_ms = now_ms.saturating_add(i64::try_from(delay_ms).unwrap_or(i64::MAX));
        match outcome {
            Outcome::Never => {}
            Outcome::ForgedNotification => {
                let tale = succeeded(payment, now_ms);
                self.tell_forged(&tale, due_at_ms, now_ms);
            }
            Outcome::UnknownOrder => self.foreign_payment(payment, due_at_ms, now_ms),
            _ if delay_ms == 0 => {
                self.strike(payment, outcome, decision.reason.as_deref(), now_ms);
            }
            _ => {
                let reason = decision.reason.clone();
                let mut payment = payment.clone();
                payment.decided = Some(outcome);
                payment.planned = Some(Planned { outcome, reason, due_at_ms });
                self.payment(payment);
            }
        }
    }

    /// A deciding outcome takes effect.
    fn strike(&mut self, before: &Payment, outcome: Outcome, reason: Option<&str>, now_ms: i64) {
        let mut payment = before.clone();
        payment.decided = Some(outcome);
        payment.planned = None;
        match outcome {
            Outcome::Succeed | Outcome::Late | Outcome::Slow => self.pay(payment, now_ms),
            Outcome::LostNotification => {
                let paid = self.paid(payment, now_ms);
                self.payment(paid);
            }
            Outcome::Fail => {
                let why = cancellation("payment_network", reason.unwrap_or("insufficient_funds"));
                self.end(&payment, why, now_ms);
            }
            Outcome::Expire => {
                self.end(&payment, cancellation("yoo_money", "expired_on_confirmation"), now_ms);
            }
            Outcome::Duplicate => self.pay_and_repeat(payment, now_ms),
            Outcome::Reorder => self.pay_and_deny(payment, now_ms),
            Outcome::AmountMismatch => {
                payment.amount.minor = other_amount(payment.amount);
                self.pay(payment, now_ms);
            }
            Outcome::CurrencyMismatch => {
                payment.amount.currency = other_currency(payment.amount.currency);
                self.pay(payment, now_ms);
            }
            Outcome::MetadataMismatch => {
                payment.metadata.insert("order_id".to_owned(), "another-order".to_owned());
                payment.metadata.insert("payment_id".to_owned(), "another-payment".to_owned());
                self.pay(payment, now_ms);
            }
            // These never seal a payment's fate and so are never planned.
            Outcome::Never | Outcome::ForgedNotification | Outcome::UnknownOrder => {}
        }
    }

    fn pay(&mut self, payment: Payment, now_ms: i64) {
        let paid = self.paid(payment, now_ms);
        self.tell_payment(&paid, now_ms, now_ms);
        self.payment(paid);
    }

    fn pay_and_repeat(&mut self, payment: Payment, now_ms: i64) {
        let paid = self.paid(payment, now_ms);
        for _ in 0..DUPLICATES_AT_ONCE {
            self.tell_payment(&paid, now_ms, now_ms);
        }
        for later_ms in DUPLICATES_LATER_MS {
            self.tell_payment(&paid, now_ms + later_ms, now_ms);
        }
        self.payment(paid);
    }

    fn pay_and_deny(&mut self, payment: Payment, now_ms: i64) {
        let paid = self.paid(payment, now_ms);
        self.tell_payment(&paid, now_ms, now_ms);
        let stale = Payment {
            status: Status::Canceled,
            captured_at_ms: None,
            cancellation: Some(cancellation("yoo_money", "expired_on_confirmation")),
            ..paid.clone()
        };
        self.tell_payment(&stale, now_ms + STALE_AFTER_MS, now_ms);
        self.payment(paid);
    }

    /// A payment of the same shop for an order that the seller never made.
    fn foreign_payment(&mut self, like: &Payment, due_at_ms: i64, now_ms: i64) {
        let mut foreign = succeeded(like, now_ms);
        foreign.id = Uuid::new_v4().to_string();
        foreign.decided = Some(Outcome::UnknownOrder);
        let unknown = Uuid::new_v4();
        foreign.metadata.insert("order_id".to_owned(), format!("unknown-order-{unknown}"));
        foreign.metadata.insert("payment_id".to_owned(), format!("unknown-payment-{unknown}"));
        self.tell_payment(&foreign, due_at_ms, now_ms);
        self.payment(foreign);
    }

    fn end(&mut self, payment: &Payment, why: Cancellation, now_ms: i64) {
        let ended = Payment {
            status: Status::Canceled,
            cancellation: Some(why),
            planned: None,
            ..payment.clone()
        };
        self.tell_payment(&ended, now_ms, now_ms);
        self.payment(ended);
    }

    /// The payment after the shopper has paid: taken, or reserved where the seller wants two
    /// stages.
    fn paid(&self, payment: Payment, now_ms: i64) -> Payment {
        if payment.capture {
            return succeeded(&payment, now_ms);
        }
        let capture_ttl_ms = self.ledger.terms.capture_ttl_ms;
        Payment {
            status: Status::WaitingForCapture,
            was_reserved: true,
            expires_at_ms: now_ms.saturating_add(capture_ttl_ms),
            ..payment
        }
    }
}

fn succeeded(payment: &Payment, now_ms: i64) -> Payment {
    Payment { status: Status::Succeeded, captured_at_ms: Some(now_ms), ..payment.clone() }
}

/// One whole unit less; for tiny amounts one hundredth less, or more where there is nothing less.
fn other_amount(amount: Money) -> i64 {
    match amount.minor {
        minor if minor > 100 => minor - 100,
        minor if minor > 1 => minor - 1,
        minor => minor + 1,
    }
}

fn other_currency(currency: Currency) -> Currency {
    if currency == Currency::RUB { Currency::USD } else { Currency::RUB }
}
