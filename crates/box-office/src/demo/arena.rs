//! The arena of 20,000 seats: four blocks on the floor and three tiers of stands in a horseshoe
//! around them. Distances are in seats; x grows to the right, y away from the stage.

use std::f64::consts::PI;

use super::{hundredths, tier};
use crate::catalogue::{StoredPlan, StoredRow, StoredSeat, StoredSection, TierRecord};

/// From row to row.
const ROW_DEPTH: f64 = 1.2;
/// Where the straight part of the stands begins and how long it is.
const STRAIGHT_FROM: f64 = 4.0;
const STRAIGHT_LEN: f64 = 66.0;
/// Seats side by side in each row of a stand's section, with the room of the stairs in seats.
const STAND_SEATS: usize = 20;
const STAIRS: f64 = 2.0;
/// Places for wheelchairs at the entrance of each section of the lower stand.
const WHEELCHAIR_PLACES: usize = 2;

/// One horseshoe of sections.
struct Stand {
    /// Number of the first section.
    first: usize,
    sections: usize,
    rows: usize,
    /// Distance of the first row from the middle.
    radius: f64,
    tier: &'static str,
    accessible: bool,
}

/// 3,600 + 6,000 + 7,200 seats.
const STANDS: [Stand; 3] = [
    Stand { first: 101, sections: 12, rows: 15, radius: 42.0, tier: "lower", accessible: true },
    Stand { first: 201, sections: 15, rows: 20, radius: 66.0, tier: "middle", accessible: false },
    Stand { first: 301, sections: 18, rows: 20, radius: 96.0, tier: "upper", accessible: false },
];

pub(super) fn tiers() -> Vec<TierRecord> {
    vec![
        tier("floor", "Танцпол с местами · Seated floor", 12_000),
        tier("lower", "Нижний ярус · Lower tier", 8_000),
        tier("middle", "Средний ярус · Middle tier", 5_000),
        tier("upper", "Верхний ярус · Upper tier", 3_000),
    ]
}

pub(super) fn plan() -> StoredPlan {
    let mut sections = floor();
    for stand in &STANDS {
        sections.extend((0..stand.sections).map(|at| stand_section(stand, at)));
    }
    StoredPlan { version: 1, sections, focal: None }
}

/// Two blocks beside the middle aisle, two behind them: 25 rows of 32 seats each.
fn floor() -> Vec<StoredSection> {
    let corners = [("F1", -33.5, 4.0), ("F2", 2.5, 4.0), ("F3", -33.5, 38.0), ("F4", 2.5, 38.0)];
    corners
        .into_iter()
        .map(|(id, left, front)| {
            let row = |at: usize| {
                let y = front + ROW_DEPTH * at as f64;
                let seats = (0..32).map(|n| seat(left + n as f64, y, n + 1, "floor"));
                StoredRow { label: (at + 1).to_string(), seats: seats.collect() }
            };
            let name = format!("Партер {id} · Floor {id}");
            StoredSection { id: id.into(), name, rows: (0..25).map(row).collect(), area: None }
        })
        .collect()
}

fn stand_section(stand: &Stand, at: usize) -> StoredSection {
    let id = (stand.first + at).to_string();
    let name = format!("Сектор {id} · Block {id}");
    let rows = (0..stand.rows).map(|row| stand_row(stand, at, row));
    StoredSection { id, name, rows: rows.collect(), area: None }
}

fn stand_row(stand: &Stand, section: usize, row: usize) -> StoredRow {
    let width = (2.0 * STRAIGHT_LEN + PI * stand.radius) / stand.sections as f64;
    let spacing = (width - STAIRS) / STAND_SEATS as f64;
    let seats = (0..STAND_SEATS).map(|n| {
        let along = width * section as f64 + STAIRS / 2.0 + spacing * (n as f64 + 0.5);
        let (x, y) = on_horseshoe(stand.radius, ROW_DEPTH * row as f64, along);
        let mut seat = seat(x, y, n + 1, stand.tier);
        seat.accessible = stand.accessible && row == 0 && n < WHEELCHAIR_PLACES;
        seat
    });
    StoredRow { label: (row + 1).to_string(), seats: seats.collect() }
}

/// A point of the horseshoe: down the left side, around the far end, up the right side. `along` is
/// measured on the first row; rows behind it are wider in the bend.
fn on_horseshoe(radius: f64, behind: f64, along: f64) -> (f64, f64) {
    let out = radius + behind;
    let bend = PI * radius;
    let far = STRAIGHT_FROM + STRAIGHT_LEN;
    if along < STRAIGHT_LEN {
        return (-out, STRAIGHT_FROM + along);
    }
    if along < STRAIGHT_LEN + bend {
        let angle = (along - STRAIGHT_LEN) / radius;
        return (-out * angle.cos(), far + out * angle.sin());
    }
    (out, far - (along - STRAIGHT_LEN - bend))
}

fn seat(x: f64, y: f64, number: usize, tier: &str) -> StoredSeat {
    StoredSeat {
        number: number.to_string(),
        tier: tier.into(),
        x: hundredths(x),
        y: hundredths(y),
        accessible: false,
        companion: false,
    }
}
