//! Limits, windows, codes, fees, the stop switch, fences, more time, swaps.

use inventory::*;

use crate::harness::{Shard, T0, check, hall, sale};

#[test]
fn d41_a_persons_limit_counts_what_is_held_and_paid() {
    // D41, D42, D43.
    check(
        "
        open person-max=4
        hold A-1-1 A-1-2 person=7          => h1 A-1-1,A-1-2 200
        hold A-2-1 A-2-2 A-2-3 person=7    => LimitPerPerson { max: 4, has: 2 }
        key=1 hold A-2-1 person=7          => h2 A-2-1 100
        key=1 hold A-2-1 person=7          => again h2 A-2-1 100
        person? p7                         => 3
        release h2
        person? p7                         => 2
        order h1                           => o3 200
        pay o3
        capture p4 200
        person? p7                         => 2
        best 3 person=7                    => LimitPerPerson { max: 4, has: 2 }
        best 3 person=8                    => h5 A-1-3,A-1-4,A-1-5 300 Adjacent
        best 3                             => h6 A-2-2,A-2-3,A-2-4 300 Adjacent
        give-back o3 A-1-1                 => r7 100
        person? p7                         => 1
        tick 300s
        expire
        person? p8                         => 0
    ",
    );
}

#[test]
fn d41_fifty_keys_at_once_get_exactly_the_limit() {
    let mut table = String::from("open person-max=4\n");
    for seat in 0..20 {
        table += &format!("key={} hold #{} person=7\n", seat + 1, seat);
        table += &format!("key={} best 1 person=7\n", seat + 101);
        table += &format!("key={} best 3 person=7\n", seat + 201);
    }
    let shard = check(&(table + "person? p7 => 4"));
    assert_eq!(shard.state.event(EventNo(1)).unwrap().seats().total().held, 4);
}

#[test]
fn d44_staff_gives_a_household_another_limit() {
    check(
        "
        open person-max=2
        limit p7 5                         => PersonLimitSet
        best 5 person=7                    => h1 A-1-1,A-1-2,A-1-3,A-1-4,A-1-5 500 Adjacent
        best 1 person=7                    => LimitPerPerson { max: 5, has: 5 }
        limit p7 none                      => PersonLimitSet
        release h1
        best 3 person=7                    => LimitPerPerson { max: 2, has: 0 }
        best 2 person=7                    => h2 A-1-3,A-1-4 200 Adjacent
    ",
    );
}

#[test]
fn d36_cycling_holds_is_bounded_by_a_budget() {
    check(
        "
        open budget=2/60
        hold A-1-1 person=7                => h1 A-1-1 100
        release h1
        tick 30s
        hold A-1-1 person=7                => h2 A-1-1 100
        release h2
        hold A-1-1 person=7                => HoldBudget { until_ms: 1800000060000 }
        hold A-1-1 person=8                => h3 A-1-1 100
        tick 30s
        hold A-1-2 person=7                => h4 A-1-2 100
        hold A-1-3 person=7                => h5 A-1-3 100
        hold A-1-4 person=7                => HoldBudget { until_ms: 1800000120000 }
        hold A-1-4                         => h6 A-1-4 100
    ",
    );
}

#[test]
fn d40_a_hold_is_extended_as_often_as_the_sale_allows() {
    // D36, D40.
    let shard = check(
        "
        open ttl=60 extend=2/30
        hold A-1-1
        extend h1                          => 90s more=1
        tick 80s
        expire                             => expired 0 more=false
        order h1                           => o2 100
        extend h1                          => 40s more=0
        extend h1                          => ExtensionNotAllowed
        tick 40s
        extend h1                          => HoldExpired
        expire                             => expired 1 more=false
        extend h1                          => HoldExpired
        extend h9                          => HoldNotFound
        order? o2                          => expired
    ",
    );
    let order = shard.state.event(EventNo(1)).unwrap().order(2).unwrap();
    assert_eq!(order.expires_at_ms, T0 + 120_000);
    check(
        "
        open
        hold A-1-1
        extend h1                          => ExtensionNotAllowed
    ",
    );
}

#[test]
fn d30_seats_are_swapped_inside_a_hold_in_one_step() {
    check(
        "
        open person-max=3
        hold A-1-1 A-1-2 person=7          => h1 A-1-1,A-1-2 200
        hold A-1-4
        swap h1 A-1-2 A-1-3                => h1 A-1-2,A-1-3 200
        seats                              => .hhh.. ...... ...... ....
        swap h1 A-1-3 A-1-4                => SeatTaken A-1-4:held
        swap h1                            => SeatsInvalid
        seats                              => .hhh.. ...... ...... ....
        swap h1 best 3 tiers=0             => h1 A-1-1,A-1-2,A-1-3 300 Adjacent
        person? p7                         => 3
        swap h1 best 4                     => LimitPerPerson { max: 3, has: 3 }
        swap h1 B-1-1                      => h1 B-1-1 50
        person? p7                         => 1
        tick 300s
        swap h1 A-1-1                      => HoldExpired
        expire                             => expired 2 more=false
        seats                              => ...... ...... ...... ....
        swap h1 A-1-1                      => HoldExpired
    ",
    );
}

