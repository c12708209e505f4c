//! What a shard takes, beside what it may take at most by its counts (invariant I13), and what happens
//! at the bound of orders that ended unpaid.

use inventory::*;

use crate::harness::{T0, sale};

const EVENT: EventNo = EventNo(1);
const SEATS: u32 = 20_000;
const RECORDS_MAX: u64 = 120_000;

/// A shard that is filled.
struct Filled {
    state: State,
    at: u64,
    event: EventNo,
}

impl Filled {
    fn new(rules: SaleRules) -> Self {
        let state = State::with_ledger_max(RECORDS_MAX);
        let mut filled = Self { state, at: 0, event: EVENT };
        filled.open(EVENT, rules, Plan::hall(SEATS, 40));
        filled
    }

    /// Opens an event and goes on with it.
    fn open(&mut self, event: EventNo, rules: SaleRules, plan: Plan) {
        let sale = Sale { per_hold_max: 100, rules, ..sale() };
        let opened = self.run(Command::OpenSale(OpenSale { event, sale, plan }));
        assert_eq!(opened, Outcome::SaleOpened);
        self.event = event;
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.at += 1;
        let stamp = Stamp { log_index: self.at, at_ms: T0 };
        let id = u128::from(self.at).wrapping_mul(0x2d35_8dcc_aa6c_78a5_8bb8_4b93_962e_acc9);
        let key = Some(RequestKey { id, hash: 1, made_at_ms: None });
        self.state.apply(stamp, &Envelope { key, actor: Actor::SYSTEM, command }).outcome
    }

    fn acknowledge(&mut self) {
        let up_to = self.state.feed_end();
        self.run(Command::Acknowledge(Acknowledge { up_to }));
    }

    fn hold(&mut self, first: u32, seats: u32) -> HoldId {
        let all = (first..first + seats).map(SeatIx).collect();
        let wish = HoldSeats {
            person: Some(u128::from(first)),
            ..HoldSeats::of(self.event, 1, Choice::Seats(all))
        };
        match self.run(Command::Hold(wish)) {
            Outcome::Held(held) => held.hold,
            other => panic!("{other:?}"),
        }
    }

    fn order(&mut self, hold: HoldId, contact_bytes: usize) -> OrderId {
        let contact = vec![7; contact_bytes];
        match self.run(Command::PlaceOrder(PlaceOrder { hold, contact, buyer: None })) {
            Outcome::OrderPlaced(placed) => placed.order,
            other => panic!("{other:?}"),
        }
    }

    fn pay(&mut self, order: OrderId) -> Outcome {
        let (provider, method) = ("p".repeat(32), "m".repeat(32));
        self.run(Command::StartPayment(StartPayment { order, provider, method }))
    }

    /// A payment begun, recorded and given up.
    fn try_to_pay(&mut self, order: OrderId) {
        let Outcome::PaymentStarted(paid) = self.pay(order) else { panic!("not started") };
        let (provider_ref, confirmation_url) = ("r".repeat(128), "u".repeat(1_024));
        let payment = paid.payment;
        let record = RecordPayment { payment, provider_ref, confirmation_url };
        self.run(Command::RecordPayment(record));
        let result = GatewayResult::Canceled { reason: "n".repeat(100) };
        self.run(Command::Settle(Settle { payment, result }));
    }

    fn counts(&self) -> Counts {
        let event = self.state.event(EVENT).expect("opened");
        Counts {
            events: 1,
            sections: 1,
            rows: u64::from(SEATS / 40),
            seats: u64::from(SEATS),
            holds: event.holds().count() as u64,
            ended_holds: 65_536,
            orders: event.orders().count() as u64,
            payments: event.payments().count() as u64,
            refunds: 0,
            keys: self.state.key_count() as u64,
            records: self.state.feed().len() as u64,
            waiting: event.waiting_count() as u64,
            codes: event.codes().count() as u64,
            persons: 10_000 + event.holds().count() as u64,
            fenced: 20_000,
            queued: 1_000,
        }
    }
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let resident: u64 = pages.split(' ').nth(1).expect("resident pages").parse().expect("a number");
    resident * 4_096
}

