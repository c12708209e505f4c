//! Random histories with every rule switched on, written and then judged: the ledger's story has no
//! contradiction, the tables say what the ledger says, the grid says what the tables say.

use std::collections::BTreeSet;

use data_writer::reconcile_from;
use inventory::{
    Actor, AnswerOffer, Best, BlockSeats, CancelEvent, CancelOrder, Choice, Code, CodeKind,
    Command, Discount, Event, EventNo, ExtendHold, Extension, Fee, GatewayResult, HoldId,
    HoldSeats, JoinWaitlist, LeaveWaitlist, OrderId, OrderStatus, PauseSale, Payment, PaymentId,
    PaymentStatus, PlaceOrder, Plan, PutCodes, ReassignSeats, RecordRefund, RefundId, RefundResult,
    RefundSeats, ReleaseHold, RemoveSeats, ReplacePlan, ResumeSale, RetryRefund, Sale, SaleRules,
    SeatIx, SeatSet, Section, SetPersonLimit, SetWindow, Settle, StartPayment, SwapSeats, Tier,
    UnblockSeats, WaitId,
};

use crate::grid::{BEGIN_MS, GUEST, MemoryGrid, Seller, plan, sale};
use crate::tables::{PATIENCE, Tables, Writer, drained};
use crate::verify::verified;

const EVENT: EventNo = EventNo(1);
const SEEDS: u64 = 6;
const STEPS: u32 = 1_500;
/// Seats of the hall: two rows of ten and an area of four.
const SEATS: u64 = 24;
const PROMO: u128 = 5;

/// SplitMix64: the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// Mostly of the first row, so that it is sold out and people wait for it.
    fn seat(&mut self) -> SeatIx {
        let seats = if self.below(3) > 0 { 10 } else { SEATS };
        SeatIx(self.below(seats) as u32)
    }

    /// One of the latest numbers, now and then one that nothing has.
    fn pick(&mut self, of: impl Iterator<Item = u64>) -> u64 {
        let of: Vec<u64> = of.collect();
        let back = self.below(6) as usize;
        match of.len().checked_sub(1 + back) {
            Some(at) if self.below(12) > 0 => of[at],
            _ => 1 + self.below(40),
        }
    }

    fn wish(&mut self) -> Best {
        Best { number: 1 + self.below(3) as u16, ..Best::default() }
    }

    fn choice(&mut self) -> Choice {
        match self.below(6) {
            0 => Choice::Area { section: 1, quantity: 1 + self.below(3) as u16 },
            1 => Choice::Best(self.wish()),
            _ => {
                let seats: BTreeSet<SeatIx> = (0..=self.below(3)).map(|_| self.seat()).collect();
                Choice::Seats(seats.into_iter().collect())
            }
        }
    }
}

fn terms() -> (Sale, Plan) {
    let rules = SaleRules {
        per_person_max: Some(6),
        extension: Some(Extension { by_ms: 30_000, times_max: 2 }),
        fee: Fee { per_seat_minor: 500, basis_points: 100 },
        offer_ttl_ms: Some(90_000),
        waitlist_ttl_ms: Some(60_000),
        ..SaleRules::default()
    };
    let mut hall = plan(2);
    hall.tiers.push(Tier { id: "floor".into(), name: "floor".into(), price_minor: 0 });
    hall.sections.push(Section::area("C", "Floor", 4, 2));
    (Sale { rules, hold_ttl_ms: 60_000, ..sale("gala") }, hall)
}

/// With a row more.
fn larger_plan() -> Plan {
    let (_, mut hall) = terms();
    let mut added = plan(1).sections.remove(0);
    (added.id, added.name) = ("D".into(), "Boxes".into());
    hall.sections.push(added);
    Plan { version: 2, ..hall }
}

