//! Holds: named seats, best available, release, expiry.

use inventory::*;

use crate::harness::{check, sale};

#[test]
fn named_seats_are_all_or_nothing() {
    // D23, D24.
    check(
        "
        open
        hold A-1-2 A-1-1            => h1 A-1-1,A-1-2 200
        hold A-1-3 A-1-2 A-1-1      => SeatTaken A-1-1:held,A-1-2:held
        seats                       => hh.... ...... ...... ....
        hold B-1-4                  => h2 B-1-4 50
    ",
    );
}

#[test]
fn wrong_requests_change_nothing() {
    check(
        "
        hold A-1-1                  => EventNotFound
        open max=3
        hold                        => SeatsInvalid
        best 0                      => SeatsInvalid
        hold A-1-1 A-1-1            => SeatsInvalid
        hold #22                    => SeatsInvalid
        hold #4294967295            => SeatsInvalid
        hold A-1-1 A-1-2 A-1-3 A-1-4 => LimitPerHold { max: 3 }
        best 4                      => LimitPerHold { max: 3 }
        hold-plan 2                 => PlanChanged { version: 1 }
        release h9                  => HoldNotFound
        order h9                    => HoldNotFound
        seats                       => ...... ...... ...... ....
    ",
    );
}

#[test]
fn sale_window_bounds_holds() {
    check(
        "
        open opens=60 closes=120
        hold A-1-1                  => SaleNotOpen { opens_at_ms: 1800000060000 }
        tick 60s
        ack
        hold A-1-1                  => h1 A-1-1 100
        tick 60s
        hold A-1-2                  => SaleClosed
        order h1                    => o2 100
    ",
    );
}

#[test]
fn opening_twice_is_harmless_and_differently_refused() {
    check(
        "
        open                        => opened
        hold A-1-1
        open                        => opened
        seats                       => h..... ...... ...... ....
        open name=Other             => SaleDiffers
    ",
    );
}

#[test]
fn release_frees_at_once() {
    check(
        "
        open
        hold A-1-1
        release h1                  => released
        release h1                  => HoldNotFound
        order h1                    => HoldNotFound
        hold A-1-1                  => h2 A-1-1 100
    ",
    );
}

#[test]
fn release_cancels_the_order_made_from_the_hold() {
    check(
        "
        open
        hold A-1-1
        order h1                    => o2 100
        release h1                  => released
        order? o2                   => cancelled
        seats                       => ...... ...... ...... ....
    ",
    );
}

/// Invariant I9.
#[test]
fn a_hold_expires_exactly_at_its_deadline_and_once() {
    check(
        "
        open ttl=5
        hold A-1-1
        tick 4999ms
        expire                      => expired 0 more=false
        order h1                    => o2 100
        tick 1ms
        # The deadline has come, the timer has not: the hold is over all the same.
        release h1                  => HoldExpired
        hold A-1-1                  => SeatTaken A-1-1:held
        expire                      => expired 1 more=false
        expire                      => expired 0 more=false
        order? o2                   => expired
        order h1                    => HoldExpired
        hold A-1-1                  => h3 A-1-1 100
    ",
    );
}

#[test]
fn best_takes_the_middle_of_the_first_row() {
    // D27, D28.
    check(
        "
        open
        best 2 no-orphans           => h1 A-1-3,A-1-4 200 AdjacentNoOrphan
        best 2 no-orphans           => h2 A-1-1,A-1-2 200 AdjacentNoOrphan
        best 2 no-orphans           => h3 A-1-5,A-1-6 200 AdjacentNoOrphan
        best 1                      => h4 A-2-3 100 Adjacent
    ",
    );
}

#[test]
fn orphans_are_avoided_but_never_cost_the_booking() {
    // D26: row 1 would leave one seat alone, row 2 need not.
    check(
        "
        open
        hold A-1-1 A-1-2
        best 3 no-orphans           => h2 A-2-1,A-2-2,A-2-3 300 AdjacentNoOrphan
        hold A-2-4 A-2-5 A-2-6
        hold A-3-1 A-3-2
        # Only runs of four are left in A: three of them leave an orphan, but B offers none.
        best 3 sections=0 no-orphans => h5 A-1-3,A-1-4,A-1-5 300 Adjacent
    ",
    );
}

