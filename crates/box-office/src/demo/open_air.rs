//! The open air: two standing areas in front of the stage and a small stand behind them, with a fee on
//! every ticket. Distances are in seats; x grows to the right, y away from the stage.

use super::{hundredths, section, tier};
use crate::catalogue::{StoredArea, StoredPlan, StoredRow, StoredSeat, StoredSection, TierRecord};

const PIT_PLACES: u32 = 800;
const FIELD_PLACES: u32 = 3_000;
const STAND_ROWS: usize = 10;
const STAND_ROW_SEATS: usize = 30;
/// Places for wheelchairs on a platform before the stand.
const WHEELCHAIR_PLACES: usize = 6;
/// Where the stand begins: room for the areas before it.
const STAND_FROM: f64 = 12.0;
const ROW_DEPTH: f64 = 1.2;
const WHEELCHAIR_SPACING: f64 = 2.0;

pub(super) fn tiers() -> Vec<TierRecord> {
    vec![
        tier("pit", "Танцпол у сцены · Pit", 6_000),
        tier("field", "Поле · Field", 3_500),
        tier("stand", "Трибуна · Stand", 5_000),
    ]
}

pub(super) fn plan() -> StoredPlan {
    let sections = vec![
        area("pit", "Танцпол у сцены · Pit", PIT_PLACES),
        area("field", "Поле · Field", FIELD_PLACES),
        section("S", "Трибуна · Stand", stand()),
    ];
    StoredPlan { version: 1, sections, focal: None }
}

/// An area whose tier bears its own id.
fn area(id: &str, name: &str, capacity: u32) -> StoredSection {
    let area = StoredArea { capacity, tier: id.into() };
    StoredSection { id: id.into(), name: name.into(), rows: vec![], area: Some(area) }
}

fn stand() -> Vec<StoredRow> {
    let row = |at: usize| {
        let y = STAND_FROM + ROW_DEPTH * (at + 2) as f64;
        StoredRow { label: (at + 1).to_string(), seats: across(STAND_ROW_SEATS, 1.0, y) }
    };
    let mut platform = across(WHEELCHAIR_PLACES, WHEELCHAIR_SPACING, STAND_FROM);
    platform.iter_mut().for_each(|seat| seat.accessible = true);
    let platform = StoredRow { label: "W".into(), seats: platform };
    std::iter::once(platform).chain((0..STAND_ROWS).map(row)).collect()
}

/// Seats side by side about the middle.
fn across(seats: usize, spacing: f64, y: f64) -> Vec<StoredSeat> {
    let seat = |at: usize| StoredSeat {
        number: (at + 1).to_string(),
        tier: "stand".into(),
        x: hundredths((at as f64 - (seats as f64 - 1.0) / 2.0) * spacing),
        y: hundredths(y),
        accessible: false,
        companion: false,
    };
    (0..seats).map(seat).collect()
}
