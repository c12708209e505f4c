//! How long to wait before a dead child is started again: a kill costs a moment, a child that
//! cannot live does not spin.

use std::time::Duration;

/// After the first death; short, since a unit that was killed is missed.
const FIRST: Duration = Duration::from_millis(100);
/// At most this often is a hopeless child tried.
const LAST: Duration = Duration::from_secs(5);
/// A child that lived this long was healthy: its death is a first one.
const HEALTHY: Duration = Duration::from_secs(10);

/// The deaths in a row and the next pause.
#[derive(Debug, Default)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// Counts a death after a life of `lived` and returns the pause before the next start.
    pub fn after(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY {
            self.deaths = 0;
        }
        self.deaths = self.deaths.saturating_add(1);
        let doublings = (self.deaths - 1).min(16);
        FIRST.saturating_mul(1 << doublings).min(LAST)
    }

    /// Deaths in a row without a healthy life between them.
    pub fn deaths(&self) -> u32 {
        self.deaths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_its_limit_and_forgets_after_a_healthy_life() {
        let mut backoff = Backoff::default();
        let short = Duration::from_secs(1);
        let pauses: Vec<u128> = (0..8).map(|_| backoff.after(short).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.deaths(), 8);
        assert_eq!(backoff.after(HEALTHY).as_millis(), 100);
        for _ in 0..100 {
            assert!(backoff.after(short) <= LAST);
        }
    }
}
