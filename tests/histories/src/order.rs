//! For each seat by itself: is there an order of its requests, each between its sending and its answer,
//! in which every answer is right? Versions are not looked at, so that a lying one is found.
//!
//! The search is Wing and Gong's, as Lowe made it quick, with two short cuts: what is right and changes
//! nothing is placed at once, and of what changes something the earliest answered is tried first.

use std::collections::HashSet;

use crate::history::{Answer, History, Request};
use crate::line::Op;

/// Branches tried for one seat before it counts as undecided.
const BRANCHES_MAX: usize = 300_000;
/// Requests with an answer that may overlap on one seat.
const WINDOW: usize = 128;
/// Requests for one seat that nobody knows the outcome of.
const UNKNOWN_MAX: usize = 64;

/// What a request means for one seat; numbers are holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// It becomes a hold's.
    Take(u32),
    /// A hold is given back: it leaves the seat if it has it.
    Leave(u32),
    /// It is a hold's.
    See(u32),
    /// It is not this hold's.
    Miss(u32),
    /// It is somebody's.
    Refuse,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    t0: u64,
    t1: u64,
    act: Act,
}

/// One seat's requests: those with an answer, and those that may have happened from a moment on.
#[derive(Default)]
struct Seat {
    definite: Vec<Step>,
    takes: Vec<(u64, u32)>,
    /// By hold: the moment from which it may be gone.
    frees: Vec<(u32, u64)>,
}

/// Of all seats.
#[derive(Debug, Default)]
pub struct Found {
    pub sound: usize,
    pub undecided: usize,
    pub contradictory: Vec<u32>,
}

/// Judges each seat.
pub fn judge(history: &History) -> Found {
    let mut found = Found::default();
    for (number, mut seat) in by_seat(history).into_iter().enumerate() {
        seat.definite.sort_unstable_by_key(|step| step.t0);
        seat.frees.sort_unstable();
        match Search::new(&seat).run() {
            Some(true) => found.sound += 1,
            Some(false) => found.contradictory.push(number as u32),
            None => found.undecided += 1,
        }
    }
    found
}

fn by_seat(history: &History) -> Vec<Seat> {
    let mut seats: Vec<Seat> = Vec::new();
    seats.resize_with(history.seat_count(), Seat::default);
    let holds = history.holds as usize + 1;
    let (taken, until) = (vec![Vec::new(); holds], vec![u64::MAX; holds]);
    let mut split = Split { seats, nobody: history.holds, taken, until };
    for request in &history.requests {
        let hold = request.hold as usize;
        let gains = matches!(request.op, Op::Hold | Op::Swap);
        if gains && hold > 0 && (request.answer == Answer::Done || request.is_open) {
            split.taken[hold].extend(history.seats(request));
            split.until[hold] = split.until[hold].min(request.until);
        }
    }
    for request in &history.requests {
        split.add(history, request);
    }
    split.seats
}

/// Requests on their way to their seats.
struct Split {
    seats: Vec<Seat>,
    /// The last number that was given to a hold without a name.
    nobody: u32,
    /// By hold: every seat that it ever had, and the moment from which it may be over.
    taken: Vec<Vec<u32>>,
    until: Vec<u64>,
}

impl Split {
    fn add(&mut self, history: &History, request: &Request) {
        let step = |act| Step { t0: request.t0, t1: request.t1, act };
        // What only looks at the seat does so in the attempt that was answered.
        let look = |act| Step { t0: request.asked, t1: request.t1, act };
        let (hold, done) = (request.hold, request.answer == Answer::Done);
        if request.answer == Answer::Taken {
            for seat in history.named(request).iter().filter(|_| request.op == Op::Hold) {
                self.seats[*seat as usize].definite.push(look(Act::Refuse));
            }
        }
        let mine = self.taken[hold as usize].clone();
        match request.op {
            Op::Hold if done => {
                for seat in history.seats(request) {
                    self.seats[*seat as usize].definite.push(step(Act::Take(hold)));
                    self.seats[*seat as usize].frees.push((hold, request.until));
                }
            }
            Op::Hold if request.is_open => self.maybe_taken(history.seats(request), request.t0),
            Op::Swap if done => self.swapped(history, request),
            Op::Swap if request.is_open => {
                // By the same hold, whose number is known.
                for seat in history.seats(request) {
                    self.seats[*seat as usize].takes.push((request.t0, hold));
                }
                self.maybe_free(history.seats(request), request);
                self.maybe_free(history.named(request), request);
            }
            Op::Release if done => {
                // Of a hold that was swapped, some seat was left before.
                for seat in mine {
                    self.seats[seat as usize].definite.push(step(Act::Leave(hold)));
                }
            }
            Op::Release if request.is_open => self.maybe_free(&mine, request),
            Op::Read if done => {
                for seat in history.seats(request) {
                    self.seats[*seat as usize].definite.push(look(Act::See(hold)));
                }
            }
            Op::Read if request.answer == Answer::Gone => {
                for seat in mine {
                    self.seats[seat as usize].definite.push(look(Act::Miss(hold)));
                }
            }
            Op::Hold | Op::Swap | Op::Release | Op::Read => {}
        }
    }

    fn swapped(&mut self, history: &History, request: &Request) {
        let (old, new) = (history.named(request), history.seats(request));
        let step = |act| Step { t0: request.t0, t1: request.t1, act };
        for seat in old.iter().filter(|seat| !new.contains(seat)) {
            self.seats[*seat as usize].definite.push(step(Act::Leave(request.hold)));
        }
        for seat in new.iter().filter(|seat| !old.contains(seat)) {
            self.seats[*seat as usize].definite.push(step(Act::Take(request.hold)));
            let until = self.until[request.hold as usize];
            self.seats[*seat as usize].frees.push((request.hold, until));
        }
    }

