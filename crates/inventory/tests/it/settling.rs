//! The endings of captured money beyond the plain ones, refunds per seat, cancelled events.

use inventory::*;

use crate::harness::check;

/// A payment whose seats came back and are partly taken again.
const LATE: &str = "
    open offer=600 person-max=4
    hold B-1-1 B-1-2 person=7              => h1 B-1-1,B-1-2 100
    order h1                               => o2 100
    pay o2                                 => p3 100
    tick 300s
    expire                                 => expired 1 more=false
    hold B-1-1
";

#[track_caller]
fn late(table: &str) {
    check(&format!("{LATE}{table}"));
}

#[test]
fn d2_other_seats_are_offered_and_taken() {
    // B4, D2.
    late(
        "
        capture p3 100                     => succeeded nothing order=expired
        person? p7                         => 2
        seats                              => ..hh.. ...... ...... h...
        capture p3 100                     => succeeded nothing order=expired
        take p9                            => PaymentNotFound
        take p3                            => succeeded swapped order=paid
        take p3                            => NoOffer
        order? o2                          => paid left B-1-1,B-1-2
        seats                              => ..xx.. ...... ...... h...
        person? p7                         => 2
        give-back o2 A-1-3                 => r6 50
        order? o2                          => partially_refunded left B-1-1,B-1-2,A-1-3
    ",
    );
}

#[test]
fn d2_a_declined_offer_is_refunded() {
    late(
        "
        capture p3 100
        decline p3                         => succeeded refunded order=refund_pending r6
        decline p3                         => NoOffer
        seats                              => ...... ...... ...... h...
        person? p7                         => 0
        refund r6 ok
        order? o2                          => refunded
    ",
    );
}

#[test]
fn an_offer_has_a_window_of_its_own() {
    late(
        "
        capture p3 100
        tick 599s
        expire                             => expired 1 more=false
        seats                              => ..hh.. ...... ...... ....
        tick 1s
        take p3                            => succeeded refunded order=refund_pending r6
        seats                              => ...... ...... ...... ....
        expire                             => expired 0 more=false
    ",
    );
    late(
        "
        capture p3 100
        release h5                         => released
        order? o2                          => refund_pending
        extend h5                          => HoldNotFound
    ",
    );
    late(
        "
        capture p3 100
        tick 600s
        expire                             => expired 2 more=false
        order? o2                          => refund_pending
    ",
    );
}

#[test]
fn an_offer_is_as_good_as_what_was_lost() {
    // Two together at 100 each: nothing as dear and together is left.
    check(
        "
        open offer=600
        hold A-1-1 A-1-2
        order h1
        pay o2
        tick 300s
        expire
        hold A-1-2 A-1-4 A-1-6
        hold A-2-1 A-2-3 A-2-5
        hold A-2-2 A-2-4 A-2-6
        hold A-3-2 A-3-4 A-3-6
        capture p3 200                     => succeeded refunded order=refund_pending r8
    ",
    );
}

#[test]
fn an_offer_for_a_wheelchairs_seat_is_for_a_wheelchair() {
    // D29: the hall has one such seat, and dearer ordinary ones would not do.
    check(
        "
        open offer=600
        hold B-1-4                         => h1 B-1-4 50
        order h1
        pay o2
        tick 300s
        expire
        hold B-1-4
        capture p3 50                      => succeeded refunded order=refund_pending r5
    ",
    );
}

#[test]
fn d43_late_money_does_not_pass_a_persons_limit() {
    late(
        "
        release h4
        hold A-1-1 A-1-2 A-1-3 person=7
        capture p3 100                     => succeeded refunded order=refund_pending r6
    ",
    );
    late(
        "
        release h4
        hold A-1-1 A-1-2 person=7
        capture p3 100                     => succeeded retaken order=paid
        person? p7                         => 4
    ",
    );
}

