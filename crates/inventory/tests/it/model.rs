//! Random commands against the naive oracle, invariants checked after each. A failure prints the
//! seed; `SEATGRID_MODEL_SEEDS` sets how many seeds run (default 60, some 100,000 commands).

use std::collections::BTreeMap;

use inventory::*;

use crate::harness::{Shard, hall, sale};
use crate::oracle::Oracle;

const STEPS: u32 = 1_800;

/// SplitMix64: small, good, and the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 up to, but not including, `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A command that has a fair chance of meaning something: numbers near the newest (`top`) are
/// likely alive, some are unknown.
fn command(dice: &mut Dice, top: u64) -> Command {
    let event = EventNo(1);
    let kind = dice.below(20);
    let no = top.saturating_sub(dice.below(12)) + dice.below(2);
    match kind {
        0..=4 => hold(named(dice)),
        5..=7 => hold(best(dice)),
        8 => Command::ReleaseHold(ReleaseHold { hold: HoldId { event, no } }),
        9..=11 => {
            let hold = HoldId { event, no };
            Command::PlaceOrder(PlaceOrder { hold, contact: vec![1], buyer: None })
        }
        12 => Command::CancelOrder(CancelOrder { order: OrderId { event, no } }),
        13..=15 => {
            let (provider, method) = ("p".into(), "m".into());
            Command::StartPayment(StartPayment { order: OrderId { event, no }, provider, method })
        }
        16..=18 => {
            let result = match dice.below(8) {
                0 => GatewayResult::Canceled { reason: "no".into() },
                1 => GatewayResult::Captured { amount_minor: 150 },
                n => GatewayResult::Captured { amount_minor: [100, 200, 300, 50][n as usize % 4] },
            };
            Command::Settle(Settle { payment: PaymentId { event, no }, result })
        }
        _ => Command::ExpireHolds,
    }
}

fn hold(choice: Choice) -> Command {
    Command::Hold(HoldSeats::of(EventNo(1), 1, choice))
}

fn named(dice: &mut Dice) -> Choice {
    let n = dice.below(4) + u64::from(dice.below(10) == 0) * 4;
    Choice::Seats((0..n).map(|_| SeatIx(dice.below(23) as u32)).collect())
}

fn best(dice: &mut Dice) -> Choice {
    Choice::Best(Best {
        number: dice.below(8) as u16,
        tiers: vec![],
        sections: vec![],
        max_price_minor: None,
        prevent_orphans: dice.below(2) == 0,
        accessible: 0,
        together: dice.below(3) == 0,
    })
}

/// Seats return now and then, so that the hall never stays full: orders are not refunded here, so
/// a run ends when all seats are sold.
fn run(seed: u64, seen: &mut BTreeMap<String, u32>) {
    let mut dice = Dice(seed);
    let mut shard = Shard::default();
    let event = EventNo(1);
    shard.run(None, Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }));
    let mut oracle = Oracle::new(&hall(), &sale());
    let mut top = 1;
    let mut past: Vec<(RequestKey, Command, Reply)> = vec![];
    for step in 0..STEPS {
        shard.now_ms += [0, 0, 1, 500, 20_000, 90_000][dice.below(6) as usize];
        let now_ms = shard.now_ms;
        if dice.below(10) == 0 && !past.is_empty() {
            replay(&mut dice, &mut shard, &past);
            continue;
        }
        let command = command(&mut dice, top);
        let key = RequestKey { id: u128::from(step) + 1, hash: 1, made_at_ms: Some(now_ms) };
        let key = (command != Command::ExpireHolds).then_some(key);
        let reply = shard.run(key, command.clone());
        if let Err(wrong) = oracle.follow(now_ms, &command, &reply.outcome) {
            panic!("seed {seed} step {step}: {command:?}: {wrong}");
        }
        let statuses: Vec<_> = shard.state.event(event).unwrap().seats().statuses().collect();
        assert_eq!(statuses, oracle.statuses(), "seed {seed} step {step}: {command:?}");
        let name = format!("{:?}", reply.outcome);
        let name = name.trim_start_matches("Refused(");
        *seen.entry(name.chars().take_while(|c| c.is_alphanumeric()).collect()).or_default() += 1;
        top = newest(&reply).unwrap_or(top);
        if let Some(key) = key.filter(|_| !matches!(reply.outcome, Outcome::Refused(_))) {
            past.push((key, command, reply));
        }
        if step % 300 == 299 {
            restart(&mut shard);
        }
    }
}

fn newest(reply: &Reply) -> Option<u64> {
    match &reply.outcome {
        Outcome::Held(h) => Some(h.hold.no),
        Outcome::OrderPlaced(o) => Some(o.order.no),
        Outcome::PaymentStarted(p) => Some(p.payment.no),
        _ => None,
    }
}

/// A retried command answers as before, or that its key is too old; it changes nothing.
fn replay(dice: &mut Dice, shard: &mut Shard, past: &[(RequestKey, Command, Reply)]) {
    let back = dice.below(past.len().min(40) as u64) as usize;
    let (key, command, reply) = &past[past.len() - 1 - back];
    let before = shard.state.event(EventNo(1)).unwrap().version();
    let again = shard.run(Some(*key), command.clone());
    assert_eq!(shard.state.event(EventNo(1)).unwrap().version(), before);
    let age_ms = shard.now_ms - key.made_at_ms.unwrap();
    if again.outcome == Outcome::Refused(Refusal::IdempotencyWindowExpired) {
        assert!(age_ms > KEY_HORIZON_MS, "refused after {age_ms} ms");
    } else {
        assert_eq!(again, Reply { replayed: true, ..reply.clone() });
    }
}

/// Through a snapshot and back: nothing is different.
fn restart(shard: &mut Shard) {
    let bytes = shard.state.to_bytes();
    let restored = State::from_bytes(&bytes).unwrap();
    assert!(restored == shard.state, "a restored state differs");
    assert_eq!(restored.digest(), shard.state.digest());
    shard.state = restored;
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the rules do not read their surroundings, a test may"
)]
fn random_commands_agree_with_the_oracle() {
    let seeds = std::env::var("SEATGRID_MODEL_SEEDS").map_or(60, |s| s.parse().unwrap());
    let mut seen = BTreeMap::new();
    for seed in 0..seeds {
        run(seed, &mut seen);
    }
    // A run that never meets an outcome proves nothing about it.
    for outcome in [
        "Held",
        "Released",
        "OrderPlaced",
        "OrderCancelled",
        "PaymentStarted",
        "Settled",
        "Expired",
        "SeatTaken",
        "SeatsInvalid",
        "LimitPerHold",
        "NotEnoughSeats",
        "NotEnoughAdjacent",
        "HoldNotFound",
        "HoldExpired",
        "OrderNotFound",
        "OrderState",
        "PaymentPending",
        "PaymentNotFound",
    ] {
        assert!(seen.contains_key(outcome), "{outcome} never came: {seen:?}");
    }
}

/// Invariants I2 and I3.
#[test]
fn replicas_that_apply_the_same_are_the_same() {
    let mut digests = vec![];
    for _ in 0..2 {
        let mut dice = Dice(7);
        let mut shard = Shard::default();
        let event = EventNo(1);
        shard.run(None, Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }));
        for no in 0..500 {
            shard.now_ms += dice.below(1_000);
            let command = command(&mut dice, no % 60);
            shard.run(None, command);
        }
        digests.push((shard.state.digest(), shard.state.to_bytes()));
    }
    assert_eq!(digests[0], digests[1]);
}
