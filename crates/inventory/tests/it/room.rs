//! Room in the outbox (invariant I12): each command asks for what it writes and promises, to the record:
//! with one record less it is refused, with exactly that much it is not.

use inventory::*;

use crate::harness::{Shard, sale};

const RECORDS_MAX: u64 = 400;

/// A shard after a table's lines, all of them written to the database.
fn after(lines: &[&str]) -> Shard {
    let mut shard = Shard::new(State::with_ledger_max(RECORDS_MAX));
    for line in lines {
        run(&mut shard, line);
    }
    run(&mut shard, "ack");
    shard
}

fn run(shard: &mut Shard, line: &str) -> Outcome {
    let command = shard.parse(line);
    shard.run(None, command).outcome
}

/// Fills the outbox until it has room for so many records.
fn leave_room(shard: &mut Shard, records: u64) {
    let (waiting, promised) = shard.state.ledger_room();
    for person in 0..RECORDS_MAX - waiting - promised - records {
        let limit = SetPersonLimit { event: EventNo(1), person: u128::from(person), max: Some(9) };
        let done = shard.run(None, Command::SetPersonLimit(limit)).outcome;
        assert_eq!(done, Outcome::PersonLimitSet);
    }
}

#[track_caller]
fn needs(lines: &[&str], command: Command, records: u64) {
    for (room, is_refused) in [(records - 1, true), (records, false)] {
        let mut shard = after(lines);
        leave_room(&mut shard, room);
        let outcome = shard.run(None, command.clone()).outcome;
        let backlog = outcome == Outcome::Refused(Refusal::PersistenceBacklog);
        assert_eq!(backlog, is_refused, "{command:?} with room for {room}: {outcome:?}");
        let refused = matches!(outcome, Outcome::Refused(_));
        assert_eq!(refused, is_refused, "{command:?} with room for {room}: {outcome:?}");
    }
}

#[test]
fn commands_of_shoppers_ask_for_what_they_write_and_promise() {
    let paid = ["open", "hold A-1-1 A-1-2", "order h1", "pay o2", "capture p3 200"];
    let full = [
        "open waitlist=60",
        "hold A-1-1 A-1-2 A-1-3 A-1-4 A-1-5 A-1-6",
        "hold A-2-1 A-2-2 A-2-3 A-2-4 A-2-5 A-2-6",
        "hold A-3-1 A-3-2 A-3-3 A-3-4 A-3-5 A-3-6",
        "hold B-1-1 B-1-2 B-1-3",
    ];
    for (lines, line, records) in [
        // Its grant, and placed, changed, ended, sold.
        (&["open"][..], "hold A-1-1", 5),
        (&["open extend=2/60", "hold A-1-1"], "extend h1", 1),
        (&["open", "hold A-1-1"], "swap h1 A-1-2", 2),
        // Its start, and seven that end it.
        (&["open", "hold A-1-1", "order h1"], "pay o2", 8),
        // Other seats may be offered for it: eight more.
        (&["open offer=60", "hold A-1-1", "order h1"], "pay o2", 16),
        // The place, and served or left, granted, and the hold's own.
        (&full[..], "join p9 2", 7),
        (&paid[..], "give-back o2 A-1-1", 10),
        (&paid[..], "reassign o2 A-1-1>A-2-1", 2),
    ] {
        let command = after(lines).parse(line);
        needs(lines, command, records);
    }
}

#[test]
fn commands_of_staff_ask_for_what_they_write_and_promise() {
    let two_paid = [
        "open",
        "hold A-1-1 A-1-2",
        "order h1",
        "pay o2",
        "capture p3 200",
        "hold A-2-1",
        "order h4",
        "pay o5",
        "capture p6 100",
        "hold A-3-1",
    ];
    let dead = ["open", "hold A-1-1", "order h1", "pay o2", "mismatch p3 100", "refund r4 dead"];
    for (lines, line, records) in [
        (&["open"][..], "pause", 1),
        (&["open"], "block A-1-1", 1),
        (&["open", "block A-1-1"], "unblock A-1-1", 1),
        (&["open"], "remove A-1-1", 1),
        // Holds have their room; each order's refund needs three records and promises seven.
        (&two_paid[..], "remove A-3-1", 1),
        (&two_paid[..], "remove A-1-1 A-1-2", 11),
        (&two_paid[..], "remove A-1-1 A-2-1 A-3-1", 21),
        (&["open"], "window closes=50000", 3),
        (&["open"], "code promo=5 off=10", 1),
        (&["open"], "cancel-event", 1),
        (&dead[..], "retry r4", 8),
    ] {
        let command = after(lines).parse(line);
        needs(lines, command, records);
    }
}

