//! CSV: a header, then one seat a line from left to right, row by row, section by section. An area
//! is one line with its capacity as the number and the flag `area`.

use std::collections::BTreeMap;

use super::{Fault, check};
use crate::catalogue::{StoredArea, StoredPlan, StoredRow, StoredSeat, StoredSection};

const HEADER: [&str; 7] = ["section", "row", "number", "tier", "x", "y", "flags"];
/// Decimals of a place on the drawing.
const DECIMALS: usize = 2;

/// What was read so far.
#[derive(Default)]
struct Reader {
    sections: Vec<StoredSection>,
    faults: Vec<Fault>,
    /// Where a seat, row or section was first named.
    lines: BTreeMap<String, usize>,
}

pub(super) fn read(text: &str) -> (StoredPlan, Vec<Fault>) {
    let mut reader = Reader::default();
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    match lines.next() {
        Some((header, _)) if fields(header) == HEADER => {}
        _ => reader.faults.push(Fault::at(1, format!("the header must be {}", HEADER.join(",")))),
    }
    for (text, line) in lines.filter(|(text, _)| !text.trim().is_empty()) {
        if let Err(reason) = reader.take(text, line) {
            reader.faults.push(Fault::at(line, reason));
        }
    }
    let plan = StoredPlan { version: 1, sections: reader.sections, focal: None };
    if reader.faults.is_empty() {
        let line = |place: &str| reader.lines.get(place).copied().unwrap_or(1);
        reader.faults.extend(check(&plan, line));
    }
    (plan, reader.faults)
}

fn fields(line: &str) -> Vec<&str> {
    line.split(',').map(|field| field.trim().trim_matches('"').trim()).collect()
}

impl Reader {
    fn take(&mut self, text: &str, line: usize) -> Result<(), String> {
        let fields = fields(text);
        let [section, row, number, tier, x, y, flags] = fields.as_slice() else {
            return Err(format!("{} fields, not {}", fields.len(), HEADER.len()));
        };
        let flags: Vec<&str> = flags.split([';', ' ', '|']).filter(|f| !f.is_empty()).collect();
        if let Some(unknown) = flags.iter().find(|f| !FLAGS.contains(f)) {
            return Err(format!("unknown flag {unknown}; known are {}", FLAGS.join(", ")));
        }
        if flags.contains(&"area") {
            return self.area((section, row, number), tier, line);
        }
        let seat = StoredSeat {
            number: (*number).to_owned(),
            tier: (*tier).to_owned(),
            x: hundredths(x).ok_or_else(|| format!("x is not a number: {x}"))?,
            y: hundredths(y).ok_or_else(|| format!("y is not a number: {y}"))?,
            accessible: flags.contains(&"accessible"),
            companion: flags.contains(&"companion"),
        };
        self.seat(section, row, seat, line)
    }

    fn area(
        &mut self,
        (section, row, number): (&str, &str, &str),
        tier: &str,
        line: usize,
    ) -> Result<(), String> {
        let capacity = number.parse().ok().filter(|places| *places > 0);
        let capacity = capacity.ok_or("the number of an area is its capacity, 1 or more")?;
        if !row.is_empty() {
            return Err("an area has no row".to_owned());
        }
        self.begin(section, line)?;
        let area = Some(StoredArea { capacity, tier: tier.to_owned() });
        let (id, name) = (section.to_owned(), section.to_owned());
        self.sections.push(StoredSection { id, name, rows: Vec::new(), area });
        Ok(())
    }

    fn seat(
        &mut self,
        section: &str,
        row: &str,
        seat: StoredSeat,
        line: usize,
    ) -> Result<(), String> {
        let place = format!("section {section} row {row} seat {}", seat.number);
        if let Some(first) = self.lines.get(&place) {
            return Err(format!(
                "seat {} of row {row} occurs twice, first in line {first}",
                seat.number
            ));
        }
        if self.sections.last().is_none_or(|last| last.id != section) {
            self.begin(section, line)?;
            let (id, name) = (section.to_owned(), section.to_owned());
            self.sections.push(StoredSection { id, name, rows: Vec::new(), area: None });
        }
        let open = self.sections.last_mut().ok_or("a seat without a section")?;
        if open.area.is_some() {
            return Err(format!("section {section} is an area"));
        }
        if open.rows.last().is_none_or(|last| last.label != row) {
            let named = format!("section {section} row {row}");
            if let Some(first) = self.lines.get(&named) {
                return Err(format!(
                    "row {row} goes on after another row; it began in line {first}"
                ));
            }
            self.lines.insert(named, line);
            open.rows.push(StoredRow { label: row.to_owned(), seats: Vec::new() });
        }
        self.lines.insert(place, line);
        self.lines.insert(format!("seat {section}-{row}-{}", seat.number), line);
        if let Some(row) = open.rows.last_mut() {
            row.seats.push(seat);
        }
        Ok(())
    }

    /// Notes a section at its first line.
    fn begin(&mut self, section: &str, line: usize) -> Result<(), String> {
        match self.lines.insert(format!("section {section}"), line) {
            Some(first) => {
                Err(format!("section {section} goes on after another; it began in line {first}"))
            }
            None => Ok(()),
        }
    }
}

const FLAGS: [&str; 3] = ["accessible", "companion", "area"];

/// A decimal text as hundredths; empty is 0.
pub(crate) fn hundredths(text: &str) -> Option<i32> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if digits.is_empty() {
        return text.is_empty().then_some(0);
    }
    let (units, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if units.is_empty() || !plain(units) || !plain(decimals) {
        return None;
    }
    // Finer than a hundredth is not drawn.
    let decimals: String = decimals.chars().chain("00".chars()).take(DECIMALS).collect();
    format!("{units}{decimals}").parse::<i32>().ok().map(|all| sign * all)
}
