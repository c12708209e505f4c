//! Names and values of the headers that the contract speaks of, and the deadline of a request.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use crate::{Arrived, Problem};

/// Which request an answer belongs to.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The trace that a request is part of.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Remaining budget of a request in milliseconds.
pub const GRID_DEADLINE_MS: HeaderName = HeaderName::from_static("grid-deadline-ms");
/// The version of an event's state that an answer speaks of.
pub const GRID_VERSION: HeaderName = HeaderName::from_static("grid-version");
/// The moment before which nothing is missing in what an answer was read from, RFC 3339.
pub const GRID_COMPLETE_UP_TO: HeaderName = HeaderName::from_static("grid-complete-up-to");
/// Makes a retry safe.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The other spelling of the same, as one payment provider has it.
pub(crate) const IDEMPOTENCE_KEY: HeaderName = HeaderName::from_static("idempotence-key");
/// Tells that an answer repeats an earlier one.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// A guest's proof that a hold is theirs.
pub const X_HOLD_TOKEN: HeaderName = HeaderName::from_static("x-hold-token");
/// What a page shows beside the cookie of its session.
pub const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
/// A problem's code, for whoever passes an answer on without reading its body.
pub const X_PROBLEM_CODE: HeaderName = HeaderName::from_static("x-problem-code");

/// Budget of a request that names none.
pub const DEADLINE_DEFAULT_MS: u64 = 2_000;
/// Less cannot be met by anything that asks the grid.
pub const DEADLINE_MIN_MS: u64 = 50;
/// More only keeps connections busy.
pub const DEADLINE_MAX_MS: u64 = 30_000;

/// When the client stops waiting. An extractor: `Grid-Deadline-Ms` counted from the arrival of the
/// request's head, held within [`DEADLINE_MIN_MS`] and [`DEADLINE_MAX_MS`]; a budget of nothing is
/// refused. Who reads a body puts it off by the time that the body took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// So much from now.
    pub fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget)
    }

    /// The deadline that the headers of a request name, which arrived then.
    ///
    /// # Errors
    /// `invalid_request` when the header holds something else.
    pub fn of(headers: &HeaderMap, arrived: Instant) -> Result<Self, Problem> {
        Ok(Self(arrived + Duration::from_millis(budget_ms(headers)?)))
    }

    /// The same for a client whose own body was under way for so long: the budget is ours to use, so it
    /// counts from the moment at which the whole request is there.
    #[must_use]
    pub fn put_off(self, waited: Duration) -> Self {
        Self(self.0 + waited)
    }

    /// What is left of it.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Deadline {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let arrived = parts.extensions.get::<Arrived>().map_or_else(Instant::now, |a| a.0);
        Self::of(&parts.headers, arrived)
    }
}

fn budget_ms(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(GRID_DEADLINE_MS) else { return Ok(DEADLINE_DEFAULT_MS) };
    let text = value.to_str().unwrap_or_default();
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return Err(Problem::invalid_header("Grid-Deadline-Ms", "Must be whole milliseconds"));
    }
    // Only too many digits fail here, and those mean "very long".
    let asked_ms = text.parse().unwrap_or(DEADLINE_MAX_MS);
    if asked_ms == 0 {
        let none = "Must be 1 or more: nothing can be done in no time";
        return Err(Problem::invalid_header("Grid-Deadline-Ms", none));
    }
    Ok(asked_ms.clamp(DEADLINE_MIN_MS, DEADLINE_MAX_MS))
}

/// An address as the ledger keeps it: 16 bytes, IPv4 mapped into IPv6.
pub fn ip_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
