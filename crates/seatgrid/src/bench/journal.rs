//! The journal of a load: one JSON line for every request with its outcome, written by `bench holds`
//! and judged by `bench check-journal`.
//!
//! One generator process writes it with one clock, so that lines can be ordered. A line names no
//! token and no person.

mod faults;
mod gaps;
mod phases;
mod replay;
mod seats;
mod verdict;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `POST /events/{id}/holds`.
    Hold,
    /// `DELETE /holds/{id}`.
    Release,
    /// `GET /holds/{id}`, at the end, of every hold that was acknowledged and not released.
    Read,
    /// `GET /events/{id}/seats`, once after all else; `seats` are the held ones.
    Map,
}

/// One request from its first attempt to its definite answer, or to the end of patience.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// When the schedule wanted it, nanoseconds since 1970.
    pub due: u64,
    /// When its first attempt was sent.
    pub t0: u64,
    /// When its definite answer was there; `None` when there was none.
    pub t1: Option<u64>,
    /// A client of its own for each request: after a time-out nobody goes on under the same name.
    pub client: u64,
    /// The idempotency key, the same for all attempts.
    pub key: String,
    /// What was asked.
    pub op: Op,
    /// The event's id.
    pub event: String,
    /// Seats that were asked for, or that an answer named.
    pub seats: Vec<String>,
    /// Status of the definite answer.
    pub status: Option<u16>,
    /// Its problem code, if it was one.
    pub code: Option<String>,
    /// The hold that it is about.
    pub hold: Option<String>,
    /// The state version that it was given.
    pub version: Option<u64>,
    /// When the granted hold ends by itself.
    pub until: Option<u64>,
    /// Attempts in all.
    pub attempts: u32,
}

impl Line {
    /// Whether the answer says that it was done.
    pub fn done(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }
}

/// A journal being written. Lines of all tasks go into one file.
pub struct Journal(Mutex<BufWriter<File>>);

impl Journal {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self(Mutex::new(BufWriter::with_capacity(1 << 20, file))))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line).context("a line has a JSON form")?;
        text.push(b'\n');
        self.0.lock().write_all(&text).context("writing the journal")
    }

    /// Brings all lines to the file.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(&self) -> Result<()> {
        self.0.lock().flush().context("writing the journal")
    }
}

/// What to judge.
#[derive(Debug, Clone, Args)]
pub struct CheckJournal {
    /// The journal.
    pub journal: PathBuf,
    /// Moments of faults, one a line: nanoseconds since 1970, a space, a name. The longest pause
    /// after each is printed, and latencies before the first, from it to one named `calm`, and after.
    #[arg(long)]
    pub marks: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Reads a journal, judges it, prints the verdict; fails when anything contradicts the promises.
///
/// # Errors
/// When the journal cannot be read, or when it shows a fault.
pub fn check(args: &CheckJournal) -> Result<()> {
    let lines = read(&args.journal)?;
    let marks = args.marks.as_deref().map(gaps::read_marks).transpose()?.unwrap_or_default();
    let verdict = verdict::judge(&lines, &marks);
    verdict.print(args.json)?;
    if verdict.faults.is_empty() { Ok(()) } else { bail!("the journal shows faults") }
}

fn read(path: &Path) -> Result<Vec<Line>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut lines = Vec::new();
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let text = text.context("reading the journal")?;
        let line = serde_json::from_str(&text);
        lines.push(line.with_context(|| format!("line {} is not of a journal", number + 1))?);
    }
    Ok(lines)
}
