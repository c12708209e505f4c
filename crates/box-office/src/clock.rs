//! Times as the documents of this crate need them: text for what PostgreSQL gave, and countdowns.
//!
//! For stamps and comparisons with others' stamps only; waits are measured on the monotonic clock.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use http_api::time::{now_ms, rfc3339_ms};

/// RFC 3339 for a time that PostgreSQL gave; nothing of ours lies before 1970.
pub(crate) fn text_signed(ms: i64) -> String {
    rfc3339_ms(u64::try_from(ms).unwrap_or(0))
}

/// Whole seconds from `now_ms` until `then_ms`, rounded up; 0 when it has passed.
pub(crate) fn seconds_until(then_ms: u64, now_ms: u64) -> u64 {
    then_ms.saturating_sub(now_ms).div_ceil(1_000)
}

/// The time on a venue's clock for people, with the zone's letters or its distance from UTC.
pub(crate) fn local_text(ms: i64, timezone: &str) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%d.%m.%Y, %H:%M (%Z)").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d53_the_time_on_a_ticket_is_the_venues() {
        let winter = 1_795_366_800_000; // 2026-11-22T17:00:00Z
        assert_eq!(local_text(winter, "Europe/Moscow"), "22.11.2026, 20:00 (MSK)");
        assert_eq!(local_text(winter, "Europe/Berlin"), "22.11.2026, 18:00 (CET)");
        let summer = 1_782_147_600_000; // 2026-06-22T17:00:00Z
        assert_eq!(local_text(summer, "Europe/Berlin"), "22.06.2026, 19:00 (CEST)");
        assert_eq!(local_text(summer, "nowhere"), "22.06.2026, 17:00 (UTC)");
    }
}
