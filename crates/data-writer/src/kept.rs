//! `grid.recovery`: what a shard needs beyond the other tables to be brought back. The forms of what is
//! the grid's own are the grid's (`inventory::codec`); those that exist only here are below.

use std::sync::Arc;

use inventory::Best;
use serde::{Deserialize, Serialize};

use crate::EventTerms;

/// What kind of thing a row keeps; the key beside it says which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptKind {
    /// The terms as the sale was opened.
    Sale,
    /// The plan.
    Plan,
    /// The window, once it was moved.
    Window,
    /// The sale is paused.
    Paused,
    /// The event is cancelled.
    Cancelled,
    /// A seat that never comes back, by index.
    Removed,
    /// A code, by hash.
    Code,
    /// A person's own limit.
    PersonLimit,
    /// A place in the waiting list, by number.
    Wait,
    /// The place was given a hold.
    Served,
    /// Where a payment is paid.
    PaymentPage,
    /// The number in a refund's key at the gateway, above 0.
    RefundKey,
}

impl KeptKind {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Plan => "plan",
            Self::Window => "window",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Removed => "removed",
            Self::Code => "code",
            Self::PersonLimit => "person_limit",
            Self::Wait => "wait",
            Self::Served => "served",
            Self::PaymentPage => "payment_page",
            Self::RefundKey => "refund_key",
        }
    }
}

/// A row; no bytes means that the thing is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The event.
    pub terms: Arc<EventTerms>,
    /// The thing.
    pub detail: Option<Vec<u8>>,
    /// The event's version at the change.
    pub version: u64,
}

/// A moved window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) opens_at_ms: u64,
    pub(crate) closes_at_ms: u64,
}

/// A place in the waiting list without its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) person: u128,
    pub(crate) wish: Best,
    pub(crate) contact: Vec<u8>,
    pub(crate) joined_at_ms: u64,
}
