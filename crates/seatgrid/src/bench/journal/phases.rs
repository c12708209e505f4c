//! How the service was before, during and after what a drill did to it.
//!
//! The first mark ends `before`; a mark named `calm` begins `after`; between them is `during`. A
//! request belongs to the phase in which the schedule wanted it, whenever its answer came.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::gaps::Mark;
use super::{Line, Op};

/// The mark from which on nothing is disturbed any more.
pub const CALM: &str = "calm";
/// The longest latency that is told apart, in microseconds.
const HOUR_US: u64 = 3_600_000_000;

/// Holds whose moment was in one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    pub name: &'static str,
    pub holds_asked: usize,
    pub granted: usize,
    /// Holds whose first attempt got no definite answer and was repeated under the same key.
    pub repeated: usize,
    /// From the scheduled moment to the granted hold, with all repetitions.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Holds by phase; phases without any are left out.
pub fn of(lines: &[Line], marks: &[Mark]) -> Vec<Phase> {
    let first = marks.first().map_or(u64::MAX, |mark| mark.at);
    let calm = marks.iter().find(|mark| mark.name == CALM).map_or(u64::MAX, |mark| mark.at);
    let spans = [("before", 0, first), ("during", first, calm), ("after", calm, u64::MAX)];
    let phase = |(name, from, until): (&'static str, u64, u64)| {
        let inside = |line: &&Line| line.op == Op::Hold && (from..until).contains(&line.due);
        let holds: Vec<&Line> = lines.iter().filter(inside).collect();
        (!holds.is_empty()).then(|| measure(name, &holds))
    };
    spans.into_iter().filter_map(phase).collect()
}

fn measure(name: &'static str, holds: &[&Line]) -> Phase {
    let latency = latency(holds);
    let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
    Phase {
        name,
        holds_asked: holds.len(),
        granted: holds.iter().filter(|line| line.done()).count(),
        repeated: holds.iter().filter(|line| line.attempts > 1).count(),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        max_ms: latency.max() as f64 / 1e3,
    }
}

/// Latency of those that were granted, from their scheduled moments, in microseconds.
pub fn latency(holds: &[&Line]) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, HOUR_US, 3).expect("sound bounds");
    for line in holds.iter().filter(|line| line.done()) {
        let took_ns = line.t1.unwrap_or(line.due).saturating_sub(line.due);
        histogram.saturating_record(took_ns / 1_000);
    }
    histogram
}
