//! Halls and terms to test with.

use inventory::*;

use super::T0;

/// A hall of 22 seats: section A with three rows of six (100 each), section B with one row of
/// four (50 each), of which B-1-4 is accessible.
pub fn hall() -> Plan {
    let seat = |n: usize, tier| Seat {
        number: n.to_string().into(),
        tier,
        x: n as i32 * 100,
        y: 0,
        accessible: tier == 1 && n == 4,
        companion: false,
    };
    let row = |label: usize, len, tier| Row {
        label: label.to_string(),
        seats: (1..=len).map(|n| seat(n, tier)).collect(),
    };
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let kind = SectionKind::Seated;
    let section = |id: &str, rows| Section { id: id.into(), name: id.into(), rows, kind };
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

/// The terms that `open` starts from.
pub fn sale() -> Sale {
    Sale {
        event_id: "demo".into(),
        name: "Demo".into(),
        starts_at_ms: T0 + 90 * 86_400_000,
        currency: *b"RUB",
        opens_at_ms: T0,
        closes_at_ms: T0 + 86_400_000,
        hold_ttl_ms: 300_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    }
}

/// That hall with an area C of five places (70 each) behind it.
pub fn area_hall() -> Plan {
    let mut plan = hall();
    plan.tiers.push(Tier { id: "floor".into(), name: "floor".into(), price_minor: 70 });
    plan.sections.push(Section::area("C", "Floor", 5, 2));
    plan
}
