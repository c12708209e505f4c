//! How a gateway did lately, as this process saw it: calls, those without an answer, and how long
//! answers took, over the last five minutes.
//!
//! Filled by the breaker, read by staff. Bounded: a fixed ring of short slots with a coarse
//! histogram each, whatever the traffic. It decides nothing.

use std::time::{Duration, Instant};

/// Length of one slot of the ring.
const SLOT: Duration = Duration::from_secs(10);
/// Slots that are looked at: five minutes, long enough for a figure where few people buy.
const SLOTS: usize = 30;
/// Steps of the histogram: answers within 1, 2, 4 … 32,768 ms, and longer ones.
const STEPS: usize = 17;

/// A gateway as this process saw it within the last [`GatewayHealth::WINDOW_S`] seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayHealth {
    /// It gave no answers several times in a row and is left alone for a moment.
    pub is_resting: bool,
    /// Calls that were sent.
    pub calls: u64,
    /// Those of them that got no answer; a refusal is an answer.
    pub failures: u64,
    /// Calls that were not sent, because it rests.
    pub spared: u64,
    /// Half of the calls were over within this many milliseconds, rounded up to a power of two.
    pub p50_ms: Option<u64>,
    /// The same of 95 in a hundred.
    pub p95_ms: Option<u64>,
}

impl GatewayHealth {
    /// What its figures are about, in seconds.
    pub const WINDOW_S: u64 = SLOT.as_secs() * SLOTS as u64;
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Which stretch of time it is about, counted from the beginning.
    turn: u64,
    calls: u64,
    failures: u64,
    spared: u64,
    within: [u64; STEPS],
}

/// The ring of the latest slots.
#[derive(Debug)]
pub(crate) struct Recent {
    since: Instant,
    slots: [Slot; SLOTS],
}

impl Recent {
    pub(crate) fn new(since: Instant) -> Self {
        Self { since, slots: [Slot::default(); SLOTS] }
    }

    /// A call is over after `took`.
    pub(crate) fn called(&mut self, answered: bool, took: Duration, now: Instant) {
        let slot = self.slot(now);
        slot.calls += 1;
        slot.failures += u64::from(!answered);
        slot.within[step(took)] += 1;
    }

    /// A call was not made.
    pub(crate) fn spared(&mut self, now: Instant) {
        self.slot(now).spared += 1;
    }

    /// The sums of what is not older than the window.
    pub(crate) fn health(&self, is_resting: bool, now: Instant) -> GatewayHealth {
        let (turn, mut sum) = (self.turn(now), Slot::default());
        for slot in self.slots.iter().filter(|slot| slot.turn + SLOTS as u64 > turn) {
            sum.calls += slot.calls;
            sum.failures += slot.failures;
            sum.spared += slot.spared;
            for (all, one) in sum.within.iter_mut().zip(slot.within) {
                *all += one;
            }
        }
        GatewayHealth {
            is_resting,
            calls: sum.calls,
            failures: sum.failures,
            spared: sum.spared,
            p50_ms: part_within(&sum, 50),
            p95_ms: part_within(&sum, 95),
        }
    }

    fn turn(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs() / SLOT.as_secs()
    }

    /// The slot of this moment, emptied where it still speaks of an earlier one.
    fn slot(&mut self, now: Instant) -> &mut Slot {
        let turn = self.turn(now);
        let slot = &mut self.slots[(turn % SLOTS as u64) as usize];
        if slot.turn != turn {
            *slot = Slot { turn, ..Slot::default() };
        }
        slot
    }
}

/// The first step that holds `took`.
fn step(took: Duration) -> usize {
    let ms = took.as_millis().max(1);
    (0..STEPS - 1).find(|step| ms <= 1 << step).unwrap_or(STEPS - 1)
}

/// Within how many milliseconds so many of a hundred calls were over.
fn part_within(sum: &Slot, percent: u64) -> Option<u64> {
    if sum.calls == 0 {
        return None;
    }
    let wanted = (sum.calls * percent).div_ceil(100);
    let mut seen = 0;
    let last = sum.within.iter().position(|calls| {
        seen += calls;
        seen >= wanted
    });
    last.map(|step| 1 << step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_the_last_five_minutes() {
        let start = Instant::now();
        let mut recent = Recent::new(start);
        assert_eq!(recent.health(false, start).p95_ms, None, "nothing was asked");
        for _ in 0..18 {
            recent.called(true, Duration::from_millis(40), start);
        }
        recent.called(true, Duration::from_millis(700), start + SLOT);
        recent.called(false, Duration::from_secs(900), start + SLOT);
        recent.spared(start + SLOT);

        let seen = recent.health(true, start + SLOT * 29);
        assert!(seen.is_resting);
        assert_eq!((seen.calls, seen.failures, seen.spared), (20, 1, 1));
        assert_eq!((seen.p50_ms, seen.p95_ms), (Some(64), Some(1024)));

        let later = recent.health(false, start + SLOT * 30);
        assert_eq!((later.calls, later.failures, later.p50_ms), (2, 1, Some(1024)));
        let gone = recent.health(false, start + SLOT * 31);
        assert_eq!((gone.calls, gone.spared), (0, 0));
        recent.called(true, Duration::ZERO, start + SLOT * 31);
        let anew = recent.health(false, start + SLOT * 31);
        assert_eq!((anew.calls, anew.failures, anew.p95_ms), (1, 0, Some(1)), "a slot is reused");
    }
}
