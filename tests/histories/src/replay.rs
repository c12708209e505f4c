//! Effects played back in the order of their versions, on a model of whose hold each seat is. It scales
//! to any length and covers requests for several seats at once.
//!
//! A granted hold's version is its effect's own, and so is a release's; a swap is answered by a look at
//! the hold afterwards, so its effect is at its version or before. What has no version may have had its
//! effect at any moment from its sending on.

use std::collections::HashMap;

use crate::history::{Answer, History, Request};
use crate::line::Op;

/// Everything that contradicts an honest service, in words.
pub fn lies(history: &History) -> Vec<String> {
    let mut judge = Judge::new(history);
    judge.versions_grow();
    judge.play();
    judge.ends();
    judge.lies
}

/// What is known of a granted hold.
#[derive(Debug, Clone, Default)]
struct Known {
    granted: u64,
    until: u64,
    /// Version of its release, when it has one.
    released: Option<u64>,
    /// Sending of a release whose version nobody knows.
    leaves: Option<u64>,
    /// Sending of the first release of any kind.
    given_back: Option<u64>,
    /// Sending of swaps, and the seats that each gives away and takes.
    swaps: Vec<(u64, Vec<u32>, Vec<u32>)>,
    seats: Vec<u32>,
}

struct Judge<'a> {
    history: &'a History,
    holds: Vec<Known>,
    owners: HashMap<u32, u32>,
    lies: Vec<String>,
}

impl<'a> Judge<'a> {
    fn new(history: &'a History) -> Self {
        let mut holds =
            vec![Known { until: u64::MAX, ..Known::default() }; history.holds as usize + 1];
        for request in &history.requests {
            let known = &mut holds[request.hold as usize];
            if request.op == Op::Release {
                known.given_back = earlier(known.given_back, request.t0);
            }
            let may_have_effect = request.answer == Answer::Done || request.is_open;
            match request.op {
                Op::Hold if request.answer == Answer::Done => known.until = request.until,
                Op::Release if request.answer == Answer::Done && request.version > 0 => {
                    known.released = Some(request.version);
                }
                Op::Release if may_have_effect => {
                    known.leaves = earlier(known.leaves, request.t0);
                }
                Op::Swap if may_have_effect => {
                    let (old, new) = (history.named(request), history.seats(request));
                    known.swaps.push((request.t0, old.to_vec(), new.to_vec()));
                }
                Op::Hold | Op::Release | Op::Swap | Op::Read => {}
            }
        }
        Self { history, holds, owners: HashMap::new(), lies: Vec::new() }
    }

    /// What was asked after an answer has no lower version than that answer.
    fn versions_grow(&mut self) {
        let versioned = |request: &&Request| request.version > 0 && request.answer != Answer::None;
        let mut asked: Vec<&Request> = self.history.requests.iter().filter(versioned).collect();
        let mut ended = asked.clone();
        // A request that was repeated may be answered as at its first attempt.
        let began = |request: &Request| match request.op {
            Op::Read => request.asked,
            Op::Hold | Op::Swap | Op::Release => request.t0,
        };
        asked.sort_unstable_by_key(|request| began(request));
        ended.sort_unstable_by_key(|request| request.t1);
        let (mut ended, mut highest) = (ended.into_iter().peekable(), 0);
        for request in asked {
            while let Some(before) = ended.next_if(|before| before.t1 <= began(request)) {
                highest = highest.max(before.version);
            }
            if request.version < highest {
                self.lies.push(format!(
                    "stale: {:?} of hold {} has version {} though {highest} was told before it began",
                    request.op,
                    self.history.hold_name(request.hold),
                    request.version
                ));
            }
        }
    }

    /// Effects by version, reads after the effect of their version.
    fn play(&mut self) {
        let done = |request: &&Request| request.version > 0 && request.answer == Answer::Done;
        let mut requests: Vec<&Request> = self.history.requests.iter().filter(done).collect();
        let rank = |op: Op| u8::from(matches!(op, Op::Swap | Op::Read));
        requests.sort_by_key(|request| (request.version, rank(request.op), request.t1));
        let mut last = 0;
        for request in requests {
            if rank(request.op) == 0 {
                if request.version == last {
                    self.lies.push(format!("twice: version {last} has two effects"));
                }
                last = request.version;
            }
            match request.op {
                Op::Hold => self.grant(request),
                Op::Release => self.release(request),
                Op::Swap => self.swap(request),
                Op::Read => self.read(request),
            }
        }
    }

