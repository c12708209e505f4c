//! How often one person or address may call an endpoint. Counted in windows, by this office alone
//! and in memory; what must hold everywhere (guesses, limits of seats) is counted elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Callers remembered; above it those whose window is over are dropped, then all.
const CALLERS_MAX: usize = 100_000;

/// So many calls in such a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The name in `RateLimit` headers.
    pub(crate) name: &'static str,
    pub(crate) calls_max: u32,
    pub(crate) window: Duration,
}

/// Where a caller stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) is_allowed: bool,
    /// Calls left in this window.
    pub(crate) left: u32,
    /// Seconds until the next window, rounded up.
    pub(crate) reset_s: u64,
}

/// A policy's name and who calls.
type Caller = (&'static str, u128);

/// Counts calls: since when, and how many.
#[derive(Default)]
pub(crate) struct RateLimits {
    windows: Mutex<HashMap<Caller, (Instant, u32)>>,
}

impl RateLimits {
    /// Counts a call of `caller` at `now`.
    pub(crate) fn count(&self, policy: Policy, caller: u128, now: Instant) -> Standing {
        let mut windows = self.windows.lock();
        if windows.len() >= CALLERS_MAX {
            windows.retain(|_, (since, _)| now.duration_since(*since) < policy.window);
        }
        if windows.len() >= CALLERS_MAX {
            windows.clear();
        }
        let (since, calls) = windows.entry((policy.name, caller)).or_insert((now, 0));
        if now.duration_since(*since) >= policy.window {
            (*since, *calls) = (now, 0);
        }
        let is_allowed = *calls < policy.calls_max;
        *calls += u32::from(is_allowed);
        let left_of_window = policy.window.saturating_sub(now.duration_since(*since));
        Standing {
            is_allowed,
            left: policy.calls_max - *calls,
            reset_s: left_of_window.as_millis().div_ceil(1_000) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_so_many_calls_in_a_window() {
        let policy = Policy { name: "login", calls_max: 2, window: Duration::from_secs(60) };
        let (limits, start) = (RateLimits::default(), Instant::now());
        let at = |s: u64| start + Duration::from_secs(s);
        let told = |s: u64, caller| {
            let standing = limits.count(policy, caller, at(s));
            (standing.is_allowed, standing.left, standing.reset_s)
        };
        assert_eq!(told(0, 1), (true, 1, 60));
        assert_eq!(told(10, 1), (true, 0, 50));
        assert_eq!(told(20, 1), (false, 0, 40));
        assert_eq!(told(20, 2), (true, 1, 60), "another caller");
        assert_eq!(told(60, 1), (true, 1, 60), "another window");
        let other = Policy { name: "register", ..policy };
        assert!(limits.count(other, 1, at(20)).is_allowed, "another endpoint");
    }
}
