//! Whose a seat was and when, from answers alone: finds a seat that two had at one moment.
//!
//! A hold has its seats for certain from the moment its answer is here to the moment its release is
//! sent or its time is over. Two such spans of one seat must not meet. What happened in between is
//! nobody's for certain, so that nothing is accused wrongly.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Told times are whole seconds, and the grid's clock is not ours.
const TOLD_SLACK: Duration = Duration::from_secs(2);
/// Faults that are told in words; all are counted.
const TOLD_MAX: usize = 5;

/// A span of certain possession.
#[derive(Debug, Clone)]
struct Owner {
    hold: String,
    since: Instant,
    until: Instant,
}

/// The seats of one event.
#[derive(Default)]
pub struct Owners {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    newest: HashMap<String, Owner>,
    twice: u64,
    told: Vec<String>,
    grants: u64,
}

/// What was found.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Findings {
    /// Granted seats that were compared.
    pub seats_granted: u64,
    /// Seats that two had at one moment.
    pub seats_twice: u64,
    /// Some of them in words.
    pub told: Vec<String>,
}

impl Owners {
    /// A hold was asked for at a moment and granted just now for so long.
    pub fn granted<'a>(
        &self,
        hold: &str,
        seats: impl Iterator<Item = &'a str>,
        (asked, expires_in): (Instant, Duration),
    ) {
        let now = Instant::now();
        let until = asked + expires_in.saturating_sub(TOLD_SLACK);
        let mut state = self.state.lock();
        for seat in seats {
            let owner = Owner { hold: hold.to_owned(), since: now, until };
            state.take(seat, owner);
        }
    }

    /// The hold's release or change is about to be sent: from now on nothing is certain.
    pub fn let_go<'a>(&self, hold: &str, seats: impl Iterator<Item = &'a str>) {
        let now = Instant::now();
        let mut state = self.state.lock();
        for seat in seats {
            if let Some(owner) = state.newest.get_mut(seat)
                && owner.hold == hold
            {
                owner.until = owner.until.min(now);
            }
        }
    }

    /// What was found so far.
    pub fn findings(&self) -> Findings {
        let state = self.state.lock();
        Findings { seats_granted: state.grants, seats_twice: state.twice, told: state.told.clone() }
    }
}

impl State {
    fn take(&mut self, seat: &str, owner: Owner) {
        self.grants += 1;
        let Some(other) = self.newest.get(seat) else {
            self.newest.insert(seat.to_owned(), owner);
            return;
        };
        let meet = other.since.max(owner.since) < other.until.min(owner.until);
        if meet && other.hold != owner.hold {
            self.twice += 1;
            if self.told.len() < TOLD_MAX {
                self.told.push(format!("{seat}: both {} and {} had it", other.hold, owner.hold));
            }
        }
        self.newest.insert(seat.to_owned(), owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    fn take(owners: &Owners, hold: &str, seat: &str, expires_in: Duration) {
        owners.granted(hold, [seat].into_iter(), (Instant::now(), expires_in));
    }

    #[test]
    fn a_seat_that_two_have_at_one_moment_is_found() {
        let owners = Owners::default();
        take(&owners, "h1", "A-1", LONG);
        take(&owners, "h2", "A-2", LONG);
        assert_eq!(owners.findings().seats_twice, 0);
        take(&owners, "h3", "A-1", LONG);
        let found = owners.findings();
        assert_eq!((found.seats_granted, found.seats_twice), (3, 1));
        assert_eq!(found.told, ["A-1: both h1 and h3 had it"]);
    }

    #[test]
    fn a_seat_that_was_let_go_or_is_told_again_is_nobodys_fault() {
        let owners = Owners::default();
        take(&owners, "h1", "A-1", LONG);
        owners.let_go("h1", ["A-1"].into_iter());
        take(&owners, "h2", "A-1", LONG);
        take(&owners, "h2", "A-1", LONG);
        // Over before it is granted again.
        take(&owners, "h3", "A-3", Duration::ZERO);
        take(&owners, "h4", "A-3", LONG);
        // Not the newest owner's affair.
        owners.let_go("h1", ["A-1"].into_iter());
        assert_eq!(owners.findings().seats_twice, 0);
        take(&owners, "h5", "A-1", LONG);
        assert_eq!(owners.findings().seats_twice, 1);
    }
}