#[test]
fn d9_what_contradicts_our_record_never_buys() {
    check(
        "
        open
        hold A-1-1
        order h1
        pay o2
        mismatch p3 0                      => canceled nothing order=pending_payment
        mismatch p3 100                    => succeeded refunded order=pending_payment r4
        seats                              => h..... ...... ...... ....
    ",
    );
}

const PAID: &str = "
    open
    hold A-1-1 A-1-2 A-1-3
    order h1
    pay o2
    capture p3 300                         => succeeded confirmed order=paid
";

#[track_caller]
fn paid(table: &str) {
    check(&format!("{PAID}{table}"));
}

#[test]
fn b6_seats_are_refunded_one_by_one() {
    // D18.
    paid(
        "
        give-back o2 A-1-4                 => SeatsInvalid
        give-back o2 A-1-1 A-1-1           => SeatsInvalid
        give-back o2 A-1-1 share=10001     => OutOfRange
        give-back o9                       => OrderNotFound
        give-back o2 A-1-1                 => r4 100
        seats                              => .xx... ...... ...... ....
        order? o2                          => partially_refunded left A-1-1
        hold A-1-1                         => h5 A-1-1 100
        capture p3 300                     => succeeded confirmed order=partially_refunded
        give-back o2 A-1-2 share=3333 block => r6 33
        seats                              => h-x... ...... ...... ....
        refund r4 ok
        order? o2                          => partially_refunded left A-1-1,A-1-2
        give-back o2                       => r7 100
        order? o2                          => refund_pending left A-1-1,A-1-2,A-1-3
        give-back o2                       => OrderState { status: RefundPending }
        refund r6 ok
        refund r7 ok
        order? o2                          => refunded left A-1-1,A-1-2,A-1-3
    ",
    );
}

#[test]
fn d22_a_share_of_nothing_frees_the_seats_without_a_refund() {
    paid(
        "
        give-back o2 share=0               => 0
        order? o2                          => refunded left A-1-1,A-1-2,A-1-3
        seats                              => ...... ...... ...... ....
    ",
    );
}

#[test]
fn d17_refunds_are_counted_once_and_tried_under_new_keys() {
    let shard = check(&format!(
        "{PAID}
        give-back o2                       => r4 300
        refund r4 fail attempt=0           => noted
        refund r4 fail attempt=0           => noted
        refund r4 canceled attempt=1       => noted
        refund r4 canceled attempt=1       => noted
        retry r4                           => RefundState {{ status: Pending }}
        refund r4 dead attempt=2           => noted
        retry r4                           => RefundRetried
        retry r9                           => RefundNotFound
    "
    ));
    let refund = shard.state.event(EventNo(1)).unwrap().refund(4).unwrap();
    assert_eq!((refund.attempts, refund.key_no, refund.status), (0, 2, RefundStatus::Pending));
    let attempts = shard.state.feed().filter_map(|r| match r.change {
        Change::RefundChanged { attempts, .. } => Some(attempts),
        _ => None,
    });
    assert_eq!(attempts.collect::<Vec<_>>(), [0, 1, 2, 3, 0]);
}

#[test]
fn d54_a_cancelled_event_is_undone_in_order() {
    // D3, D54.
    let shard = check(
        "
        open waitlist=60 fee=10/0
        hold A-1-1 A-1-2
        order h1
        pay o2
        capture p3 220                     => succeeded confirmed order=paid
        hold A-2-1
        order h4
        pay o5
        hold A-3-1
        cancel-event                       => cancelled 2 holds 1 orders more=false
        cancel-event                       => cancelled 0 holds 0 orders more=false
        hold A-1-6                         => EventCancelled
        join p7 1                          => EventCancelled
        window closes=50                   => EventCancelled
        order? o2                          => refund_pending left A-1-1,A-1-2
        order? o5                          => cancelled
        capture p6 110                     => succeeded refunded order=refund_pending r9
        seats                              => ...... ...... ...... ....
    ",
    );
    let event = shard.state.event(EventNo(1)).unwrap();
    assert_eq!(event.refund(8).unwrap().amount_minor, 220);
    assert!(event.is_cancelled());
}

