//! The plan of a hall: sections, rows, seats and tiers, and the dense index made from it.
//!
//! Seats are numbered in order of appearance; that number ([`crate::SeatIx`]) is what commands,
//! bitmaps and state use, and it never changes its meaning: a later version of a plan only adds
//! seats after the known ones. A general-admission area is a section whose places are seats that
//! nobody chooses by name. Strings stay here.

mod hall;
mod index;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use index::PlanIndex;
pub(crate) use index::{RowPlace, SeatPlace};

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
    /// Where best available looks from, in hundredths of a unit (x, y): nearer seats come first.
    /// `None` takes sections, rows and the middles of rows in their order.
    pub focal: Option<(i32, i32)>,
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

/// How places of a section are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SectionKind {
    /// Seat by seat.
    #[default]
    Seated,
    /// By quantity: general admission.
    Area,
}

/// A section of rows, or an area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Stable id, unique in the plan.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Rows from the front; an area's places in rows of any length.
    pub rows: Vec<Row>,
    /// How its places are sold.
    pub kind: SectionKind,
}

impl Section {
    /// A general-admission area of so many places, all of one tier.
    pub fn area(id: &str, name: &str, capacity: u32, tier: u16) -> Self {
        let place = |n: u32| Seat {
            number: n.to_string().into(),
            tier,
            x: 0,
            y: 0,
            accessible: false,
            companion: false,
        };
        let all: Vec<u32> = (1..=capacity).collect();
        let row = |(at, numbers): (usize, &[u32])| Row {
            label: (at + 1).to_string(),
            seats: numbers.iter().copied().map(place).collect(),
        };
        let rows = all.chunks(ROW_SEATS_MAX).enumerate().map(row).collect();
        Self { id: id.to_owned(), name: name.to_owned(), rows, kind: SectionKind::Area }
    }
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
    /// Meant for a wheelchair; best available offers it only when asked for.
    pub accessible: bool,
    /// Meant for who comes with a wheelchair; sold beside an accessible seat only.
    pub companion: bool,
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

    /// The first seat of this plan that `later` lacks or has at another place, as (index, id); a
    /// plan may replace this one only when there is none.
    pub fn first_lost(&self, later: &Self) -> Option<(crate::SeatIx, String)> {
        let mut theirs = later.seats();
        (0..).zip(self.seats()).find_map(|(at, (section, row, seat))| {
            let id = seat_id(section, row, seat);
            let kept = theirs.next().is_some_and(|(their_section, their_row, their_seat)| {
                seat_id(their_section, their_row, their_seat) == id
                    && their_section.kind == section.kind
            });
            (!kept).then_some((crate::SeatIx(at), id))
        })
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
