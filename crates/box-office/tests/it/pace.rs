//! When gateways are asked again.

use box_office::worker::pace::{payment_due_ms, refund_due_ms};

const S: u64 = 1_000;
const MINUTE: u64 = 60 * S;
const HOUR: u64 = 60 * MINUTE;

#[test]
fn payments_are_asked_about_soon_then_every_minute_then_every_hour() {
    let start = 1_000_000;
    let due = |asked: Option<u64>| payment_due_ms(start, asked.map(|after| start + after)) - start;
    for (asked, next) in [
        (None, 5 * S),
        (Some(5 * S), 15 * S),
        (Some(14 * S), 15 * S),
        (Some(15 * S), MINUTE),
        (Some(MINUTE), 2 * MINUTE),
        (Some(2 * MINUTE + 1), 3 * MINUTE),
        (Some(59 * MINUTE), HOUR),
        (Some(HOUR), 2 * HOUR),
        (Some(2 * HOUR + MINUTE), 3 * HOUR),
    ] {
        assert_eq!(due(asked), next, "{asked:?}");
    }
}

#[test]
fn a_payment_is_asked_about_a_bounded_number_of_times_in_its_hour() {
    let (mut asked, mut times) = (None, 0);
    loop {
        let due = payment_due_ms(0, asked);
        if due > HOUR {
            break;
        }
        asked = Some(due);
        times += 1;
    }
    assert_eq!(times, 3 + 59);
}

#[test]
fn refunds_wait_longer_with_each_failure_up_to_six_hours() {
    assert_eq!(refund_due_ms(0, None), 0);
    assert_eq!(refund_due_ms(9, None), 0);
    let pause = |attempts| refund_due_ms(attempts, Some(100)) - 100;
    for (attempts, expected) in
        [(0, 5 * S), (1, 5 * S), (2, 10 * S), (3, 20 * S), (12, 10_240 * S), (14, 6 * HOUR)]
    {
        assert_eq!(pause(attempts), expected, "{attempts}");
    }
    assert_eq!(pause(u32::MAX), 6 * HOUR);
    let days = (1..24).map(pause).sum::<u64>() / (24 * HOUR);
    assert_eq!(days, 2, "24 attempts outlast the day that a gateway remembers a key");
}