#[test]
fn a_hold_that_became_an_order_is_not_swapped() {
    check(
        "
        open
        hold A-1-1
        order h1
        swap h1 A-1-2                      => OrderState { status: PendingPayment }
    ",
    );
}

#[test]
fn d61_the_stop_switch_stops_holds_and_nothing_else() {
    check(
        "
        open extend=1/60
        hold A-1-1
        hold A-1-2
        pause                              => SalePaused
        pause                              => SalePaused
        hold A-1-3                         => SalePaused
        swap h1 A-1-3                      => SalePaused
        extend h1                          => 360s more=0
        order h1                           => o3 100
        pay o3                             => p4 100
        capture p4 100                     => succeeded confirmed order=paid
        release h2                         => released
        resume                             => SaleResumed
        hold A-1-3                         => h5 A-1-3 100
    ",
    );
}

#[test]
fn d51_the_sale_opens_and_closes_at_one_place_of_the_log() {
    let shard = check(
        "
        open opens=10 closes=120
        tick 9s
        expire                             => expired 0 more=false
        hold A-1-1                         => SaleNotOpen { opens_at_ms: 1800000010000 }
        tick 1s
        expire                             => expired 0 more=false
        hold A-1-1                         => h1 A-1-1 100
        window opens=20 closes=28          => WindowSet
        hold A-1-2                         => SaleNotOpen { opens_at_ms: 1800000020000 }
        window opens=300 closes=300        => OutOfRange
        open opens=10 closes=120           => opened
        tick 10s
        hold A-1-2                         => h2 A-1-2 100
        tick 8s
        hold A-1-3                         => SaleClosed
        expire                             => expired 0 more=false
    ",
    );
    let told = |record: &LedgerRecord| match record.change {
        Change::SaleChanged(change) => Some((record.at_ms - T0, change)),
        _ => None,
    };
    let told: Vec<_> = shard.state.feed().filter_map(told).collect();
    let set = SaleChange::WindowSet { opens_at_ms: T0 + 20_000, closes_at_ms: T0 + 28_000 };
    let expected = [
        (10_000, SaleChange::Opened),
        (10_000, set),
        (28_000, SaleChange::Opened),
        (28_000, SaleChange::Closed),
    ];
    assert_eq!(told, expected);
    assert_eq!(shard.state.next_deadline_ms(), Some(T0 + 310_000), "the first hold's end");
}

#[test]
fn presale_codes_let_in_before_the_opening() {
    check(
        "
        open opens=600
        code presale=6 tiers=1 seats=2 from=60 until=500
        hold B-1-1 presale=6               => CodeNotValid
        tick 60s
        hold B-1-1                         => SaleNotOpen { opens_at_ms: 1800000600000 }
        hold B-1-1 presale=9               => CodeUnknown
        hold A-1-1 presale=6               => CodeNotValid
        hold B-1-1 presale=6               => h1 B-1-1 50
        hold B-1-2 B-1-3 presale=6         => CodeUsedUp
        hold B-1-2 presale=6               => h2 B-1-2 50
        code? 6                            => held 2/0 sold 0/0
        release h2
        code? 6                            => held 1/0 sold 0/0
        order h1
        pay o3
        capture p4 50                      => succeeded confirmed order=paid
        code? 6                            => held 0/0 sold 1/0
        tick 450s
        hold B-1-3 presale=6               => CodeNotValid
        tick 100s
        ack
        hold B-1-3                         => h5 B-1-3 50
    ",
    );
}

#[test]
fn promo_codes_make_seats_cheaper_within_their_limits() {
    // D33.
    check(
        "
        open
        code promo=5 off=10 bp=1000 tiers=0 seats=3 budget=50 => CodesPut
        hold A-1-1 B-1-1 promo=5           => h1 A-1-1,B-1-1 130
        code? 5                            => held 1/20 sold 0/0
        hold B-1-2 promo=5                 => CodeNotValid
        hold A-1-2 promo=8                 => CodeUnknown
        hold A-1-2 A-1-3 promo=5           => CodeUsedUp
        hold A-1-2 promo=5                 => h2 A-1-2 80
        order h1                           => o3 130
        pay o3                             => p4 130
        capture p4 130                     => succeeded confirmed order=paid
        code? 5                            => held 1/20 sold 1/20
        tick 300s
        expire
        code? 5                            => held 0/0 sold 1/20
        code promo=5 off=500               => CodesPut
        hold A-1-2 promo=5                 => h5 A-1-2 0
        order h5                           => o6 0
        order? o6                          => paid
        seats                              => xx.... ...... ...... x...
        code? 5                            => held 0/0 sold 2/120
        code promo=7 bp=10001              => OutOfRange
    ",
    );
}