fn fill() -> Filled {
    let mut filled =
        Filled::new(SaleRules { waitlist_ttl_ms: Some(60_000), ..SaleRules::default() });
    for _ in 0..65_536 {
        let hold = filled.hold(0, 1);
        filled.run(Command::ReleaseHold(ReleaseHold { hold }));
        if filled.state.feed().len() > 10_000 {
            filled.acknowledge();
        }
    }
    for no in 0..20_000 {
        filled.run(Command::Fence(Fence { event: EventNo(2 + no) }));
    }
    for person in 0..10_000 {
        let limit = SetPersonLimit { event: EVENT, person: 1_000_000 + person, max: Some(100) };
        filled.run(Command::SetPersonLimit(limit));
    }
    filled.acknowledge();
    // The largest holds and orders, each of whose payments fail.
    for n in 0..150 {
        let hold = filled.hold(n * 100, 100);
        let order = filled.order(hold, 4_096);
        (0..20).for_each(|_| filled.try_to_pay(order));
    }
    let rest: Vec<SeatIx> = (15_000..SEATS).map(SeatIx).collect();
    for seats in rest.chunks(1_000) {
        let seats = SeatSet::Seats(seats.to_vec());
        filled.run(Command::BlockSeats(BlockSeats { event: EVENT, seats }));
    }
    for person in 0..1_500 {
        let wish = Best { number: 1, ..Best::default() };
        let contact = vec![7; 1_024];
        let joined = filled.run(Command::JoinWaitlist(JoinWaitlist {
            event: EVENT,
            person: 1_000_000 + person,
            wish,
            contact,
        }));
        assert!(matches!(joined, Outcome::WaitlistJoined { .. }), "{joined:?}");
    }
    let rules = QueueRules { admit_per_s: 1, turn_ttl_ms: 60_000, claim_ttl_ms: 60_000 };
    filled.run(Command::OpenQueue(OpenQueue { event: EVENT, rules, seed: [7; 32] }));
    for person in 0..1_000 {
        let entered = EnterQueue { event: EVENT, person, salt: person };
        let entered = filled.run(Command::EnterQueue(entered));
        assert!(matches!(entered, Outcome::QueueEntered { .. }), "{entered:?}");
    }
    filled
}

#[test]
fn a_filled_shard_takes_no_more_than_its_bound() {
    let before = resident_bytes();
    let filled = fill();
    let measured = resident_bytes().saturating_sub(before);
    let counts = filled.counts();
    let bound = counts.bytes_max(false);
    assert!(measured <= bound, "{measured} bytes measured, at most {bound} expected: {counts:?}");
    // Each kind was there, or its share of the bound would be a guess.
    let empty: Vec<&str> =
        counts.parts().iter().filter(|part| part.count == 0).map(|part| part.name).collect();
    assert_eq!(empty, ["refunds", "codes"]);
    assert_eq!(counts.bytes_max(true), 2 * bound);
    filled.state.check_invariants().unwrap();
}

#[test]
fn limits_give_a_bound_that_grows_with_what_is_allowed() {
    let small = Counts::at_limits(1, 20_000, 50_000);
    let large = Counts::at_limits(2, 40_000, 50_000);
    assert_eq!(
        (small.seats, small.holds, small.records, small.keys),
        (20_000, 12_500, 50_000, 1_000_000)
    );
    assert_eq!(small.orders, 12_500 + ENDED_ORDERS_MAX as u64 + 2 * 20_000 + 1_000);
    for (a, b) in small.parts().into_iter().zip(large.parts()) {
        assert!(a.count > 0 && a.bytes_each == b.bytes_each && a.count <= b.count, "{a:?} {b:?}");
    }
    assert!(small.bytes_max(false) < large.bytes_max(false));
}

/// An order that ended unpaid, a payment of it begun or not.
fn ended(filled: &mut Filled, pays: bool) -> OrderId {
    let hold = filled.hold(1, 1);
    let order = filled.order(hold, 0);
    if pays {
        filled.try_to_pay(order);
    }
    filled.run(Command::CancelOrder(CancelOrder { order }));
    filled.acknowledge();
    order
}

fn is_known(filled: &Filled, order: OrderId) -> bool {
    filled.state.event(order.event).expect("opened").order(order.no).is_some()
}

