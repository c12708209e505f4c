//! Pauses in the stream of acknowledgements after each fault.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::Line;

/// A pause belongs to the last fault before its end, for this long.
const WINDOW_NS: u64 = 15_000_000_000;

/// A fault and when it was made.
pub struct Mark {
    pub at: u64,
    pub name: String,
}

/// The longest pause after a fault.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    pub name: String,
    pub gap_ms: f64,
}

/// Reads the moments of faults.
pub fn read_marks(path: &Path) -> Result<Vec<Mark>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let mark = |line: &str| {
        let (at, name) = line.split_once(' ').context("a moment, a space, a name")?;
        Ok(Mark { at: at.parse().context("nanoseconds since 1970")?, name: name.to_owned() })
    };
    text.lines().map(mark).collect()
}

/// For each fault the longest time without an acknowledgement that ended after it and began before
/// the next fault.
pub fn after(lines: &[Line], marks: &[Mark]) -> Vec<Gap> {
    let mut acks: Vec<u64> = lines.iter().filter(|l| l.done()).filter_map(|l| l.t1).collect();
    acks.sort_unstable();
    let gap = |(number, mark): (usize, &Mark)| {
        let next = marks.get(number + 1).map_or(u64::MAX, |next| next.at);
        let until = next.min(mark.at + WINDOW_NS);
        let pauses = acks.windows(2).filter(|pair| pair[1] > mark.at && pair[0] < until);
        let longest = pauses.map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        Gap { name: mark.name.clone(), gap_ms: longest as f64 / 1e6 }
    };
    marks.iter().enumerate().map(gap).collect()
}
