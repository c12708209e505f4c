//! The sum of all checks of a journal, for people and programs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::faults::{Faults, Kind};
use super::gaps::{self, Gap, Mark};
use super::phases::{self, Phase};
use super::{Line, Op, replay, seats};

/// Faults that are printed; the count names all.
const FAULTS_SHOWN: usize = 20;

/// What a journal shows.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub requests: usize,
    pub took_s: f64,
    pub holds_asked: usize,
    pub holds_per_s: f64,
    pub granted: usize,
    pub released: usize,
    pub read_back: usize,
    /// Definite answers other than granted, by status and code.
    pub refused: BTreeMap<String, usize>,
    /// Requests without a definite answer at the end of patience.
    pub unknown: usize,
    /// Attempts after the first.
    pub retries: u64,
    /// Requests that needed them: a client that never repeats would have failed.
    pub repeated: usize,
    /// Definite answers to holds per second, from the first scheduled moment to the last answer.
    pub answered_per_s: f64,
    /// From the scheduled moment to the granted hold.
    pub hold_p50_ms: f64,
    pub hold_p99_ms: f64,
    pub hold_max_ms: f64,
    /// The same before, during and after what the marks tell of.
    pub phases: Vec<Phase>,
    pub gaps: Vec<Gap>,
    pub gap_p50_ms: f64,
    pub gap_max_ms: f64,
    pub seats_sound: usize,
    pub seats_undecided: usize,
    /// Acknowledged and not there at the end.
    pub lost: usize,
    /// Seats or holds with two owners.
    pub twice: usize,
    /// Answers that contradict earlier ones.
    pub stale: usize,
    pub faults_count: usize,
    pub faults: Vec<String>,
}

/// Runs all checks.
pub fn judge(lines: &[Line], marks: &[Mark]) -> Verdict {
    let mut faults = Faults::default();
    replay::faults(lines, &mut faults);
    let by_seat = seats::judge(lines);
    for seat in &by_seat.contradictory {
        let words = format!("seat {seat}: no order of its requests explains all answers");
        faults.add(Kind::Stale, words);
    }
    let gaps = gaps::after(lines, marks);
    let (gap_p50_ms, gap_max_ms) = middle_and_max(gaps.iter().map(|gap| gap.gap_ms).collect());
    let holds: Vec<&Line> = lines.iter().filter(|l| l.op == Op::Hold).collect();
    let latency = phases::latency(&holds);
    let took_s = span_s(&holds);
    let count = |op: Op| lines.iter().filter(|l| l.op == op && l.done()).count();
    Verdict {
        requests: lines.len(),
        took_s,
        holds_asked: holds.len(),
        holds_per_s: holds.len() as f64 / took_s.max(0.001),
        granted: count(Op::Hold),
        released: count(Op::Release),
        read_back: count(Op::Read),
        refused: refused(lines),
        unknown: lines.iter().filter(|l| l.status.is_none()).count(),
        retries: lines.iter().map(|l| u64::from(l.attempts.saturating_sub(1))).sum(),
        repeated: lines.iter().filter(|l| l.attempts > 1).count(),
        answered_per_s: answered_per_s(&holds),
        hold_p50_ms: latency.value_at_quantile(0.5) as f64 / 1e3,
        hold_p99_ms: latency.value_at_quantile(0.99) as f64 / 1e3,
        hold_max_ms: latency.max() as f64 / 1e3,
        phases: phases::of(lines, marks),
        gaps,
        gap_p50_ms,
        gap_max_ms,
        seats_sound: by_seat.sound,
        seats_undecided: by_seat.undecided,
        lost: faults.count(Kind::Lost),
        twice: faults.count(Kind::Twice),
        stale: faults.count(Kind::Stale),
        faults_count: faults.len(),
        faults: faults.words(FAULTS_SHOWN),
    }
}

/// From the first to the last scheduled moment.
fn span_s(lines: &[&Line]) -> f64 {
    let due = || lines.iter().map(|line| line.due);
    let span = due().max().unwrap_or(0) - due().min().unwrap_or(0);
    span as f64 / 1e9
}

/// Until the last answer: slower than asked when answers came late.
fn answered_per_s(holds: &[&Line]) -> f64 {
    let began = holds.iter().map(|line| line.due).min().unwrap_or(0);
    let ends = || holds.iter().filter_map(|line| line.t1);
    let took_s = ends().max().unwrap_or(began).saturating_sub(began) as f64 / 1e9;
    ends().count() as f64 / took_s.max(0.001)
}

fn refused(lines: &[Line]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.done()) {
        if let Some(status) = line.status {
            let code = line.code.as_deref().unwrap_or("-");
            *counts.entry(format!("{:?} {status} {code}", line.op)).or_default() += 1;
        }
    }
    counts
}

fn middle_and_max(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    (at(values.len() / 2), at(values.len().saturating_sub(1)))
}

impl Verdict {
    /// Prints for people, or as JSON.
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        self.print_load();
        self.print_times();
        println!("  seats     {} sound, {} undecided", self.seats_sound, self.seats_undecided);
        println!("  lost      {} acknowledged, {} twice", self.lost, self.twice);
        for fault in &self.faults {
            println!("  FAULT     {fault}");
        }
        println!("  faults    {}", self.faults_count);
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print_load(&self) {
        println!(
            "{} requests, {} holds asked in {:.1} s ({:.0}/s, answered {:.0}/s)",
            self.requests, self.holds_asked, self.took_s, self.holds_per_s, self.answered_per_s
        );
        println!("  granted   {}", self.granted);
        println!("  released  {}", self.released);
        println!("  read back {}", self.read_back);
        for (code, count) in &self.refused {
            println!("  refused   {count} {code}");
        }
        let (unknown, retries, repeated) = (self.unknown, self.retries, self.repeated);
        println!("  unknown   {unknown}, {repeated} requests repeated {retries} times");
    }

    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print_times(&self) {
        let (p50, p99, max) = (self.hold_p50_ms, self.hold_p99_ms, self.hold_max_ms);
        println!("  hold      p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms");
        for Phase { name, p50_ms, p99_ms, max_ms, holds_asked, repeated, .. } in &self.phases {
            println!(
                "    {name:<7} p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms, \
                 {holds_asked} asked, {repeated} repeated"
            );
        }
        for gap in &self.gaps {
            println!("  pause     {:>8.0} ms after {}", gap.gap_ms, gap.name);
        }
        if !self.gaps.is_empty() {
            println!("  pauses    p50 {:.0} ms, max {:.0} ms", self.gap_p50_ms, self.gap_max_ms);
        }
    }
}

#[cfg(test)]
mod tests;
