//! What became of the arrivals of a load: latencies from their own moments, answers by code, seconds.
//!
//! One lock for all connections: it is held for a few tens of nanoseconds a request, and a load runs on
//! few processors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde::Serialize;

/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;
/// Longest load that is told second by second.
const SECONDS_MAX: usize = 3_600;

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// What was hoped for.
    Good,
    /// A definite no, with its code: the service did its work.
    Refused(&'a str),
    /// No room, no leader, no answer: the service did not do its work.
    Failed(&'a str),
}

impl<'a> Outcome<'a> {
    /// By what an answer says: 4xx is a definite no, except for being told to slow down.
    pub fn of(status: u16, code: &'a str) -> Self {
        match status {
            200..300 | 304 => Self::Good,
            429 => Self::Failed(code),
            400..500 => Self::Refused(code),
            _ => Self::Failed(code),
        }
    }
}

/// Counts while a load runs.
pub struct Tally {
    deadline: Duration,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    ended: Option<Instant>,
    kinds: BTreeMap<&'static str, Kind>,
    seconds: Vec<Running>,
    late: Histogram<u64>,
}

struct Kind {
    /// Of good and refused ones.
    latency: Histogram<u64>,
    good: u64,
    /// Good, and within the deadline.
    in_time: u64,
    refused: u64,
    failed: u64,
    codes: BTreeMap<String, u64>,
}

struct Running {
    due: u64,
    in_time: u64,
    refused: u64,
    failed: u64,
    latency: Histogram<u64>,
}

/// One second of a load, by the moments of its arrivals.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct Second {
    pub due: u64,
    pub in_time: u64,
    pub refused: u64,
    pub failed: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Figures of one kind of request, or of all.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Figures {
    pub sent: u64,
    pub good: u64,
    /// Good, and within the deadline, a second.
    pub goodput_per_s: f64,
    /// Good, but after the deadline.
    pub late: u64,
    pub refused: u64,
    pub failed: u64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// Refusals and failures by code.
    pub codes: BTreeMap<String, u64>,
}

/// What a load came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub took_s: f64,
    pub all: Figures,
    pub kinds: BTreeMap<&'static str, Figures>,
    /// How late requests were sent for which a connection was free: the generator's own fault.
    pub sent_late_p50_ms: f64,
    pub sent_late_p99_ms: f64,
    pub seconds: Vec<Second>,
}

fn histogram(digits: u8) -> Histogram<u64> {
    // The bounds are constants that fit.
    Histogram::new_with_bounds(1, LATENCY_US_MAX, digits).unwrap_or_else(|_| unreachable!())
}

impl Tally {
    /// Nothing happened yet. A good answer counts as goodput within the deadline.
    pub fn new(deadline: Duration) -> Self {
        let state = State {
            began: Instant::now(),
            ended: None,
            kinds: BTreeMap::new(),
            seconds: Vec::new(),
            late: histogram(2),
        };
        Self { deadline, state: Mutex::new(state) }
    }

    /// The first arrival is due.
    pub(super) fn begin(&self, began: Instant) {
        self.state.lock().began = began;
    }

    /// The last answer came.
    pub(super) fn end(&self, ended: Instant) {
        self.state.lock().ended = Some(ended);
    }

    /// Notes how late a request is sent for which a connection was free.
    pub(super) fn sent(&self, due: Instant) {
        let late = us(due.elapsed());
        self.state.lock().late.saturating_record(late);
    }

    /// Notes the end of a request that was due at a moment.
    pub fn note(&self, kind: &'static str, due: Instant, outcome: Outcome<'_>) {
        let latency = due.elapsed();
        let mut state = self.state.lock();
        let second = due.saturating_duration_since(state.began).as_secs() as usize;
        let at = second.min(SECONDS_MAX - 1);
        while state.seconds.len() <= at {
            let latency = histogram(2);
            state.seconds.push(Running { due: 0, in_time: 0, refused: 0, failed: 0, latency });
        }
        state.seconds[at].note(latency, outcome, self.deadline);
        let kind = state.kinds.entry(kind).or_insert_with(Kind::new);
        kind.note(latency, outcome, self.deadline);
    }

    /// Figures of the second before the last, which has most of its answers; and its number.
    pub(super) fn recent(&self) -> Option<(usize, Second)> {
        let state = self.state.lock();
        let at = state.began.elapsed().as_secs().checked_sub(2)? as usize;
        state.seconds.get(at).map(|second| (at, second.told()))
    }

