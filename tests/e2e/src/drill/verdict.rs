//! What the journal of a drill shows, and what of it every drill promises.

use std::time::Duration;

use serde_json::Value;

/// The figures of one load.
pub struct Verdict {
    name: String,
    shown: Value,
}

impl Verdict {
    pub(super) fn new(name: &str, shown: Value) -> Self {
        Self { name: name.to_owned(), shown }
    }

    /// A figure.
    pub fn figure(&self, name: &str) -> f64 {
        self.shown[name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", self.shown))
    }

    /// A figure of `before`, `during` or `after`; none where the load had no such phase.
    pub fn of_phase(&self, phase: &str, name: &str) -> Option<f64> {
        let phases = self.shown["phases"].as_array()?;
        phases.iter().find(|shown| shown["name"] == phase)?[name].as_f64()
    }

    /// Each fault with the pause after it, in milliseconds.
    pub fn pauses(&self) -> Vec<(&str, f64)> {
        let gaps = self.shown["gaps"].as_array().into_iter().flatten();
        gaps.filter_map(|gap| Some((gap["name"].as_str()?, gap["gap_ms"].as_f64()?))).collect()
    }

    /// What every drill promises: nothing acknowledged is lost, no seat twice, no stale answer, and
    /// each request has a definite answer in the end, which is no failure.
    #[track_caller]
    pub fn holds_promises(&self) -> &Self {
        let Self { name, shown } = self;
        assert_eq!(shown["faults"], serde_json::json!([]), "{name}: {shown}");
        assert_eq!(shown["unknown"], 0, "{name}: {shown}");
        assert!(self.figure("granted") > 100.0, "{name}: the load was nothing: {shown}");
        assert!(self.failed() == 0, "{name}: unexpected answers in {shown}");
        self
    }

    /// Requests that ended with an answer that no rule of seats explains, or with none.
    pub fn failed(&self) -> u64 {
        let refused = self.shown["refused"].as_object().expect("counts by code");
        // A release that was carried out but whose answer was lost finds nothing when asked again.
        let expected = ["Hold 409 seat_taken", "Release 404 hold_not_found"];
        let odd = refused.iter().filter(|(key, _)| !expected.contains(&key.as_str()));
        let odd: u64 = odd.filter_map(|(_, count)| count.as_u64()).sum();
        odd + self.shown["unknown"].as_u64().expect("a count")
    }

    /// No pause after a fault was longer.
    #[track_caller]
    pub fn pauses_at_most(&self, limit: Duration) -> &Self {
        let longest = self.figure("gap_max_ms");
        assert!(longest <= limit.as_secs_f64() * 1e3, "{}: {}", self.name, self.shown);
        self
    }

    /// No request had to be sent again: nobody noticed anything but time.
    #[track_caller]
    pub fn nothing_repeated(&self) -> &Self {
        assert_eq!(self.shown["repeated"], 0, "{}: {}", self.name, self.shown);
        self
    }
}