#[test]
fn best_takes_neighbouring_rows_before_it_splits() {
    // D27: the longest run is two, so three sit as two with one right behind them.
    check(
        "
        open
        hold A-1-2 A-1-5
        hold A-2-2 A-2-5
        hold A-3-2 A-3-5
        best 3 tiers=0              => h4 A-1-3,A-1-4,A-2-3 300 NeighbouringRows
        best 3 tiers=0              => h5 A-2-4,A-3-3,A-3-4 300 NeighbouringRows
        best 2 tiers=0              => h6 A-1-1,A-2-1 200 NeighbouringRows
        best 3 tiers=0              => h7 A-1-6,A-2-6,A-3-1 300 Split
        best 2 tiers=0              => NotEnoughSeats
        best 1 tiers=0              => h8 A-3-6 100 Adjacent
    ",
    );
}

#[test]
fn best_splits_when_nothing_else_is_left() {
    check(
        "
        open
        hold A-1-2 A-1-5
        hold A-2-1 A-2-2 A-2-3 A-2-4 A-2-5 A-2-6
        hold A-3-2 A-3-5
        best 3 tiers=0 together     => NotEnoughAdjacent
        best 4 tiers=1 together     => NotEnoughSeats
        best 2 tiers=0 together     => h4 A-1-3,A-1-4 200 Adjacent
        release h4
        best 3 tiers=0              => h5 A-1-1,A-1-3,A-1-4 300 Split
        best 4 tiers=0              => h6 A-1-6,A-3-1,A-3-3,A-3-4 400 Split
        best 2 tiers=0              => NotEnoughSeats
    ",
    );
}

#[test]
fn best_keeps_to_the_wish() {
    check(
        "
        open
        best 3 tiers=1              => h1 B-1-1,B-1-2,B-1-3 150 Adjacent
        best 1 tiers=1              => NotEnoughSeats
        best 1 max_price=99         => NotEnoughSeats
        best 2 sections=1           => NotEnoughSeats
        best 1 sections=7           => NotEnoughSeats
        best 2 max_price=100        => h2 A-1-3,A-1-4 200 Adjacent
    ",
    );
}

/// One section of rows with 128 seats each.
fn long_hall(rows: u32) -> Plan {
    let seat = |n: u32| Seat {
        number: n.to_string().into(),
        tier: 0,
        x: 0,
        y: 0,
        accessible: false,
        companion: false,
    };
    let row = |label: u32| Row { label: label.to_string(), seats: (0..128).map(seat).collect() };
    let rows = (0..rows).map(row).collect();
    Plan {
        version: 1,
        tiers: vec![Tier { id: "t".into(), name: "t".into(), price_minor: 1 }],
        sections: vec![Section {
            id: "A".into(),
            name: "A".into(),
            rows,
            kind: SectionKind::Seated,
        }],
        focal: None,
    }
}

#[test]
fn an_expiry_wave_is_capped_per_command() {
    // D38.
    let seats = EXPIRE_BATCH_MAX + 10;
    let event = EventNo(1);
    let mut state = State::new();
    let mut run = |at_ms, command| {
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        state.apply(Stamp { log_index: 1, at_ms }, &envelope).outcome
    };
    let t0 = sale().opens_at_ms;
    let plan = long_hall(seats.div_ceil(128));
    run(t0, Command::OpenSale(OpenSale { event, sale: sale(), plan }));
    for at in 0..seats {
        let choice = Choice::Seats(vec![SeatIx(at)]);
        run(t0, Command::Hold(HoldSeats::of(event, 1, choice)));
    }
    let wave = run(t0 + 300_000, Command::ExpireHolds);
    assert_eq!(wave, Outcome::Expired { holds: EXPIRE_BATCH_MAX, more: true });
    let rest = run(t0 + 300_000, Command::ExpireHolds);
    assert_eq!(rest, Outcome::Expired { holds: 10, more: false });
    state.check_invariants().unwrap();
}