/// A command that has a fair chance of meaning something.
fn command(dice: &mut Dice, event: &Event) -> Command {
    let hold = HoldId { event: EVENT, no: dice.pick(event.holds().map(|hold| hold.no)) };
    let order = OrderId { event: EVENT, no: dice.pick(event.orders().map(|order| order.no)) };
    match dice.below(30) {
        0..=7 => {
            let mut hold = HoldSeats::of(EVENT, event.plan().version, dice.choice());
            hold.person = Some(u128::from(dice.below(9)));
            hold.promo = (dice.below(4) == 0).then_some(PROMO);
            Command::Hold(hold)
        }
        8 => Command::ReleaseHold(ReleaseHold { hold }),
        9 | 10 => {
            let plan_version = event.plan().version;
            Command::SwapSeats(SwapSeats { hold, plan_version, choice: dice.choice() })
        }
        11 => Command::ExtendHold(ExtendHold { hold }),
        12..=15 => {
            Command::PlaceOrder(PlaceOrder { hold, contact: b"sealed".to_vec(), buyer: None })
        }
        16 => Command::CancelOrder(CancelOrder { order }),
        17..=19 => {
            let (provider, method) = ("sandbox".into(), "bank_card".into());
            Command::StartPayment(StartPayment { order, provider, method })
        }
        20..=24 => money(dice, event),
        _ => staff(dice, event),
    }
}

fn money(dice: &mut Dice, event: &Event) -> Command {
    let no = dice.pick(event.payments().map(|payment| payment.no));
    let payment = PaymentId { event: EVENT, no };
    let waits = |p: &&Payment| p.status == PaymentStatus::Succeeded && p.settled_as.is_none();
    let offered = event.payments().find(waits).map_or(no, |payment| payment.no);
    let refund = RefundId { event: EVENT, no: dice.pick(event.refunds().map(|r| r.no)) };
    let asked = event.payment(no).map_or(1, |payment| payment.amount_minor);
    let error = || "gateway away".to_owned();
    let settle = |result| Command::Settle(Settle { payment, result });
    let record = |result| Command::RecordRefund(RecordRefund { refund, result, attempt: None });
    match dice.below(14) {
        0..=4 => settle(GatewayResult::Captured { amount_minor: asked }),
        5 => settle(GatewayResult::Captured { amount_minor: 7 }),
        6 => settle(GatewayResult::Mismatched { amount_minor: asked }),
        7 => settle(GatewayResult::Canceled { reason: "declined".into() }),
        8 | 9 => {
            let payment = PaymentId { event: EVENT, no: offered };
            Command::AnswerOffer(AnswerOffer { payment, accept: dice.below(3) > 0 })
        }
        10 => record(RefundResult::Succeeded),
        11 => record(RefundResult::Failed { error: error() }),
        12 => record(RefundResult::Dead { error: error() }),
        _ => Command::RetryRefund(RetryRefund { refund }),
    }
}

fn staff(dice: &mut Dice, event: &Event) -> Command {
    let owns = |status| matches!(status, OrderStatus::Paid | OrderStatus::PartiallyRefunded);
    let owners = event.orders().filter(|order| owns(order.status));
    let order = OrderId { event: EVENT, no: dice.pick(owners.map(|order| order.no)) };
    let (seat, other) = (dice.seat(), dice.seat());
    let own = event.order(order.no).and_then(|order| Some(order.seats.first()?.seat));
    let waits = |no: &u64| event.wait_entry(*no).is_some();
    let person = u128::from(dice.below(9));
    match dice.below(16) {
        0 | 1 => Command::RefundSeats(RefundSeats {
            order,
            seats: own.filter(|_| dice.below(2) == 0).into_iter().collect(),
            share_basis_points: [0, 5_000, 10_000][dice.below(3) as usize],
            with_fee: dice.below(2) == 0,
            block: dice.below(3) == 0,
        }),
        2 | 3 => Command::ReassignSeats(ReassignSeats {
            order,
            moves: vec![(own.unwrap_or(seat), other)],
            block: dice.below(3) == 0,
        }),
        4 => Command::BlockSeats(BlockSeats { event: EVENT, seats: SeatSet::Seats(vec![seat]) }),
        5 | 6 => {
            Command::UnblockSeats(UnblockSeats { event: EVENT, seats: SeatSet::Seats(vec![seat]) })
        }
        7 if dice.below(8) == 0 => {
            Command::RemoveSeats(RemoveSeats { event: EVENT, seats: vec![seat] })
        }
        8..=10 => {
            let (wish, contact) = (Best { tiers: vec![0], ..dice.wish() }, b"sealed".to_vec());
            Command::JoinWaitlist(JoinWaitlist { event: EVENT, person, wish, contact })
        }
        11 => {
            let no = dice.pick((1..event.version()).filter(waits));
            Command::LeaveWaitlist(LeaveWaitlist { entry: WaitId { event: EVENT, no } })
        }
        12 => Command::PauseSale(PauseSale { event: EVENT }),
        13 | 14 => Command::ResumeSale(ResumeSale { event: EVENT }),
        _ => {
            let max = [None, Some(2)][dice.below(2) as usize];
            Command::SetPersonLimit(SetPersonLimit { event: EVENT, person, max })
        }
    }
}

