//! An event comes back in pieces: as it was, under numbers nobody has seen; whole or not at all; never
//! over one that lives.

use inventory::*;

use crate::harness::{Shard, T0, check};

const EVENT: EventNo = EventNo(1);

/// Seats in one piece of these tests.
const PIECE: usize = 9;

/// What the database would give back of an event.
pub(crate) fn pieces(event: &Event) -> Vec<Command> {
    let seats: Vec<_> = (0..event.seats().len() as u32).map(SeatIx).collect();
    let part = |ix: &SeatIx| {
        let table = event.seats();
        (table.status(*ix), table.holder(*ix), table.version(*ix))
    };
    let begin = RecoverBegin {
        sale: (**event.sale()).clone(),
        plan: (**event.plan()).clone(),
        first_window: Some((1, 2)),
        paused: event.is_paused(),
        cancelled: event.is_cancelled(),
        removed: event.removed().collect(),
        version: event.version(),
        last_no: event.version(),
    };
    let codes = [5, 6].into_iter().filter_map(|hash| event.code(hash).cloned());
    let places = (1..=event.version()).filter_map(|no| Some(event.wait_entry(no)?.0.clone()));
    let things = RecoveredThings {
        holds: event.holds().cloned().map(without_offer).collect(),
        orders: event.orders().cloned().map(|order| Order { offer: None, ..order }).collect(),
        payments: event.payments().cloned().map(open_again).collect(),
        refunds: event.refunds().cloned().collect(),
        codes: codes.map(|known| CodeUse { held_seats: 0, held_minor: 0, ..known }).collect(),
        limits: vec![(8, 2)],
        waitlist: places.collect(),
    };
    let seats: Vec<_> = seats.chunks(PIECE).map(|some| some.iter().map(part).collect()).collect();
    let all = std::iter::once(RecoverPiece::Begin(Box::new(begin)))
        .chain(seats.into_iter().map(RecoverPiece::Seats))
        .chain([RecoverPiece::Things(things), RecoverPiece::Finish]);
    let command = |(number, piece)| Command::Recover(RecoverEvent { event: EVENT, number, piece });
    (0..).zip(all).map(command).collect()
}

/// Late money is settled anew; the seats that were offered for it go back at once.
fn without_offer(hold: Hold) -> Hold {
    match hold.purpose {
        HoldPurpose::Offer { .. } => {
            let terms = FrozenTerms { person: hold.terms.person, ..FrozenTerms::default() };
            Hold { purpose: HoldPurpose::Sale, order: None, terms, ..hold }
        }
        HoldPurpose::Sale | HoldPurpose::Waitlist { .. } => hold,
    }
}

fn open_again(payment: Payment) -> Payment {
    match (payment.status, payment.settled_as) {
        (PaymentStatus::Succeeded, None) => Payment {
            status: PaymentStatus::Pending,
            captured_minor: None,
            settled_at_ms: None,
            ..payment
        },
        _ => payment,
    }
}

fn lived() -> Shard {
    check(
        "
        open with-area person-max=6 extend=2/60 fee=5/100 waitlist=300 offer=600
        code promo=5 off=10 seats=9
        code presale=6 tiers=0
        hold A-1-1 A-1-2 person=7 promo=5
        area C 2
        order h1
        pay o3
        record p4 gw-1
        capture p4 192
        give-back o3 A-1-2 share=5000
        block A-3-6
        remove A-3-5
        limit p8 2
        hold B-1-1 person=9
        order h6
        pay o7
        hold B-1-2
        tick 100s
        extend h9
        hold A-1-3 A-1-4 A-1-5 A-1-6
        hold A-2-1 A-2-2 A-2-3 A-2-4 A-2-5 A-2-6
        hold A-3-1 A-3-2 A-3-3 A-3-4
        best 1
        join p9 2
    ",
    )
}

/// A shard that nothing ever happened in, at the same time.
fn fresh(like: &Shard) -> Shard {
    Shard { now_ms: like.now_ms, ..Shard::default() }
}

