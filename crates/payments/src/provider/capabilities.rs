//! The capability sheet of a gateway: what the seller may count on before asking.
//!
//! Plain data that adapters fill in as constants. It makes no calls and reads no configuration.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

/// A way to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A bank card on the gateway's page.
    BankCard,
    /// The Russian system of fast payments (SBP).
    Sbp,
}

impl Method {
    /// The word in requests and records: `bank_card` or `sbp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BankCard => "bank_card",
            Self::Sbp => "sbp",
        }
    }

    /// The method of that word, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::BankCard, Self::Sbp].into_iter().find(|method| method.as_str() == word)
    }
}

/// What a gateway can do with one method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodCapabilities {
    /// The method.
    pub method: Method,
    /// Whether money can be reserved first and captured later.
    pub two_stage: bool,
}

/// What a gateway can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The ways to pay, each once.
    pub methods: &'static [MethodCapabilities],
    /// Shortest time that a payment may wait for the shopper, milliseconds.
    pub pending_ttl_ms_min: u64,
    /// Longest such time. Equal to the shortest where the gateway alone decides.
    pub pending_ttl_ms_max: u64,
    /// Whether a payment that waits for the shopper can be cancelled by the seller.
    pub cancel_pending: bool,
    /// Whether a part of the captured money can be given back.
    pub partial_refund: bool,
    /// The currencies that it takes, each with the least amount.
    pub amounts_min: &'static [Money],
    /// Whether it makes fiscal receipts from the positions that come with a payment.
    pub receipts: bool,
}

impl Capabilities {
    /// Whether the gateway takes this method at all.
    pub fn supports(&self, method: Method) -> bool {
        self.methods.iter().any(|sheet| sheet.method == method)
    }

    /// Whether the gateway can reserve first and capture later with this method.
    pub fn two_stage(&self, method: Method) -> bool {
        self.methods.iter().any(|sheet| sheet.method == method && sheet.two_stage)
    }

    /// The least that may be paid in a currency; nothing where it is not taken.
    pub fn amount_min(&self, currency: Currency) -> Option<Money> {
        self.amounts_min.iter().copied().find(|least| least.currency == currency)
    }

    /// The time to live that the gateway will really use for a wish of `wanted_ms`.
    pub fn pending_ttl_ms(&self, wanted_ms: u64) -> u64 {
        wanted_ms.clamp(self.pending_ttl_ms_min, self.pending_ttl_ms_max)
    }
}
