//! The club of 160 seats, sold by code before its sale opens. Distances are in seats; x grows to the
//! right, y away from the stage.

use super::{hundredths, section, tier};
use crate::catalogue::{StoredPlan, StoredRow, StoredSeat, TierRecord};

const ROWS: usize = 10;
const ROW_SEATS: usize = 16;
/// Rows that cost more.
const FRONT_ROWS: usize = 3;
const ROW_DEPTH: f64 = 1.3;
/// Seats at both ends of the last row that are places for wheelchairs.
const WHEELCHAIR_ENDS: usize = 1;

pub(super) fn tiers() -> Vec<TierRecord> {
    vec![tier("front", "У сцены · By the stage", 4_500), tier("club", "Зал · Room", 3_000)]
}

pub(super) fn plan() -> StoredPlan {
    let rows = (0..ROWS).map(row).collect();
    StoredPlan { version: 1, sections: vec![section("C", "Клуб · Club", rows)], focal: None }
}

fn row(at: usize) -> StoredRow {
    let tier = if at < FRONT_ROWS { "front" } else { "club" };
    let last = at + 1 == ROWS;
    let seat = |n: usize| StoredSeat {
        number: (n + 1).to_string(),
        tier: tier.into(),
        x: hundredths(n as f64 - (ROW_SEATS as f64 - 1.0) / 2.0),
        y: hundredths(ROW_DEPTH * (at + 2) as f64),
        accessible: last && !(WHEELCHAIR_ENDS..ROW_SEATS - WHEELCHAIR_ENDS).contains(&n),
        companion: false,
    };
    StoredRow { label: (at + 1).to_string(), seats: (0..ROW_SEATS).map(seat).collect() }
}
