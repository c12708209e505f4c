//! Best available where the nearest place is not to be had: which of the others is taken, seat by seat.
//!
//! A hall is drawn as its rows: `.` an ordinary seat, `w` one for a wheelchair, `c` one for a companion,
//! `x` an ordinary one that is taken.

use inventory::*;

use crate::harness::{Shard, hall, sale};

fn drawn(rows: &[&str]) -> Plan {
    let seat = |n: usize, kind: char| Seat {
        number: n.to_string().into(),
        tier: 0,
        x: n as i32 * 100,
        y: 0,
        accessible: kind == 'w',
        companion: kind == 'c',
    };
    let row = |(at, kinds): (usize, &&str)| Row {
        label: (at + 1).to_string(),
        seats: (1..).zip(kinds.chars()).map(|(n, kind)| seat(n, kind)).collect(),
    };
    let mut plan = hall();
    plan.sections.truncate(1);
    plan.sections[0].rows = rows.iter().enumerate().map(row).collect();
    plan
}

/// What a group of so many with so many wheelchairs gets: the seats by row and number, and how.
fn chosen(rows: &[&str], number: u16, accessible: u16) -> Result<(String, HoldStep), Refusal> {
    let mut shard = Shard::default();
    let command = OpenSale {
        event: EventNo(1),
        sale: Sale { per_hold_max: 10, ..sale() },
        plan: drawn(rows),
    };
    assert_eq!(shard.run(None, Command::OpenSale(command)).outcome, Outcome::SaleOpened);
    let mut hold = |choice| shard.run(None, Command::Hold(HoldSeats::of(EventNo(1), 1, choice)));
    let all = rows.iter().flat_map(|row| row.chars());
    for (at, _) in (0..).zip(all).filter(|(_, kind)| *kind == 'x') {
        assert!(matches!(hold(Choice::Seats(vec![SeatIx(at)])).outcome, Outcome::Held(_)));
    }
    let wish = Best { number, accessible, prevent_orphans: true, ..Best::default() };
    match hold(Choice::Best(wish)).outcome {
        Outcome::Held(held) => {
            let names = held.seats.iter().map(|priced| name(rows, priced.seat));
            Ok((names.collect::<Vec<_>>().join(" "), held.step.expect("a best one has a step")))
        }
        Outcome::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn name(rows: &[&str], SeatIx(mut at): SeatIx) -> String {
    for (row, kinds) in (1..).zip(rows) {
        let len = kinds.len() as u32;
        if at < len {
            return format!("{row}-{}", at + 1);
        }
        at -= len;
    }
    panic!("a seat beyond the hall")
}

#[test]
fn d29_a_companions_seat_comes_before_an_ordinary_one_nearer_to_the_middle() {
    let found = chosen(&["...wc"], 2, 1);
    assert_eq!(found, Ok(("1-4 1-5".into(), HoldStep::Adjacent)));
}

#[test]
fn d29_a_wheelchair_far_along_its_row_is_found() {
    let long = format!("{}ww.....", ".".repeat(33));
    let found = chosen(&[&long], 5, 2);
    assert_eq!(found, Ok(("1-31 1-32 1-33 1-34 1-35".into(), HoldStep::Adjacent)));
    let longest = format!("{}ww", ".".repeat(126));
    assert_eq!(chosen(&[&longest], 2, 2), Ok(("1-127 1-128".into(), HoldStep::Adjacent)));
}

#[test]
fn d29_who_comes_along_sits_in_a_wheelchairs_row_before_a_better_one() {
    let found = chosen(&["....", "wx.."], 2, 1);
    assert_eq!(found, Ok(("2-1 2-3".into(), HoldStep::Split)));
}

#[test]
fn d29_rows_give_as_many_wheelchair_seats_as_are_wished_for() {
    let found = chosen(&["wx", "wxw"], 2, 2);
    assert_eq!(found, Ok(("1-1 2-1".into(), HoldStep::Split)));
    assert_eq!(chosen(&["wx", "x."], 2, 2), Err(Refusal::NotEnoughSeats));
}

#[test]
fn d29_who_finds_no_room_beside_a_wheelchair_sits_on_free_ordinary_seats() {
    let found = chosen(&["x.", "wx.x", "xw"], 4, 2);
    assert_eq!(found, Ok(("1-2 2-1 2-3 3-2".into(), HoldStep::Split)));
    let found = chosen(&["xw.", "x.x."], 3, 1);
    assert_eq!(found, Ok(("1-2 1-3 2-2".into(), HoldStep::Split)));
}

#[test]
fn two_rows_are_neighbours_where_one_sits_at_most_one_seat_aside() {
    let neighbours = HoldStep::NeighbouringRows;
    for (behind, seats, step) in [
        // To the left before to the right.
        ("xxx.xxx", "1-4 2-4", neighbours),
        ("xx.x.xx", "1-4 2-3", neighbours),
        ("xxxx.xx", "1-4 2-5", neighbours),
        ("xx.xxxx", "1-4 2-3", neighbours),
        ("x.xxx.x", "1-4 2-2", HoldStep::Split),
    ] {
        let found = chosen(&["xxx.xxx", behind], 2, 0);
        assert_eq!(found, Ok((seats.into(), step)), "{behind}");
    }
}

#[test]
fn a_part_behind_another_is_in_the_middle_of_rows_of_any_length() {
    let neighbours = HoldStep::NeighbouringRows;
    for (rows, number, seats) in [
        (["x..x", "xx..xx"], 4, "1-2 1-3 2-3 2-4"),
        (["xx..xx", "x..x"], 4, "1-3 1-4 2-2 2-3"),
        (["x...x", ".x..x"], 5, "1-2 1-3 1-4 2-3 2-4"),
        (["xx..x", "x...x"], 5, "1-3 1-4 2-2 2-3 2-4"),
        (["...xxx", "x..xxx"], 5, "1-1 1-2 1-3 2-2 2-3"),
    ] {
        assert_eq!(chosen(&rows, number, 0), Ok((seats.into(), neighbours)), "{rows:?}");
    }
}
