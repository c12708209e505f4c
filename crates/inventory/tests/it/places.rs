//! Areas, blocked and removed seats, seats of others, plans.

use inventory::*;

use crate::harness::{Shard, area_hall, check, hall};

#[test]
fn areas_are_sold_by_quantity() {
    // D24.
    check(
        "
        open with-area
        area C 2                           => h1 C-1-1,C-1-2 140
        area C 4                           => NotEnoughSeats
        area C 0                           => SeatsInvalid
        area C 7                           => LimitPerHold { max: 6 }
        area A 1                           => SeatsInvalid
        area D 1                           => SeatsInvalid
        hold C-1-3                         => SeatsInvalid
        best 5 sections=2                  => NotEnoughSeats
        release h1
        area C 5                           => h2 C-1-1,C-1-2,C-1-3,C-1-4,C-1-5 350
        swap h2 area C 3                   => h2 C-1-1,C-1-2,C-1-3 210
    ",
    );
}

#[test]
fn d31_an_area_shrinks_and_grows_but_not_below_what_is_taken() {
    // D31, D60.
    check(
        "
        open with-area
        area C 2                           => h1 C-1-1,C-1-2 140
        block area C 4                     => NotEnoughSeats
        block area C 3                     => blocked 3
        area C 1                           => NotEnoughSeats
        unblock area C 2                   => unblocked 2
        area C 2                           => h2 C-1-4,C-1-5 140
    ",
    );
}

#[test]
fn a12_blocked_seats_are_kept_back_until_they_are_given_free() {
    check(
        "
        open
        hold A-1-1
        block A-1-1 A-1-2                  => SeatTaken A-1-1:held
        block A-1-2 A-1-3                  => blocked 2
        block                              => SeatsInvalid
        hold A-1-2                         => SeatTaken A-1-2:blocked
        unblock A-1-1                      => SeatsWrong { seat: SeatIx(0), status: Held }
        unblock A-1-2                      => unblocked 1
        hold A-1-2                         => h2 A-1-2 100
        seats                              => hh-... ...... ...... ....
    ",
    );
}

#[test]
fn d34_d35_removed_seats_are_taken_from_their_owners_who_are_told() {
    let shard = check(
        "
        open
        hold A-1-1 A-1-2
        hold A-2-1 A-2-2
        order h2
        pay o3
        capture p4 200
        remove A-1-1 A-2-1 A-3-1           => removed h1 r5
        seats                              => -..... -x.... -..... ....
        order? o3                          => partially_refunded left A-2-1
        release h1                         => HoldNotFound
        unblock A-1-1                      => SeatsWrong { seat: SeatIx(0), status: Blocked }
        reassign o3 A-2-2>A-1-1            => SeatsWrong { seat: SeatIx(0), status: Blocked }
        remove A-2-2                       => removed r6
        order? o3                          => refund_pending left A-2-1,A-2-2
        refund r5 ok
        refund r6 ok
        order? o3                          => refunded left A-2-1,A-2-2
    ",
    );
    let withdrawn = shard.state.feed().any(|r| matches!(r.change, Change::HoldWithdrawn { .. }));
    let cause = ReturnCause::Removed;
    let returned = shard.state.feed().any(
        |r| matches!(&r.change, Change::SeatsReturned { cause: c, blocked: true, .. } if *c == cause),
    );
    assert!(withdrawn && returned);
}

#[test]
fn a12_an_order_is_seated_elsewhere_at_the_price_that_was_paid() {
    check(
        "
        open
        hold B-1-1 B-1-2
        order h1
        pay o2
        capture p3 100                     => succeeded confirmed order=paid
        block A-1-1
        hold A-1-2
        reassign o2 B-1-1>A-1-2            => SeatsWrong { seat: SeatIx(1), status: Held }
        reassign o2 B-1-3>A-1-1            => SeatsInvalid
        reassign o2 B-1-1>A-1-1 B-1-1>A-1-3 => SeatsInvalid
        reassign o2 B-1-1>A-1-1            => SeatsReassigned
        seats                              => xh.... ...... ...... .x..
        order? o2                          => paid left B-1-1
        give-back o2                       => r5 100
        order? o2                          => refund_pending left B-1-1,A-1-1,B-1-2
        reassign o2 A-1-1>A-1-3            => OrderState { status: RefundPending }
        reassign o9 A-1-1>A-1-3            => OrderNotFound
    ",
    );
}

