//! How many may be under way: from the times that answers took. Pure, but for moments that are given.

use std::time::{Duration, Instant};

/// How long a queue must stand before it counts, as CoDel has it.
pub(super) const WINDOW: Duration = Duration::from_millis(100);
/// After so many windows without an answer nothing is known any more: whoever is refused for what was
/// true before brings no answer that could say otherwise.
const KNOWN_WINDOWS: u32 = 5;

/// Bounds of one shard's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CreditLimits {
    /// Never fewer: enough to fill the log entries of a shard on a slow disk.
    pub(crate) least: usize,
    /// Never more.
    pub(crate) most: usize,
    /// The shortest time of a window that is still good.
    pub(crate) target: Duration,
}

/// The credit of one shard.
#[derive(Debug)]
pub(super) struct Control {
    limits: CreditLimits,
    most: usize,
    ends: Instant,
    /// The shortest time of this window, and of the one before.
    least: Option<Duration>,
    least_before: Duration,
    /// The most that was under way at an answer in this window.
    peak: usize,
    was_full: bool,
}

impl Control {
    pub(super) fn new(limits: CreditLimits, now: Instant) -> Self {
        Self {
            limits,
            most: limits.most,
            ends: now + WINDOW,
            least: None,
            least_before: Duration::ZERO,
            peak: 0,
            was_full: false,
        }
    }

    /// Somebody found no place.
    pub(super) fn was_full(&mut self) {
        self.was_full = true;
    }

    /// The shortest time of the last window: less than that nobody can expect, as far as is known.
    pub(super) fn least(&self, now: Instant) -> Duration {
        let is_known = now < self.ends + WINDOW * KNOWN_WINDOWS;
        if is_known { self.least_before } else { Duration::ZERO }
    }

    /// An answer took so long while so many were under way; the new number when it changed.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        took: Duration,
        under_way: usize,
    ) -> Option<usize> {
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
        self.peak = self.peak.max(under_way);
        if now < self.ends {
            return None;
        }
        let before = self.most;
        let least = self.least.take().unwrap_or_default();
        let CreditLimits { least: floor, most: ceiling, target } = self.limits;
        // A few slow ones are no queue: the disk stood still, and a rush may come next.
        if least > target && self.peak > floor {
            // From what was really there: a ceiling that nobody reaches slows nothing down.
            self.most = (self.most.min(self.peak) * 4 / 5).max(floor);
        } else if self.was_full {
            self.most = (self.most + (self.most / 10).max(8)).min(ceiling);
        }
        self.least_before = least;
        (self.peak, self.was_full, self.ends) = (0, false, now + WINDOW);
        (self.most != before).then_some(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CreditLimits =
        CreditLimits { least: 16, most: 8_000, target: Duration::from_millis(50) };

    /// Five windows with these answers each; the numbers that came out.
    fn windows(control: &mut Control, from: Instant, took_ms: &[u64], peak: usize) -> Vec<usize> {
        let mut last = control.most;
        let mut all = Vec::new();
        for window in 0..5 {
            for (ms, nth) in took_ms.iter().zip(1..) {
                let now = from + WINDOW * window + WINDOW * nth / took_ms.len() as u32;
                let took = Duration::from_millis(*ms);
                last = control.answered(now, took, peak).unwrap_or(last);
            }
            all.push(last);
        }
        all
    }

    #[test]
    fn a_queue_that_stands_costs_credit_down_to_the_least_and_a_burst_does_not() {
        let now = Instant::now();
        let mut control = Control::new(LIMITS, now);
        assert_eq!(windows(&mut control, now, &[5, 900, 900], 1_000), [8_000; 5], "a burst");
        let stands = windows(&mut control, now + WINDOW * 50, &[90, 900, 100], 1_000);
        assert_eq!(stands, [800, 640, 512, 409, 327]);
        let ends = control.ends;
        assert_eq!(control.least(ends), Duration::from_millis(90));
        assert_eq!(control.least(ends + WINDOW * 5), Duration::ZERO, "too long ago to be true");
        let mut later = now + WINDOW * 100;
        for _ in 0..10 {
            windows(&mut control, later, &[90, 90], 1_000);
            later += WINDOW * 10;
        }
        assert_eq!(control.most, LIMITS.least);
    }

    #[test]
    fn a_few_slow_answers_cost_nothing() {
        let now = Instant::now();
        let mut control = Control::new(LIMITS, now);
        assert_eq!(windows(&mut control, now, &[900, 900], LIMITS.least), [8_000; 5]);
    }

    #[test]
    fn credit_comes_back_only_where_it_was_missed() {
        let now = Instant::now();
        let mut control = Control::new(LIMITS, now);
        control.most = 100;
        assert_eq!(windows(&mut control, now, &[5, 5], 90), [100; 5], "nobody wanted more");
        let mut later = now + WINDOW * 50;
        let mut grown = Vec::new();
        for _ in 0..3 {
            control.was_full();
            later += WINDOW;
            control.answered(later, Duration::from_millis(5), 100);
            grown.push(control.most);
        }
        assert_eq!(grown, [110, 121, 133]);
        for _ in 0..100 {
            control.was_full();
            later += WINDOW;
            control.answered(later, Duration::from_millis(5), 100);
        }
        assert_eq!(control.most, LIMITS.most, "within ten seconds");
    }
}
