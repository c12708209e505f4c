//! The sandbox's payments, refunds and pending notifications: what the ledger keeps and what the
//! journal writes.
//!
//! Plain data with its own small questions. Rules live in `ledger`, the API's JSON in `view`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::outcome::Outcome;
use crate::{money::Money, provider::Method};

/// In which API a seller made a payment, and is told of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// YooKassa's v3.
    #[default]
    Yookassa,
    /// Stripe's v1.
    Stripe,
}

/// Where a payment stands, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for the shopper.
    Pending,
    /// Reserved.
    WaitingForCapture,
    /// Taken; for refunds: given back.
    Succeeded,
    /// Came to nothing.
    Canceled,
}

impl Status {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::WaitingForCapture => "waiting_for_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// Who ended a payment or refund, and why, in the API's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// `merchant`, `yoo_money` or `payment_network`.
    pub party: String,
    /// Such as `insufficient_funds`.
    pub reason: String,
}

/// A decision on the payment page that takes effect later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// What will happen.
    pub outcome: Outcome,
    /// The reason for a failure, if the script chose one.
    pub reason: Option<String>,
    /// When, milliseconds since 1970 UTC.
    pub due_at_ms: i64,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Our id: a random UUID, so that a payment page cannot be guessed.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Asked for, or taken.
    pub amount: Money,
    /// Given back, pending refunds included, minor units.
    pub refunded_minor: i64,
    /// How the shopper pays.
    pub method: Method,
    /// Whether the money is taken at once.
    pub capture: bool,
    /// What the shopper sees.
    pub description: String,
    /// Where the shopper goes afterwards.
    pub return_url: String,
    /// The seller's own fields.
    pub metadata: BTreeMap<String, String>,
    /// Milliseconds since 1970 UTC, as all times here.
    pub created_at_ms: i64,
    /// When waiting for the shopper, or for the capture, ends.
    pub expires_at_ms: i64,
    /// When the money was taken.
    pub captured_at_ms: Option<i64>,
    /// Why it came to nothing.
    pub cancellation: Option<Cancellation>,
    /// What was decided on the page, once decided.
    pub decided: Option<Outcome>,
    /// A decision whose time has not come.
    pub planned: Option<Planned>,
    /// The seller's language.
    #[serde(default)]
    pub language: Language,
    /// Whether the money was reserved once.
    #[serde(default)]
    pub was_reserved: bool,
    /// Whether positions of a receipt came with it. They are checked and not kept: they carry the
    /// buyer's address.
    #[serde(default)]
    pub receipt: bool,
}

impl Payment {
    /// When the ledger has to look at this payment again by itself.
    pub fn due_at_ms(&self) -> Option<i64> {
        match self.status {
            // The shopper has decided, so that waiting for the shopper is over.
            Status::Pending => {
                Some(self.planned.as_ref().map_or(self.expires_at_ms, |planned| planned.due_at_ms))
            }
            Status::WaitingForCapture => Some(self.expires_at_ms),
            Status::Succeeded | Status::Canceled => None,
        }
    }

    /// What can still be given back, minor units.
    pub fn refundable_minor(&self) -> i64 {
        match self.status {
            Status::Succeeded => self.amount.minor - self.refunded_minor,
            Status::Pending | Status::WaitingForCapture | Status::Canceled => 0,
        }
    }
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// A random UUID.
    pub id: String,
    /// The payment's id.
    pub payment_id: String,
    /// Where it stands; never waits for a capture.
    pub status: Status,
    /// How much goes back.
    pub amount: Money,
    /// What the shopper sees.
    pub description: String,
    /// Milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// The seller's language, as of the payment.
    #[serde(default)]
    pub language: Language,
    /// The seller's own fields.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// When a pending refund succeeds by itself.
    pub settles_at_ms: i64,
    /// Why it came to nothing.
    pub cancellation: Option<Cancellation>,
    /// What the positions of its receipt are called; the address that it goes to is not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipt: Vec<String>,
}

impl Refund {
    /// When the ledger has to look at this refund again by itself.
    pub fn due_at_ms(&self) -> Option<i64> {
        match self.status {
            Status::Pending => Some(self.settles_at_ms),
            Status::WaitingForCapture | Status::Succeeded | Status::Canceled => None,
        }
    }
}

/// The object that a request with an idempotence key made or changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A payment.
    Payment(String),
    /// A refund.
    Refund(String),
}

/// A used idempotence key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedKey {
    /// The key as sent.
    pub key: String,
    /// SHA-256 in hex of method, path and body.
    pub fingerprint: String,
    /// What the request made or changed.
    pub target: Target,
    /// When, milliseconds since 1970 UTC.
    pub used_at_ms: i64,
}

/// A notification that the seller has not yet acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Grows by one with each notice.
    pub id: u64,
    /// In which form it is sent, and where.
    #[serde(default)]
    pub language: Language,
    /// Whether it is a stranger's: where notices are signed, it is signed with another key.
    #[serde(default)]
    pub forged: bool,
    /// Such as `payment.succeeded`.
    pub event: String,
    /// The payment or refund as it was, or was claimed to be, at that moment.
    pub object: Value,
    /// Milliseconds since 1970 UTC; the seller has a day from here.
    pub created_at_ms: i64,
    /// Not sent before.
    pub due_at_ms: i64,
}

/// One step of the ledger's life. Each carries the whole new value, so that replay is a plain
/// overwrite and a compacted journal looks like any other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A new or changed payment.
    Payment(Payment),
    /// A new or changed refund.
    Refund(Refund),
    /// A key was used.
    Key(UsedKey),
    /// A notification waits to be sent.
    Notice(Notice),
    /// A notification was acknowledged or given up.
    NoticeDone(u64),
}