fn replace(shard: &mut Shard, plan: Plan) -> Outcome {
    shard.run(None, Command::ReplacePlan(ReplacePlan { event: EventNo(1), plan })).outcome
}

#[test]
fn d35_a_plan_never_loses_a_seat() {
    let mut shard = check(
        "
        open
        hold A-1-1
        order h1
        pay o2
        capture p3 100
        hold B-1-1
    ",
    );
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut plan = Plan { version: 2, ..hall() };
        change(&mut plan);
        plan
    };
    let lost = |seat| Outcome::Refused(Refusal::PlanLosesSeat { seat: SeatIx(seat) });
    let invalid = |what: &str| {
        let reason = format!("plan: known {what} must stay, in their order");
        Outcome::Refused(Refusal::SaleInvalid { reason })
    };
    let shorter = with(&|p| p.sections[1].rows[0].seats.truncate(3));
    assert_eq!(replace(&mut shard, shorter), lost(21));
    let renamed = with(&|p| p.sections[0].rows[0].seats[2].number = "33".into());
    assert_eq!(replace(&mut shard, renamed), lost(2));
    let by_quantity = with(&|p| p.sections[1].kind = SectionKind::Area);
    assert_eq!(replace(&mut shard, by_quantity), lost(18));
    let other_tiers = with(&|p| p.tiers.swap(0, 1));
    assert_eq!(replace(&mut shard, other_tiers), invalid("tiers"));
    let same_version = with(&|p| p.version = 3);
    let changed = Outcome::Refused(Refusal::PlanChanged { version: 1 });
    assert_eq!(replace(&mut shard, same_version), changed);
    assert_eq!(replace(&mut shard, hall()), Outcome::PlanReplaced, "the plan as it is");
    assert_eq!(shard.picture(), "x..... ...... ...... h...");
}

#[test]
fn d32_new_prices_and_seats_do_not_touch_what_is_held() {
    // D32, D33.
    let mut shard = check(
        "
        open
        hold A-1-1
        hold B-1-1
        order h2
    ",
    );
    let mut plan = Plan { version: 2, ..area_hall() };
    plan.tiers[0].price_minor = 500;
    assert_eq!(replace(&mut shard, plan), Outcome::PlanReplaced);
    assert_eq!(shard.picture(), "h..... ...... ...... h... .....");
    let event = shard.state.event(EventNo(1)).unwrap();
    assert_eq!(event.hold(1).unwrap().total_minor(), 100);
    assert_eq!(event.seats().sections().len(), 3);
    let mut say = |line: &str| {
        let command = shard.parse(line);
        shard.run(None, command).outcome
    };
    let stale = Outcome::Refused(Refusal::PlanChanged { version: 2 });
    assert_eq!(say("hold A-1-2"), stale);
    let held = |outcome| match outcome {
        Outcome::Held(held) => held.total_minor,
        other => panic!("{other:?}"),
    };
    assert_eq!(held(say("hold A-1-2 plan=2")), 500);
    assert_eq!(held(say("area C 5 plan=2")), 350);
    assert_eq!(say("open"), Outcome::SaleOpened, "opened so once");
    let added = shard.state.feed().any(|r| match &r.change {
        Change::SeatsAdded { seats } => seats.len() == 5,
        _ => false,
    });
    assert!(added);
}

#[test]
fn places_of_an_area_are_together_whatever_lies_between_them() {
    let mut shard = check("open with-area\narea C 1\narea C 1\nrelease h1");
    let two = shard.parse("area C 2");
    let Outcome::Held(held) = shard.run(None, two).outcome else { panic!("granted") };
    assert!(held.adjacent, "{held:?}");
    let apart = shard.parse("hold A-1-1 A-1-3");
    let Outcome::Held(held) = shard.run(None, apart).outcome else { panic!("granted") };
    assert!(!held.adjacent, "{held:?}");
}
