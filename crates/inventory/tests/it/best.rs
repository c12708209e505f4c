//! Best available: wheelchairs with their companions, the focal point, nobody refused for nothing.

use inventory::*;

use crate::harness::{Shard, hall, sale};

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