    /// All figures.
    pub fn summary(&self) -> Summary {
        let state = self.state.lock();
        let ended = state.ended.unwrap_or_else(Instant::now);
        let took_s = ended.saturating_duration_since(state.began).as_secs_f64().max(1e-9);
        let mut all = Kind::new();
        state.kinds.values().for_each(|kind| all.add(kind));
        let late = |at| ms(&state.late, at);
        Summary {
            took_s,
            all: all.figures(took_s),
            kinds: state.kinds.iter().map(|(name, kind)| (*name, kind.figures(took_s))).collect(),
            sent_late_p50_ms: late(0.5),
            sent_late_p99_ms: late(0.99),
            seconds: state.seconds.iter().map(Running::told).collect(),
        }
    }
}

impl Kind {
    fn new() -> Self {
        let codes = BTreeMap::new();
        Self { latency: histogram(3), good: 0, in_time: 0, refused: 0, failed: 0, codes }
    }

    fn note(&mut self, latency: Duration, outcome: Outcome<'_>, deadline: Duration) {
        let code = match outcome {
            Outcome::Good => {
                self.good += 1;
                self.in_time += u64::from(latency <= deadline);
                None
            }
            Outcome::Refused(code) => {
                self.refused += 1;
                Some(code)
            }
            Outcome::Failed(code) => {
                self.failed += 1;
                Some(code)
            }
        };
        if !matches!(outcome, Outcome::Failed(_)) {
            self.latency.saturating_record(us(latency));
        }
        match code {
            Some(code) if self.codes.contains_key(code) => {
                self.codes.entry(code.to_owned()).and_modify(|count| *count += 1);
            }
            Some(code) => drop(self.codes.insert(code.to_owned(), 1)),
            None => {}
        }
    }

    fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.latency.add(&other.latency);
        self.good += other.good;
        self.in_time += other.in_time;
        self.refused += other.refused;
        self.failed += other.failed;
        for (code, count) in &other.codes {
            *self.codes.entry(code.clone()).or_default() += count;
        }
    }

    fn figures(&self, took_s: f64) -> Figures {
        let at = |quantile| ms(&self.latency, quantile);
        Figures {
            sent: self.good + self.refused + self.failed,
            good: self.good,
            goodput_per_s: self.in_time as f64 / took_s,
            late: self.good - self.in_time,
            refused: self.refused,
            failed: self.failed,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: at(1.0),
            codes: self.codes.clone(),
        }
    }
}

impl Running {
    fn note(&mut self, latency: Duration, outcome: Outcome<'_>, deadline: Duration) {
        self.due += 1;
        match outcome {
            Outcome::Good => self.in_time += u64::from(latency <= deadline),
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
        if !matches!(outcome, Outcome::Failed(_)) {
            self.latency.saturating_record(us(latency));
        }
    }

    fn told(&self) -> Second {
        Second {
            due: self.due,
            in_time: self.in_time,
            refused: self.refused,
            failed: self.failed,
            p50_ms: ms(&self.latency, 0.5),
            p99_ms: ms(&self.latency, 0.99),
        }
    }
}

fn us(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(LATENCY_US_MAX).clamp(1, LATENCY_US_MAX)
}

fn ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    if histogram.is_empty() { 0.0 } else { histogram.value_at_quantile(quantile) as f64 / 1e3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_counts_from_the_moment_that_was_due_and_only_good_ones_in_time_are_goodput() {
        let tally = Tally::new(Duration::from_millis(500));
        let now = Instant::now();
        let began = now - Duration::from_secs(4);
        tally.begin(began);
        for _ in 0..99 {
            tally.note("hold", Instant::now(), Outcome::of(201, ""));
        }
        tally.note("hold", now - Duration::from_secs(2), Outcome::of(200, ""));
        tally.note("hold", Instant::now(), Outcome::of(409, "seat_taken"));
        tally.note("map", Instant::now(), Outcome::of(503, "overloaded"));
        tally.note("map", Instant::now(), Outcome::of(429, "rate_limited"));
        tally.end(began + Duration::from_secs(10));
        let summary = tally.summary();
        let hold = &summary.kinds["hold"];
        assert_eq!((hold.sent, hold.good, hold.late, hold.refused), (101, 100, 1, 1));
        assert!((hold.goodput_per_s - 9.9).abs() < 1e-6, "{}", hold.goodput_per_s);
        assert!(hold.max_ms >= 1_990.0 && hold.p50_ms < 500.0, "{hold:?}");
        assert_eq!(hold.codes["seat_taken"], 1);
        assert_eq!((summary.all.failed, summary.all.codes["overloaded"]), (2, 1));
        let by_second: u64 = summary.seconds.iter().map(|second| second.due).sum();
        assert_eq!(by_second, 103);
        assert_eq!(summary.seconds[2].due, 1, "by the moment it was due");
    }
}
