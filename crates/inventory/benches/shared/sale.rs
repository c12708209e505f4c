//! The terms under which both programs measure: a simple sale, open for a day.

use inventory::{Sale, SaleRules};

/// The start of time in measurements, milliseconds since 1970.
pub const T0: u64 = 1_800_000_000_000;

/// Holds live as long as they may, so that none ends while something is measured.
pub fn sale() -> Sale {
    Sale {
        event_id: "measured".into(),
        name: "Measured".into(),
        starts_at_ms: T0 + 90 * 86_400_000,
        currency: *b"RUB",
        opens_at_ms: T0,
        closes_at_ms: T0 + 86_400_000,
        hold_ttl_ms: 1_800_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    }
}