fn apply_all(shard: &mut Shard, commands: &[Command]) -> Vec<Outcome> {
    commands.iter().map(|command| shard.run(None, command.clone()).outcome).collect()
}

#[test]
fn an_event_comes_back_as_it_was_and_goes_on() {
    let old = lived();
    let before = old.state.event(EVENT).expect("opened");
    let commands = pieces(before);
    let mut new = fresh(&old);
    let outcomes = apply_all(&mut new, &commands);
    assert_eq!(outcomes.last(), Some(&Outcome::Recovered { pieces: 0 }), "{outcomes:?}");

    new.state.check_invariants().expect("whole");
    let after = new.state.event(EVENT).expect("back");
    assert!(after.seats() == before.seats());
    assert_eq!(after.orders().collect::<Vec<_>>(), before.orders().collect::<Vec<_>>());
    assert_eq!(after.holds().collect::<Vec<_>>(), before.holds().collect::<Vec<_>>());
    assert_eq!(after.payments().collect::<Vec<_>>(), before.payments().collect::<Vec<_>>());
    assert_eq!(after.code(5), before.code(5));
    assert_eq!((after.seats_of(7), after.seats_of(9)), (before.seats_of(7), before.seats_of(9)));
    assert_eq!(after.waiting_count(), 1);
    assert_eq!(after.version(), before.version() + RECOVERY_MARGIN);
    assert_eq!(after.map_floor(), after.version());
    assert_eq!(new.state.next_deadline_ms(), old.state.next_deadline_ms());
    assert!(State::from_bytes(&new.state.to_bytes()).expect("a state") == new.state);

    // The next hold's number was never given out; the old hold's order is paid as if nothing was.
    let reply = new.run(None, new.parse("release h9"));
    assert_eq!(reply.outcome, Outcome::Released);
    let reply = new.run(None, new.parse("area C 1"));
    let Outcome::Held(held) = reply.outcome else { panic!("{reply:?}") };
    assert!(held.hold.no >= before.version() + RECOVERY_MARGIN, "{}", held.hold.no);
    let money = new.state.event(EVENT).and_then(|e| e.payment(8)).expect("open").amount_minor;
    let reply = new.run(None, new.parse(&format!("capture p8 {money}")));
    let Outcome::Settled(settled) = reply.outcome else { panic!("{reply:?}") };
    assert_eq!(settled.settled_as, Some(SettledAs::Confirmed));
}

#[test]
fn pieces_are_taken_once_in_order_and_begin_anew() {
    let old = lived();
    let commands = pieces(old.state.event(EVENT).expect("opened"));
    let (last, others) = commands.split_last().expect("some");
    let mut new = fresh(&old);
    let refused = new.run(None, commands[1].clone()).outcome;
    assert_eq!(refused, Outcome::Refused(Refusal::EventNotFound), "nothing has begun");
    apply_all(&mut new, &others[..3]);
    assert_eq!(new.state.pieces_of(EVENT), Some(3));
    assert!(new.state.event(EVENT).is_none(), "nobody sees half an event");
    let again = new.run(None, commands[2].clone()).outcome;
    assert_eq!(again, Outcome::Recovered { pieces: 3 }, "an answer was lost");
    let refused = new.run(None, commands[5].clone()).outcome;
    assert_eq!(refused, Outcome::Refused(Refusal::OutOfRange), "one is missing");
    let opened = new.run(None, new.parse("open")).outcome;
    assert_eq!(opened, Outcome::Refused(Refusal::EventPresent), "its seats are on their way");
    let restored = State::from_bytes(&new.state.to_bytes()).expect("a state");
    assert!(restored == new.state);

    let refused = new.run(
        None,
        Command::Recover(RecoverEvent { event: EVENT, number: 3, piece: RecoverPiece::Finish }),
    );
    assert!(matches!(refused.outcome, Outcome::Refused(Refusal::RecoveryInvalid { .. })));
    apply_all(&mut new, others);
    assert_eq!(new.run(None, last.clone()).outcome, Outcome::Recovered { pieces: 0 });
    assert_eq!(new.run(None, last.clone()).outcome, Outcome::Recovered { pieces: 0 });
}

