//! Which seats the load believes free and which holds it has: so that most wishes can be granted.

use std::collections::VecDeque;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// One wish in so many is for a seat that is held: refusals and races belong to a history.
const CONTENDED: u32 = 20;
/// One wish in so many is for two seats.
const PAIRS: u32 = 8;

/// An acknowledged hold.
pub struct Held {
    pub id: String,
    pub token: String,
    pub seats: Vec<u32>,
}

/// Seats by number, and what is known of them.
pub struct Pool {
    names: Vec<String>,
    state: Mutex<State>,
}

struct State {
    random: StdRng,
    free: Vec<u32>,
    held: VecDeque<Held>,
    /// Seats that are in `free`, so that none is in it twice.
    is_free: Vec<bool>,
    /// By seat: how many of `held` have it, so that nobody searches them.
    holds: Vec<u32>,
}

impl Pool {
    /// All seats are free.
    pub fn new(names: Vec<String>, seed: u64) -> Self {
        let free: Vec<u32> = (0..).take(names.len()).collect();
        let is_free = vec![true; names.len()];
        let (random, holds) = (StdRng::seed_from_u64(seed), vec![0; names.len()]);
        let state = State { random, free, held: VecDeque::new(), is_free, holds };
        Self { names, state: Mutex::new(state) }
    }

    /// A seat's id.
    pub fn name(&self, seat: u32) -> String {
        self.names[seat as usize].clone()
    }

    /// One or two seats to ask for.
    pub fn wish(&self) -> Vec<u32> {
        let mut state = self.state.lock();
        let contended = state.random.random_range(0..CONTENDED) == 0;
        if (contended || state.free.len() < 2) && !state.held.is_empty() {
            let State { random, held, .. } = &mut *state;
            // Near the end that is released next, so that the two meet.
            let at = random.random_range(0..held.len().min(50));
            return vec![held[at].seats[0]];
        }
        if state.free.len() < 2 {
            return vec![state.random.random_range(0..self.names.len() as u32)];
        }
        let pair = state.random.random_range(0..PAIRS) == 0;
        let mut seats = vec![state.take()];
        if pair {
            seats.push(state.take());
        }
        // In the order of the plan, as answers name them.
        seats.sort_unstable();
        seats
    }

    /// Remembers an acknowledged hold.
    pub fn keep(&self, held: Held) {
        let mut state = self.state.lock();
        // One that was asked for although it was in the pool.
        let taken = &held.seats;
        let State { free, is_free, .. } = &mut *state;
        if taken.iter().any(|seat| is_free[*seat as usize]) {
            taken.iter().for_each(|seat| is_free[*seat as usize] = false);
            free.retain(|seat| is_free[*seat as usize]);
        }
        held.seats.iter().for_each(|seat| state.holds[*seat as usize] += 1);
        state.held.push_back(held);
    }

    /// Forgets the oldest hold if there are more than `keep`.
    pub fn oldest_beyond(&self, keep: usize) -> Option<Held> {
        let mut state = self.state.lock();
        let oldest = if state.held.len() > keep { state.held.pop_front() } else { None };
        let seats = oldest.iter().flat_map(|held| &held.seats);
        seats.for_each(|seat| state.holds[*seat as usize] -= 1);
        oldest
    }

    /// These can be asked for again; at worst the answer is that they are taken.
    pub fn give_back(&self, seats: &[u32]) {
        let mut state = self.state.lock();
        let State { free, is_free, holds, .. } = &mut *state;
        for seat in seats {
            if holds[*seat as usize] == 0 && !is_free[*seat as usize] {
                is_free[*seat as usize] = true;
                free.push(*seat);
            }
        }
    }
}

impl State {
    /// Takes any free seat out of the pool.
    fn take(&mut self) -> u32 {
        let at = self.random.random_range(0..self.free.len());
        let seat = self.free.swap_remove(at);
        self.is_free[seat as usize] = false;
        seat
    }
}