/// What comes once, at a step of its own.
fn once(step: u32) -> Option<Command> {
    let codes = || Code {
        hash: PROMO,
        kind: CodeKind::Promo(Discount { per_seat_minor: 100, basis_points: 1_000 }),
        from_ms: 0,
        until_ms: u64::MAX / 2,
        tiers: vec![],
        seats_max: Some(40),
        budget_minor: None,
    };
    match step {
        3 => Some(Command::PutCodes(PutCodes { event: EVENT, codes: vec![codes()] })),
        300 => Some(Command::SetWindow(SetWindow {
            event: EVENT,
            opens_at_ms: BEGIN_MS,
            closes_at_ms: BEGIN_MS + 70 * 24 * 3_600_000,
        })),
        500 => Some(Command::ReplacePlan(ReplacePlan { event: EVENT, plan: larger_plan() })),
        step if step == STEPS - 30 => Some(Command::CancelEvent(CancelEvent { event: EVENT })),
        _ => None,
    }
}

fn run(seller: &Seller, seed: u64) {
    let mut dice = Dice(seed);
    let mut step = 0;
    while step < STEPS {
        let next = |dice: &mut Dice, step| {
            let command =
                |state: &inventory::State| command(dice, state.event(EVENT).expect("opened"));
            once(step).unwrap_or_else(|| seller.grid.read(seller.shard, command))
        };
        // Several commands share a log entry, as under load.
        let count = 1 + dice.below(3) as u32;
        let entry: Vec<(Actor, Command)> =
            (step..step + count).map(|step| (GUEST, next(&mut dice, step))).collect();
        seller.grid.tick(seller.shard, [0, 100, 2_000, 20_000][dice.below(4) as usize]);
        seller.grid.entry(seller.shard, &entry);
        if dice.below(4) == 0 {
            seller.apply(Actor::SYSTEM, Command::ExpireHolds);
        }
        step += count;
    }
}

/// Kinds that the histories must have, or they prove nothing about them.
const KINDS: [&str; 27] = [
    "event_cancelled",
    "hold_expired",
    "hold_extended",
    "hold_granted",
    "hold_released",
    "hold_withdrawn",
    "order_cancelled",
    "order_expired",
    "order_paid",
    "order_partially_refunded",
    "order_placed",
    "order_refund_pending",
    "order_refunded",
    "payment_settled",
    "payment_started",
    "plan_replaced",
    "refund_dead",
    "refund_failed",
    "refund_succeeded",
    "seat_added",
    "seat_blocked",
    "seat_refunded",
    "seat_removed",
    "seat_sold",
    "seat_unblocked",
    "seat_withdrawn",
    "waitlist_served",
];

#[tokio::test]
async fn random_histories_of_every_kind_have_nothing_wrong() {
    let (mut kinds, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..SEEDS {
        let (tables, grid) = (Tables::new().await, MemoryGrid::default());
        let seller = grid.open_as("gala", 1, terms());
        run(&seller, seed);
        let writer = Writer::start(tables.url(), &grid);
        drained(&grid, 1).await;
        let report = reconcile_from(&grid, tables.url(), PATIENCE).await.expect("both answer");
        assert!(report.is_clean(), "seed {seed}: {report}");
        writer.stop().await;
        let report = verified(&tables).await;
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert_eq!((report.events, report.events_not_judged), (1, 0), "seed {seed}");
        kinds.extend(tables.rows("SELECT DISTINCT kind FROM grid.ledger").await);
        let ends = "SELECT DISTINCT status FROM grid.ledger WHERE kind = 'payment_settled'";
        settled.extend(tables.rows(ends).await);
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !kinds.contains(**kind)).collect();
    assert!(missing.is_empty(), "never came: {missing:?}");
    let ends = ["canceled", "confirmed", "refunded", "retaken", "succeeded", "swapped"];
    assert!(settled.iter().eq(ends), "{settled:?}");
}
