//! The result of a drill: some lines on standard output for people, and a JSON line in the file that
//! `cargo xtask drill` makes its tables of. A drill that fails or cannot run has a line as well.

use std::cell::{Cell, RefCell};
use std::io::Write;

use serde_json::{Value, json};

use super::verdict::Verdict;
use super::{knob, rate};

/// Where lines are collected; nothing is collected without it.
const REPORT: &str = "SEATGRID_DRILL_REPORT";

/// One drill under way. When it goes without having been judged, its line says that it failed.
pub struct Drill {
    name: &'static str,
    ended: Cell<bool>,
    notes: RefCell<Vec<String>>,
}

impl Drill {
    /// Begins a drill.
    pub fn begin(name: &'static str) -> Self {
        Self { name, ended: Cell::new(false), notes: RefCell::default() }
    }

    /// Its name in the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Says in one line that it cannot run here.
    #[expect(clippy::print_stdout, reason = "a drill that is skipped says so")]
    pub fn skip(&self, why: &str) {
        println!("SKIPPED {}: {why}", self.name);
        self.row("skipped", json!({"why": why}));
    }

    /// Ends a drill without a load's figures: what it asserted holds.
    pub fn done(&self) {
        self.row("ok", json!({}));
    }

    /// The same with figures of its own.
    pub fn done_with(&self, figures: Value) {
        self.row("ok", figures);
    }

    /// Something beside the figures that belongs to the result: part of its line, or a line of its own
    /// once that is written.
    #[expect(clippy::print_stdout, reason = "a drill's figures are its result")]
    pub fn note(&self, words: &str) {
        println!("DRILL   {}: {words}", self.name);
        self.notes.borrow_mut().push(words.to_owned());
        if self.ended.get() {
            self.row("noted", json!({}));
        }
    }

    /// Prints a load's figures and adds their line.
    pub(super) fn tell(&self, verdict: &Verdict) {
        print(self.name, verdict);
        let names =
            ["answered_per_s", "granted", "repeated", "gap_max_ms", "lost", "twice", "stale"];
        let figures = names.map(|name| (name.to_owned(), json!(verdict.figure(name))));
        let mut row = Value::Object(figures.into_iter().collect());
        row["asked_per_s"] = json!(rate());
        row["failed"] = json!(verdict.failed());
        for phase in ["before", "during", "after"] {
            let figure = |name| verdict.of_phase(phase, name);
            if let (Some(p50), Some(p99)) = (figure("p50_ms"), figure("p99_ms")) {
                row["phases"][phase] = json!({"p50_ms": p50, "p99_ms": p99});
            }
        }
        self.row("measured", row);
    }

    fn row(&self, state: &str, mut row: Value) {
        self.ended.set(true);
        let Some(path) = std::env::var_os(REPORT) else { return };
        row["drill"] = json!(self.name);
        row["state"] = json!(state);
        row["notes"] = json!(self.notes.take());
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| writeln!(file, "{row}"));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        if std::thread::panicking() || !self.ended.get() {
            self.row("failed", json!({}));
        }
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
