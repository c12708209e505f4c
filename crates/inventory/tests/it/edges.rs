//! Each limit at its edge: what has exactly that much is taken, one more is refused by name; and the
//! stable words of everything that is told outside.

use inventory::*;

use crate::harness::{Shard, hall, sale};

const EVENT: EventNo = EventNo(1);
const HOLD: HoldId = HoldId { event: EVENT, no: 1 };
const ORDER: OrderId = OrderId { event: EVENT, no: 2 };
const PAYMENT: PaymentId = PaymentId { event: EVENT, no: 3 };

fn run(shard: &mut Shard, command: Command) -> Outcome {
    shard.run(None, command).outcome
}

fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

/// A shard with a hold, its order and a payment of it.
fn paying() -> Shard {
    let mut shard = Shard::default();
    for line in ["open waitlist=60", "hold A-1-1", "order h1", "pay o2"] {
        let command = shard.parse(line);
        run(&mut shard, command);
    }
    shard
}

#[test]
fn texts_are_taken_up_to_their_limits() {
    let mut shard = paying();
    let order = |bytes| {
        Command::PlaceOrder(PlaceOrder { hold: HOLD, contact: vec![0; bytes], buyer: None })
    };
    assert_eq!(run(&mut shard, order(4_097)), refused(Refusal::TooLong));
    assert_ne!(run(&mut shard, order(4_096)), refused(Refusal::TooLong));
    let pay = |provider: usize, method: usize| {
        let (provider, method) = ("p".repeat(provider), "m".repeat(method));
        Command::StartPayment(StartPayment { order: ORDER, provider, method })
    };
    let pending = refused(Refusal::PaymentPending { payment: PAYMENT });
    for (provider, method, outcome) in [
        (33, 1, refused(Refusal::TooLong)),
        (1, 33, refused(Refusal::TooLong)),
        (40, 40, refused(Refusal::TooLong)),
        (32, 32, pending),
    ] {
        assert_eq!(run(&mut shard, pay(provider, method)), outcome, "{provider} {method}");
    }
    let record = |reference: usize, url: usize| {
        let (provider_ref, confirmation_url) = ("r".repeat(reference), "u".repeat(url));
        Command::RecordPayment(RecordPayment { payment: PAYMENT, provider_ref, confirmation_url })
    };
    for (reference, url, outcome) in [
        (129, 1, refused(Refusal::TooLong)),
        (1, 1_025, refused(Refusal::TooLong)),
        (140, 1_100, refused(Refusal::TooLong)),
        (128, 1_024, Outcome::PaymentRecorded),
    ] {
        assert_eq!(run(&mut shard, record(reference, url)), outcome, "{reference} {url}");
    }
    let join = |bytes| {
        let wish = Best { number: 5, ..Best::default() };
        let contact = vec![0; bytes];
        Command::JoinWaitlist(JoinWaitlist { event: EVENT, person: 1, wish, contact })
    };
    assert_eq!(run(&mut shard, join(1_025)), refused(Refusal::TooLong));
    assert_eq!(run(&mut shard, join(1_024)), refused(Refusal::SeatsFree));
}

#[test]
fn wishes_are_taken_up_to_their_limits() {
    let mut shard = paying();
    let mut best = |change: &dyn Fn(&mut Best)| {
        let mut wish = Best { number: 2, ..Best::default() };
        change(&mut wish);
        run(&mut shard, Command::Hold(HoldSeats::of(EVENT, 1, Choice::Best(wish))))
    };
    let invalid = refused(Refusal::SeatsInvalid);
    assert_ne!(best(&|wish| wish.tiers = vec![0; 64]), invalid);
    assert_eq!(best(&|wish| wish.tiers = vec![0; 65]), invalid);
    assert_ne!(best(&|wish| wish.sections = vec![0; 1_024]), invalid);
    assert_eq!(best(&|wish| wish.sections = vec![0; 1_025]), invalid);
    assert_eq!(best(&|wish| wish.accessible = 2), refused(Refusal::NotEnoughSeats));
    assert_eq!(best(&|wish| wish.accessible = 3), invalid);
}

