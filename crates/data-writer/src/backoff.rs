//! Pauses between attempts: doubling, with jitter so that shards do not come back in step, bounded.

use std::time::Duration;

use rand::Rng;

/// The next pause of one loop.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// After a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }

    /// Waits a half to the whole of the pause.
    pub(crate) async fn pause(&mut self) {
        let whole = self.next;
        self.next = (self.next * 2).min(self.max);
        let part = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(whole.mul_f64(part)).await;
    }
}