    fn maybe_taken(&mut self, seats: &[u32], from: u64) {
        self.nobody += 1;
        for seat in seats {
            self.seats[*seat as usize].takes.push((from, self.nobody));
            self.seats[*seat as usize].frees.push((self.nobody, from));
        }
    }

    fn maybe_free(&mut self, seats: &[u32], request: &Request) {
        for seat in seats {
            self.seats[*seat as usize].frees.push((request.hold, request.t0));
        }
    }
}

/// A place in the search: requests before `placed` are all in, those of `ahead` behind it too; of the
/// unknown ones those of `used` happened; `owner` has the seat, 0 is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    placed: usize,
    ahead: u128,
    used: u64,
    owner: u32,
}

struct Search<'a> {
    seat: &'a Seat,
    tried: HashSet<Place>,
    open: Vec<Place>,
}

impl<'a> Search<'a> {
    fn new(seat: &'a Seat) -> Self {
        let begin = Place { placed: 0, ahead: 0, used: 0, owner: 0 };
        Self { seat, tried: HashSet::new(), open: vec![begin] }
    }

    /// Whether there is an order; `None` when the search is given up.
    fn run(mut self) -> Option<bool> {
        if self.seat.takes.len() > UNKNOWN_MAX {
            return None;
        }
        while let Some(place) = self.open.pop() {
            let Some(place) = self.without_effect(place)? else { return Some(true) };
            let before = self.open.len();
            self.branch(place);
            // A single way on needs no memory.
            if self.open.len() > before + 1 && !self.tried.insert(place) {
                self.open.truncate(before);
            }
            if self.tried.len() > BRANCHES_MAX {
                return None;
            }
        }
        Some(false)
    }

    /// Places everything that is right and changes nothing; `Some(None)` when nothing is left, `None`
    /// when too much overlaps.
    fn without_effect(&self, mut place: Place) -> Option<Option<Place>> {
        loop {
            place.skip_placed();
            if place.placed == self.seat.definite.len() {
                return Some(None);
            }
            let ready: Vec<usize> = self.ready(place)?.collect();
            let act = |at: usize| self.seat.definite[at].act;
            let right = |at: &usize| match act(*at) {
                Act::See(hold) => place.owner == hold,
                Act::Miss(hold) => place.owner != hold,
                Act::Refuse => place.owner != 0,
                // Given back before it was granted it would stay for ever.
                Act::Leave(hold) => {
                    let comes = |other: &usize| act(*other) == Act::Take(hold);
                    place.owner != hold && !ready.iter().any(comes)
                }
                Act::Take(_) => false,
            };
            let Some(at) = ready.iter().find(|at| right(at)) else { return Some(Some(place)) };
            place.put(*at);
        }
    }

    /// Requests that may be next: none that is left out was answered before they were sent.
    fn ready(&self, place: Place) -> Option<impl Iterator<Item = usize>> {
        let steps = &self.seat.definite[place.placed..];
        let mut first_end = u64::MAX;
        let mut count = 0;
        for (offset, step) in steps.iter().enumerate() {
            if step.t0 >= first_end {
                break;
            }
            count = offset + 1;
            if count > WINDOW {
                return None;
            }
            if place.ahead >> offset & 1 == 0 {
                first_end = first_end.min(step.t1);
            }
        }
        let free = (0..count).filter(move |offset| place.ahead >> offset & 1 == 0);
        Some(free.map(move |offset| place.placed + offset))
    }

    /// Everything that may change the seat next, the earliest answered on top.
    fn branch(&mut self, place: Place) {
        let Some(ready) = self.ready(place) else { return };
        let ready: Vec<usize> = ready.collect();
        let steps = &self.seat.definite;
        let first_end = ready.iter().map(|at| steps[*at].t1).min().unwrap_or(u64::MAX);
        for (at, (from, hold)) in self.seat.takes.iter().enumerate() {
            if place.owner == 0 && place.used >> at & 1 == 0 && *from < first_end {
                self.open.push(Place { owner: *hold, used: place.used | 1 << at, ..place });
            }
        }
        if place.owner != 0 && self.may_be_free(place.owner, first_end) {
            self.open.push(Place { owner: 0, ..place });
        }
        let next = |at: &usize| match steps[*at].act {
            Act::Take(hold) => (place.owner == 0).then_some((*at, hold)),
            Act::Leave(hold) => (place.owner == hold).then_some((*at, 0)),
            Act::See(_) | Act::Miss(_) | Act::Refuse => None,
        };
        let mut changes: Vec<(usize, u32)> = ready.iter().filter_map(next).collect();
        changes.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(steps[*at].t1));
        for (at, owner) in changes {
            let mut after = Place { owner, ..place };
            after.put(at);
            self.open.push(after);
        }
    }

    fn may_be_free(&self, hold: u32, before: u64) -> bool {
        let first = self.seat.frees.partition_point(|(other, _)| *other < hold);
        self.seat.frees.get(first).is_some_and(|(other, from)| *other == hold && *from < before)
    }
}

impl Place {
    fn put(&mut self, at: usize) {
        self.ahead |= 1 << (at - self.placed);
    }

    fn skip_placed(&mut self) {
        let done = self.ahead.trailing_ones();
        self.placed += done as usize;
        self.ahead = self.ahead.checked_shr(done).unwrap_or(0);
    }
}