#[test]
fn a_codes_budget_counts_what_is_held_and_what_is_paid() {
    // D33.
    check(
        "
        open
        code promo=6 off=30 budget=80      => CodesPut
        hold A-1-1 promo=6                 => h1 A-1-1 70
        order h1                           => o2 70
        pay o2                             => p3 70
        capture p3 70                      => succeeded confirmed order=paid
        hold A-1-2 promo=6                 => h4 A-1-2 70
        code? 6                            => held 1/30 sold 1/30
        hold A-1-3 promo=6                 => CodeUsedUp
    ",
    );
}

#[test]
fn fees_are_frozen_with_the_price() {
    // D18: each fee is rounded on its own.
    let shard = check(
        "
        open fee=5/125
        hold A-1-1 B-1-1                   => h1 A-1-1,B-1-1 162
        order h1                           => o2 162
        pay o2                             => p3 162
        capture p3 162                     => succeeded confirmed order=paid
        give-back o2 B-1-1 no-fee          => r4 50
        give-back o2 A-1-1 share=5000      => r5 53
    ",
    );
    assert_eq!(Fee { per_seat_minor: 5, basis_points: 125 }.on(50), 6);
    assert!(shard.state.event(EventNo(1)).unwrap().order(2).unwrap().seats.is_empty());
}

#[test]
fn i7_a_fenced_event_is_not_opened_here() {
    check(
        "
        fence 1                            => Fenced
        fence 1                            => Fenced
        open                               => EventMoved
        hold A-1-1                         => EventMoved
        unfence 1                          => Unfenced
        open                               => opened
        fence 1                            => EventPresent
        hold A-1-1                         => h1 A-1-1 100
    ",
    );
}

#[test]
fn texts_that_no_table_holds_are_refused() {
    check(
        "
        open name=aNULb => SaleInvalid { reason: \"event id and name must have no NUL character\" }
        open
        hold A-1-1
        order h1
        pay o2
        record p3 gwNUL                    => TextInvalid
        record p3 gw                       => recorded
    ",
    );
}

/// Terms out of range are refused with their reason.
#[test]
fn rules_out_of_range_are_refused() {
    let refused = |rules: SaleRules| {
        let sale = Sale { rules, ..sale() };
        let open = OpenSale { event: EventNo(1), sale, plan: hall() };
        match Shard::default().run(None, Command::OpenSale(open)).outcome {
            Outcome::Refused(Refusal::SaleInvalid { reason }) => reason,
            other => panic!("{other:?}"),
        }
    };
    let rules = SaleRules::default;
    let cases = [
        (SaleRules { per_person_max: Some(0), ..rules() }, "seats per person"),
        (SaleRules { offer_ttl_ms: Some(4_999), ..rules() }, "offers must last"),
        (SaleRules { waitlist_ttl_ms: Some(86_400_001), ..rules() }, "offers must last"),
        (SaleRules { fee: Fee { per_seat_minor: -1, basis_points: 0 }, ..rules() }, "the fee"),
        (SaleRules { fee: Fee { per_seat_minor: 0, basis_points: 10_001 }, ..rules() }, "the fee"),
        (
            SaleRules { extension: Some(Extension { by_ms: 1_000, times_max: 11 }), ..rules() },
            "a hold is extended",
        ),
        (
            SaleRules {
                hold_budget: Some(HoldBudget { holds_max: 0, cool_down_ms: 1_000 }),
                ..rules()
            },
            "a hold budget",
        ),
    ];
    for (rules, expected) in cases {
        let reason = refused(rules);
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn a_swap_counts_anew_under_its_codes() {
    check(
        "
        open
        code promo=5 bp=1000 seats=2
        hold A-1-1 A-1-2 promo=5            => h1 A-1-1,A-1-2 180
        swap h1 A-2-1 A-2-2 A-2-3           => CodeUsedUp
        swap h1 A-2-1 A-2-2                 => h1 A-2-1,A-2-2 180
        code? 5                             => held 2/20 sold 0/0
        swap h1 A-2-1                       => h1 A-2-1 90
        hold A-1-1 promo=5                  => h2 A-1-1 90
        swap h1 A-2-1 A-2-2                 => CodeUsedUp
        code? 5                             => held 2/20 sold 0/0
    ",
    );
}
