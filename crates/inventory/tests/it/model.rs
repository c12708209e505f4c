//! Random commands of every kind against the naive oracle: each answer is as predicted, every
//! invariant holds after it, and a snapshot changes nothing. A failure prints its seed.
//!
//! `SEATGRID_MODEL_SEEDS` sets how many seeds run (a thousand commands each), `SEATGRID_MODEL_FIRST`
//! the first of them.

mod command;
mod dice;
mod seen;

use inventory::*;

use self::dice::Dice;
use self::seen::Seen;
use crate::harness::{Shard, T0};
use crate::oracle::others::other;
use crate::oracle::same::kind;
use crate::oracle::{EVENT, Oracle};

/// Seeds of an ordinary run.
const SEEDS: u64 = 60;
const STEPS: u32 = 1_000;
/// From here on an event may be cancelled.
const LATE: u32 = 800;

/// A shard beside what it should be.
struct Pair {
    seed: u64,
    dice: Dice,
    shard: Shard,
    oracle: Oracle,
    past: Vec<(RequestKey, Command)>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let (plan, sale) = (dice::hall(&mut dice), dice::terms(&mut dice));
        // Some shards have an outbox so small that it fills.
        let ledger_max = if dice.once_in(5) { 60 + dice.below(150) } else { LEDGER_RECORDS_MAX };
        let mut shard = Shard::new(State::with_ledger_max(ledger_max));
        let open = OpenSale { event: EVENT, sale: sale.clone(), plan: plan.clone() };
        let reply = shard.run(None, Command::OpenSale(open));
        assert_eq!(reply.outcome, Outcome::SaleOpened, "seed {seed}");
        let oracle = Oracle::opened(&plan, &sale, (T0, ledger_max));
        Self { seed, dice, shard, oracle, past: vec![] }
    }

    /// Time goes on: mostly little, sometimes past holds, rarely past all that is remembered.
    fn tick(&mut self) {
        let dice = &mut self.dice;
        self.shard.now_ms += dice.of(&[0, 0, 0, 0, 100, 500, 2_000]);
        self.shard.now_ms += if dice.once_in(60) { 50_000 } else { 0 };
        self.shard.now_ms += if dice.once_in(700) { 7_300_000 } else { 0 };
        // A leader's clock may lag behind the last entry's time.
        self.shard.now_ms -= if dice.once_in(60) { 1_000 } else { 0 };
    }

    /// A key as clients make them: of now, without a time, too old, from the future, or used before.
    fn key(&mut self, command: &Command) -> Option<RequestKey> {
        if matches!(command, Command::ExpireHolds | Command::Acknowledge(_)) {
            return None;
        }
        let now = self.shard.now_ms;
        let id = u128::from(self.shard.log_index) + 1;
        let made_at_ms = match self.dice.below(60) {
            0 => Some(now - 1_000_000),
            1 => Some(now + 50_000),
            2 => Some(now + 90_000),
            3..=8 => None,
            _ => Some(now),
        };
        Some(RequestKey { id, hash: 7, made_at_ms })
    }

    fn run(&mut self, command: Command, seen: &mut Seen) -> Outcome {
        let key = self.key(&command);
        let outcome = self.apply(key, &command, seen);
        self.past.extend(key.map(|key| (key, command)));
        outcome
    }

    /// One command on both sides.
    fn apply(&mut self, key: Option<RequestKey>, command: &Command, seen: &mut Seen) -> Outcome {
        if let Command::Acknowledge(c) = command {
            let known = self.shard.state.feed().filter(|record| record.last() <= c.up_to);
            self.oracle.acknowledge(known.count());
        }
        let records = self.oracle.ledger.len();
        let reply = self.shard.run(key, command.clone());
        self.oracle.now = self.oracle.now.max(self.shard.now_ms);
        let now = self.oracle.now;
        let earlier = key.and_then(|key| self.oracle.others.earlier(&key, now));
        let new = earlier.is_none();
        let expected = earlier.unwrap_or_else(|| self.oracle.answer(now, command));
        if let Some(key) = key.filter(|_| new) {
            self.oracle.others.remember(&key, now, &expected);
        }
        let at = || format!("seed {} entry {}: {command:?}", self.seed, self.shard.log_index);
        assert_eq!(reply, expected, "{}", at());
        if let Err(wrong) = self.oracle.compare(&self.shard.state) {
            panic!("{}: {wrong}", at());
        }
        let told: Vec<String> = self.shard.state.feed().skip(records).map(kind).collect();
        let should: Vec<&str> =
            self.oracle.ledger[records..].iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(told, should, "{}", at());
        seen.note(command, &reply);
        reply.outcome
    }

    /// An earlier command once more, or its key with another body.
    fn again(&mut self, seen: &mut Seen) {
        let Some(last) = self.past.len().checked_sub(1) else { return };
        let back = self.dice.below(40) as usize;
        let (mut key, command) = self.past[last.saturating_sub(back)].clone();
        key.hash += u64::from(self.dice.once_in(8));
        self.apply(Some(key), &command, seen);
    }

    /// A payer whose every attempt fails.
    fn many_attempts(&mut self, seen: &mut Seen) {
        let event = self.shard.state.event(EVENT).expect("opened");
        let Some(order) = event.orders().find(|one| one.status == OrderStatus::PendingPayment)
        else {
            return;
        };
        let order = OrderId { event: EVENT, no: order.no };
        for _ in 0..21 {
            let (provider, method) = ("p".into(), "m".into());
            let pay = Command::StartPayment(StartPayment { order, provider, method });
            if let Outcome::PaymentStarted(paid) = self.run(pay, seen) {
                let result = GatewayResult::Canceled { reason: "no".into() };
                self.run(Command::Settle(Settle { payment: paid.payment, result }), seen);
            }
        }
    }

    /// Money that comes when the seats are somebody else's, and the answer to what is offered for it.
    fn late_money(&mut self, seen: &mut Seen) {
        let event = self.shard.state.event(EVENT).expect("opened");
        let Some(payment) = event.pending_payments().last().cloned() else { return };
        let order = event.order(payment.order).expect("kept with its payment");
        let Some(first) = order.seats.first().copied() else { return };
        let ends = order.expires_at_ms;
        let plan_version = event.plan().version;
        self.shard.now_ms = self.shard.now_ms.max(ends + self.dice.below(2_000));
        self.run(Command::ExpireHolds, seen);
        let choice = Choice::Seats(vec![first.seat]);
        self.run(Command::Hold(HoldSeats::of(EVENT, plan_version, choice)), seen);
        let payment_id = PaymentId { event: EVENT, no: payment.no };
        let result = GatewayResult::Captured { amount_minor: payment.amount_minor };
        self.run(Command::Settle(Settle { payment: payment_id, result }), seen);
        self.shard.now_ms += self.dice.of(&[0, 1_000, 80_000, 90_000]);
        let answer = AnswerOffer { payment: payment_id, accept: !self.dice.once_in(3) };
        match self.dice.below(4) {
            0 => {}
            _ => {
                self.run(Command::AnswerOffer(answer), seen);
            }
        }
    }

    /// More codes than an event may have.
    fn many_codes(&mut self, seen: &mut Seen) {
        for part in 0..11 {
            let code = |no: u128| Code {
                hash: 1_000 + part * 1_000 + no,
                kind: CodeKind::Presale,
                from_ms: 0,
                until_ms: 1,
                tiers: vec![],
                seats_max: None,
                budget_minor: None,
            };
            let codes = (0..1_000).map(code).collect();
            self.run(Command::PutCodes(PutCodes { event: EVENT, codes }), seen);
        }
    }

    /// Through a snapshot and back: nothing is different.
    fn restart(&mut self) {
        let restored = State::from_bytes(&self.shard.state.to_bytes()).expect("its own bytes");
        assert!(restored == self.shard.state, "seed {}: a restored state differs", self.seed);
        assert_eq!(restored.digest(), self.shard.state.digest());
        self.shard.state = restored;
    }

    fn whole(mut self, seen: &mut Seen) {
        for step in 0..STEPS {
            self.tick();
            match self.dice.below(400) {
                0..=24 => self.again(seen),
                25 => self.many_attempts(seen),
                27..=34 => self.late_money(seen),
                26 if step > LATE => {
                    self.run(Command::CancelEvent(CancelEvent { event: EVENT }), seen);
                }
                _ => {
                    let command = command::command(&mut self.dice, &self.shard.state);
                    self.run(command, seen);
                }
            }
            if step % 100 == 99 {
                self.restart();
            }
        }
        if self.seed % 40 == 7 {
            self.many_codes(seen);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the rules do not read their surroundings, a test may"
)]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Invariants I1 to I18, as far as they are the rules': checked after each command.
#[test]
fn every_command_answers_as_the_oracle_says() {
    let first = number("SEATGRID_MODEL_FIRST", 0);
    let seeds = number("SEATGRID_MODEL_SEEDS", SEEDS);
    let mut seen = Seen::default();
    for seed in first..first + seeds {
        Pair::new(seed).whole(&mut seen);
    }
    if seeds >= SEEDS {
        seen.check();
    }
}

/// Invariants I2 and I3.
#[test]
fn replicas_that_apply_the_same_are_the_same() {
    let run = || {
        let mut pair = Pair::new(7);
        for _ in 0..400 {
            pair.tick();
            let command = command::command(&mut pair.dice, &pair.shard.state);
            pair.shard.run(None, command);
        }
        (pair.shard.state.digest(), pair.shard.state.to_bytes())
    };
    assert_eq!(run(), run());
}

/// The oracle opens the other event with the terms that the commands name.
#[test]
fn the_other_event_has_four_seats() {
    let (sale, plan) = other(&crate::harness::sale());
    assert_eq!((plan.seat_count(), sale.opens_at_ms), (4, 1));
}
