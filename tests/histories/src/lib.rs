//! Judges histories: what clients at the HTTP edge asked and were answered, one JSON line an attempt,
//! one file an event. Two judges that know nothing of each other, of the rules' code or of the grid:
//! [`replay`] plays effects back in the order of the versions in the answers, on a model of a dozen
//! lines; [`order`] ignores versions and searches, seat by seat, an order that explains every answer.
//!
//! Whatever got no answer may have happened or not; judges take both for possible.

mod history;
mod line;
mod made_up;
mod order;
mod replay;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

pub use history::History;
pub use line::{Line, Op};
pub use made_up::{MadeUp, make_up};

/// Contradictions that are kept in words; all are counted.
const SHOWN: usize = 20;

/// What judges found in one event's history, or in several.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Attempts.
    pub attempts: usize,
    /// Requests: attempts under one key are one.
    pub requests: usize,
    /// Requests that never got an answer.
    pub unknown: usize,
    /// Seats whose requests have an order.
    pub seats_sound: usize,
    /// Seats whose search was given up.
    pub seats_undecided: usize,
    /// Contradictions in all.
    pub lies: usize,
    /// The first of them in words.
    pub shown: Vec<String>,
}

impl Verdict {
    /// Whether nothing contradicts an honest service, and everything could be judged.
    pub fn is_sound(&self) -> bool {
        self.lies == 0 && self.seats_undecided == 0
    }

    fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.requests += other.requests;
        self.unknown += other.unknown;
        self.seats_sound += other.seats_sound;
        self.seats_undecided += other.seats_undecided;
        self.lies += other.lies;
        self.shown.extend(other.shown);
        self.shown.truncate(SHOWN);
    }
}

/// Both judges on one event.
pub fn judge(history: &History) -> Verdict {
    let found = order::judge(history);
    let mut words = replay::lies(history);
    words.extend(found.contradictory.iter().map(|seat| {
        format!("seat {}: no order of its requests explains all answers", history.seat_name(*seat))
    }));
    Verdict {
        attempts: history.attempts,
        requests: history.requests.len(),
        unknown: history.unknown(),
        seats_sound: found.sound,
        seats_undecided: found.undecided,
        lies: words.len(),
        shown: words.into_iter().take(SHOWN).collect(),
    }
}

/// Judges files, one event each, on all processors.
///
/// # Errors
/// When a file cannot be read or is no history.
pub fn judge_files(files: &[PathBuf]) -> Result<Verdict> {
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Ok(Verdict::default())));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = judge_file(file);
                    let Ok(mut sum) = sum.lock() else { return };
                    match (&mut *sum, result) {
                        (Ok(sum), Ok(verdict)) => sum.add(verdict),
                        (sum @ Ok(_), Err(error)) => *sum = Err(error),
                        (Err(_), _) => return,
                    }
                }
            });
        }
    });
    sum.into_inner().map_err(|_| anyhow::anyhow!("a judge has failed"))?
}

fn judge_file(file: &Path) -> Result<Verdict> {
    let history = History::read(file).with_context(|| file.display().to_string())?;
    Ok(judge(&history))
}
