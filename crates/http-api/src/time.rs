//! Moments as the contract writes them: RFC 3339 in UTC with milliseconds.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// The moment as text, such as `2027-03-05T16:00:00.000Z`. A time beyond the year 9999 is written
/// as the last moment that can be.
pub fn rfc3339_ms(ms_since_1970: u64) -> String {
    let ms = i64::try_from(ms_since_1970).unwrap_or(i64::MAX);
    let moment = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    format!("{moment:.3}")
}

/// Milliseconds since 1970 of an RFC 3339 text; `None` for anything else and for times before 1970.
pub fn parse_rfc3339_ms(text: &str) -> Option<u64> {
    let moment: Timestamp = text.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok()
}

/// This machine's clock, milliseconds since 1970. For display and for comparing with announced
/// times; what a hold lives by is the leader's time.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds() {
        assert_eq!(rfc3339_ms(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339_ms(1_795_254_734_120), "2026-11-21T09:52:14.120Z");
        assert_eq!(parse_rfc3339_ms("2026-11-21T12:52:14.120+03:00"), Some(1_795_254_734_120));
        assert_eq!(rfc3339_ms(u64::MAX).len(), 24);
        for wrong in ["", "2026-11-21", "yesterday", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(parse_rfc3339_ms(wrong), None, "{wrong}");
        }
    }
}
