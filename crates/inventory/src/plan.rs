//! The plan of a hall: sections, rows, seats and tiers, and the dense index made from it.
//!
//! A plan is immutable once its sale is open. Seats are numbered in order of appearance; that
//! number ([`SeatIx`]) is what commands, bitmaps and state use. Strings stay here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SeatIx;

/// Seats in one plan; two of the largest stadiums together. Bounds memory and snapshot size.
pub const PLAN_SEATS_MAX: usize = 250_000;
/// Seats in one row, so that a row's free seats fit one machine word of 128 bits.
pub const ROW_SEATS_MAX: usize = 128;
/// Tiers in one plan.
pub const PLAN_TIERS_MAX: usize = 64;
/// Sections in one plan.
pub const PLAN_SECTIONS_MAX: usize = 1_024;
/// Bytes in an id, label or number; they are joined into seat ids.
pub const LABEL_BYTES_MAX: usize = 32;
/// Bytes in a display name.
pub const NAME_BYTES_MAX: usize = 200;

/// A hall's plan with its price tiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Grows with every replacement, from 1.
    pub version: u32,
    /// Price tiers; seats refer to them by position.
    pub tiers: Vec<Tier>,
    /// Sections in selling order: best available prefers earlier ones.
    pub sections: Vec<Section>,
}

/// A price tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Stable id, unique in the plan.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Price of one seat in minor units, 0 or more.
    pub price_minor: i64,
}

/// A section of seated rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Stable id, unique in the plan.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Rows from the front.
    pub rows: Vec<Row>,
}

/// A row of seats; neighbours in the vector sit next to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Label, unique in the section.
    pub label: String,
    /// Seats from left to right.
    pub seats: Vec<Seat>,
}

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Number as printed, unique in the row.
    pub number: Box<str>,
    /// Position in [`Plan::tiers`].
    pub tier: u16,
    /// Place on the drawing in hundredths of a unit.
    pub x: i32,
    /// Place on the drawing in hundredths of a unit.
    pub y: i32,
    /// Meant for a wheelchair; not offered by best available.
    pub accessible: bool,
}

/// Why a plan cannot be sold from; says where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// The place, such as `section B row 4`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// All seats in plan order with where they are.
    pub fn seats(&self) -> impl Iterator<Item = (&Section, &Row, &Seat)> {
        self.sections.iter().flat_map(|section| {
            let rows = section.rows.iter();
            rows.flat_map(move |row| row.seats.iter().map(move |seat| (section, row, seat)))
        })
    }

    /// How many seats the plan has.
    pub fn seat_count(&self) -> usize {
        self.sections.iter().flat_map(|s| &s.rows).map(|r| r.seats.len()).sum()
    }

    /// Checks every limit and every uniqueness that the state relies on.
    pub fn check(&self) -> Result<(), PlanError> {
        let at_plan = |reason: &str| Err(fault("plan".into(), reason));
        if self.version == 0 {
            return at_plan("version must be 1 or more");
        }
        if self.tiers.is_empty() || self.tiers.len() > PLAN_TIERS_MAX {
            return at_plan("needs 1 to 64 tiers");
        }
        if self.sections.len() > PLAN_SECTIONS_MAX {
            return at_plan("has more than 1024 sections");
        }
        match self.seat_count() {
            0 => return at_plan("has no seats"),
            n if n > PLAN_SEATS_MAX => return at_plan("has more than 250000 seats"),
            _ => {}
        }
        self.check_tiers()?;
        self.check_sections()?;
        self.check_seat_ids()
    }

    fn check_tiers(&self) -> Result<(), PlanError> {
        let mut seen = BTreeSet::new();
        for tier in &self.tiers {
            let place = || format!("tier {}", tier.id);
            check_label(&tier.id, place)?;
            check_name(&tier.name, place)?;
            if !seen.insert(&tier.id) {
                return Err(fault(place(), "id occurs twice"));
            }
            if !(0..=PRICE_MINOR_MAX).contains(&tier.price_minor) {
                return Err(fault(place(), "price out of range"));
            }
        }
        Ok(())
    }

    fn check_sections(&self) -> Result<(), PlanError> {
        let mut seen = BTreeSet::new();
        for section in &self.sections {
            let place = || format!("section {}", section.id);
            check_label(&section.id, place)?;
            check_name(&section.name, place)?;
            if !seen.insert(&section.id) {
                return Err(fault(place(), "id occurs twice"));
            }
            for row in &section.rows {
                self.check_row(section, row)?;
            }
        }
        Ok(())
    }

    fn check_row(&self, section: &Section, row: &Row) -> Result<(), PlanError> {
        let place = || format!("section {} row {}", section.id, row.label);
        check_label(&row.label, place)?;
        if row.seats.is_empty() || row.seats.len() > ROW_SEATS_MAX {
            return Err(fault(place(), "needs 1 to 128 seats"));
        }
        for seat in &row.seats {
            let place = || format!("section {} row {} seat {}", section.id, row.label, seat.number);
            check_label(&seat.number, place)?;
            if usize::from(seat.tier) >= self.tiers.len() {
                return Err(fault(place(), "names a tier that does not exist"));
            }
        }
        Ok(())
    }

    fn check_seat_ids(&self) -> Result<(), PlanError> {
        let mut seen = BTreeSet::new();
        for (section, row, seat) in self.seats() {
            let id = seat_id(section, row, seat);
            if let Some(twice) = seen.replace(id) {
                return Err(fault(format!("seat {twice}"), "id occurs twice"));
            }
        }
        Ok(())
    }
}

