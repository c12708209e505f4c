//! The retry budget: a client that repeats requests to the same leader adds at most a tenth to the
//! load, so that a slow shard is not made slower by those who wait for it.
//!
//! First attempts always pass and earn a tenth of a retry each. A retry without credit waits; it is
//! not refused, since its outcome may be unknown. Going to a newer leader costs nothing: each
//! request does that once per leader, and parked requests do it only once there is one.

use std::time::{Duration, Instant};

use metrics::Counter;
use parking_lot::Mutex;

/// Credit that one first attempt earns: a tenth of a retry, in thousandths.
const EARNED_MILLI: u64 = 100;
/// A retry.
const RETRY_MILLI: u64 = 1000;
/// Retries that may be saved up: what a hiccup of a moderately busy client needs.
const SAVED_MILLI_MAX: u64 = 100 * RETRY_MILLI;
/// Retries a second that even a client at rest may make.
const TRICKLE_PER_S: u64 = 10;
/// Pause between looks for credit.
const LOOK: Duration = Duration::from_millis(20);

/// The credit of one client.
pub(super) struct Budget {
    saved: Mutex<Saved>,
    retries: Counter,
    waits: Counter,
}

struct Saved {
    milli: u64,
    trickled_at: Instant,
}

impl Budget {
    pub fn new() -> Self {
        Self {
            saved: Mutex::new(Saved { milli: SAVED_MILLI_MAX, trickled_at: Instant::now() }),
            retries: metrics::counter!("seatgrid_client_retries_total"),
            waits: metrics::counter!("seatgrid_client_retry_waits_total"),
        }
    }

    /// Counts a first attempt.
    pub fn first(&self) {
        let mut saved = self.saved.lock();
        saved.milli = (saved.milli + EARNED_MILLI).min(SAVED_MILLI_MAX);
    }

    /// Waits until a retry may be made, or for the deadline.
    pub async fn retry(&self, deadline: Instant) {
        if self.spend(Instant::now()) {
            return;
        }
        self.waits.increment(1);
        loop {
            let now = Instant::now();
            if now >= deadline {
                return;
            }
            let pause = LOOK.mul_f64(rand::random_range(0.5..1.5));
            tokio::time::sleep_until((now + pause).min(deadline).into()).await;
            if self.spend(Instant::now()) {
                return;
            }
        }
    }

    fn spend(&self, now: Instant) -> bool {
        let mut saved = self.saved.lock();
        let elapsed_ms = now.saturating_duration_since(saved.trickled_at).as_millis();
        let earned = u64::try_from(elapsed_ms).unwrap_or(u64::MAX).saturating_mul(TRICKLE_PER_S);
        if earned > 0 {
            saved.milli = saved.milli.saturating_add(earned).min(SAVED_MILLI_MAX);
            saved.trickled_at = now;
        }
        let allowed = saved.milli >= RETRY_MILLI;
        if allowed {
            saved.milli -= RETRY_MILLI;
            self.retries.increment(1);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_tenth_of_first_attempts_beyond_what_was_saved() {
        let budget = Budget::new();
        let now = Instant::now();
        let spent = |count: usize| (0..count).filter(|_| budget.spend(now)).count();
        assert_eq!(spent(1000), 100, "what was saved");
        (0..500).for_each(|_| budget.first());
        assert_eq!(spent(1000), 50, "what first attempts earned");
        (0..100_000).for_each(|_| budget.first());
        assert_eq!(spent(1000), 100, "no more than may be saved");
        let later = now + Duration::from_secs(2);
        assert_eq!((0..1000).filter(|_| budget.spend(later)).count(), 20, "the trickle");
    }

    #[tokio::test]
    async fn a_retry_without_credit_waits_but_not_beyond_the_deadline() {
        let budget = Budget::new();
        while budget.spend(Instant::now()) {}
        let asked_at = Instant::now();
        budget.retry(asked_at + Duration::from_secs(10)).await;
        let waited = asked_at.elapsed();
        assert!(waited > Duration::from_millis(10) && waited < Duration::from_secs(5));
        let asked_at = Instant::now();
        budget.retry(asked_at).await;
        assert!(asked_at.elapsed() < Duration::from_secs(1));
    }
}
