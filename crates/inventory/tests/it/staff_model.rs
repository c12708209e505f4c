//! Random staff commands, limits, codes, refunds and waiting against the second oracle. A failure
//! prints the seed; `SEATGRID_MODEL_SEEDS` sets how many seeds run (default 60, some 36,000 commands).

use std::collections::BTreeMap;

use inventory::*;

use crate::harness::{Shard, hall, sale};
use crate::model::Dice;
use crate::staff_oracle::{Oracle, PER_HOLD_MAX, PERSON_MAX, TTL_MS, WAIT_TTL_MS};

const STEPS: u32 = 600;
const EVENT: EventNo = EventNo(1);
const PERSONS: u64 = 5;

fn terms() -> Sale {
    let mut sale = sale();
    (sale.hold_ttl_ms, sale.per_hold_max) = (TTL_MS as u32, PER_HOLD_MAX as u16);
    sale.rules = SaleRules {
        per_person_max: Some(PERSON_MAX as u16),
        fee: Fee { per_seat_minor: 5, basis_points: 300 },
        waitlist_ttl_ms: Some(WAIT_TTL_MS as u32),
        ..SaleRules::default()
    };
    sale
}

fn seats(dice: &mut Dice, most: u64) -> Vec<SeatIx> {
    let number = dice.below(most) + u64::from(dice.below(8) > 0);
    (0..number).map(|_| SeatIx(dice.below(23) as u32)).collect()
}

/// Free seats, so that the hall fills up and people have something to wait for.
fn free(dice: &mut Dice, event: &Event, most: u64) -> Vec<SeatIx> {
    let status = event.seats().statuses().zip(0..);
    let mut free: Vec<u32> =
        status.filter(|(now, _)| *now == SeatStatus::Free).map(|(_, at)| at).collect();
    if free.is_empty() || dice.below(6) == 0 {
        return seats(dice, 3);
    }
    let number = 1 + dice.below(most);
    let mut picked = vec![];
    for _ in 0..number.min(free.len() as u64) {
        picked.push(SeatIx(free.swap_remove(dice.below(free.len() as u64) as usize)));
    }
    picked
}

/// Seats of somebody, as far as there are any, so that refunds and moves mean something.
fn owned(dice: &mut Dice, event: &Event, order: u64) -> Vec<SeatIx> {
    let Some(order) = event.order(order) else { return seats(dice, 2) };
    let take = 1 + dice.below(2) as usize;
    order.seats.iter().map(|seat| seat.seat).take(take).collect()
}

/// One of the latest numbers, now and then one that nothing has.
fn pick(dice: &mut Dice, of: Vec<u64>) -> u64 {
    let back = dice.below(4) as usize;
    match of.len().checked_sub(1 + back) {
        Some(at) if dice.below(12) > 0 => of[at],
        _ => 1 + dice.below(30),
    }
}

fn command(dice: &mut Dice, event: &Event, now_ms: u64) -> Command {
    let hold = pick(dice, event.holds().map(|hold| hold.no).collect());
    let order = pick(dice, event.orders().map(|order| order.no).collect());
    let payment = pick(dice, event.payments().map(|payment| payment.no).collect());
    let person = u128::from(1 + dice.below(PERSONS));
    let order_id = OrderId { event: EVENT, no: order };
    match dice.below(60) {
        0..=11 => {
            let promo = (dice.below(4) == 0).then(|| u128::from(7 + dice.below(3)));
            let choice = Choice::Seats(free(dice, event, 4));
            let person = Some(person);
            Command::Hold(HoldSeats { person, promo, ..HoldSeats::of(EVENT, 1, choice) })
        }
        12..=15 => Command::ReleaseHold(ReleaseHold { hold: HoldId { event: EVENT, no: hold } }),
        16..=22 => {
            let hold = HoldId { event: EVENT, no: hold };
            Command::PlaceOrder(PlaceOrder { hold, contact: vec![1], buyer: None })
        }
        23..=27 => {
            let (provider, method) = ("p".into(), "m".into());
            Command::StartPayment(StartPayment { order: order_id, provider, method })
        }
        28 => {
            let payment = PaymentId { event: EVENT, no: payment };
            let amount_minor = event.payment(payment.no).map_or(1, |one| one.amount_minor);
            Command::Settle(Settle { payment, result: GatewayResult::Captured { amount_minor } })
        }
        29..=31 => Command::ExpireHolds,
        kind => staff(dice, event, (kind, order_id, person), now_ms),
    }
}

