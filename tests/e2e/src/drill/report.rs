//! The result of a drill for people: some lines on standard output, and a row of the table that
//! `cargo xtask long drills` prints in the end. A drill that fails or cannot run has a row as well.

use std::cell::Cell;
use std::io::Write;

use super::verdict::Verdict;
use super::{knob, rate};

/// Where rows are collected; nothing is collected without it.
const REPORT: &str = "SEATGRID_DRILL_REPORT";

/// One drill under way. When it goes without having been judged, its row says that it failed.
pub struct Drill {
    name: &'static str,
    ended: Cell<bool>,
}

impl Drill {
    /// Begins a drill.
    pub fn begin(name: &'static str) -> Self {
        Self { name, ended: Cell::new(false) }
    }

    /// Its name in the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says in one line that it cannot run here.
    #[expect(clippy::print_stdout, reason = "a drill that is skipped says so")]
    pub fn skip(&self, why: &str) {
        println!("SKIPPED {}: {why}", self.name);
        self.row(&format!("SKIPPED: {why}"));
    }

    /// Ends a drill without a load's figures: what it asserted holds.
    pub fn done(&self) {
        self.row("ok");
    }

    /// Something beside the load's figures that belongs to the result.
    #[expect(clippy::print_stdout, reason = "a drill's figures are its result")]
    pub fn note(&self, words: &str) {
        println!("DRILL   {}: {words}", self.name);
    }

    /// Prints a load's figures and adds their row.
    pub(super) fn tell(&self, verdict: &Verdict) {
        print(self.name, verdict);
        let phase = |name| phase(verdict, name);
        let figure = |name| verdict.figure(name);
        self.row(&format!(
            "{:>6} {:>8.0} {:>8.0} {:>6} {:>8.0} | {} | {} | {} | {:>7.0} | {:>4.0} {:>5.0} {:>5.0}",
            rate(),
            figure("answered_per_s"),
            figure("granted"),
            verdict.failed(),
            figure("repeated"),
            phase("before"),
            phase("during"),
            phase("after"),
            figure("gap_max_ms"),
            figure("lost"),
            figure("twice"),
            figure("stale"),
        ));
    }

    fn row(&self, words: &str) {
        self.ended.set(true);
        let Some(path) = std::env::var_os(REPORT) else { return };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let line = format!("{:<38} {words}\n", self.name);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        if std::thread::panicking() || !self.ended.get() {
            self.row("FAILED");
        }
    }
}

/// p50 and p99 of a phase, in milliseconds.
fn phase(verdict: &Verdict, name: &str) -> String {
    let figure = |figure| verdict.of_phase(name, figure);
    match (figure("p50_ms"), figure("p99_ms")) {
        (Some(p50), Some(p99)) => format!("{p50:>6.1} {p99:>7.1}"),
        _ => format!("{:>6} {:>7}", "-", "-"),
    }
}

#[expect(clippy::print_stdout, reason = "a drill's figures are its result")]
fn print(name: &str, verdict: &Verdict) {
    let figure = |name| verdict.figure(name);
    println!("DRILL {name}");
    println!(
        "DRILL   asked {}/s, answered {:.0}/s, granted {:.0}, failed {}, repeated {:.0}",
        rate(),
        figure("answered_per_s"),
        figure("granted"),
        verdict.failed(),
        figure("repeated"),
    );
    for phase in ["before", "during", "after"] {
        if let Some(asked) = verdict.of_phase(phase, "holds_asked") {
            let figure = |name| verdict.of_phase(phase, name).unwrap_or_default();
            let [p50, p99, max] = ["p50_ms", "p99_ms", "max_ms"].map(figure);
            println!(
                "DRILL   {phase:<6} p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms of {asked}"
            );
        }
    }
    let pauses = verdict.pauses();
    for (name, pause) in pauses.iter().take(knob("PAUSES_SHOWN", 24) as usize) {
        println!("DRILL   {pause:>6.0} ms pause after: {name}");
    }
    println!(
        "DRILL   acknowledged and lost {:.0}, sold twice {:.0}, stale {:.0}, {} seats judged",
        figure("lost"),
        figure("twice"),
        figure("stale"),
        figure("seats_sound"),
    );
}
