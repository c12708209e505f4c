//! What the rules cost: a hold, best available, a freeze and what comes after it.
//!
//! `cargo bench -p inventory`. Each figure is the best of several rounds, since on a shared machine
//! everything else only adds to it; the median stands beside it. No measuring library: a round is
//! thousands of commands between two looks at the clock.

#![expect(clippy::disallowed_types, reason = "measuring needs a clock; the rules do not see it")]

use std::time::{Duration, Instant};

use inventory::{
    Actor, Best, Choice, Command, Envelope, EventNo, HoldId, HoldSeats, KEYS_MAX, OpenSale,
    Outcome, Plan, ReleaseHold, Reply, RequestKey, SeatIx, Stamp, State,
};

#[path = "shared/sale.rs"]
mod shared;

use shared::{T0, sale};

const EVENT: EventNo = EventNo(1);
const ROUNDS: usize = 15;
/// Commands between two looks at the clock: shorter than a turn on a busy processor.
const SLICE: usize = 500;
/// The outbox has room for so many holds with what they may still write.
const HOLDS_MAX: u32 = 80_000;
const ROW_SEATS: u32 = 40;

/// A shard under measurement.
struct Shard {
    state: State,
    at: u64,
}

impl Shard {
    fn open(seats: u32) -> Self {
        let mut shard = Self { state: State::new(), at: 0 };
        let open = OpenSale { event: EVENT, sale: sale(), plan: Plan::hall(seats, ROW_SEATS) };
        let command = Command::OpenSale(open);
        let envelope = shard.envelope(command);
        shard.apply(&envelope);
        shard
    }

    /// A thousand commands a millisecond.
    fn now_ms(&self) -> u64 {
        T0 + self.at / 1_000
    }

    fn envelope(&mut self, command: Command) -> Envelope {
        self.at += 1;
        let made_at_ms = self.now_ms();
        let id = u128::from(made_at_ms) << 80 | u128::from(self.at);
        let key = RequestKey { id, hash: self.at, made_at_ms: Some(made_at_ms) };
        Envelope { key: Some(key), actor: Actor::SYSTEM, command }
    }

    fn apply(&mut self, envelope: &Envelope) -> Reply {
        // Some five hundred commands share an entry of the log.
        let stamp = Stamp { log_index: 1 + self.at / 500, at_ms: self.now_ms() };
        self.state.apply(stamp, envelope)
    }

    fn hold(&mut self, choice: Choice) -> Envelope {
        self.envelope(Command::Hold(HoldSeats::of(EVENT, 1, choice)))
    }

    fn take(&mut self, choice: Choice) -> u64 {
        let envelope = self.hold(choice);
        match self.apply(&envelope).outcome {
            Outcome::Held(held) => held.hold.no,
            other => panic!("{other:?}"),
        }
    }

    fn release(&mut self, no: u64) {
        let hold = HoldId { event: EVENT, no };
        let envelope = self.envelope(Command::ReleaseHold(ReleaseHold { hold }));
        self.apply(&envelope);
    }

    fn acknowledge(&mut self) {
        let up_to = self.state.feed_end();
        let command = Command::Acknowledge(inventory::Acknowledge { up_to });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        self.apply(&envelope);
    }
}

fn seat(at: u32) -> Choice {
    Choice::Seats(vec![SeatIx(at)])
}

/// Prints the best and the median of the rounds, for one of `count` operations.
#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn report(what: &str, mut rounds: Vec<Duration>, count: u32) {
    rounds.sort();
    let ns = |round: Duration| round.as_nanos() as f64 / f64::from(count);
    let (best, median) = (ns(rounds[0]), ns(rounds[rounds.len() / 2]));
    println!("{what:<64} best {best:>12.0} ns   median {median:>12.0} ns");
}

/// P5: every seat of a hall held once.
fn holds(seats: u32) {
    let round = |_: usize| {
        let mut shard = Shard::open(seats);
        // In an order that leaps over the hall, as a crowd does.
        let order: Vec<u32> = (0..seats.min(HOLDS_MAX))
            .map(|n| (u64::from(n) * 7_919 % u64::from(seats)) as u32)
            .collect();
        let commands: Vec<_> = order.into_iter().map(|at| shard.hold(seat(at))).collect();
        let slice = |slice: &[Envelope], shard: &mut Shard| {
            let began = Instant::now();
            for command in slice {
                std::hint::black_box(shard.apply(command));
            }
            began.elapsed()
        };
        commands.chunks_exact(SLICE).map(|some| slice(some, &mut shard)).collect::<Vec<_>>()
    };
    let slices = (0..ROUNDS / 3).flat_map(round).collect();
    report(&format!("hold of one named seat, hall of {seats}"), slices, SLICE as u32);
}

/// P5: best of 4 in a hall where every other group of four is gone.
fn best_available(seats: u32) {
    let mut shard = Shard::open(seats);
    for group in (0..seats / 4).step_by(2) {
        shard.take(Choice::Seats((0..4).map(|n| SeatIx(group * 4 + n)).collect()));
    }
    let wish = Best { number: 4, prevent_orphans: true, ..Best::default() };
    let count = 50;
    let round = |_| {
        let commands: Vec<_> = (0..count).map(|_| shard.hold(Choice::Best(wish.clone()))).collect();
        let began = Instant::now();
        let replies: Vec<_> = commands.iter().map(|command| shard.apply(command)).collect();
        let took = began.elapsed();
        for reply in replies {
            let Outcome::Held(held) = reply.outcome else { panic!("{reply:?}") };
            shard.release(held.hold.no);
        }
        shard.acknowledge();
        took
    };
    let rounds = (0..10 * ROUNDS).map(round).collect();
    report(&format!("best of 4 with orphan check, {seats} seats half sold"), rounds, count);
}

/// A shard at its limits: a million keys, a full outbox, a stadium twice over.
fn full() -> Shard {
    let mut shard = Shard::open(200_000);
    while shard.state.key_count() < KEYS_MAX || shard.state.ledger_room().0 < 490_000 {
        let at = (shard.at % 200_000) as u32;
        let no = shard.take(seat(at));
        shard.release(no);
        if shard.state.ledger_room().0 > 490_000 && shard.state.key_count() < KEYS_MAX {
            shard.acknowledge();
        }
    }
    shard
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn freezes() {
    let mut shard = full();
    let (keys, records) = (shard.state.key_count(), shard.state.feed().len());
    println!("a shard of {keys} keys, {records} outbox records, 200000 seats:");
    let (mut freezes, mut first, mut later) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS as u32 {
        let began = Instant::now();
        let frozen = shard.state.freeze();
        freezes.push(began.elapsed());
        for (n, times) in [(0, &mut first), (1, &mut later)] {
            let command = shard.hold(seat((round * 2 + n) * 5_003));
            let began = Instant::now();
            std::hint::black_box(shard.apply(&command));
            times.push(began.elapsed());
        }
        drop(frozen);
    }
    let chunks = shard.state.freeze().chunk_count();
    report(&format!("  freeze ({chunks} chunks)"), freezes, 1);
    report("  the first command after it", first, 1);
    report("  the second", later, 1);
    let began = Instant::now();
    let bytes = shard.state.to_bytes();
    let took = began.elapsed();
    println!("  encoded in {} ms, {} bytes", took.as_millis(), bytes.len());
    let began = Instant::now();
    let restored = State::from_bytes(&bytes).expect("own bytes");
    println!("  restored in {} ms, {} keys", began.elapsed().as_millis(), restored.key_count());
}

fn main() {
    for seats in [2_000, 20_000, 200_000] {
        holds(seats);
    }
    best_available(20_000);
    freezes();
}