/// A hall of 1,500 seats.
fn large() -> Shard {
    let mut shard = Shard::new(State::with_ledger_max(RECORDS_MAX));
    let open = OpenSale { event: EventNo(1), sale: sale(), plan: Plan::hall(1_500, 100) };
    assert_eq!(shard.run(None, Command::OpenSale(open)).outcome, Outcome::SaleOpened);
    run(&mut shard, "ack");
    shard
}

fn codes(number: u32) -> Command {
    let code = |hash| Code {
        hash,
        kind: CodeKind::Presale,
        from_ms: 1,
        until_ms: 2,
        tiers: vec![],
        seats_max: None,
        budget_minor: None,
    };
    let codes = (0..u128::from(number)).map(code).collect();
    Command::PutCodes(PutCodes { event: EventNo(1), codes })
}

fn block(number: u32) -> Command {
    let seats = SeatSet::Seats((0..number).map(SeatIx).collect());
    Command::BlockSeats(BlockSeats { event: EventNo(1), seats })
}

fn remove(number: u32) -> Command {
    let seats = (0..number).map(SeatIx).collect();
    Command::RemoveSeats(RemoveSeats { event: EventNo(1), seats })
}

/// What only staff can make larger than a shopper's largest record takes the room of several, and
/// gives it back when the database has it.
#[test]
fn large_records_of_staff_take_the_room_of_several() {
    let unblock = |number: u32| {
        let seats = SeatSet::Seats((0..number).map(SeatIx).collect());
        Command::UnblockSeats(UnblockSeats { event: EventNo(1), seats })
    };
    let more = |seats| {
        Command::ReplacePlan(ReplacePlan {
            event: EventNo(1),
            plan: Plan { version: 2, ..Plan::hall(seats, 100) },
        })
    };
    for (before, command, records) in [
        (None, block(100), 1),
        (None, block(101), 2),
        (None, block(1_000), 10),
        (Some(block(1_000)), unblock(1_000), 10),
        (None, remove(200), 2),
        (None, remove(201), 3),
        (None, codes(4), 1),
        (None, codes(5), 2),
        (None, codes(1_000), 250),
        (None, more(1_500), 1),
        (None, more(1_600), 2),
        (None, more(3_500), 21),
    ] {
        for (room, is_refused) in [(records - 1, true), (records, false)] {
            let mut shard = large();
            if let Some(before) = &before {
                shard.run(None, before.clone());
                run(&mut shard, "ack");
            }
            leave_room(&mut shard, room);
            let outcome = shard.run(None, command.clone()).outcome;
            let refused = outcome == Outcome::Refused(Refusal::PersistenceBacklog);
            assert_eq!(refused, is_refused, "with room for {room}: {outcome:?}");
        }
    }
}

#[test]
fn room_taken_by_large_records_counts_until_the_database_has_them_and_across_snapshots() {
    let mut shard = large();
    leave_room(&mut shard, 251 + 10);
    shard.run(None, codes(1_000));
    shard.state = State::from_bytes(&shard.state.to_bytes()).expect("our own bytes");
    assert_eq!(shard.run(None, block(1_000)).outcome, Outcome::SeatsBlocked { seats: 1_000 });
    let backlog = Outcome::Refused(Refusal::PersistenceBacklog);
    assert_eq!(shard.run(None, codes(5)).outcome, backlog, "one place is left");
    assert_eq!(shard.run(None, codes(4)).outcome, Outcome::CodesPut);
    assert_eq!(shard.run(None, codes(1)).outcome, backlog);
    assert_eq!(shard.state.backlog(shard.now_ms), Backlog::HoldsWait);
    run(&mut shard, "ack");
    assert_eq!(shard.state.backlog(shard.now_ms), Backlog::Fine);
    leave_room(&mut shard, 250);
    assert_eq!(shard.run(None, codes(1_000)).outcome, Outcome::CodesPut);
}
