//! A checker that finds nothing proves nothing: each invariant is broken once by hand, and must be
//! named.

use std::sync::Arc;

use crate::{
    Actor, Choice, Command, Envelope, EventNo, Fence, GatewayResult, HoldSeats, OpenSale,
    OrderStatus, Outcome, PaymentStatus, PlaceOrder, Plan, PricedSeat, Sale, SaleRules, SeatIx,
    Settle, SettledAs, Stamp, StartPayment, State,
};

const EVENT: EventNo = EventNo(1);
const T0: u64 = 1_800_000_000_000;

fn apply(state: &mut State, command: Command) -> Outcome {
    let stamp = Stamp { log_index: state.feed_end().log_index + 1, at_ms: T0 };
    state.apply(stamp, &Envelope { key: None, actor: Actor::SYSTEM, command }).outcome
}

/// A live hold (seat 0), a paid order (seat 1), one that is being paid (seat 2), free seats.
fn lived_in() -> State {
    let mut state = State::new();
    let sale = Sale {
        event_id: "one".into(),
        name: "One".into(),
        starts_at_ms: T0,
        currency: *b"RUB",
        opens_at_ms: T0,
        closes_at_ms: T0 + 86_400_000,
        hold_ttl_ms: 60_000,
        per_hold_max: 4,
        rules: SaleRules::default(),
    };
    let plan = Plan::hall(6, 6);
    apply(&mut state, Command::OpenSale(OpenSale { event: EVENT, sale, plan }));
    for seat in 0..3 {
        let wish = HoldSeats {
            person: Some(7),
            ..HoldSeats::of(EVENT, 1, Choice::Seats(vec![SeatIx(seat)]))
        };
        let Outcome::Held(held) = apply(&mut state, Command::Hold(wish)) else { panic!("held") };
        if seat == 0 {
            continue;
        }
        let order = PlaceOrder { hold: held.hold, contact: vec![], buyer: None };
        let placed = apply(&mut state, Command::PlaceOrder(order));
        let Outcome::OrderPlaced(placed) = placed else { panic!("placed") };
        let (provider, method) = ("p".into(), "m".into());
        let pay = StartPayment { order: placed.order, provider, method };
        let paid = apply(&mut state, Command::StartPayment(pay));
        let Outcome::PaymentStarted(paid) = paid else { panic!("started") };
        if seat == 1 {
            let result = GatewayResult::Captured { amount_minor: paid.amount_minor };
            apply(&mut state, Command::Settle(Settle { payment: paid.payment, result }));
        }
    }
    state
}

/// Breaks one thing, and expects its name.
fn broken(expected: &str, change: impl FnOnce(&mut State)) {
    let mut state = lived_in();
    assert_eq!(state.check_invariants(), Ok(()));
    change(&mut state);
    let error = state.check_invariants().expect_err("something is broken");
    assert!(error.contains(expected), "{expected} expected, not: {error}");
}

fn event(state: &mut State) -> &mut crate::Event {
    Arc::make_mut(state.events.get_mut(&EVENT).expect("opened"))
}

#[test]
fn broken_tables_of_the_shard_are_named() {
    broken("I7", |state| {
        state.fenced.insert(EVENT);
    });
    broken("I9", |state| {
        state.deadlines.pop_first();
    });
    broken("timers differ from sales' windows", |state| state.turns.clear());
    broken("timers differ from cancelled events", |state| {
        state.cancelling.insert(EVENT);
    });
    broken("I12", |state| state.outbox.reserve(1));
}

#[test]
fn broken_seats_and_holds_are_named() {
    broken("I1: seat 0", |state| {
        event(state).holds.remove(&1);
    });
    broken("I1: seat 0", |state| {
        let hold = event(state).holds.get_mut(&1).expect("live");
        let elsewhere = PricedSeat { seat: SeatIx(5), ..hold.seats[0] };
        Arc::make_mut(hold).seats = vec![elsewhere].into();
    });
    broken("I1: hold 1 lost seat", |state| {
        let hold = event(state).holds.get_mut(&1).expect("live");
        let other = PricedSeat { seat: SeatIx(5), ..hold.seats[0] };
        Arc::make_mut(hold).seats = vec![hold.seats[0], other].into();
    });
    broken("hold 1 is live and ended", |state| {
        event(state).remember_end(1, crate::HoldEnd::Released);
    });
    broken("was never given out", |state| event(state).next_no = 5);
    broken("newer than its event", |state| event(state).version = 1);
    broken("I1: a removed seat came back", |state| {
        event(state).removed.insert(SeatIx(0));
    });
}

