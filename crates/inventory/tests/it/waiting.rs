//! The waiting list (A11): strictly in the order of joining, in the command that freed the seats.

use inventory::*;

use crate::harness::{Shard, check};

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

#[test]
fn a11_seats_that_a_settled_payment_frees_serve_the_list() {
    // The time has ended the hold, but the timer's command has not come; the money is wrong.
    after_sell_out(
        "
        order h5                           => o6 150
        pay o6
        join p7 3 tiers=1                  => w8 behind 0
        tick 301s
        capture p7 60                      => succeeded refunded order=refund_pending r9
        line? w8                           => h10
        seats                              => hhhhhh hhhhhh hhhhhh hhh.
    ",
    );
}

#[test]
fn a11_each_seat_of_a_row_is_kept_not_the_first_alone() {
    after_sell_out(
        "
        join p7 6 tiers=0                  => w6 behind 0
        release h3                         => released
        hold A-3-1                         => KeptForWaitlist
        hold A-3-2                         => KeptForWaitlist
        hold A-3-3                         => KeptForWaitlist
    ",
    );
}
