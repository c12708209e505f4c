//! JSON: the body of the staff call that makes plans, without its venue and name. A fault that is
//! not one of the JSON itself names the line where its section, row and seat first stand in order.

use serde::Deserialize;
use serde_json::Number;

use super::{Fault, check, csv::hundredths};
use crate::catalogue::{StoredArea, StoredPlan, StoredRow, StoredSeat, StoredSection};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "venue_id")]
    _venue: Option<String>,
    #[serde(default, rename = "name")]
    _name: Option<String>,
    sections: Vec<Section>,
    #[serde(default)]
    focal: Option<Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    x: Number,
    y: Number,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Section {
    Seated { id: String, name: String, rows: Vec<Row> },
    Area { id: String, name: String, capacity: u32, tier: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    label: String,
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seat {
    number: String,
    tier: String,
    x: Number,
    y: Number,
    #[serde(default)]
    accessible: bool,
    #[serde(default)]
    companion: bool,
}

pub(super) fn read(text: &str) -> (StoredPlan, Vec<Fault>) {
    let empty = StoredPlan { version: 1, sections: Vec::new(), focal: None };
    let document: Document = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            return (empty, vec![Fault::at(error.line().max(1), reason)]);
        }
    };
    let sections = document.sections.into_iter().map(section).collect::<Option<_>>();
    let focal = document.focal.map(|at| Some((number(&at.x)?, number(&at.y)?)));
    let (Some(sections), false) = (sections, focal == Some(None)) else {
        let reason = "x and y must be plain decimal numbers on the drawing";
        return (empty, vec![Fault::at(1, reason)]);
    };
    let plan = StoredPlan { version: 1, sections, focal: focal.flatten() };
    let fault = check(&plan, |place| line_of(text, place));
    (plan, fault.into_iter().collect())
}

fn section(section: Section) -> Option<StoredSection> {
    Some(match section {
        Section::Area { id, name, capacity, tier } => {
            StoredSection { id, name, rows: Vec::new(), area: Some(StoredArea { capacity, tier }) }
        }
        Section::Seated { id, name, rows } => {
            let rows = rows.into_iter().map(row).collect::<Option<_>>()?;
            StoredSection { id, name, rows, area: None }
        }
    })
}

fn row(row: Row) -> Option<StoredRow> {
    let seat = |seat: Seat| {
        Some(StoredSeat {
            number: seat.number,
            tier: seat.tier,
            x: number(&seat.x)?,
            y: number(&seat.y)?,
            accessible: seat.accessible,
            companion: seat.companion,
        })
    };
    let seats = row.seats.into_iter().map(seat).collect::<Option<_>>()?;
    Some(StoredRow { label: row.label, seats })
}

fn number(number: &Number) -> Option<i32> {
    hundredths(&number.to_string())
}

/// The line where the names of a place such as `section B row 4 seat 12` first stand, one after the
/// other; as far as they do.
fn line_of(text: &str, place: &str) -> usize {
    let (section, rest) = place.split_once(" row ").unwrap_or((place, ""));
    let (row, seat) = rest.split_once(" seat ").unwrap_or((rest, ""));
    let names = [section.trim_start_matches("section "), row, seat];
    let mut from = 0;
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        match text[from..].find(&format!("\"{name}\"")) {
            Some(at) => from += at,
            None => break,
        }
    }
    text[..from].matches('\n').count() + 1
}
