//! The concert hall of 2,000 seats: rows on arcs around the stage. Distances are in seats; x grows
//! to the right, y away from the stage.

use super::{hundredths, section, tier};
use crate::catalogue::{StoredPlan, StoredRow, StoredSeat, TierRecord};

/// How far behind the stage's edge the arcs have their centre.
const CENTRE_BEHIND: f64 = 20.0;
/// From row to row.
const ROW_DEPTH: f64 = 1.1;
/// The first row of the parterre.
const PARTERRE_RADIUS: f64 = 26.0;
/// Rows of the parterre that cost more.
const PREMIUM_ROWS: usize = 6;
/// Places for wheelchairs behind the parterre, farther apart than seats.
const WHEELCHAIR_SPACING: f64 = 1.8;
/// The angle of the first row of a loge from the middle, radians: past the widest row of seats.
const LOGE_ANGLE: f64 = 0.78;
/// From row to row of a loge, radians.
const LOGE_ANGLE_STEP: f64 = 0.045;

pub(super) fn tiers() -> Vec<TierRecord> {
    vec![
        tier("premium", "Премиум · Premium", 9_500),
        tier("parterre", "Партер · Parterre", 6_500),
        tier("amphitheatre", "Амфитеатр · Amphitheatre", 4_500),
        tier("loge", "Ложа · Loge", 5_500),
        tier("balcony", "Балкон · Balcony", 2_500),
    ]
}

pub(super) fn plan() -> StoredPlan {
    let sections = vec![
        section("P", "Партер · Parterre", parterre()),
        section("A", "Амфитеатр · Amphitheatre", amphitheatre()),
        section("LL", "Левая ложа · Left loge", loge(-1.0)),
        section("LR", "Правая ложа · Right loge", loge(1.0)),
        section("B", "Балкон · Balcony", balcony()),
    ];
    StoredPlan { version: 1, sections, focal: None }
}

/// 20 rows of 32 to 51 seats with an aisle in the middle, and five places for wheelchairs.
fn parterre() -> Vec<StoredRow> {
    let row = |at: usize| {
        let tier = if at < PREMIUM_ROWS { "premium" } else { "parterre" };
        let radius = PARTERRE_RADIUS + ROW_DEPTH * at as f64;
        Arc { radius, spacing: 1.0, aisle: 2.0 }.row(at + 1, 32 + at, tier)
    };
    let mut rows: Vec<_> = (0..20).map(row).collect();
    let behind = PARTERRE_RADIUS + ROW_DEPTH * 20.5;
    let arc = Arc { radius: behind, spacing: WHEELCHAIR_SPACING, aisle: 0.0 };
    let mut places = arc.row(21, 5, "parterre");
    places.label = "W".into();
    places.seats.iter_mut().for_each(|seat| seat.accessible = true);
    rows.push(places);
    rows
}

/// 10 rows of 51 to 60 seats.
fn amphitheatre() -> Vec<StoredRow> {
    let row = |at: usize| {
        let arc = Arc { radius: 51.0 + ROW_DEPTH * at as f64, spacing: 1.0, aisle: 2.0 };
        arc.row(at + 1, 51 + at, "amphitheatre")
    };
    (0..10).map(row).collect()
}

/// 6 rows of 60 seats.
fn balcony() -> Vec<StoredRow> {
    let row = |at: usize| {
        let arc = Arc { radius: 65.0 + ROW_DEPTH * at as f64, spacing: 1.0, aisle: 2.0 };
        arc.row(at + 1, 60, "balcony")
    };
    (0..6).map(row).collect()
}

/// 5 rows of 25 seats along the wall; `side` is -1 for left, 1 for right.
fn loge(side: f64) -> Vec<StoredRow> {
    let row = |at: usize| {
        let angle = side * (LOGE_ANGLE + LOGE_ANGLE_STEP * at as f64);
        let seats = (0..25).map(|n| place(PARTERRE_RADIUS + 2.0 + n as f64, angle, n + 1, "loge"));
        StoredRow { label: (at + 1).to_string(), seats: seats.collect() }
    };
    (0..5).map(row).collect()
}

/// An arc that a row sits on.
struct Arc {
    radius: f64,
    /// From seat to seat.
    spacing: f64,
    /// Room left in the middle.
    aisle: f64,
}

impl Arc {
    fn row(&self, label: usize, seats: usize, tier: &str) -> StoredRow {
        let seat = |at: usize| {
            let from_middle = at as f64 - (seats as f64 - 1.0) / 2.0;
            let aisle = if from_middle < 0.0 { -self.aisle / 2.0 } else { self.aisle / 2.0 };
            let along = from_middle * self.spacing + aisle;
            place(self.radius, along / self.radius, at + 1, tier)
        };
        StoredRow { label: label.to_string(), seats: (0..seats).map(seat).collect() }
    }
}

fn place(radius: f64, angle: f64, number: usize, tier: &str) -> StoredSeat {
    StoredSeat {
        number: number.to_string(),
        tier: tier.into(),
        x: hundredths(radius * angle.sin()),
        y: hundredths(radius * angle.cos() - CENTRE_BEHIND),
        accessible: false,
        companion: false,
    }
}