#[test]
fn one_that_lives_is_left_alone() {
    let mut old = lived();
    let commands = pieces(old.state.event(EVENT).expect("opened"));
    let before = old.state.event(EVENT).cloned();
    let refused = old.run(None, commands[0].clone()).outcome;
    assert_eq!(refused, Outcome::Refused(Refusal::EventPresent));
    assert!(old.state.event(EVENT).cloned() == before);
}

/// Each way in which the pieces can contradict each other is named, and nothing comes of it.
#[test]
fn what_contradicts_itself_does_not_come_back() {
    let old = lived();
    let good = pieces(old.state.event(EVENT).expect("opened"));
    let at = good.len() - 2;
    let Command::Recover(RecoverEvent { piece: RecoverPiece::Things(things), .. }) = &good[at]
    else {
        panic!("things come last but one")
    };
    type Spoil = fn(&mut RecoveredThings);
    let spoilt: [(&str, Spoil); 7] = [
        ("seat", |things| things.holds.clear()),
        ("twice", |things| things.orders.push(things.orders[0].clone())),
        ("not there", |things| things.payments.clear()),
        ("not there", |things| things.refunds.clear()),
        ("outside the plan", |things| things.orders[0].seats[0].seat = SeatIx(9_999)),
        ("lost", |things| things.orders[0].seats[0].seat = SeatIx(20)),
        ("never given out", |things| things.orders[0].no = u64::MAX),
    ];
    for (why, spoil) in spoilt {
        let mut bad = things.clone();
        spoil(&mut bad);
        let mut commands = good.clone();
        let piece = RecoverPiece::Things(bad);
        commands[at] = Command::Recover(RecoverEvent { event: EVENT, number: at as u32, piece });
        let mut new = fresh(&old);
        let outcomes = apply_all(&mut new, &commands);
        let told = format!("{:?}", outcomes.last());
        assert!(told.contains("RecoveryInvalid"), "{why}: {told}");
        assert!(told.contains(why) || why == "seat" || why == "lost", "{why}: {told}");
        assert!(new.state.event(EVENT).is_none(), "{why}");
    }
}

#[test]
fn a_shard_is_bound_to_one_database_and_moves_only_from_it() {
    let mut shard = lived();
    let mut bind = |from, to| shard.run(None, Command::Bind(Bind { from, to })).outcome;
    assert_eq!(bind(None, 1), Outcome::Bound);
    assert_eq!(bind(None, 1), Outcome::Bound);
    assert_eq!(bind(None, 2), Outcome::Refused(Refusal::OtherDatabase));
    assert_eq!(bind(Some(3), 2), Outcome::Refused(Refusal::OtherDatabase));
    assert_eq!(bind(Some(1), 2), Outcome::Bound);
    assert_eq!(shard.state.bound(), Some(2));
}

/// A shopper's retry after the recovery must not be carried out a second time.
#[test]
fn keys_from_before_are_refused() {
    let old = lived();
    let mut new = fresh(&old);
    apply_all(&mut new, &pieces(old.state.event(EVENT).expect("opened")));
    let key = |made_at_ms| {
        Some(RequestKey { id: u128::from(made_at_ms), hash: 1, made_at_ms: Some(made_at_ms) })
    };
    let before = new.run(key(old.now_ms - 1), new.parse("area C 1")).outcome;
    assert_eq!(before, Outcome::Refused(Refusal::IdempotencyWindowExpired));
    let after = new.run(key(new.now_ms), new.parse("area C 1")).outcome;
    assert!(matches!(after, Outcome::Held(_)), "{after:?}");
    assert!(old.now_ms > T0);
}