#[test]
fn ended_orders_are_bounded_and_nothing_is_lost_to_a_payer() {
    let mut filled = Filled::new(SaleRules::default());
    for _ in 0..ENDED_ORDERS_MAX / 2 {
        ended(&mut filled, false);
    }
    let without = ended(&mut filled, false);
    assert!(!is_known(&filled, without), "money cannot come for an order without a payment");
    let first = ended(&mut filled, true);
    assert!(is_known(&filled, first), "money may still come for this one");
    for _ in 1..ENDED_ORDERS_MAX / 4 {
        ended(&mut filled, true);
    }
    let hold = filled.hold(1, 1);
    let order = filled.order(hold, 0);
    assert_eq!(filled.pay(order), Outcome::Refused(Refusal::TooMany), "before money moves");
    let event = filled.state.event(EVENT).expect("opened");
    assert_eq!(event.orders().count(), ENDED_ORDERS_MAX / 4 * 3 + 1);
    // A snapshot does not have the count, and another event has places of its own.
    filled.state = State::from_bytes(&filled.state.to_bytes()).expect("our own bytes");
    assert_eq!(filled.pay(order), Outcome::Refused(Refusal::TooMany), "after a restart, too");
    filled.open(EventNo(2), SaleRules::default(), Plan::hall(10, 10));
    let other = ended(&mut filled, true);
    assert!(is_known(&filled, other), "one event does not stop the payments of another");
    filled.event = EVENT;
    // The gateway takes its "no" back for the first: its money goes back, though the table is full.
    let event = filled.state.event(EVENT).expect("opened");
    let payment = event.order(first.no).expect("kept").payments[0];
    let payment = PaymentId { event: EVENT, no: payment };
    let amount_minor = event.payment(payment.no).expect("kept").amount_minor;
    let result = GatewayResult::Captured { amount_minor };
    match filled.run(Command::Settle(Settle { payment, result })) {
        Outcome::Settled(settled) => assert_eq!(settled.settled_as, Some(SettledAs::Refunded)),
        other => panic!("{other:?}"),
    }
    filled.state.check_invariants().unwrap();
}

#[test]
fn orders_of_seats_that_are_refunded_and_sold_again_are_bounded() {
    let mut filled = Filled::new(SaleRules::default());
    filled.open(EventNo(2), SaleRules::default(), Plan::hall(10, 10));
    let sell = |filled: &mut Filled, hold: HoldId| {
        let order = filled.order(hold, 0);
        let Outcome::PaymentStarted(paid) = filled.pay(order) else { panic!("not started") };
        let (payment, amount_minor) = (paid.payment, paid.amount_minor);
        let result = GatewayResult::Captured { amount_minor };
        filled.run(Command::Settle(Settle { payment, result }));
        order
    };
    let mut last = None;
    for _ in 0..1_000 + 2 * 10 {
        let hold = filled.hold(1, 1);
        let order = sell(&mut filled, hold);
        last = Some(order);
        let back = RefundSeats {
            order,
            seats: vec![],
            share_basis_points: 10_000,
            with_fee: true,
            block: false,
        };
        let back = filled.run(Command::RefundSeats(back));
        let Outcome::SeatsRefunded { refund: Some(refund), .. } = back else { panic!("{back:?}") };
        let record = RecordRefund { refund, result: RefundResult::Succeeded, attempt: None };
        filled.run(Command::RecordRefund(record));
        filled.acknowledge();
    }
    let hold = filled.hold(1, 1);
    let place = PlaceOrder { hold, contact: vec![], buyer: None };
    let refused = filled.run(Command::PlaceOrder(place));
    assert_eq!(refused, Outcome::Refused(Refusal::TooMany));
    assert!(is_known(&filled, last.expect("sold")), "what was bought stays known");
    filled.state.check_invariants().unwrap();
}

#[test]
fn an_order_is_refunded_by_so_many_parts_and_then_as_a_whole() {
    let mut filled = Filled::new(SaleRules::default());
    let hold = filled.hold(0, 30);
    let order = filled.order(hold, 0);
    let Outcome::PaymentStarted(paid) = filled.pay(order) else { panic!("not started") };
    let result = GatewayResult::Captured { amount_minor: paid.amount_minor };
    filled.run(Command::Settle(Settle { payment: paid.payment, result }));
    let mut back = |seats: Vec<SeatIx>| {
        let (share_basis_points, with_fee, block) = (10_000, true, false);
        let back = RefundSeats { order, seats, share_basis_points, with_fee, block };
        filled.run(Command::RefundSeats(back))
    };
    for seat in 0..20 {
        let part = back(vec![SeatIx(seat)]);
        assert!(matches!(part, Outcome::SeatsRefunded { refund: Some(_), .. }), "{part:?}");
    }
    assert_eq!(back(vec![SeatIx(20)]), Outcome::Refused(Refusal::TooMany));
    let rest = back((20..30).map(SeatIx).collect());
    assert!(matches!(rest, Outcome::SeatsRefunded { refund: Some(_), .. }), "{rest:?}");
}

#[test]
fn a_persons_own_limit_is_changed_where_nobody_else_has_room_for_one() {
    let mut filled = Filled::new(SaleRules::default());
    let mut limit = |person, max| {
        let limit = SetPersonLimit { event: EVENT, person, max: Some(max) };
        filled.run(Command::SetPersonLimit(limit))
    };
    for person in 0..10_000 {
        assert_eq!(limit(person, 5), Outcome::PersonLimitSet);
    }
    assert_eq!(limit(10_000, 5), Outcome::Refused(Refusal::TooMany));
    assert_eq!(limit(0, 6), Outcome::PersonLimitSet);
}
