//! When a gateway is asked again. Pure.

use std::time::Duration;

use crate::backoff::doubling;

/// A second, in milliseconds.
const SECOND_MS: u64 = 1_000;
/// A minute.
const MINUTE_MS: u64 = 60 * SECOND_MS;
/// An hour; gateways end an unconfirmed payment within one.
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The first questions after a payment began: most shoppers pay within a minute.
const FIRST_MS: [u64; 3] = [5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS];
/// Pause after the first failed attempt of a refund; doubled with each.
const REFUND_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause between attempts of a refund.
const REFUND_PAUSE_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// When a payment that began at `started_at_ms` is to be asked about after `asked_at_ms`; `None`
/// for never asked, which after a restart means at once if the first question was due.
pub fn payment_due_ms(started_at_ms: u64, asked_at_ms: Option<u64>) -> u64 {
    let Some(asked_at_ms) = asked_at_ms else { return started_at_ms + FIRST_MS[0] };
    let age = asked_at_ms.saturating_sub(started_at_ms);
    if let Some(next) = FIRST_MS.into_iter().find(|first| *first > age) {
        return started_at_ms + next;
    }
    let step = if age < HOUR_MS { MINUTE_MS } else { HOUR_MS };
    started_at_ms + (age / step + 1) * step
}

/// When a refund with so many failed attempts is to be tried after `asked_at_ms`; at once when this
/// process has not tried it yet.
pub fn refund_due_ms(attempts: u32, asked_at_ms: Option<u64>) -> u64 {
    let Some(asked_at_ms) = asked_at_ms else { return 0 };
    let pause = doubling(REFUND_PAUSE, REFUND_PAUSE_MAX, attempts);
    asked_at_ms + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}
