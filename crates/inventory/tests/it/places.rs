//! Areas, accessible seats, focal points, blocked and removed seats, plans, the waiting list.

use inventory::*;

use crate::harness::{Shard, area_hall, check, hall, sale};

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

/// A row of twelve: seats 5 and 6 for wheelchairs, 4 and 7 for companions.
fn wheel_hall() -> Plan {
    let mut plan = hall();
    let seat = |n: u16| Seat {
        number: n.to_string().into(),
        tier: 0,
        x: i32::from(n) * 100,
        y: 0,
        accessible: n == 5 || n == 6,
        companion: n == 4 || n == 7,
    };
    plan.sections = vec![Section {
        id: "A".into(),
        name: "A".into(),
        rows: vec![Row { label: "1".into(), seats: (1..=12).map(seat).collect() }],
        kind: SectionKind::Seated,
    }];
    plan
}

fn taken(shard: &mut Shard, choice: Choice) -> Result<(Vec<u32>, Option<HoldStep>), Refusal> {
    let command = Command::Hold(HoldSeats::of(EventNo(1), 1, choice));
    match shard.run(None, command).outcome {
        Outcome::Held(held) => Ok((held.seats.iter().map(|s| s.seat.0 + 1).collect(), held.step)),
        Outcome::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn open(plan: Plan, rules: SaleRules) -> Shard {
    let mut shard = Shard::default();
    let sale = Sale { rules, ..sale() };
    let open = Command::OpenSale(OpenSale { event: EventNo(1), sale, plan });
    assert_eq!(shard.run(None, open).outcome, Outcome::SaleOpened);
    shard
}

fn best(number: u16, accessible: u16) -> Choice {
    Choice::Best(Best { number, accessible, prevent_orphans: true, ..Best::default() })
}

#[test]
fn d29_wheelchairs_sit_with_their_companions() {
    // D27, D29.
    let mut shard = open(wheel_hall(), SaleRules::default());
    let adjacent = Some(HoldStep::Adjacent);
    // Not offered to others, though the middle of the row is free.
    let (seats, _) = taken(&mut shard, best(4, 0)).unwrap();
    assert_eq!(seats, [9, 10, 11, 12]);
    assert_eq!(taken(&mut shard, best(2, 1)), Ok((vec![6, 7], adjacent)));
    assert_eq!(taken(&mut shard, best(2, 2)), Err(Refusal::NotEnoughSeats));
    assert_eq!(taken(&mut shard, best(2, 1)), Ok((vec![4, 5], adjacent)));
    assert_eq!(taken(&mut shard, best(1, 1)), Err(Refusal::NotEnoughSeats));
    assert_eq!(taken(&mut shard, best(1, 2)), Err(Refusal::SeatsInvalid));
}

#[test]
fn d29_companions_may_sit_apart_when_nothing_else_is_left() {
    let mut shard = open(wheel_hall(), SaleRules::default());
    let named = |seats: &[u32]| Choice::Seats(seats.iter().map(|n| SeatIx(n - 1)).collect());
    taken(&mut shard, named(&[3, 8])).unwrap();
    let found = taken(&mut shard, best(5, 2));
    assert_eq!(found, Ok((vec![1, 4, 5, 6, 7], Some(HoldStep::Split))));
}

#[test]
fn d29_companion_seats_need_a_wheelchair_until_they_are_released() {
    let named = |seats: &[u32]| Choice::Seats(seats.iter().map(|n| SeatIx(n - 1)).collect());
    let mut shard = open(wheel_hall(), SaleRules::default());
    assert_eq!(taken(&mut shard, named(&[4])), Err(Refusal::CompanionAlone));
    assert!(taken(&mut shard, named(&[4, 5])).is_ok());
    let from_ms = shard.now_ms + 60_000;
    let rules = SaleRules { accessible_public_at_ms: Some(from_ms), ..SaleRules::default() };
    let mut shard = open(wheel_hall(), rules);
    assert_eq!(taken(&mut shard, named(&[4])), Err(Refusal::CompanionAlone));
    shard.now_ms = from_ms;
    assert_eq!(taken(&mut shard, best(4, 0)).unwrap().0, [5, 6, 7, 8]);
    assert!(taken(&mut shard, named(&[4])).is_ok());
}

#[test]
fn a_focal_point_draws_the_best_seats() {
    let mut plan = hall();
    // Row 2 is the nearest, its left end first.
    for (at, row) in plan.sections[0].rows.iter_mut().enumerate() {
        row.seats.iter_mut().for_each(|seat| seat.y = at as i32 * 100);
    }
    plan.focal = Some((100, 100));
    let mut shard = open(plan, SaleRules::default());
    let (seats, step) = taken(&mut shard, best(2, 0)).unwrap();
    assert_eq!((seats, step), (vec![7, 8], Some(HoldStep::AdjacentNoOrphan)));
}

#[test]
fn p10_no_refusal_while_three_sit_together_somewhere() {
    let seat = |n: u16| Seat {
        number: n.to_string().into(),
        tier: 0,
        x: 0,
        y: 0,
        accessible: false,
        companion: false,
    };
    let row = |label: u16| Row { label: label.to_string(), seats: (1..=40).map(seat).collect() };
    let mut plan = hall();
    plan.sections.truncate(1);
    plan.sections[0].rows = (1..=200).map(row).collect();
    let mut shard = Shard::default();
    let sale = Sale { per_hold_max: 3, ..sale() };
    let open = Command::OpenSale(OpenSale { event: EventNo(1), sale, plan });
    let stamp = |at| Stamp { log_index: at, at_ms: shard.now_ms };
    let apply = |state: &mut State, at, command| {
        state.apply(stamp(at), &Envelope { key: None, actor: Actor::SYSTEM, command }).outcome
    };
    let mut state = std::mem::take(&mut shard.state);
    apply(&mut state, 1, open);
    let (mut together, mut refused) = (0, 0);
    for at in 0..10_000 {
        let command = Command::Hold(HoldSeats::of(EventNo(1), 1, best(3, 0)));
        match apply(&mut state, at + 2, command) {
            Outcome::Held(held) => together += u32::from(held.adjacent),
            Outcome::Refused(Refusal::NotEnoughSeats) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    state.check_invariants().unwrap();
    // 13 threes fit a row of forty; the ones left over make splits until none is left.
    assert_eq!(together, 200 * 13);
    assert_eq!(refused, 10_000 - 8_000 / 3);
    assert_eq!(state.event(EventNo(1)).unwrap().seats().total().free, 8_000 % 3);
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

/// All but `free` seats of the hall are sold.
const SOLD_OUT: &str = "
    open waitlist=60 person-max=6
    hold A-1-1 A-1-2 A-1-3 A-1-4 A-1-5 A-1-6
    hold A-2-1 A-2-2 A-2-3 A-2-4 A-2-5 A-2-6
    hold A-3-1 A-3-2 A-3-3
    hold A-3-4 A-3-5 A-3-6
    hold B-1-1 B-1-2 B-1-3
";

#[track_caller]
fn after_sell_out(table: &str) -> Shard {
    check(&format!("{SOLD_OUT}{table}"))
}

#[test]
fn a11_released_seats_become_a_hold_of_the_head_in_the_same_command() {
    // D38, D77.
    let shard = after_sell_out(
        "
        join p7 2 tiers=0                  => w6 behind 0
        join p8 1                          => w7 behind 1
        join p7 1                          => WaitlistTwice { entry: WaitId { event: EventNo(1), no: 6 } }
        line? w7                           => waits behind 1
        release h3                         => released
        line? w6                           => h8
        line? w7                           => h9
        seats                              => hhhhhh hhhhhh hhhhhh hhh.
        person? p7                         => 2
        order h8                           => o10 200
        tick 60s
        expire                             => expired 2 more=false
        line? w6                           => gone
        line? w7                           => gone
        seats                              => hhhhhh hhhhhh ...hhh hhh.
    ",
    );
    let system = |r: &&LedgerRecord| matches!(r.change, Change::WaitlistChanged { entry: 6, .. });
    let last = shard.state.feed().filter(system).last().unwrap();
    assert_eq!(last.actor.subject, Subject::System);
}

#[test]
fn a11_the_head_keeps_what_there_is_from_those_behind_and_from_the_public() {
    after_sell_out(
        "
        join p7 4 tiers=0                  => w6 behind 0
        join p8 1 tiers=0                  => w7 behind 1
        join p9 1 tiers=1                  => w8 behind 2
        release h3
        line? w6                           => waits behind 0
        line? w7                           => waits behind 1
        seats                              => hhhhhh hhhhhh ...hhh hhh.
        hold A-3-1                         => KeptForWaitlist
        best 1 tiers=0                     => NotEnoughSeats
        release h5
        line? w8                           => h9
        hold B-1-1                         => h10 B-1-1 50
        release h4
        line? w6                           => h11
        line? w7                           => h12
        seats                              => hhhhhh hhhhhh hhhhh. hh..
    ",
    );
}

#[test]
fn a11_leaving_lets_those_behind_have_what_was_kept() {
    after_sell_out(
        "
        join p7 6 tiers=0                  => w6 behind 0
        join p8 2 tiers=0                  => w7 behind 1
        release h3
        leave w6                           => WaitlistLeft
        leave w6                           => WaitNotFound
        line? w7                           => h8
        hold A-3-2                         => SeatTaken A-3-2:held
        leave w7                           => WaitNotFound
    ",
    );
}

#[test]
fn a11_who_may_wait() {
    after_sell_out(
        "
        join p7 0                          => SeatsInvalid
        join p7 7                          => LimitPerHold { max: 6 }
        join p7 1 sections=0               => OutOfRange
        join p7 1 tiers=9                  => OutOfRange
        join p7 1 contact=1025             => TooLong
        limit p9 1
        join p9 2                          => LimitPerPerson { max: 1, has: 0 }
        join p7 1 tiers=1                  => w6 behind 0
        release h4
        join p8 1                          => SeatsFree
        join p8 4                          => w7 behind 1
        join p5 4 max_price=99             => w8 behind 2
    ",
    );
    check(
        "
        open
        join p7 1                          => WaitlistOff
    ",
    );
    check(
        "
        open waitlist=60 opens=60 closes=120
        join p7 1                          => SaleNotOpen { opens_at_ms: 1800000060000 }
        tick 120s
        join p7 1                          => SaleClosed
    ",
    );
}

#[test]
fn a11_waiting_ends_with_the_sale_and_rests_while_it_is_paused() {
    after_sell_out(
        "
        join p7 2 tiers=0                  => w6 behind 0
        pause
        release h3
        line? w6                           => waits behind 0
        resume
        line? w6                           => h7
        join p8 6 tiers=0                  => w8 behind 0
        window closes=100
        tick 100s
        expire
        line? w8                           => gone
    ",
    );
}

#[test]
fn a11_expiry_waves_unblocked_seats_and_refunds_serve_the_list_too() {
    // D38.
    after_sell_out(
        "
        join p7 6 tiers=0                  => w6 behind 0
        join p8 3 tiers=1                  => w7 behind 1
        tick 300s
        expire                             => expired 5 more=false
        line? w6                           => h8
        line? w7                           => h9
        order h9                           => o10 150
        pay o10
        capture p11 150                    => succeeded confirmed order=paid
        line? w7                           => gone
        join p5 2 tiers=1                  => w12 behind 0
        give-back o10 B-1-1 B-1-2          => r13 100
        line? w12                          => h14
    ",
    );
}
