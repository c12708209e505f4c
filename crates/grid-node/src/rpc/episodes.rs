//! One line in the log per stranger and episode: a process that was stopped for a while finds dozens
//! of connections that nobody waits for any more, and they are one piece of news.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// An episode is over after so long without another one of its kind.
const QUIET: Duration = Duration::from_secs(60);
/// Strangers remembered; beyond that those whose episodes are over are forgotten, and then all.
const STRANGERS_MAX: usize = 1024;

/// Whose episodes are going on.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    last: Mutex<HashMap<IpAddr, Instant>>,
}

impl Episodes {
    /// Whether this begins an episode, hence is to be told.
    pub fn begins(&self, stranger: IpAddr, now: Instant) -> bool {
        let mut last = self.last.lock();
        let going_on = |at: &Instant| now.duration_since(*at) < QUIET;
        if last.len() >= STRANGERS_MAX && !last.contains_key(&stranger) {
            last.retain(|_, at| going_on(at));
            if last.len() >= STRANGERS_MAX {
                last.clear();
            }
        }
        !last.insert(stranger, now).is_some_and(|at| going_on(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_told_once_per_episode() {
        let (episodes, begin) = (Episodes::default(), Instant::now());
        let [one, two] = [1, 2].map(|last| IpAddr::from([10, 0, 0, last]));
        let tells = |who, after_s| episodes.begins(who, begin + Duration::from_secs(after_s));
        assert!(tells(one, 0));
        assert!(!tells(one, 50) && !tells(one, 109), "each prolongs the episode");
        assert!(tells(two, 50), "another one has its own");
        assert!(tells(one, 170));
        for n in 0..=u32::try_from(STRANGERS_MAX).expect("small") {
            tells(IpAddr::from(n.to_be_bytes()), 200);
        }
        assert!(episodes.last.lock().len() <= STRANGERS_MAX);
    }
}
