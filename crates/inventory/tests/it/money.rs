//! Orders, payments and refunds: money against time. Captured money always ends as exactly one of
//! seats or a refund (invariant I18), checked after each command.

use crate::harness::check;

const BOUGHT: &str = "
    open
    hold A-1-1 A-1-2                => h1 A-1-1,A-1-2 200
    order h1                        => o2 200
    pay o2                          => p3 200
    record p3 gw-1                  => recorded
";

/// Runs `table` after a hold, an order and a started payment.
#[track_caller]
fn after_payment(table: &str) {
    check(&format!("{BOUGHT}{table}"));
}

#[test]
fn money_in_time_confirms() {
    after_payment(
        "
        capture p3 200              => succeeded confirmed order=paid
        seats                       => xx.... ...... ...... ....
        tick 600s
        expire                      => expired 0 more=false
        seats                       => xx.... ...... ...... ....
    ",
    );
}

#[test]
fn settling_again_changes_nothing() {
    // D11, D12.
    after_payment(
        "
        capture p3 200              => succeeded confirmed order=paid
        capture p3 200              => succeeded confirmed order=paid
        canceled p3 late            => succeeded confirmed order=paid
        seats                       => xx.... ...... ...... ....
    ",
    );
}

#[test]
fn late_money_takes_free_seats_again() {
    // D1.
    after_payment(
        "
        tick 300s
        expire                      => expired 1 more=false
        order? o2                   => expired
        capture p3 200              => succeeded retaken order=paid
        seats                       => xx.... ...... ...... ....
    ",
    );
}

#[test]
fn money_after_the_deadline_but_before_the_timer_retakes() {
    after_payment(
        "
        tick 300s
        capture p3 200              => succeeded retaken order=paid
        seats                       => xx.... ...... ...... ....
        expire                      => expired 0 more=false
    ",
    );
}

#[test]
fn late_money_for_taken_seats_is_refunded() {
    // D2.
    after_payment(
        "
        tick 300s
        expire
        hold A-1-2                  => h4 A-1-2 100
        capture p3 200              => succeeded refunded order=refund_pending r5
        capture p3 200              => succeeded refunded order=refund_pending r5
        refund r5 fail              => noted
        order? o2                   => refund_pending
        refund r5 ok                => noted
        order? o2                   => refunded
        refund r5 fail              => noted
        order? o2                   => refunded
        seats                       => .h.... ...... ...... ....
    ",
    );
}

#[test]
fn a_dead_refund_leaves_the_order_waiting_for_a_person() {
    after_payment(
        "
        cancel o2                   => cancelled
        capture p3 200              => succeeded refunded order=refund_pending r4
        refund r4 dead              => noted
        order? o2                   => refund_pending
    ",
    );
}

#[test]
fn money_for_a_cancelled_order_is_refunded() {
    after_payment(
        "
        cancel o2                   => cancelled
        cancel o2                   => OrderState { status: Cancelled }
        capture p3 200              => succeeded refunded order=refund_pending r4
        seats                       => ...... ...... ...... ....
    ",
    );
}

#[test]
fn another_amount_never_confirms() {
    // D9: all that was captured goes back, the order may still be paid.
    after_payment(
        "
        capture p3 199              => succeeded refunded order=pending_payment r4
        seats                       => hh.... ...... ...... ....
        pay o2                      => p5 200
        capture p5 200              => succeeded confirmed order=paid
        refund r4 ok                => noted
        order? o2                   => paid
    ",
    );
}

#[test]
fn nothing_captured_is_a_cancel() {
    after_payment(
        "
        capture p3 0                => canceled nothing order=pending_payment
        capture p3 -5               => canceled nothing order=pending_payment
    ",
    );
}

#[test]
fn a_second_payment_waits_for_the_first() {
    // D8.
    after_payment("
        pay o2                      => PaymentPending { payment: PaymentId { event: EventNo(1), no: 3 } }
        canceled p3 declined        => canceled nothing order=pending_payment
        pay o2                      => p4 200
        capture p4 200              => succeeded confirmed order=paid
        pay o2                      => OrderState { status: Paid }
    ");
}

#[test]
fn double_payment_is_refunded_once_and_never_voids_the_ticket() {
    // D7, and D11: the gateway takes its 'canceled' back.
    after_payment(
        "
        canceled p3 timeout         => canceled nothing order=pending_payment
        pay o2                      => p4 200
        capture p4 200              => succeeded confirmed order=paid
        capture p3 200              => succeeded refunded order=paid r5
        refund r5 ok                => noted
        order? o2                   => paid
        seats                       => xx.... ...... ...... ....
    ",
    );
}

#[test]
fn orders_need_a_live_hold_and_only_one() {
    after_payment(
        "
        order h1                    => OrderState { status: PendingPayment }
        order h1 contact=4097       => TooLong
        pay o99                     => OrderNotFound
        cancel o99                  => OrderNotFound
        record p99 x                => PaymentNotFound
        capture p99 1               => PaymentNotFound
        refund r99 ok               => RefundNotFound
        record p3 gw-other          => recorded
        tick 300s
        pay o2                      => HoldExpired
        cancel o2                   => HoldExpired
        expire
        pay o2                      => OrderState { status: Expired }
    ",
    );
}

#[test]
fn attempts_are_bounded() {
    let mut table = String::from("open\nhold A-1-1\norder h1 => o2 100\n");
    for no in 3..23 {
        table += &format!("pay o2 => p{no} 100\ncanceled p{no} declined\n");
    }
    check(&(table + "pay o2 => PaymentAttempts"));
}

#[test]
fn unpaid_orders_are_forgotten_but_not_while_money_may_come() {
    after_payment(
        "
        hold B-1-1
        order h4                    => o5 50
        tick 300s
        expire                      => expired 2 more=false
        tick 2h
        expire                      => expired 0 more=false
        order? o5                   => unknown
        order? o2                   => expired
        capture p3 200              => succeeded retaken order=paid
        tick 3h
        expire
        order? o2                   => paid
    ",
    );
}

#[test]
fn an_order_with_an_open_refund_is_not_forgotten() {
    after_payment(
        "
        capture p3 199              => succeeded refunded order=pending_payment r4
        tick 300s
        expire                      => expired 1 more=false
        tick 3h
        expire
        order? o2                   => expired
        refund r4 ok                => noted
        tick 3h
        expire
        order? o2                   => unknown
        refund r4 ok                => RefundNotFound
    ",
    );
}
