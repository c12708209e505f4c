//! Idempotency keys (invariant I8).

use crate::harness::check;

#[test]
fn the_same_key_answers_the_same_and_acts_once() {
    // D42, D65.
    check(
        "
        open
        key=1 hold A-1-1            => h1 A-1-1 100
        key=1 hold A-1-1            => again h1 A-1-1 100
        key=1/x hold A-1-1          => IdempotencyConflict
        key=1 release h1            => IdempotencyConflict
        release h1                  => released
        key=1 hold A-1-1            => again h1 A-1-1 100
        seats                       => ...... ...... ...... ....
    ",
    );
}

#[test]
fn refusals_are_not_remembered() {
    check(
        "
        open
        hold A-1-1
        key=2 hold A-1-1            => SeatTaken A-1-1:held
        release h1
        key=2 hold A-1-1            => h2 A-1-1 100
    ",
    );
}

#[test]
fn a_version_7_key_past_the_horizon_is_refused_not_executed() {
    check(
        "
        open
        key=1@-15m hold A-1-1       => h1 A-1-1 100
        key=2@-901s hold A-1-2      => IdempotencyWindowExpired
        seats                       => h..... ...... ...... ....
    ",
    );
}

#[test]
fn a_key_is_remembered_for_the_whole_horizon() {
    check(
        "
        open
        key=1@60s hold A-1-1        => h1 A-1-1 100
        tick 960s
        expire
        key=3 hold A-1-3            => h2 A-1-3 100
        key=1@-900s hold A-1-1      => again h1 A-1-1 100
        tick 1s
        key=4 hold A-1-4            => h3 A-1-4 100
        key=1@-901s hold A-1-1      => IdempotencyWindowExpired
    ",
    );
}

#[test]
fn a_key_from_the_far_future_counts_from_first_sight() {
    // D52: a wrong client clock must not make a key immortal or unusable.
    check(
        "
        open
        key=1@2h hold A-1-1         => h1 A-1-1 100
        key=1@2h hold A-1-1         => again h1 A-1-1 100
        tick 960s
        expire
        key=2@0s hold A-1-2         => h2 A-1-2 100
        key=1@6240s hold A-1-1      => again h1 A-1-1 100
        tick 1s
        key=3@0s hold A-1-3         => h3 A-1-3 100
        # Forgotten, as a key without a time would be: docs/decisions says why.
        key=1@6239s hold A-1-1      => h4 A-1-1 100
    ",
    );
}

#[test]
fn a_key_a_minute_ahead_is_believed_and_refused_when_it_is_old() {
    // D52.
    check(
        "
        open
        key=1@60s hold A-1-1        => h1 A-1-1 100
        key=2@61s hold A-1-2        => h2 A-1-2 100
        tick 961s
        expire
        key=3@0s hold A-1-3         => h3 A-1-3 100
        key=1@-901s hold A-1-1      => IdempotencyWindowExpired
        # An honest clock by now: 15 min old, and nobody knows that it was used.
        key=2@-900s hold A-1-2      => h4 A-1-2 100
    ",
    );
}