#[test]
fn terms_are_taken_up_to_their_limits() {
    let check = |expected: bool, change: &dyn Fn(&mut Sale)| {
        let mut terms = sale();
        change(&mut terms);
        let open = OpenSale { event: EVENT, sale: terms.clone(), plan: hall() };
        let outcome = run(&mut Shard::default(), Command::OpenSale(open));
        assert_eq!(outcome == Outcome::SaleOpened, expected, "{terms:?}: {outcome:?}");
    };
    let text = |bytes: usize| "x".repeat(bytes);
    let fee = |per_seat_minor, basis_points| Fee { per_seat_minor, basis_points };
    check(true, &|s| s.event_id = text(64));
    check(false, &|s| s.event_id = text(65));
    check(false, &|s| s.event_id = text(66));
    check(false, &|s| s.event_id = text(0));
    check(false, &|s| s.event_id = "a\0".into());
    check(true, &|s| s.name = text(200));
    check(false, &|s| s.name = text(201));
    check(false, &|s| s.name = text(202));
    check(false, &|s| s.name = text(0));
    check(false, &|s| s.name = "a\0".into());
    check(false, &|s| s.currency = *b"rub");
    check(true, &|s| s.closes_at_ms = s.opens_at_ms + 1);
    check(false, &|s| s.closes_at_ms = s.opens_at_ms);
    check(true, &|s| s.hold_ttl_ms = 5_000);
    check(false, &|s| s.hold_ttl_ms = 4_999);
    check(true, &|s| s.hold_ttl_ms = 1_800_000);
    check(false, &|s| s.hold_ttl_ms = 1_800_001);
    check(true, &|s| s.per_hold_max = 100);
    check(false, &|s| s.per_hold_max = 101);
    check(true, &|s| s.per_hold_max = 1);
    check(false, &|s| s.per_hold_max = 0);
    check(true, &|s| s.rules.fee = fee(0, 10_000));
    check(false, &|s| s.rules.fee = fee(0, 10_001));
    check(false, &|s| s.rules.fee = fee(-1, 0));
    check(true, &|s| s.rules.per_person_max = Some(1));
    check(false, &|s| s.rules.per_person_max = Some(0));
}

#[test]
fn codes_are_taken_up_to_their_limits() {
    let mut shard = paying();
    let mut put = |change: &dyn Fn(&mut Code)| {
        let off = Discount { per_seat_minor: 1, basis_points: 10_000 };
        let mut code = Code {
            hash: 5,
            kind: CodeKind::Promo(off),
            from_ms: 1,
            until_ms: 2,
            tiers: vec![],
            seats_max: None,
            budget_minor: Some(0),
        };
        change(&mut code);
        run(&mut shard, Command::PutCodes(PutCodes { event: EVENT, codes: vec![code] }))
    };
    let out = refused(Refusal::OutOfRange);
    let promo =
        |per_seat_minor, basis_points| CodeKind::Promo(Discount { per_seat_minor, basis_points });
    assert_eq!(put(&|_| ()), Outcome::CodesPut);
    assert_eq!(put(&|code| code.until_ms = 1), out);
    assert_eq!(put(&|code| code.tiers = vec![0; 64]), Outcome::CodesPut);
    assert_eq!(put(&|code| code.tiers = vec![0; 65]), out);
    assert_eq!(put(&|code| code.budget_minor = Some(-1)), out);
    assert_eq!(put(&|code| code.kind = promo(1_000_000_000_000, 0)), Outcome::CodesPut);
    assert_eq!(put(&|code| code.kind = promo(1_000_000_000_001, 0)), out);
    assert_eq!(put(&|code| code.kind = promo(-1, 0)), out);
    assert_eq!(put(&|code| code.kind = promo(0, 10_001)), out);
}

#[test]
fn staff_commands_take_so_many_seats_and_no_more() {
    let mut shard = Shard::default();
    let sale = Sale { per_hold_max: 6, ..sale() };
    let plan = Plan::hall(1_100, 100);
    run(&mut shard, Command::OpenSale(OpenSale { event: EVENT, sale, plan }));
    let seats = |number: u32| (0..number).map(SeatIx).collect::<Vec<_>>();
    let remove = |number| Command::RemoveSeats(RemoveSeats { event: EVENT, seats: seats(number) });
    let block = |number| {
        let seats = SeatSet::Seats(seats(number));
        Command::BlockSeats(BlockSeats { event: EVENT, seats })
    };
    for number in [1_001, 1_002] {
        assert_eq!(run(&mut shard, block(number)), refused(Refusal::SeatsInvalid));
        assert_eq!(run(&mut shard, remove(number)), refused(Refusal::SeatsInvalid));
    }
    assert_eq!(run(&mut shard, block(1_000)), Outcome::SeatsBlocked { seats: 1_000 });
    let removed = Outcome::SeatsRemoved { holds: vec![], refunds: vec![] };
    assert_eq!(run(&mut shard, remove(1_000)), removed);
}

