//! Histories of an honest service, made up: to measure the judges by, and to falsify in tests. Requests
//! overlap, some get no answer and are repeated under their key, a few never get one.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::line::{Line, Op};

/// Between two effects on average, in nanoseconds.
const PACE_NS: u64 = 50_000;
/// The longest way of a request or an answer.
const WAY_NS: u64 = 300_000;
/// How long a hold lives.
const TTL_NS: u64 = 300_000_000_000;
/// Holds that clients keep before they look for one to give back.
const HELD_MAX: usize = 12;

/// What to make up.
#[derive(Debug, Clone)]
pub struct MadeUp {
    /// The event's id in every line.
    pub event: String,
    /// How many requests.
    pub requests: u64,
    /// Of how many seats.
    pub seats: u32,
    /// The same seed makes the same history.
    pub seed: u64,
    /// Requests in a hundred whose first attempt gets no answer.
    pub unknown_percent: u32,
}

/// Tells a history line by line.
///
/// # Errors
/// When `tell` fails.
pub fn make_up<E>(wish: &MadeUp, tell: impl FnMut(Line) -> Result<(), E>) -> Result<(), E> {
    let mut service = Service {
        random: StdRng::seed_from_u64(wish.seed),
        event: wish.event.clone(),
        unknown_percent: wish.unknown_percent,
        owners: vec![0; wish.seats as usize],
        held: VecDeque::new(),
        gone: VecDeque::new(),
        orphans: VecDeque::new(),
        now: 2 * WAY_NS,
        version: 1,
        holds: 0,
        clients: 0,
        keys: 0,
        tell,
    };
    (0..wish.requests).try_for_each(|_| service.step())
}

struct Held {
    number: u64,
    /// Its shopper knows of it from then on.
    known_at: u64,
    seats: Vec<u32>,
}

struct Service<T> {
    random: StdRng,
    event: String,
    unknown_percent: u32,
    owners: Vec<u64>,
    held: VecDeque<Held>,
    gone: VecDeque<Held>,
    /// Holds that nobody knows of, with the end of each.
    orphans: VecDeque<(u64, Vec<u32>)>,
    now: u64,
    version: u64,
    holds: u64,
    clients: u64,
    keys: u128,
    tell: T,
}

impl<E, T: FnMut(Line) -> Result<(), E>> Service<T> {
    /// One request, whose effect is now.
    fn step(&mut self) -> Result<(), E> {
        self.now += self.random.random_range(1..2 * PACE_NS);
        while self.orphans.front().is_some_and(|(end, _)| *end <= self.now) {
            let Some((_, seats)) = self.orphans.pop_front() else { break };
            self.version += 1;
            seats.iter().for_each(|seat| self.owners[*seat as usize] = 0);
        }
        let known = self.held.front().is_some_and(|held| held.known_at < self.now);
        match self.random.random_range(0..10) {
            0 if known => self.read(),
            1 if known => self.swap(),
            2 => self.read_gone(),
            _ if known && self.held.len() > HELD_MAX => self.release(),
            _ => self.hold(),
        }
    }

    fn line(&mut self, op: Op, not_before: u64) -> Line {
        self.clients += 1;
        self.keys += 1;
        let way = self.random.random_range(1..WAY_NS);
        Line {
            t0: (self.now - way).max(not_before + 1).min(self.now),
            t1: Some(self.now + self.random.random_range(1..WAY_NS)),
            client: self.clients,
            key: uuid::Uuid::from_u128(self.keys).to_string(),
            op,
            event: self.event.clone(),
            seats: vec![],
            named: vec![],
            status: Some(200),
            code: None,
            hold: None,
            version: Some(self.version),
            until: None,
        }
    }

    fn names(seats: &[u32]) -> Vec<String> {
        seats.iter().map(|seat| format!("s{seat}")).collect()
    }

    fn some_seats(&mut self) -> Vec<u32> {
        let count = self.random.random_range(1..=3);
        let mut seats: Vec<u32> =
            (0..count).map(|_| self.random.random_range(0..self.owners.len() as u32)).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }

    /// Tells a line, perhaps after an attempt of the same request that got no answer; gives the
    /// moment at which the answer is known, if it ever is.
    fn tell(&mut self, line: Line) -> Result<Option<u64>, E> {
        if self.random.random_range(0..100) >= self.unknown_percent {
            let known_at = line.t1;
            (self.tell)(line)?;
            return Ok(known_at);
        }
        let silent = |line: &Line| Line {
            t1: None,
            status: None,
            code: None,
            version: None,
            named: if line.op == Op::Swap { line.named.clone() } else { vec![] },
            hold: line.hold.clone().filter(|_| line.op != Op::Hold),
            until: None,
            ..line.clone()
        };
        // The effect was the silent attempt's, or is the repeated one's; a refusal and a look are
        // always of the attempt that was answered.
        let first_had_it =
            self.random.random_bool(0.5) && line.op == Op::Hold && line.status == Some(201);
        (self.tell)(silent(&line))?;
        self.clients += 1;
        let mut again = Line { client: self.clients, ..line };
        if first_had_it {
            if self.random.random_bool(0.1) {
                return Ok(None);
            }
            again.t0 = self.now + WAY_NS;
            again.t1 = Some(again.t0 + self.random.random_range(1..WAY_NS));
        }
        let known_at = again.t1;
        (self.tell)(again)?;
        Ok(known_at)
    }

    fn hold(&mut self) -> Result<(), E> {
        let seats = self.some_seats();
        let taken: Vec<u32> =
            seats.iter().copied().filter(|seat| self.owners[*seat as usize] != 0).collect();
        let mut line = Line { seats: Self::names(&seats), ..self.line(Op::Hold, 0) };
        if !taken.is_empty() {
            (line.status, line.code) = (Some(409), Some("seat_taken".to_owned()));
            (line.version, line.named) = (None, Self::names(&taken));
            return self.tell(line).map(|_| ());
        }
        self.version += 1;
        self.holds += 1;
        let number = self.holds;
        seats.iter().for_each(|seat| self.owners[*seat as usize] = number);
        line.status = Some(201);
        line.version = Some(self.version);
        line.hold = Some(format!("h{number}"));
        line.until = Some(line.t0 + TTL_NS);
        match self.tell(line)? {
            Some(known_at) => self.held.push_back(Held { number, known_at, seats }),
            None => self.orphans.push_back((self.now + TTL_NS, seats)),
        }
        Ok(())
    }

    fn about(&mut self, op: Op, held: &Held) -> Line {
        let hold = Some(format!("h{}", held.number));
        Line { seats: Self::names(&held.seats), hold, ..self.line(op, held.known_at) }
    }

    fn release(&mut self) -> Result<(), E> {
        let Some(held) = self.held.pop_front() else { return Ok(()) };
        self.version += 1;
        held.seats.iter().for_each(|seat| self.owners[*seat as usize] = 0);
        let line = Line { status: Some(204), ..self.about(Op::Release, &held) };
        let known_at = self.tell(line)?.unwrap_or(u64::MAX);
        self.gone.push_back(Held { known_at, ..held });
        Ok(())
    }

    fn swap(&mut self) -> Result<(), E> {
        let Some(mut held) = self.held.pop_front() else { return Ok(()) };
        let mut seats = self.some_seats();
        seats.retain(|seat| [0, held.number].contains(&self.owners[*seat as usize]));
        if !seats.is_empty() {
            self.version += 1;
            held.seats.iter().for_each(|seat| self.owners[*seat as usize] = 0);
            seats.iter().for_each(|seat| self.owners[*seat as usize] = held.number);
            let named = Self::names(&held.seats);
            held.seats = seats;
            let line = Line { named, ..self.about(Op::Swap, &held) };
            held.known_at = self.tell(line)?.unwrap_or(u64::MAX);
        }
        self.held.push_back(held);
        Ok(())
    }

    fn read(&mut self) -> Result<(), E> {
        let Some(held) = self.held.pop_front() else { return Ok(()) };
        let line = self.about(Op::Read, &held);
        let known_at = self.tell(line)?.unwrap_or(held.known_at);
        self.held.push_back(Held { known_at, ..held });
        Ok(())
    }

    fn read_gone(&mut self) -> Result<(), E> {
        let is_known = self.gone.front().is_some_and(|gone| gone.known_at < self.now);
        let Some(gone) = is_known.then(|| self.gone.pop_front()).flatten() else {
            return self.hold();
        };
        let mut line = self.about(Op::Read, &gone);
        (line.status, line.code) = (Some(404), Some("hold_not_found".to_owned()));
        (line.version, line.seats) = (None, vec![]);
        self.tell(line).map(|_| ())
    }
}
