//! The hall and the terms that are sold in every run: small, so that everybody wants the same seats.

use inventory::{
    EventNo, Extension, OpenSale, Plan, Row, Sale, SaleRules, Seat, Section, SectionKind, Tier,
};

/// Seats of the hall.
pub const SEATS: u32 = 22;
/// How long a hold lives.
const HOLD_TTL_MS: u32 = 6_000;

/// Three rows of six at 100 and one of four at 50.
pub fn plan() -> Plan {
    let seat = |n: usize, tier| Seat {
        number: n.to_string().into(),
        tier,
        x: i32::try_from(n).unwrap_or(0) * 100,
        y: 0,
        accessible: false,
        companion: false,
    };
    let row = |label: usize, len, tier| Row {
        label: label.to_string(),
        seats: (1..=len).map(|n| seat(n, tier)).collect(),
    };
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let section = |id: &str, rows| Section {
        id: id.into(),
        name: id.into(),
        rows,
        kind: SectionKind::Seated,
    };
    Plan {
        version: 1,
        tiers: vec![tier("front", 100), tier("back", 50)],
        sections: vec![
            section("A", (1..=3).map(|r| row(r, 6, 0)).collect()),
            section("B", vec![row(1, 4, 1)]),
        ],
        focal: None,
    }
}

/// A sale that is open at once.
pub fn sale(event: EventNo, event_id: &str) -> OpenSale {
    let extension = Some(Extension { by_ms: 2_000, times_max: 2 });
    let sale = Sale {
        event_id: event_id.into(),
        name: event_id.into(),
        starts_at_ms: u64::MAX / 2,
        currency: *b"RUB",
        opens_at_ms: 0,
        closes_at_ms: u64::MAX / 4,
        hold_ttl_ms: HOLD_TTL_MS,
        per_hold_max: 6,
        rules: SaleRules { extension, ..SaleRules::default() },
    };
    OpenSale { event, sale, plan: plan() }
}