#[test]
fn a_plan_has_so_much_and_no_more() {
    let check = |change: &dyn Fn(&mut Plan)| {
        let mut plan = hall();
        change(&mut plan);
        plan.check().map_err(|error| error.reason)
    };
    let wrong = |reason: &str| Err(reason.to_owned());
    let tiers = |plan: &mut Plan, number: usize| {
        plan.tiers = (0..number)
            .map(|no| Tier { id: format!("t{no}"), name: "x".into(), price_minor: 1 })
            .collect();
    };
    assert_eq!(check(&|plan| tiers(plan, 64)), Ok(()));
    assert_eq!(check(&|plan| tiers(plan, 65)), wrong("needs 1 to 64 tiers"));
    assert_eq!(check(&|plan| tiers(plan, 66)), wrong("needs 1 to 64 tiers"));
    let sections = |plan: &mut Plan, number: usize| {
        let first = plan.sections[0].clone();
        let id = |no: usize| format!("s{no}");
        plan.sections = (0..number).map(|no| Section { id: id(no), ..first.clone() }).collect();
    };
    assert_eq!(check(&|plan| sections(plan, 1_024)), Ok(()));
    assert_eq!(check(&|plan| sections(plan, 1_025)), wrong("has more than 1024 sections"));
    assert_eq!(check(&|plan| sections(plan, 1_026)), wrong("has more than 1024 sections"));
    let text = |bytes: usize| "x".repeat(bytes);
    let label = "id, label or number over 32 bytes";
    assert_eq!(check(&|plan| plan.sections[0].id = text(32)), Ok(()));
    assert_eq!(check(&|plan| plan.sections[0].id = text(33)), wrong(label));
    assert_eq!(check(&|plan| plan.sections[0].id = text(0)), wrong("empty id, label or number"));
    assert_eq!(check(&|plan| plan.tiers[0].name = text(200)), Ok(()));
    assert_eq!(check(&|plan| plan.tiers[0].name = text(201)), wrong("name over 200 bytes"));
    assert_eq!(check(&|plan| plan.tiers[0].name = text(202)), wrong("name over 200 bytes"));
    assert_eq!(Plan::hall(250_000, 128).check(), Ok(()));
    for seats in [250_001, 250_002] {
        let error = Plan::hall(seats, 128).check().expect_err("too many");
        assert_eq!(error.to_string(), "plan: has more than 250000 seats");
    }
}

#[test]
fn words_that_are_told_outside_stay() {
    let steps = [
        HoldStep::AdjacentNoOrphan,
        HoldStep::Adjacent,
        HoldStep::NeighbouringRows,
        HoldStep::Split,
    ];
    let words: Vec<_> = steps.iter().map(|step| (step.as_str(), step.is_together())).collect();
    let expected = [
        ("adjacent_no_orphan", true),
        ("adjacent", true),
        ("neighbouring_rows", false),
        ("split", false),
    ];
    assert_eq!(words, expected);
    let refunds = [RefundStatus::Pending, RefundStatus::Succeeded, RefundStatus::Dead];
    assert_eq!(refunds.map(RefundStatus::as_str), ["pending", "succeeded", "dead"]);
    let ends = [SettledAs::Confirmed, SettledAs::Retaken, SettledAs::Swapped, SettledAs::Refunded];
    assert_eq!(ends.map(SettledAs::as_str), ["confirmed", "retaken", "swapped", "refunded"]);
    assert_eq!(ends.map(SettledAs::bought), [true, true, true, false]);
    let causes = [
        ReturnCause::Refunded,
        ReturnCause::Removed,
        ReturnCause::Reassigned,
        ReturnCause::EventCancelled,
    ];
    let words = ["refunded", "removed", "reassigned", "event_cancelled"];
    assert_eq!(causes.map(ReturnCause::as_str), words);
    let backlog = [Backlog::Fine, Backlog::SalesWait, Backlog::HoldsWait];
    assert_eq!(backlog.map(Backlog::name), ["fine", "sales_wait", "holds_wait"]);
    let errors = [
        codec::DecodeError::Empty,
        codec::DecodeError::Format(9),
        codec::DecodeError::Invalid("cut".into()),
    ];
    let errors = errors.map(|error| error.to_string());
    assert_eq!(errors, ["no bytes", "format 9 is newer than 2", "invalid bytes: cut"]);
    let restore =
        [RestoreError::Decode(codec::DecodeError::Empty), RestoreError::Inconsistent("seats")];
    let restore = restore.map(|error| error.to_string());
    assert_eq!(restore, ["snapshot: no bytes", "snapshot contradicts itself: seats"]);
    assert!(!"x".parse::<HoldId>().expect_err("no id").to_string().is_empty());
}

/// A refund, and what it did, in the first form that has it: older versions must take what they can.
#[test]
fn commands_are_written_in_the_first_form_that_has_them() {
    let shard = paying();
    for (line, form) in [
        ("release h1", 1),
        ("order h1", 1),
        ("cancel o2", 1),
        ("pay o2", 1),
        ("record p3 ref", 1),
        ("capture p3 100", 1),
        ("canceled p3 no", 1),
        ("mismatch p3 100", 2),
        ("refund r4 ok", 2),
        ("hold A-1-2", 2),
        ("pause", 2),
        ("expire", 1),
        ("ack", 1),
    ] {
        let command = shard.parse(line);
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        let bytes = codec::encode_envelope(&envelope);
        assert_eq!(codec::form(&bytes), Some(form), "{line}");
        assert_eq!(codec::decode_envelope(&bytes), Ok(envelope), "{line}");
    }
    // The same bytes under the first form's number are no command there.
    for line in ["mismatch p3 100", "refund r4 canceled"] {
        let command = shard.parse(line);
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        let mut bytes = codec::encode_envelope(&envelope);
        bytes[0] = 1;
        assert!(codec::decode_envelope(&bytes).is_err(), "{line}");
    }
    assert_eq!(codec::form(&[]), None);
    assert_eq!(codec::decode_envelope(&[]), Err(codec::DecodeError::Empty));
}
