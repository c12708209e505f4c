//! Edge cases by their number that are about time and money meeting, as far as the rules decide them.

use inventory::*;

use crate::harness::{T0, check};

#[test]
fn d4_the_seat_is_settled_before_the_money_is_taken() {
    // A gateway that waits for a capture is asked for it while the hold lives; a lost seat is a cancel.
    check(
        "
        open
        hold A-1-1                  => h1 A-1-1 100
        order h1                    => o2 100
        pay o2                      => p3 100
        canceled p3 not_captured    => canceled nothing order=pending_payment
        seats                       => h..... ...... ...... ....
        pay o2                      => p4 100
        capture p4 100              => succeeded confirmed order=paid
        seats                       => x..... ...... ...... ....
    ",
    );
}

#[test]
fn d5_money_that_is_already_gone_comes_back_as_a_refund() {
    check(
        "
        open
        hold A-1-1                  => h1 A-1-1 100
        order h1                    => o2 100
        pay o2 method=sbp           => p3 100
        tick 300s
        expire                      => expired 1 more=false
        hold A-1-1                  => h4 A-1-1 100
        capture p3 100              => succeeded refunded order=refund_pending r5
        refund r5 ok                => noted
        order? o2                   => refunded
    ",
    );
}

#[test]
fn d5a_money_that_the_gateway_gave_back_itself_is_no_ticket() {
    check(
        "
        open
        hold A-1-1                  => h1 A-1-1 100
        order h1                    => o2 100
        pay o2                      => p3 100
        tick 300s
        expire
        canceled p3 returned        => canceled nothing order=expired
        capture p3 0                => canceled nothing order=expired
        seats                       => ...... ...... ...... ....
    ",
    );
}

#[test]
fn d6_only_the_gateway_moves_an_order() {
    // Whatever the redirect says: recording, asking and paying again change no status.
    check(
        "
        open
        hold A-1-1                  => h1 A-1-1 100
        order h1                    => o2 100
        pay o2                      => p3 100
        record p3 ref               => recorded
        pay o2                      => PaymentPending { payment: PaymentId { event: EventNo(1), no: 3 } }
        order? o2                   => pending_payment
        capture p3 100              => succeeded confirmed order=paid
        canceled p3 late            => succeeded confirmed order=paid
        order? o2                   => paid
    ",
    );
}

#[test]
fn d25_a_hold_over_two_sections_is_one_command_too() {
    check(
        "
        open
        hold A-1-1 B-1-1            => h1 A-1-1,B-1-1 150
        hold A-1-2 B-1-1            => SeatTaken B-1-1:held
        seats                       => h..... ...... ...... h...
        release h1                  => released
        seats                       => ...... ...... ...... ....
    ",
    );
}

#[test]
fn d37_an_expired_hold_says_so_to_whatever_is_asked() {
    let asked = "
        extend h1                   => HoldExpired
        swap h1 A-1-2               => HoldExpired
        order h1                    => HoldExpired
        release h1                  => HoldExpired
    ";
    check(&format!("open extend=2/60\nhold A-1-1\ntick 300s\n{asked}\nexpire\n{asked}"));
}

#[test]
fn d39_a_payment_that_starts_with_the_deadline() {
    check(
        "
        open
        hold A-1-1                  => h1 A-1-1 100
        order h1                    => o2 100
        hold A-1-2                  => h3 A-1-2 100
        order h3                    => o4 100
        tick 299999ms
        pay o2                      => p5 100
        tick 1ms
        pay o4                      => HoldExpired
        # Who was sent to the gateway in time gets the seat as long as it is free.
        expire                      => expired 2 more=false
        capture p5 100              => succeeded retaken order=paid
        seats                       => x..... ...... ...... ....
    ",
    );
}

#[test]
fn d50_a_clock_that_falls_back_gives_nobody_more_time() {
    let mut shard = check("open\nhold A-1-1\ntick 200s\nhold A-1-2");
    shard.now_ms = T0;
    let late = shard.parse("hold A-1-3");
    let Outcome::Held(held) = shard.run(None, late).outcome else { panic!("granted") };
    assert_eq!((held.at_ms, held.expires_at_ms), (T0 + 200_000, T0 + 500_000));
    assert_eq!(shard.state.at_ms(), T0 + 200_000);
    shard.now_ms = T0 + 299_999;
    let expire = || Command::ExpireHolds;
    assert_eq!(shard.run(None, expire()).outcome, Outcome::Expired { holds: 0, more: false });
    shard.now_ms = T0 + 300_000;
    assert_eq!(shard.run(None, expire()).outcome, Outcome::Expired { holds: 1, more: false });
}
