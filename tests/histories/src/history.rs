//! A history in memory: names are numbers, attempts under one key are one request. Ten million requests
//! take about a gigabyte.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::line::{Line, Op};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nobody knows.
    None,
    /// Done; for a read: the hold lives.
    Done,
    /// Refused: the named seats were taken.
    Taken,
    /// The hold does not live any more.
    Gone,
    /// Refused for another reason: nothing happened, and nothing follows from it.
    Refused,
}

/// One request with all its attempts.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub op: Op,
    /// The first attempt's sending.
    pub t0: u64,
    /// Sending of the attempt that was answered.
    pub asked: u64,
    /// The answer, or the end of time.
    pub t1: u64,
    pub answer: Answer,
    /// Attempts without an answer: one may have had its effect, or may still have it.
    pub is_open: bool,
    /// 0 when it is not known.
    pub hold: u32,
    /// 0 when the answer had none.
    pub version: u64,
    pub until: u64,
    seats: Range<u32>,
    named: Range<u32>,
}

/// One event's requests, in the order of their first lines.
#[derive(Debug, Default)]
pub struct History {
    pub(crate) requests: Vec<Request>,
    pub(crate) attempts: usize,
    /// Holds that there are; their numbers begin with 1.
    pub(crate) holds: u32,
    lists: Vec<u32>,
    seats: Names,
    hold_names: Names,
    keys: HashMap<u128, u32>,
}

#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

impl History {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or a line is none of a history.
    pub fn read(path: &Path) -> Result<Self> {
        let mut history = Self::default();
        for (number, text) in BufReader::new(File::open(path)?).lines().enumerate() {
            let line: Line = serde_json::from_str(&text?)
                .with_context(|| format!("line {} is not of a history", number + 1))?;
            history.add(&line)?;
        }
        Ok(history)
    }

    /// Of lines in memory.
    ///
    /// # Errors
    /// When one is none of a history.
    pub fn of(lines: &[Line]) -> Result<Self> {
        let mut history = Self::default();
        lines.iter().try_for_each(|line| history.add(line))?;
        Ok(history)
    }

    /// Seats asked for, or read.
    pub(crate) fn seats(&self, request: &Request) -> &[u32] {
        &self.lists[request.seats.start as usize..request.seats.end as usize]
    }

    /// Seats before a swap, or named as taken.
    pub(crate) fn named(&self, request: &Request) -> &[u32] {
        &self.lists[request.named.start as usize..request.named.end as usize]
    }

    /// How many seats there are; their numbers begin with 0.
    pub(crate) fn seat_count(&self) -> usize {
        self.seats.names.len()
    }

    /// A seat's id.
    pub(crate) fn seat_name(&self, seat: u32) -> &str {
        &self.seats.names[seat as usize]
    }

    /// A hold's id.
    pub(crate) fn hold_name(&self, hold: u32) -> &str {
        hold.checked_sub(1).map_or("unknown", |at| &self.hold_names.names[at as usize])
    }

    /// Requests without an answer.
    pub(crate) fn unknown(&self) -> usize {
        self.requests.iter().filter(|request| request.answer == Answer::None).count()
    }

    fn add(&mut self, line: &Line) -> Result<()> {
        self.attempts += 1;
        let key = uuid::Uuid::parse_str(&line.key).context("the key is no UUID")?.as_u128();
        let attempt = self.request(line);
        let Some(at) = self.keys.get(&key) else {
            self.keys.insert(key, self.requests.len() as u32);
            self.requests.push(attempt);
            return Ok(());
        };
        let request = &mut self.requests[*at as usize];
        if request.op != attempt.op {
            bail!("one key for {:?} and {:?}", request.op, attempt.op);
        }
        request.take(attempt);
        Ok(())
    }

    fn request(&mut self, line: &Line) -> Request {
        let hold = line.hold.as_deref().map_or(0, |id| self.hold_names.number(id) + 1);
        self.holds = self.holds.max(hold);
        let answer = answer(line);
        Request {
            op: line.op,
            t0: line.t0,
            asked: line.t0,
            t1: line.t1.unwrap_or(u64::MAX),
            answer,
            is_open: answer == Answer::None,
            hold,
            version: line.version.unwrap_or(0),
            until: line.until.unwrap_or(u64::MAX),
            seats: self.list(&line.seats),
            named: self.list(&line.named),
        }
    }

    fn list(&mut self, names: &[String]) -> Range<u32> {
        let start = self.lists.len() as u32;
        for name in names {
            let number = self.seats.number(name);
            self.lists.push(number);
        }
        start..self.lists.len() as u32
    }
}

impl Request {
    /// A further attempt under the same key, in any order of lines.
    fn take(&mut self, attempt: Self) {
        let (t0, is_open) = (self.t0.min(attempt.t0), self.is_open || attempt.is_open);
        // Of two definite answers the earlier one counts: the other repeats it.
        if attempt.answer != Answer::None && attempt.t1 < self.t1 {
            *self = attempt;
        }
        (self.t0, self.is_open) = (t0, is_open);
    }
}

/// What a line's answer means. Without `t1` it means nothing.
fn answer(line: &Line) -> Answer {
    let (Some(_), Some(status)) = (line.t1, line.status) else { return Answer::None };
    match (status, line.code.as_deref()) {
        (200..=299, _) => Answer::Done,
        (409, Some("seat_taken")) => Answer::Taken,
        (404, Some("hold_not_found")) | (410, _) => Answer::Gone,
        (400..=499, _) if status != 429 => Answer::Refused,
        _ => Answer::None,
    }
}