#[test]
fn d3_money_later_than_the_cancel_is_refunded_though_the_seat_is_free() {
    check(
        "
        open
        hold A-1-1
        order h1
        pay o2
        tick 300s
        expire
        cancel-event                       => cancelled 0 holds 0 orders more=false
        capture p3 100                     => succeeded refunded order=refund_pending r4
    ",
    );
}

/// The timer goes on with a cancel, in bounded steps and only while the outbox has room.
#[test]
fn d54_a_cancel_is_bounded_and_goes_on_by_itself() {
    let event = EventNo(1);
    let mut state = State::with_ledger_max(9_000);
    let mut at = 0;
    let t0 = crate::harness::sale().opens_at_ms;
    let mut run = |state: &mut State, command| {
        at += 1;
        let stamp = Stamp { log_index: at, at_ms: t0 };
        let key = None;
        state.apply(stamp, &Envelope { key, actor: Actor::SYSTEM, command }).outcome
    };
    let mut plan = crate::harness::hall();
    plan.sections.push(Section::area("C", "Floor", 1_500, 0));
    let sale = Sale { per_hold_max: 1, ..crate::harness::sale() };
    run(&mut state, Command::OpenSale(OpenSale { event, sale, plan }));
    for _ in 0..1_200 {
        let choice = Choice::Area { section: 2, quantity: 1 };
        let held = run(&mut state, Command::Hold(HoldSeats::of(event, 1, choice)));
        let Outcome::Held(held) = held else { panic!("{held:?}") };
        let place = PlaceOrder { hold: held.hold, contact: vec![], buyer: None };
        let placed = run(&mut state, Command::PlaceOrder(place));
        let Outcome::OrderPlaced(placed) = placed else { panic!("{placed:?}") };
        let (provider, method) = ("p".into(), "m".into());
        let pay = StartPayment { order: placed.order, provider, method };
        let started = run(&mut state, Command::StartPayment(pay));
        let Outcome::PaymentStarted(started) = started else { panic!("{started:?}") };
        let result = GatewayResult::Captured { amount_minor: 100 };
        run(&mut state, Command::Settle(Settle { payment: started.payment, result }));
        let up_to = state.feed_end();
        run(&mut state, Command::Acknowledge(Acknowledge { up_to }));
    }
    let first = run(&mut state, Command::CancelEvent(CancelEvent { event }));
    // Ten records' room an order: the outbox is full before the step's own limit.
    let Outcome::EventCancelled { holds: 0, orders, more: true } = first else {
        panic!("{first:?}")
    };
    assert!((800..1_000).contains(&orders), "{orders}");
    state.check_invariants().unwrap();
    assert_ne!(state.next_deadline_ms(), Some(t0), "nothing to do without room");
    let up_to = state.feed_end();
    run(&mut state, Command::Acknowledge(Acknowledge { up_to }));
    assert_eq!(state.next_deadline_ms(), Some(t0));
    while state.next_deadline_ms() == Some(t0) {
        run(&mut state, Command::ExpireHolds);
        let pending: Vec<u64> =
            state.event(event).unwrap().pending_refunds().map(|r| r.no).collect();
        for no in pending {
            let (refund, result) = (RefundId { event, no }, RefundResult::Succeeded);
            run(&mut state, Command::RecordRefund(RecordRefund { refund, result, attempt: None }));
            let up_to = state.feed_end();
            run(&mut state, Command::Acknowledge(Acknowledge { up_to }));
        }
    }
    state.check_invariants().unwrap();
    let open = state.event(event).unwrap().orders().filter(|o| o.status != OrderStatus::Refunded);
    assert_eq!(open.count(), 0);
    assert_eq!(state.event(event).unwrap().seats().total().sold, 0);
}
