//! Plans from files: CSV as spreadsheets write it, or JSON in the shape of the staff call that makes
//! plans. Every fault names its line and its reason; nothing is taken over from a file with a fault.
//!
//! In the flow: an organiser's file becomes the stored form of a plan, checked by the rules' own
//! limits, and is put into an event that is not on sale yet. What is on sale is never touched here.

mod csv;
mod json;
mod store;

use std::collections::BTreeSet;

pub(crate) use csv::hundredths;
pub use store::{ImportError, import};

use crate::catalogue::{StoredPlan, TierRecord};

/// Largest file, in bytes: 250,000 seats with long labels are less.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Faults told at once; whoever made hundreds made the same one.
const FAULTS_MAX: usize = 50;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `section,row,number,tier,x,y,flags`, one seat a line.
    Csv,
    /// `{"sections":[…]}`.
    Json,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Fault {
    fn at(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// A plan that passed every check but that of an event's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    plan: StoredPlan,
}

impl PlanFile {
    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// The faults in the order of lines, 50 at most.
    pub fn read(format: Format, text: &str) -> Result<Self, Vec<Fault>> {
        let (plan, mut faults) = match format {
            Format::Csv => csv::read(text),
            Format::Json => json::read(text),
        };
        faults.sort_by_key(|fault| fault.line);
        faults.truncate(FAULTS_MAX);
        if faults.is_empty() { Ok(Self { plan }) } else { Err(faults) }
    }

    /// The plan in its stored form, version 1.
    pub(crate) fn stored(&self) -> &StoredPlan {
        &self.plan
    }

    /// Seats and places of areas.
    pub fn seat_count(&self) -> usize {
        self.plan.seat_count()
    }

    /// How many sections, areas among them.
    pub fn section_count(&self) -> usize {
        self.plan.sections.len()
    }

    /// The tiers that seats name, which the event must have.
    pub fn tiers(&self) -> BTreeSet<&str> {
        tiers_of(&self.plan)
    }
}

fn tiers_of(plan: &StoredPlan) -> BTreeSet<&str> {
    let areas = plan.sections.iter().filter_map(|section| section.area.as_ref());
    let rows = plan.sections.iter().flat_map(|section| &section.rows);
    let seats = rows.flat_map(|row| &row.seats).map(|seat| seat.tier.as_str());
    areas.map(|area| area.tier.as_str()).chain(seats).collect()
}

/// The rules' own check of everything but prices. `line` finds the line of a place such as
/// `section B row 4`.
fn check(plan: &StoredPlan, line: impl Fn(&str) -> usize) -> Option<Fault> {
    let tier = |id: &str| TierRecord { id: id.into(), name: id.into(), price_minor: 0 };
    let tiers: Vec<TierRecord> = tiers_of(plan).into_iter().map(tier).collect();
    match plan.to_plan(&tiers) {
        Err(error) => Some(Fault::at(1, error.to_string())),
        Ok(plan) => {
            plan.check().err().map(|fault| Fault::at(line(&fault.place), fault.to_string()))
        }
    }
}