fn staff(
    dice: &mut Dice,
    event: &Event,
    (kind, order, person): (u64, OrderId, u128),
    now_ms: u64,
) -> Command {
    match kind {
        32 => Command::PauseSale(PauseSale { event: EVENT }),
        33..=35 => Command::ResumeSale(ResumeSale { event: EVENT }),
        36..=38 => {
            let seats = SeatSet::Seats(free(dice, event, 5));
            Command::BlockSeats(BlockSeats { event: EVENT, seats })
        }
        39..=42 => {
            let seats = SeatSet::Seats(seats(dice, 1));
            Command::UnblockSeats(UnblockSeats { event: EVENT, seats })
        }
        43 if dice.below(8) == 0 => {
            Command::RemoveSeats(RemoveSeats { event: EVENT, seats: seats(dice, 2) })
        }
        44..=46 => {
            let from = owned(dice, event, order.no);
            let moves = from.into_iter().map(|one| (one, SeatIx(dice.below(23) as u32))).collect();
            let block = dice.below(2) == 0;
            Command::ReassignSeats(ReassignSeats { order, moves, block })
        }
        47..=49 => {
            let seats = if dice.below(3) == 0 { vec![] } else { owned(dice, event, order.no) };
            let share_basis_points = [10_000, 5_000, 3_333, 0][dice.below(4) as usize];
            let (with_fee, block) = (true, false);
            Command::RefundSeats(RefundSeats { order, seats, share_basis_points, with_fee, block })
        }
        50 | 51 => {
            let max = (dice.below(3) > 0).then(|| dice.below(9) as u16);
            Command::SetPersonLimit(SetPersonLimit { event: EVENT, person, max })
        }
        52 | 53 => {
            let code = code(dice, now_ms);
            Command::PutCodes(PutCodes { event: EVENT, codes: vec![code] })
        }
        54..=57 => {
            let wish = Best { number: dice.below(8) as u16, ..Best::default() };
            let contact = vec![];
            Command::JoinWaitlist(JoinWaitlist { event: EVENT, person, wish, contact })
        }
        58 => {
            let waits = |no: &u64| event.wait_entry(*no).is_some();
            let entry = pick(dice, (1..event.version()).filter(waits).collect());
            let entry = WaitId { event: EVENT, no: entry };
            Command::LeaveWaitlist(LeaveWaitlist { entry })
        }
        // An event is cancelled rarely, or nothing else would be seen.
        59 if dice.below(60) == 0 => Command::CancelEvent(CancelEvent { event: EVENT }),
        _ => Command::ExpireHolds,
    }
}

fn code(dice: &mut Dice, now_ms: u64) -> Code {
    let discount = Discount { per_seat_minor: 0, basis_points: 500 * dice.below(6) as u16 };
    Code {
        hash: u128::from(7 + dice.below(2)),
        kind: CodeKind::Promo(discount),
        from_ms: 0,
        until_ms: now_ms + 60_000 * dice.below(20) + 1,
        tiers: vec![],
        seats_max: (dice.below(2) == 0).then(|| dice.below(8) as u32),
        budget_minor: None,
    }
}

fn run(seed: u64, seen: &mut BTreeMap<String, u32>) {
    let mut dice = Dice(seed ^ 0x5EA7);
    let mut shard = Shard::default();
    shard.run(None, Command::OpenSale(OpenSale { event: EVENT, sale: terms(), plan: hall() }));
    let mut oracle = Oracle::new(&hall());
    let mut step = 0;
    while step < STEPS {
        shard.now_ms += [0, 0, 1, 500, 9_000, 40_000][dice.below(6) as usize];
        let event = shard.state.event(EVENT).expect("opened");
        let first = command(&mut dice, event, shard.now_ms);
        let reply = tried(&mut shard, &mut oracle, &first, (seed, step), seen);
        step += 1;
        // Money comes at once and right: what late or wrong money does is the first oracle's.
        if let Outcome::PaymentStarted(paid) = reply {
            let result = GatewayResult::Captured { amount_minor: paid.amount_minor };
            let settle = Command::Settle(Settle { payment: paid.payment, result });
            tried(&mut shard, &mut oracle, &settle, (seed, step), seen);
        }
    }
}

fn tried(
    shard: &mut Shard,
    oracle: &mut Oracle,
    command: &Command,
    (seed, step): (u64, u32),
    seen: &mut BTreeMap<String, u32>,
) -> Outcome {
    let now_ms = shard.now_ms;
    let reply = shard.run(None, command.clone());
    let event = shard.state.event(EVENT).expect("opened");
    if let Err(wrong) = oracle.follow(now_ms, command, (&reply.outcome, event)) {
        panic!("seed {seed} step {step}: {command:?}: {wrong}");
    }
    let statuses: Vec<_> = event.seats().statuses().collect();
    assert_eq!(statuses, oracle.statuses(), "seed {seed} step {step}: {command:?}");
    for person in (1..=PERSONS).map(u128::from) {
        let (has, should) = (event.seats_of(person) as usize, oracle.seats_of(person));
        assert_eq!(has, should, "seed {seed} step {step}: person {person} after {command:?}");
    }
    let name = format!("{:?}", reply.outcome);
    let name = name.trim_start_matches("Refused(");
    *seen.entry(name.chars().take_while(|c| c.is_alphanumeric()).collect()).or_default() += 1;
    reply.outcome
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the rules do not read their surroundings, a test may"
)]
fn staff_commands_agree_with_the_second_oracle() {
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
        "PaymentStarted",
        "Settled",
        "Expired",
        "SalePaused",
        "SaleResumed",
        "PersonLimitSet",
        "CodesPut",
        "SeatsBlocked",
        "SeatsUnblocked",
        "SeatsRemoved",
        "SeatsReassigned",
        "SeatsRefunded",
        "EventCancelled",
        "WaitlistJoined",
        "WaitlistLeft",
        "SeatTaken",
        "SeatsInvalid",
        "SeatsWrong",
        "LimitPerPerson",
        "CodeUnknown",
        "CodeNotValid",
        "CodeUsedUp",
        "KeptForWaitlist",
        "WaitlistTwice",
        "SeatsFree",
        "WaitNotFound",
        "OrderState",
        "OrderNotFound",
    ] {
        assert!(seen.contains_key(outcome), "{outcome} never came: {seen:?}");
    }
}
