//! Refused attempts on their way from a router to the data writer: the shapes of
//! `POST /admin/v1/attempts` on the writer's admin port. An attempt is evidence: what was asked for,
//! by whom, from where, and why it was not done. It holds no body and no token.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Attempts of one batch at most.
pub const ATTEMPTS_MAX: usize = 5_000;

/// One refused attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When it was refused, milliseconds since 1970 by the router's clock.
    pub at_ms: u64,
    /// What was asked for, as in `grid.ledger.kind`: `hold_refused`, `order_refused`, …
    pub kind: Cow<'static, str>,
    /// The event, where the address names it; empty otherwise.
    pub event_id: String,
    /// The hold that it was about.
    pub hold_id: Option<String>,
    /// The order that it was about.
    pub order_id: Option<String>,
    /// `guest`, or an account's UUID.
    pub subject: Cow<'static, str>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// Why not: the problem's stable code.
    pub status: Cow<'static, str>,
}

/// What a router sends at once. Batches of a source are numbered from 1 without a gap, and one that
/// was not answered is sent again under its number, so that each is kept once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptBatch {
    /// One router process.
    pub source: uuid::Uuid,
    /// The batch's number.
    pub number: u64,
    /// Attempts since the last batch that found no room; kept as a record of its own.
    pub lost: u64,
    /// Attempts since the last batch that were left out because the configuration says so.
    pub sampled_out: u64,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}
