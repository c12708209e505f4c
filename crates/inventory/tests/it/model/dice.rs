//! Random numbers that are the same everywhere, and halls and terms thrown with them.

use inventory::*;

use crate::harness::{T0, sale};

/// SplitMix64: small, good, and the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 up to, but not including, `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    pub fn some<T>(&mut self, one_in: u64, value: T) -> Option<T> {
        self.once_in(one_in).then_some(value)
    }
}

/// Three seated sections and an area: rows of any length up to seven, two tiers in some of them, seats
/// for wheelchairs with companions beside them, drawn so that a focal point means something.
pub fn hall(dice: &mut Dice) -> Plan {
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let tiers = vec![tier("front", 100), tier("back", 50), tier("floor", 70)];
    let focal = dice.some(3, (300, 100));
    let mut sections = vec![];
    for (at, id) in ["A", "B", "W"].into_iter().enumerate() {
        let rows = (0..1 + dice.below(3)).map(|row| seats(dice, (at, row))).collect();
        sections.push(Section { id: id.into(), name: id.into(), rows, kind: SectionKind::Seated });
    }
    sections.push(Section::area("C", "Floor", 1 + dice.below(6) as u32, 2));
    Plan { version: 1, tiers, sections, focal }
}

fn seats(dice: &mut Dice, (section, row): (usize, u64)) -> Row {
    let length = 2 + dice.below(6);
    let mixed = dice.once_in(3);
    let wheelchairs = dice.below(length);
    let seat = |n: u64| Seat {
        number: (n + 1).to_string().into(),
        tier: if mixed && n > 2 { 1 } else { section.min(1) as u16 },
        x: n as i32 * 100,
        y: (section as i32 * 3 + row as i32) * 90,
        accessible: section == 2 && n == wheelchairs,
        companion: section == 2 && n.abs_diff(wheelchairs) == 1,
    };
    Row { label: (row + 1).to_string(), seats: (0..length).map(seat).collect() }
}

/// Terms with each rule on or off.
pub fn terms(dice: &mut Dice) -> Sale {
    let mut terms = sale();
    terms.hold_ttl_ms = 60_000;
    terms.per_hold_max = 6;
    terms.opens_at_ms = T0 + dice.of(&[0, 0, 0, 120_000]);
    terms.closes_at_ms = T0 + 60 * 3_600_000;
    let most = !dice.once_in(3);
    terms.rules = SaleRules {
        per_person_max: (most && !dice.once_in(3)).then_some(5),
        hold_budget: dice.some(2, HoldBudget { holds_max: 3, cool_down_ms: 300_000 }),
        extension: most.then_some(Extension { by_ms: 30_000, times_max: 2 }),
        fee: dice.of(&[
            Fee::default(),
            Fee { per_seat_minor: 5, basis_points: 100 },
            Fee { per_seat_minor: 0, basis_points: 333 },
        ]),
        offer_ttl_ms: (!dice.once_in(3)).then_some(90_000),
        waitlist_ttl_ms: most.then_some(45_000),
        accessible_public_at_ms: dice.some(2, T0 + 600_000),
        guests: GuestIdentity::Token,
    };
    terms
}
