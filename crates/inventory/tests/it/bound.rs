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
}

impl Filled {
    fn new(rules: SaleRules) -> Self {
        let mut filled = Self { state: State::with_ledger_max(RECORDS_MAX), at: 0 };
        let sale = Sale { per_hold_max: 100, rules, ..sale() };
        let plan = Plan::hall(SEATS, 40);
        filled.run(Command::OpenSale(OpenSale { event: EVENT, sale, plan }));
        filled
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
            ..HoldSeats::of(EVENT, 1, Choice::Seats(all))
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
    assert_eq!(small.orders, 12_500 + ENDED_ORDERS_MAX as u64 + 20_000);
    for (a, b) in small.parts().into_iter().zip(large.parts()) {
        assert!(a.count > 0 && a.bytes_each == b.bytes_each && a.count <= b.count, "{a:?} {b:?}");
    }
    assert!(small.bytes_max(false) < large.bytes_max(false));
}

#[test]
fn ended_orders_are_bounded_and_nothing_is_lost_to_a_payer() {
    let mut filled = Filled::new(SaleRules::default());
    let ended = |filled: &mut Filled, pays: bool| {
        let hold = filled.hold(1, 1);
        let order = filled.order(hold, 0);
        if pays {
            filled.try_to_pay(order);
        }
        filled.run(Command::CancelOrder(CancelOrder { order }));
        filled.acknowledge();
        order
    };
    let known = |filled: &Filled, order: OrderId| {
        filled.state.event(EVENT).expect("opened").order(order.no).is_some()
    };
    for _ in 0..ENDED_ORDERS_MAX / 2 {
        ended(&mut filled, false);
    }
    let without = ended(&mut filled, false);
    assert!(!known(&filled, without), "money cannot come for an order without a payment");
    let first = ended(&mut filled, true);
    assert!(known(&filled, first), "money may still come for this one");
    for _ in 1..ENDED_ORDERS_MAX / 2 {
        ended(&mut filled, true);
    }
    let hold = filled.hold(1, 1);
    let order = filled.order(hold, 0);
    assert_eq!(filled.pay(order), Outcome::Refused(Refusal::TooMany), "before money moves");
    let event = filled.state.event(EVENT).expect("opened");
    assert_eq!(event.orders().count(), ENDED_ORDERS_MAX + 1);
    // The gateway takes its "no" back for the first: its money goes back, though the table is full.
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
