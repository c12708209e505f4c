//! The plainest hall there is, for measurements and tests: one section, equal rows, one tier. Nothing
//! that is sold comes from here.

use super::{Plan, Row, Seat, Section, SectionKind, Tier};

/// What each of its seats costs, in minor units.
const PRICE_MINOR: i64 = 100_000;

impl Plan {
    /// A hall of so many seats in rows of `row_seats` (1 to 128; the last may be shorter), side by
    /// side from the stage on: section `A`, rows and seats numbered from 1.
    pub fn hall(seats: u32, row_seats: u32) -> Self {
        let seat = |n: u32| Seat {
            number: n.to_string().into(),
            tier: 0,
            x: n as i32 * 100,
            y: 0,
            accessible: false,
            companion: false,
        };
        let row = |at: u32| Row {
            label: (at + 1).to_string(),
            seats: (1..=row_seats.min(seats - at * row_seats)).map(seat).collect(),
        };
        let rows = (0..seats.div_ceil(row_seats)).map(row).collect();
        let kind = SectionKind::Seated;
        let section = Section { id: "A".into(), name: "Stalls".into(), rows, kind };
        let tier = Tier { id: "all".into(), name: "All".into(), price_minor: PRICE_MINOR };
        Self { version: 1, tiers: vec![tier], sections: vec![section], focal: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_as_many_seats_as_asked_for_and_can_be_sold() {
        for (seats, rows) in [(40, 1), (100, 3), (20_001, 501)] {
            let plan = Plan::hall(seats, 40);
            assert_eq!(plan.check(), Ok(()));
            assert_eq!((plan.seat_count() as u32, plan.sections[0].rows.len()), (seats, rows));
        }
    }
}
