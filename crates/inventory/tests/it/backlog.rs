//! The outage ladder: what waits while PostgreSQL is far behind, and what never does.

use inventory::*;

use crate::harness::{Shard, check, hall, sale};

#[test]
fn no_sale_is_opened_while_the_oldest_record_is_older_than_thirty_seconds() {
    let mut shard = check(
        "
        open
        tick 30s
    ",
    );
    let another = |no: u32| {
        let sale = Sale { event_id: format!("event-{no}"), ..sale() };
        Command::OpenSale(OpenSale { event: EventNo(no), sale, plan: hall() })
    };
    assert_eq!(shard.run(None, another(2)).outcome, Outcome::SaleOpened, "at the limit");
    shard.now_ms += 1;
    let refused = Outcome::Refused(Refusal::PersistenceBacklog);
    assert_eq!(shard.run(None, another(3)).outcome, refused);
    assert_eq!(shard.run(None, another(2)).outcome, Outcome::SaleOpened, "it is open already");
    let hold = Command::Hold(HoldSeats::of(EventNo(1), 1, Choice::Seats(vec![SeatIx(0)])));
    assert!(matches!(shard.run(None, hold).outcome, Outcome::Held(_)), "open sales go on");
    let up_to = shard.state.feed_end();
    shard.run(None, Command::Acknowledge(Acknowledge { up_to }));
    assert_eq!(shard.run(None, another(3)).outcome, Outcome::SaleOpened);
}

#[test]
fn a_scheduled_opening_waits_and_comes_by_itself() {
    let mut shard = check(
        "
        open opens=60 waitlist=60
        tick 60s
        hold A-1-1                         => PersistenceBacklog
        join p7 1                          => PersistenceBacklog
        expire                             => expired 0 more=false
        hold A-1-1                         => PersistenceBacklog
    ",
    );
    assert_eq!(shard.state.openings_waiting(shard.now_ms), 1);
    let later = shard.state.next_deadline_ms().expect("the sale's end");
    assert!(later > shard.now_ms, "nobody asks again and again for what waits");
    let told = |shard: &Shard| {
        let opened = |r: &&LedgerRecord| r.change == Change::SaleChanged(SaleChange::Opened);
        shard.state.feed().filter(opened).count()
    };
    assert_eq!(told(&shard), 0);
    // PostgreSQL has caught up: the timekeeper has something to do at once.
    let up_to = shard.state.feed_end();
    shard.run(None, Command::Acknowledge(Acknowledge { up_to }));
    assert!(shard.state.next_deadline_ms().is_some_and(|due| due <= shard.now_ms));
    shard.run(None, Command::ExpireHolds);
    assert_eq!((told(&shard), shard.state.openings_waiting(shard.now_ms)), (1, 0));
    // What has begun does not wait again.
    shard.now_ms += 300_000;
    assert_ne!(shard.state.backlog(shard.now_ms), Backlog::Fine);
    let hold = Command::Hold(HoldSeats::of(EventNo(1), 1, Choice::Seats(vec![SeatIx(9)])));
    assert!(matches!(shard.run(None, hold).outcome, Outcome::Held(_)));
}

/// A shard in which nothing happens hears of PostgreSQL all the same: the writer repeats its last
/// acknowledgement. Once that stays away, a beginning waits, and so does the next.
#[test]
fn an_idle_shard_knows_that_postgresql_is_away() {
    let mut shard = check(
        "
        open opens=100 closes=900
        ack
        tick 31s
    ",
    );
    let behind = |shard: &Shard| shard.state.backlog(shard.now_ms) != Backlog::Fine;
    assert!(shard.state.feed().len() == 0 && behind(&shard), "silent for 31 s");
    let another = |no: u32| {
        let sale = Sale { event_id: format!("event-{no}"), ..sale() };
        Command::OpenSale(OpenSale { event: EventNo(no), sale, plan: hall() })
    };
    let refused = Outcome::Refused(Refusal::PersistenceBacklog);
    assert_eq!(shard.run(None, another(2)).outcome, refused);
    shard.now_ms += 69_000;
    let hold = || Command::Hold(HoldSeats::of(EventNo(1), 1, Choice::Seats(vec![SeatIx(0)])));
    assert_eq!(shard.run(None, hold()).outcome, refused, "it should have begun");
    shard.run(None, Command::ExpireHolds);
    assert_eq!(shard.state.openings_waiting(shard.now_ms), 1);
    assert!(shard.state.next_deadline_ms().is_some_and(|due| due > shard.now_ms));
    // The same position as before: nothing new is in the tables but the writer's word.
    let up_to = shard.state.feed_end();
    shard.run(None, Command::Acknowledge(Acknowledge { up_to }));
    assert_eq!(shard.state.persisted_ms(), Some(shard.now_ms));
    assert!(matches!(shard.run(None, hold()).outcome, Outcome::Held(_)));
    assert_eq!(shard.run(None, another(2)).outcome, Outcome::SaleOpened);
}

