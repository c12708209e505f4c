//! Everything that the payment page can be told to do, by name.
//!
//! The names are a contract with scripts: they may grow, never change. What each one does to a
//! payment stands in `ledger/decide.rs`.

use serde::{Deserialize, Serialize};

/// How long `late` waits when the script names no delay, milliseconds: longer than the five
/// minutes of a hold, so that the seat is free or sold again.
pub const LATE_DELAY_MS: u64 = 400_000;
/// How long `slow` waits when the script names no delay, milliseconds: within the hold.
pub const SLOW_DELAY_MS: u64 = 5_000;
/// Longest delay that a script may name, milliseconds: a day.
pub const DELAY_MS_MAX: u64 = 86_400_000;

/// A decision on the payment page. All but `late` and `slow` happen at once unless `delay_ms`
/// says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The shopper pays. One-stage: `succeeded`; two-stage: `waiting_for_capture`.
    Succeed,
    /// The bank refuses: `canceled`, by default for `insufficient_funds`.
    Fail,
    /// The shopper pays after 400 s, or after `delay_ms`: later than any hold.
    Late,
    /// The shopper pays after 5 s, or after `delay_ms`: a bank that takes its time.
    Slow,
    /// Nothing ever happens; the payment waits until it expires.
    Never,
    /// The payment expires now, as if its hour had passed.
    Expire,
    /// As `succeed`, but the notification comes fifty times in parallel and three times later.
    Duplicate,
    /// As `succeed`, but one unit of money less (or one hundredth for tiny amounts) is taken.
    AmountMismatch,
    /// As `succeed`, but in another currency.
    CurrencyMismatch,
    /// As `succeed`, but the object names another order and payment.
    MetadataMismatch,
    /// As `succeed`, then a stale `payment.canceled` arrives after `payment.succeeded`.
    Reorder,
    /// As `succeed`, but no notification is ever sent; only reading shows it.
    LostNotification,
    /// A false `payment.succeeded` is sent; the payment itself still waits.
    #[serde(alias = "forged")]
    ForgedNotification,
    /// `payment.succeeded` is sent for a payment of the same shop that names an order which the
    /// seller never made; the payment itself still waits.
    UnknownOrder,
}

impl Outcome {
    /// Every outcome, in the order of the page's buttons.
    pub const ALL: [Self; 14] = [
        Self::Succeed,
        Self::Fail,
        Self::Slow,
        Self::Late,
        Self::Never,
        Self::Expire,
        Self::Duplicate,
        Self::Reorder,
        Self::LostNotification,
        Self::AmountMismatch,
        Self::CurrencyMismatch,
        Self::MetadataMismatch,
        Self::ForgedNotification,
        Self::UnknownOrder,
    ];

    /// The name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Late => "late",
            Self::Slow => "slow",
            Self::Never => "never",
            Self::Expire => "expire",
            Self::Duplicate => "duplicate",
            Self::AmountMismatch => "amount_mismatch",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::MetadataMismatch => "metadata_mismatch",
            Self::Reorder => "reorder",
            Self::LostNotification => "lost_notification",
            Self::ForgedNotification => "forged_notification",
            Self::UnknownOrder => "unknown_order",
        }
    }

    /// Whether the payment's fate is sealed by this decision, so that no other may follow.
    pub fn decides(self) -> bool {
        match self {
            Self::Never | Self::ForgedNotification | Self::UnknownOrder => false,
            Self::Succeed
            | Self::Fail
            | Self::Late
            | Self::Slow
            | Self::Expire
            | Self::Duplicate
            | Self::AmountMismatch
            | Self::CurrencyMismatch
            | Self::MetadataMismatch
            | Self::Reorder
            | Self::LostNotification => true,
        }
    }

    /// The delay when the script names none (or zero), milliseconds.
    pub fn default_delay_ms(self) -> u64 {
        match self {
            Self::Late => LATE_DELAY_MS,
            Self::Slow => SLOW_DELAY_MS,
            Self::Succeed
            | Self::Fail
            | Self::Never
            | Self::Expire
            | Self::Duplicate
            | Self::AmountMismatch
            | Self::CurrencyMismatch
            | Self::MetadataMismatch
            | Self::Reorder
            | Self::LostNotification
            | Self::ForgedNotification
            | Self::UnknownOrder => 0,
        }
    }
}

/// A decision as the page receives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What is to happen.
    pub outcome: Outcome,
    /// When, milliseconds from now; zero takes the outcome's own delay.
    #[serde(default)]
    pub delay_ms: u64,
    /// For `fail`: the API's reason, such as `3d_secure_failed`.
    #[serde(default)]
    pub reason: Option<String>,
}
