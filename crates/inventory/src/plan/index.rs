//! The dense view of a plan that the rules and the edges share: built once a plan version,
//! read-only. Words of 128 bits stand for rows.

use std::collections::BTreeMap;

use super::{Plan, Row, Section, SectionKind};
use crate::SeatIx;

/// A plan as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanIndex {
    /// Per seat, in plan order.
    seats: Vec<SeatPlace>,
    /// Per row, in plan order.
    rows: Vec<RowPlace>,
    /// Rows in the order in which best available tries them.
    best_order: Vec<u32>,
    /// Per seat, the squared distance from the focal point; empty without one.
    distances: Vec<u64>,
    /// Rows of each section: first, and one past the last.
    sections: Vec<(u32, u32)>,
    /// Tier prices in minor units.
    prices_minor: Vec<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeatPlace {
    pub(crate) row: u32,
    pub(crate) section: u16,
    pub(crate) tier: u16,
    pub(crate) bit: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowPlace {
    pub(crate) first: SeatIx,
    pub(crate) len: u8,
    pub(crate) section: u16,
    /// Whether its places are sold by quantity.
    pub(crate) area: bool,
    /// Seats that best available may offer to everybody, as bits.
    pub(crate) open: u128,
    /// Seats for wheelchairs, as bits.
    pub(crate) accessible: u128,
    /// Seats for companions, as bits.
    pub(crate) companion: u128,
    /// Seats of each tier that occurs in the row, as bits.
    pub(crate) tiers: Vec<(u16, u128)>,
}

impl RowPlace {
    /// The seats of these bits, in plan order.
    pub(crate) fn seats(&self, bits: u128) -> impl Iterator<Item = SeatIx> + use<> {
        let (first, len) = (self.first.0, u32::from(self.len));
        (0..len).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| SeatIx(first + bit))
    }
}

impl PlanIndex {
    /// Builds the index; the plan must have passed [`Plan::check`].
    pub fn new(plan: &Plan) -> Self {
        let mut index = Self {
            seats: Vec::with_capacity(plan.seat_count()),
            rows: Vec::new(),
            best_order: Vec::new(),
            distances: Vec::new(),
            sections: Vec::with_capacity(plan.sections.len()),
            prices_minor: plan.tiers.iter().map(|t| t.price_minor).collect(),
        };
        for section in &plan.sections {
            let first = index.rows.len() as u32;
            for row in &section.rows {
                index.push_row(section, row);
            }
            index.sections.push((first, index.rows.len() as u32));
        }
        index.look_from(plan);
        index
    }

    fn push_row(&mut self, of: &Section, row: &Row) {
        let (first, at) = (SeatIx(self.seats.len() as u32), self.rows.len() as u32);
        let section = self.sections.len() as u16;
        let area = of.kind == SectionKind::Area;
        let mut tiers = BTreeMap::new();
        let (mut open, mut accessible, mut companion) = (0, 0, 0);
        for (bit, seat) in row.seats.iter().enumerate() {
            self.seats.push(SeatPlace { row: at, section, tier: seat.tier, bit: bit as u8 });
            let bit = 1u128 << bit;
            *tiers.entry(seat.tier).or_insert(0u128) |= bit;
            match (seat.accessible, seat.companion) {
                _ if area => {}
                (true, _) => accessible |= bit,
                (false, true) => companion |= bit,
                (false, false) => open |= bit,
            }
        }
        let (len, tiers) = (row.seats.len() as u8, tiers.into_iter().collect());
        self.rows.push(RowPlace { first, len, section, area, open, accessible, companion, tiers });
    }

    /// Orders rows by their nearest seat when the plan has a focal point.
    fn look_from(&mut self, plan: &Plan) {
        self.best_order = (0..self.rows.len() as u32).collect();
        let Some((x, y)) = plan.focal else { return };
        let square = |a: i32, b: i32| u128::from(a.abs_diff(b)).pow(2);
        let distance = |seat: &super::Seat| {
            u64::try_from(square(seat.x, x) + square(seat.y, y)).unwrap_or(u64::MAX)
        };
        self.distances = plan.seats().map(|(_, _, seat)| distance(seat)).collect();
        let nearest = |row: &u32| {
            let row = &self.rows[*row as usize];
            let first = row.first.at();
            self.distances[first..first + usize::from(row.len)].iter().min().copied()
        };
        // Stable: rows equally near stay in plan order.
        self.best_order.sort_by_cached_key(nearest);
    }

    /// How many seats.
    pub fn seat_count(&self) -> usize {
        self.seats.len()
    }

    /// How many sections.
    pub fn section_count(&self) -> usize {
        self.sections.len()
    }

    /// How many tiers.
    pub fn tier_count(&self) -> usize {
        self.prices_minor.len()
    }

    /// The seat's tier as a position in [`Plan::tiers`].
    pub fn tier_of(&self, seat: SeatIx) -> u16 {
        self.seats[seat.at()].tier
    }

    /// The seat's section as a position in [`Plan::sections`].
    pub fn section_of(&self, seat: SeatIx) -> u16 {
        self.seats[seat.at()].section
    }

    /// Whether the seat is a place of a general-admission area.
    pub fn in_area(&self, seat: SeatIx) -> bool {
        self.rows[self.seats[seat.at()].row as usize].area
    }

    /// Whether the seat is for a wheelchair, and whether for a companion.
    pub(crate) fn kind_bits(&self, seat: SeatIx) -> (bool, bool) {
        let place = self.seats[seat.at()];
        let row = &self.rows[place.row as usize];
        (row.accessible >> place.bit & 1 == 1, row.companion >> place.bit & 1 == 1)
    }

    /// The seat's price in minor units.
    pub fn price_minor(&self, seat: SeatIx) -> i64 {
        self.tier_price_minor(self.tier_of(seat))
    }

    /// A tier's price in minor units.
    pub(crate) fn tier_price_minor(&self, tier: u16) -> i64 {
        self.prices_minor[usize::from(tier)]
    }

    pub(crate) fn place(&self, seat: SeatIx) -> SeatPlace {
        self.seats[seat.at()]
    }

    pub(crate) fn rows(&self) -> &[RowPlace] {
        &self.rows
    }

    /// The rows of a section as a range of positions; empty for an unknown one.
    pub(crate) fn section_rows(&self, section: u16) -> std::ops::Range<usize> {
        let (first, end) = self.sections.get(usize::from(section)).copied().unwrap_or_default();
        first as usize..end as usize
    }

    /// Rows in the order in which best available tries them.
    pub(crate) fn best_order(&self) -> &[u32] {
        &self.best_order
    }

    /// The squared distance of a seat from the focal point, if the plan has one.
    pub(crate) fn distance(&self, seat: SeatIx) -> Option<u64> {
        self.distances.get(seat.at()).copied()
    }
}