#[test]
fn broken_orders_and_money_are_named() {
    let paid = |state: &State| {
        let owns = |order: &&crate::Order| order.status == OrderStatus::Paid;
        state.event(EVENT).expect("opened").orders().find(owns).expect("paid").clone()
    };
    broken("owns nothing", |state| {
        let no = paid(state).no;
        let seats = &mut event(state).orders.get_mut(&no).expect("paid").seats;
        let seat = seats.remove(0);
        let back = (crate::SeatStatus::Sold, no);
        event(state).set_seats(&[seat], back, (crate::SeatStatus::Blocked, 0));
    });
    broken("is pending", |state| {
        let no = paid(state).no;
        event(state).orders.get_mut(&no).expect("paid").status = OrderStatus::PendingPayment;
    });
    broken("I18", |state| {
        let no = paid(state).payments[0];
        let payment = event(state).payments.get_mut(&no).expect("its own");
        payment.settled_as = Some(SettledAs::Refunded);
    });
    broken("pending true, listed false", |state| {
        let no = event(state).pending_payments.pop_first().expect("one is open");
        event(state).pending_refunds.insert(no);
    });
    broken("persons have", |state| event(state).people.take(Some(7), 1));
    broken("the waiting list", |state| {
        // Promised as much as a place would be, so that only the list is wrong.
        state.outbox.reserve(crate::commands::WAIT_ROOM);
        event(state).waiting.insert(99);
    });
    broken("wanted by nobody", |state| event(state).wanted[0] += 1);
}

#[test]
fn gaps_codes_and_wrong_refunds_are_named() {
    broken("I10", |state| {
        let record = state.feed().last().expect("some wait").clone();
        state.outbox.begin(record.position.log_index + 9);
        state.outbox.push(record.clone());
        state.outbox.begin(record.position.log_index + 5);
        state.outbox.push(record);
    });
    broken("I10", |state| {
        // The second row of an entry without the first.
        let record = state.feed().last().expect("some wait").clone();
        let mut other = crate::outbox::Outbox::default();
        other.begin(record.position.log_index + 1);
        other.push(record.clone());
        other.acknowledge(other.end(), state.at_ms);
        other.push(record);
        let stray = other.records().back().expect("pushed").clone();
        let records = state.feed().cloned().chain([stray]).collect();
        let ends = (crate::FeedPosition::default(), state.acknowledged());
        state.outbox = crate::outbox::Outbox::with(records, state.outbox.reserved(), ends);
    });
    broken("a code counts", |state| {
        let code = crate::Code {
            hash: 5,
            kind: crate::CodeKind::Presale,
            from_ms: 0,
            until_ms: 1,
            tiers: vec![],
            seats_max: None,
            budget_minor: None,
        };
        event(state).codes.put(&code);
        let terms = crate::FrozenTerms { presale: Some(5), ..crate::FrozenTerms::default() };
        event(state).codes.take(&terms, 1);
    });
    broken("I18", |state| {
        // Captured, and neither seats nor a refund nor an offer.
        let no = *event(state).pending_payments.first().expect("one is open");
        let payment = event(state).payments.get_mut(&no).expect("listed");
        (payment.status, payment.captured_minor) = (PaymentStatus::Succeeded, Some(1));
    });
    broken("I18", |state| {
        let no = *event(state).pending_payments.first().expect("one is open");
        let payment = event(state).payments.get_mut(&no).expect("listed");
        payment.status = PaymentStatus::Succeeded;
        (payment.settled_as, payment.captured_minor) = (Some(SettledAs::Refunded), Some(0));
    });
}

#[test]
fn what_is_whole_is_not_complained_about() {
    let mut state = lived_in();
    assert_eq!(apply(&mut state, Command::Fence(Fence { event: EventNo(2) })), Outcome::Fenced);
    assert_eq!(state.check_invariants(), Ok(()));
    let open = state.event(EVENT).expect("opened").pending_payments();
    assert!(open.map(|payment| payment.status).eq([PaymentStatus::Pending]));
}
