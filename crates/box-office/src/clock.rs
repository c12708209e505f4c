//! Times as the documents of this crate need them: text for what PostgreSQL gave, and countdowns.
//!
//! For stamps and comparisons with others' stamps only; waits are measured on the monotonic clock.

pub(crate) use http_api::time::{now_ms, rfc3339_ms};

/// RFC 3339 for a time that PostgreSQL gave; nothing of ours lies before 1970.
pub(crate) fn text_signed(ms: i64) -> String {
    rfc3339_ms(u64::try_from(ms).unwrap_or(0))
}

/// Whole seconds from `now_ms` until `then_ms`, rounded up; 0 when it has passed.
pub(crate) fn seconds_until(then_ms: u64, now_ms: u64) -> u64 {
    then_ms.saturating_sub(now_ms).div_ceil(1_000)
}
