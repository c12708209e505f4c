//! What a shard needs to go on after all its replicas were lost, and no change tells: it travels with
//! the change that made it so and is kept beside the tables. Never evidence: the ledger has none of it.

use serde::{Deserialize, Serialize};

use crate::{Best, Code, FrozenTerms, HoldPurpose, HoldStep, Sale};

/// The unseen part of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Of an opened sale: its terms as it was opened.
    Sale(Sale),
    /// Of a granted or extended hold.
    Hold(HoldDetail),
    /// Of a placed order: what was frozen with its prices.
    Order(FrozenTerms),
    /// Of codes that were put.
    Codes(Vec<Code>),
    /// Of a limit: whose it is.
    Person(u128),
    /// Of a joined waiting list.
    Wait {
        /// Who waits.
        person: u128,
        /// For what.
        wish: Best,
    },
    /// Of a refund: the number in its key at the gateway.
    RefundKey(u32),
    /// Of a recorded payment: where the shopper pays.
    PaymentPage(String),
}

/// A hold without its number, seats and deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldDetail {
    /// What was frozen with the prices.
    pub terms: FrozenTerms,
    /// When it was granted, milliseconds since 1970.
    pub granted_at_ms: u64,
    /// Which rung of best available found it.
    pub step: Option<HoldStep>,
    /// How often it was given more time.
    pub extensions: u8,
    /// Whom it was made for.
    pub purpose: HoldPurpose,
}

impl From<&crate::Hold> for HoldDetail {
    fn from(hold: &crate::Hold) -> Self {
        Self {
            terms: hold.terms,
            granted_at_ms: hold.granted_at_ms,
            step: hold.step,
            extensions: hold.extensions,
            purpose: hold.purpose,
        }
    }
}