/// Records are there, and newer than the last word of the writer: the older of both counts.
#[test]
fn a_new_record_does_not_hide_how_long_postgresql_is_away() {
    let shard = check(
        "
        open
        ack
        tick 31s
        hold A-1-1
    ",
    );
    assert_eq!(shard.state.feed().next().map(|record| record.at_ms), Some(shard.now_ms));
    assert_eq!(shard.state.backlog(shard.now_ms), Backlog::SalesWait);
}

#[test]
fn the_room_of_an_outage_is_a_command() {
    let mut shard = Shard::new(State::new());
    let limit = |records_max| Command::LimitOutbox(LimitOutbox { records_max });
    for outside in [0, 9_999, 10_000_001, u64::MAX] {
        let refused = Outcome::Refused(Refusal::OutOfRange);
        assert_eq!(shard.run(None, limit(outside)).outcome, refused, "{outside}");
        assert_eq!(shard.state.ledger_records_max(), LEDGER_RECORDS_MAX);
    }
    for inside in [10_000_000, 10_000] {
        assert_eq!(shard.run(None, limit(inside)).outcome, Outcome::OutboxLimited);
        let read = State::from_bytes(&shard.state.to_bytes()).expect("a snapshot");
        assert_eq!(read.ledger_records_max(), inside);
    }
    // Two records of a beginning and an end are promised for the first, and so on: the ladder goes by
    // the limit, and a lower one takes nothing back.
    let plan = Plan::hall(4_000, 40);
    let open = OpenSale { event: EventNo(1), sale: sale(), plan };
    assert_eq!(shard.run(None, Command::OpenSale(open)).outcome, Outcome::SaleOpened);
    let mut granted = 0;
    loop {
        let seats = Choice::Seats(vec![SeatIx(granted)]);
        let hold = Command::Hold(HoldSeats::of(EventNo(1), 1, seats));
        match shard.run(None, hold).outcome {
            Outcome::Held(_) => granted += 1,
            other => break assert_eq!(other, Outcome::Refused(Refusal::PersistenceBacklog)),
        }
    }
    // Each hold is a record and promises four; the opening took the rest.
    assert_eq!(granted, (10_000 - 2) / 5, "{granted}");
    assert_eq!(shard.state.backlog(shard.now_ms), Backlog::HoldsWait);
    shard.run(None, limit(1_000_000));
    assert_eq!(shard.state.backlog(shard.now_ms), Backlog::Fine);
    let more = Choice::Seats(vec![SeatIx(granted)]);
    let more = Command::Hold(HoldSeats::of(EventNo(1), 1, more));
    assert!(matches!(shard.run(None, more).outcome, Outcome::Held(_)));
    shard.run(None, limit(10_000));
    let (records, promised) = shard.state.ledger_room();
    assert!(records + promised > 10_000, "nothing was taken back");
    shard.state.check_invariants().expect("sound");
}

#[test]
fn moving_the_window_does_not_begin_what_waits_and_its_end_comes_all_the_same() {
    check(
        "
        open opens=60 closes=200
        tick 50s
        window opens=10 closes=100         => WindowSet
        hold A-1-1                         => PersistenceBacklog
        tick 50s
        hold A-1-1                         => SaleClosed
        expire                             => expired 0 more=false
        hold A-1-1                         => SaleClosed
        ack
        expire                             => expired 0 more=false
    ",
    );
}

#[test]
fn seventy_per_cent_of_the_outbox_stop_new_sales_and_all_of_it_stops_holds() {
    let steps = [
        (0, 0, Backlog::Fine),
        (0, BACKLOG_AGE_MAX_MS, Backlog::Fine),
        (0, BACKLOG_AGE_MAX_MS + 1, Backlog::SalesWait),
        (699, 0, Backlog::Fine),
        (700, 0, Backlog::SalesWait),
        (995, 0, Backlog::SalesWait),
        (996, 0, Backlog::HoldsWait),
    ];
    for (taken, age_ms, step) in steps {
        assert_eq!(Backlog::at(taken, 1_000, age_ms), step, "{taken} taken, {age_ms} ms old");
    }
}