/// The largest price of one seat: with 250,000 seats a sum still fits 64 bits.
pub const PRICE_MINOR_MAX: i64 = 1_000_000_000_000;

fn fault(place: String, reason: &str) -> PlanError {
    PlanError { place, reason: reason.into() }
}

fn check_label(label: &str, place: impl Fn() -> String) -> Result<(), PlanError> {
    let plain = label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    match label.len() {
        0 => Err(fault(place(), "empty id, label or number")),
        n if n > LABEL_BYTES_MAX => Err(fault(place(), "id, label or number over 32 bytes")),
        _ if !plain => Err(fault(place(), "only letters, digits, '-', '_' and '.' are allowed")),
        _ => Ok(()),
    }
}

fn check_name(name: &str, place: impl Fn() -> String) -> Result<(), PlanError> {
    match name.len() {
        0 => Err(fault(place(), "empty name")),
        n if n > NAME_BYTES_MAX => Err(fault(place(), "name over 200 bytes")),
        _ => Ok(()),
    }
}

fn seat_id(section: &Section, row: &Row, seat: &Seat) -> String {
    format!("{}-{}-{}", section.id, row.label, seat.number)
}

/// The dense view of a plan that the rules and the edges share: built once, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanIndex {
    /// Per seat, in plan order.
    seats: Vec<SeatPlace>,
    /// Per row, in plan order.
    rows: Vec<RowPlace>,
    /// Tier prices in minor units.
    prices_minor: Vec<i64>,
    /// How many sections.
    section_count: usize,
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
    /// Seats that best available may offer, as bits.
    pub(crate) open: u128,
    /// Seats of each tier that occurs in the row, as bits.
    pub(crate) tiers: Vec<(u16, u128)>,
}

impl PlanIndex {
    /// Builds the index; the plan must have passed [`Plan::check`].
    pub fn new(plan: &Plan) -> Self {
        let mut index = Self {
            seats: Vec::with_capacity(plan.seat_count()),
            rows: Vec::new(),
            prices_minor: plan.tiers.iter().map(|t| t.price_minor).collect(),
            section_count: plan.sections.len(),
        };
        for (section_at, section) in plan.sections.iter().enumerate() {
            for row in &section.rows {
                index.push_row(section_at as u16, row);
            }
        }
        index
    }

    fn push_row(&mut self, section: u16, row: &Row) {
        let first = SeatIx(self.seats.len() as u32);
        let at = self.rows.len() as u32;
        let mut tiers = BTreeMap::new();
        let mut open = 0;
        for (bit, seat) in row.seats.iter().enumerate() {
            self.seats.push(SeatPlace { row: at, section, tier: seat.tier, bit: bit as u8 });
            *tiers.entry(seat.tier).or_insert(0u128) |= 1 << bit;
            if !seat.accessible {
                open |= 1u128 << bit;
            }
        }
        let tiers = tiers.into_iter().collect();
        self.rows.push(RowPlace { first, len: row.seats.len() as u8, section, open, tiers });
    }

    /// How many seats.
    pub fn seat_count(&self) -> usize {
        self.seats.len()
    }

    /// How many sections.
    pub fn section_count(&self) -> usize {
        self.section_count
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
}