    fn grant(&mut self, request: &Request) {
        let hold = request.hold;
        if self.holds[hold as usize].granted > 0 {
            self.lies.push(format!("twice: hold {} granted twice", self.history.hold_name(hold)));
        }
        self.holds[hold as usize].granted = request.version;
        let seats = self.history.seats(request).to_vec();
        self.occupy(hold, &seats, request);
        self.holds[hold as usize].seats = seats;
    }

    /// Seats become a hold's; whoever had them must have been able to leave.
    fn occupy(&mut self, hold: u32, seats: &[u32], request: &Request) {
        for seat in seats {
            let Some(before) = self.owners.insert(*seat, hold).filter(|before| *before != hold)
            else {
                continue;
            };
            if !self.may_have_left(before, *seat, request) {
                self.lies.push(format!(
                    "twice: seat {} of hold {} went to hold {} at version {}",
                    self.history.seat_name(*seat),
                    self.history.hold_name(before),
                    self.history.hold_name(hold),
                    request.version
                ));
            }
        }
    }

    /// Whether a hold may have left a seat by the time of a request, for reasons without a version.
    fn may_have_left(&self, hold: u32, seat: u32, request: &Request) -> bool {
        let known = &self.holds[hold as usize];
        let swapped = known
            .swaps
            .iter()
            .any(|(t0, old, new)| *t0 <= request.t1 && old.contains(&seat) && !new.contains(&seat));
        // A swap is answered later than it happens: a release may have come between.
        let late = request.op == Op::Swap && known.released.is_some_and(|at| at < request.version);
        swapped
            || late
            || known.until <= request.t1
            || known.leaves.is_some_and(|t0| t0 <= request.t1)
    }

    fn release(&mut self, request: &Request) {
        let hold = request.hold;
        if self.holds[hold as usize].granted == 0 {
            return;
        }
        for seat in std::mem::take(&mut self.holds[hold as usize].seats) {
            if self.owners.get(&seat) == Some(&hold) {
                self.owners.remove(&seat);
            }
        }
    }

    fn swap(&mut self, request: &Request) {
        let hold = request.hold;
        let seats = self.history.seats(request).to_vec();
        for seat in std::mem::take(&mut self.holds[hold as usize].seats) {
            if !seats.contains(&seat) && self.owners.get(&seat) == Some(&hold) {
                self.owners.remove(&seat);
            }
        }
        // Given back since: nothing of it is left.
        let is_over = self.holds[hold as usize].released.is_some_and(|at| at <= request.version);
        if !is_over {
            self.occupy(hold, &seats, request);
            self.holds[hold as usize].seats = seats;
        }
    }

    /// A hold that is seen alive has been granted, is not given back, and has its seats.
    fn read(&mut self, request: &Request) {
        let known = &self.holds[request.hold as usize];
        let name = self.history.hold_name(request.hold);
        if known.released.is_some_and(|at| at <= request.version) {
            let words =
                format!("stale: hold {name} lives at {}, given back before", request.version);
            self.lies.push(words);
            return;
        }
        if known.granted == 0 {
            // Granted by an attempt without an answer, or never: the key's request would tell.
            self.lies.push(format!("stale: hold {name} is read and was not granted by then"));
            return;
        }
        let (mut seen, mut have) = (self.history.seats(request).to_vec(), known.seats.clone());
        seen.sort_unstable();
        have.sort_unstable();
        let may_be = |(t0, _, new): &(u64, Vec<u32>, Vec<u32>)| {
            let mut new = new.clone();
            new.sort_unstable();
            *t0 <= request.t1 && new == seen
        };
        if seen != have && !known.swaps.iter().any(may_be) {
            let names = |seats: &[u32]| {
                seats
                    .iter()
                    .map(|seat| self.history.seat_name(*seat).to_owned())
                    .collect::<Vec<_>>()
            };
            let words =
                format!("lost: hold {name} shows {:?}, has {:?}", names(&seen), names(&have));
            self.lies.push(words);
        }
    }

    /// Who is told that a hold is gone has given it back, or its time was over.
    fn ends(&mut self) {
        for request in &self.history.requests {
            let known = &self.holds[request.hold as usize];
            let of_hold = known.granted > 0 && request.op != Op::Hold;
            if !of_hold || request.answer != Answer::Gone {
                continue;
            }
            let before = |moment: Option<u64>| moment.is_some_and(|t0| t0 <= request.t1);
            if known.until > request.t1 && !before(known.given_back) {
                self.lies.push(format!(
                    "lost: hold {} was acknowledged and is gone for a {:?}",
                    self.history.hold_name(request.hold),
                    request.op
                ));
            }
        }
    }
}

fn earlier(known: Option<u64>, t0: u64) -> Option<u64> {
    Some(known.map_or(t0, |known| known.min(t0)))
}
