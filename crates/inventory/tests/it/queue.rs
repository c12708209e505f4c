//! The waiting room (A10), by the numbers of the edge cases: one draw for everybody present, whoever
//! comes later behind them, turns at a rate, and no hold without a turn.

use inventory::*;
use sha2::{Digest, Sha256};

use crate::harness::{Shard, T0, check};

const EVENT: EventNo = EventNo(1);

#[test]
fn nobody_without_a_turn_can_hold() {
    check(
        "
        open opens=60
        ack
        enter p7                => QueueOff
        turn q1 p7              => QueueOff
        queue rate=1            => queue
        queue rate=1            => queue
        queue rate=2            => SaleDiffers
        queue rate=1 seed=8     => SaleDiffers
        enter p7                => q1
        place? q1               => one of 1
        hold A-1-1 person=7     => SaleNotOpen { opens_at_ms: 1800000060000 }
        turn q1 p7              => QueueRequired
        tick 60s
        ack
        hold A-1-1 person=7     => QueueRequired
        hold A-1-1              => QueueRequired
        best 1 person=7         => QueueRequired
        expire
        hold A-1-1 person=8     => QueueRequired
        place? q1               => ready for 10s
        hold A-1-1 person=7     => h1 A-1-1 100
        place? q1               => in for 60s
        # Others have the same room in front of them, and a turn is one person's (D75).
        hold A-1-2 person=8     => QueueRequired
        turn q1 p8              => QueuePlaceNotFound
        turn q2 p7              => QueuePlaceNotFound
        swap h1 A-1-3           => h1 A-1-3 100
        order h1
        tick 60s
        ack
        expire
        hold A-1-5 person=7     => QueueRequired
        place? q1               => gone
        enter p7                => q2
    ",
    );
}

/// Whoever has a presale code is let in by it, before the sale opens for the others.
#[test]
fn a_presale_needs_no_turn() {
    check(
        "
        open opens=60
        ack
        queue rate=1
        code presale=6 tiers=0
        hold A-1-1 presale=6    => h1 A-1-1 100
        ack
        tick 60s
        ack
        expire
        hold A-1-2 presale=6    => QueueRequired
        # What is in hand may be changed, but not grow without a turn.
        swap h1 A-1-2 A-1-3     => QueueRequired
        swap h1 A-1-2           => h1 A-1-2 100
    ",
    );
}

/// As long as seats may come back, the waiting list is no way around the room.
#[test]
fn the_waiting_list_asks_for_a_turn_until_all_is_sold() {
    check(
        "
        open waitlist=60
        ack
        queue rate=1
        expire
        join p7 1               => QueueRequired
        enter p7                => q1
        tick 1s
        expire
        join p7 1               => SeatsFree
    ",
    );
}

/// Whoever was present when the sale closed before its draw is gone, and the next draw is of others.
#[test]
fn a_room_that_closed_before_its_draw_begins_anew() {
    check(
        "
        open opens=60 closes=100
        ack
        queue rate=1
        enter p7                => q1
        enter p8                => q2
        tick 150s
        ack
        expire
        place? q1               => gone
        window opens=200 closes=300 => WindowSet
        enter p9                => q1
        tick 60s
        ack
        expire
        place? q1               => ready for 10s
    ",
    );
}

/// D74: one place a person, in however many tabs.
#[test]
fn d74_one_place_a_person() {
    check(
        "
        open opens=60
        ack
        queue rate=1
        enter p7 salt=1         => q1
        enter p7 salt=2         => q1
        enter p8                => q2
        enter p7                => q1
        tick 60s
        ack
        expire
        enter p7                => q1
        enter p9                => q3
    ",
    );
}

/// D73: whoever is not there when the turn comes stands at the end, once; then the place is free.
#[test]
fn d73_a_turn_waits_and_then_goes_to_the_end_once() {
    check(
        "
        open
        queue rate=1 claim=5
        expire
        enter p7                => q1
        enter p8                => q2
        enter p9                => q3
        place? q3               => waits as 3
        tick 200ms
        expire
        place? q1               => ready for 5s
        place? q2               => waits as 1
        tick 1s
        expire
        place? q2               => ready for 5s
        turn q2 p8              => 60s
        turn q2 p8              => 60s
        tick 4s
        expire
        # The next of the line has the turn that came, and the first stands at its end.
        place? q1               => waits as 1
        place? q3               => ready for 5s
        tick 1s
        expire
        place? q1               => ready for 5s
        tick 5s
        expire
        place? q1               => gone
        place? q3               => ready for 5s
        place? q2               => in for 50s
    ",
    );
}

/// D77: with nothing left, and nothing that could come back, the room takes nobody in and gives no
/// turns; with seats that came back it goes on.
#[test]
fn d77_turns_come_while_seats_are_free() {
    let mut shard = check(
        "
        open max=22
        queue rate=1
        expire
        enter p7                => q1
        tick 1s
        expire
        hold A-1-1 A-1-2 A-1-3 A-1-4 A-1-5 A-1-6 person=7
        hold A-2-1 A-2-2 A-2-3 A-2-4 A-2-5 A-2-6 person=7
        hold A-3-1 A-3-2 A-3-3 A-3-4 A-3-5 A-3-6 B-1-1 B-1-2 B-1-3 B-1-4 person=7
        block A-1-1 => SeatTaken A-1-1:held
        enter p8                => q2
        tick 5s
        expire
        place? q2               => waits as 1
        order h1
        pay o4
        capture p5 600          => succeeded confirmed order=paid
        enter p9                => q3
        order h2
        pay o6
        capture p7 600          => succeeded confirmed order=paid
        order h3
        pay o8
        capture p9 800          => succeeded confirmed order=paid
        enter p10               => NotEnoughSeats
    ",
    );
    let place = shard.state.event(EVENT).expect("opened").queue_place(2).expect("waits");
    assert!(place.sold_out && place.free == 0);
    assert_eq!(shard.state.next_deadline_ms(), Some(shard.now_ms - 5_000 + 60_000), "only a turn");
    let command = shard.parse("give-back o4 A-1-1");
    shard.run(None, command);
    assert!(shard.state.next_deadline_ms() <= Some(shard.now_ms), "turns come again");
    let command = shard.parse("expire");
    shard.run(None, command);
    let place = shard.state.event(EVENT).expect("opened").queue_place(2).expect("has a turn");
    assert!(matches!(place.stand, Stand::Turn { .. }), "{place:?}");
}

#[test]
fn the_room_follows_the_sale() {
    check(
        "
        open closes=100
        queue rate=1
        expire
        enter p7                => q1
        pause
        tick 1s
        expire
        place? q1               => waits as 1
        enter p8                => q2
        resume
        expire
        place? q1               => ready for 10s
        tick 99s
        expire
        place? q1               => gone
        enter p9                => SaleClosed
        queue rate=1            => queue
        window closes=200       => WindowSet
        enter p9                => q3
        tick 1s
        expire
        place? q3               => ready for 10s
        cancel-event            => cancelled 0 holds 0 orders more=false
        place? q3               => gone
        enter p9                => EventCancelled
        queue rate=1            => EventCancelled
    ",
    );
}

#[test]
fn terms_are_taken_up_to_their_limits() {
    for (terms, told) in [
        ("rate=0", "OutOfRange"),
        ("rate=10001", "OutOfRange"),
        ("turn=9", "OutOfRange"),
        ("turn=86401", "OutOfRange"),
        ("claim=4", "OutOfRange"),
        ("claim=3601", "OutOfRange"),
        ("rate=1 turn=10 claim=5", "queue"),
        ("rate=10000 turn=86400 claim=3600", "queue"),
    ] {
        check(&format!("open\nqueue {terms} => {told}"));
    }
    check("open closes=10\ntick 10s\nqueue rate=1 => SaleClosed");
}

#[test]
fn a_shard_has_so_many_waiting_rooms() {
    let mut shard = Shard::default();
    let mut open = |no: u32| {
        let command = Command::OpenSale(OpenSale {
            event: EventNo(no),
            sale: crate::harness::sale(),
            plan: Plan::hall(4, 4),
        });
        assert_eq!(shard.run(None, command).outcome, Outcome::SaleOpened);
        let rules = QueueRules { admit_per_s: 1, turn_ttl_ms: 60_000, claim_ttl_ms: 60_000 };
        let command = OpenQueue { event: EventNo(no), rules, seed: [no as u8; 32] };
        shard.run(None, Command::OpenQueue(command)).outcome
    };
    for no in 1..=8 {
        assert!(matches!(open(no), Outcome::QueueOpened { .. }), "{no}");
    }
    assert_eq!(open(9), Outcome::Refused(Refusal::TooMany));
    let closed = CancelEvent { event: EventNo(3) };
    shard.run(None, Command::CancelEvent(closed));
    let rules = QueueRules { admit_per_s: 1, turn_ttl_ms: 60_000, claim_ttl_ms: 60_000 };
    let again = Command::OpenQueue(OpenQueue { event: EventNo(9), rules, seed: [1; 32] });
    assert!(matches!(shard.run(None, again).outcome, Outcome::QueueOpened { .. }));
}

/// The draw made again from what is published, by nothing but SHA-256: ranks as the documents say.
fn drawn_again(seed: &[u8], salts: &[u128]) -> Vec<u64> {
    let mut crowd = vec![0; 32];
    for (at, salt) in salts.iter().enumerate() {
        let mut bytes = crowd.clone();
        bytes.extend((at as u64 + 1).to_be_bytes());
        bytes.extend(salt.to_be_bytes());
        crowd = Sha256::digest(bytes).to_vec();
    }
    let draw = Sha256::digest([seed, &crowd].concat());
    let rank = |no: u64| Sha256::digest([&draw[..], &no.to_be_bytes()].concat()).to_vec();
    let mut all: Vec<u64> = (1..=salts.len() as u64).collect();
    all.sort_by_key(|no| rank(*no));
    all
}

fn enter(shard: &mut Shard, person: u128, salt: u128) -> u64 {
    let enter = EnterQueue { event: EVENT, person, salt };
    match shard.run(None, Command::EnterQueue(enter)).outcome {
        Outcome::QueueEntered { place } => place.no,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_draw_can_be_made_again_and_turns_come_in_its_order() {
    let mut shard = check("open opens=60\nack\nqueue rate=100 seed=9");
    let salts: Vec<u128> = (0..500).map(|no: u128| no * no + 3).collect();
    for (person, salt) in salts.iter().enumerate() {
        enter(&mut shard, person as u128, *salt);
    }
    let before = shard.state.event(EVENT).expect("opened").draw(0, 1_000).expect("a room");
    assert_eq!((before.seed, before.list.len(), before.waiting), (None, 0, 500));
    shard.now_ms += 60_000;
    let ack = shard.parse("ack");
    shard.run(None, ack);
    let expire = shard.parse("expire");
    shard.run(None, expire.clone());
    let told = shard.state.event(EVENT).expect("opened").draw(0, 1_000).expect("a room");
    let seed = told.seed.expect("told after the draw");
    assert_eq!(before.commitment[..], Sha256::digest(seed)[..], "what was promised");
    assert_eq!((before.commitment, before.crowd), (told.commitment, told.crowd));
    assert_eq!(told.drawn, Some(Drawn { at_ms: T0 + 60_000, places: 500 }));
    assert_eq!(told.list.iter().map(|one| one.salt).collect::<Vec<_>>(), salts);
    let order = drawn_again(&seed, &salts);
    let mut positions = vec![0; 500];
    for (at, no) in order.iter().enumerate() {
        positions[*no as usize - 1] = at as u64 + 1;
    }
    let published: Vec<u64> = told.list.iter().map(|one| one.position).collect();
    assert_eq!(published, positions);
    assert_ne!(positions, (1..=500).collect::<Vec<u64>>(), "not the order of coming");
    // Somebody who comes later stands behind all of them.
    let late = enter(&mut shard, 9_999, 1);
    let mut come = vec![];
    for _ in 0..40 {
        let event = shard.state.event(EVENT).expect("opened");
        let turn = |no: &u64| {
            let place = event.queue_place(*no).expect("kept");
            matches!(place.stand, Stand::Turn { .. })
        };
        let new: Vec<u64> = order.iter().copied().filter(|no| !come.contains(no)).collect();
        let now: Vec<u64> = new.iter().copied().filter(|no| turn(no)).collect();
        assert_eq!(now, new[..now.len()], "nobody is passed over");
        let has_turn = |no: u64| event.queue_place(no).is_some_and(|place| place.ahead == 0);
        come.extend(now);
        assert!(come.len() == 500 || !has_turn(late), "the draw comes first");
        shard.now_ms += 200;
        shard.run(None, expire.clone());
    }
    assert_eq!(come, order);
    // Pages of the list, and what is not there.
    let event = shard.state.event(EVENT).expect("opened");
    assert_eq!(event.draw(498, 10).expect("a room").list, told.list[498..]);
    assert_eq!(event.draw(0, 3).expect("a room").list, told.list[..3]);
    assert_eq!(event.draw(u64::MAX, 3).expect("a room").list, []);
}

#[test]
fn turns_come_at_the_rate_and_never_more_than_a_seconds_worth_at_once() {
    let mut shard = check("open opens=60\nack\nqueue rate=10 claim=3600");
    for person in 0..100 {
        enter(&mut shard, person, 0);
    }
    let step = |shard: &mut Shard, ms: u64| {
        shard.now_ms += ms;
        let ack = shard.parse("ack");
        shard.run(None, ack);
        let expire = shard.parse("expire");
        shard.run(None, expire);
        100 - shard.state.event(EVENT).expect("opened").draw(0, 0).expect("a room").waiting
    };
    assert_eq!(step(&mut shard, 60_000), 10, "the first second's");
    assert_eq!(step(&mut shard, 199), 10, "several come together");
    assert_eq!(step(&mut shard, 1), 12);
    assert_eq!(step(&mut shard, 250), 14);
    assert_eq!(step(&mut shard, 50), 14);
    assert_eq!(step(&mut shard, 150), 16, "no part of a turn is lost");
    assert_eq!(step(&mut shard, 3_600), 26, "an idle while is not made up for");
    let due = shard.state.next_deadline_ms().expect("turns come");
    assert_eq!(due, shard.now_ms + 200, "and not before");
}

/// A snapshot has the whole room, wherever a place stands.
#[test]
fn a_room_goes_through_a_snapshot() {
    let shard = check(
        "
        open opens=60
        ack
        queue rate=1 claim=5
        enter p7
        enter p8
        enter p9
        tick 60s
        ack
        expire
        tick 1s
        expire
    ",
    );
    let mut shard = shard;
    enter(&mut shard, 10, 4);
    let place = |no: u64| shard.state.event(EVENT).expect("opened").queue_place(no);
    let ready = (1..=3).find(|no| place(*no).is_some_and(|place| place.ahead == 0));
    let ready = ready.expect("somebody has a turn");
    let take = TakeTurn { place: QueueId { event: EVENT, no: ready }, person: ready as u128 + 6 };
    let taken = shard.run(None, Command::TakeTurn(take)).outcome;
    assert!(matches!(taken, Outcome::TurnTaken { .. }), "{taken:?}");
    let restored = State::from_bytes(&shard.state.to_bytes()).expect("its own bytes");
    assert!(restored == shard.state);
    restored.check_invariants().unwrap();
    let present = check("open opens=60\nack\nqueue rate=1\nenter p7");
    let restored = State::from_bytes(&present.state.to_bytes()).expect("its own bytes");
    assert!(restored == present.state);
}

/// A waiting room told naively: one list of who waits, looked through from the front.
#[derive(Default)]
struct Naive {
    /// (number, person, sent back), in the order of turns.
    line: Vec<(u64, u128, bool)>,
    /// (until, number, person, taken, sent back).
    turns: Vec<(u64, u64, u128, bool, bool)>,
    next: u64,
    /// Admissions times a thousand, and since when.
    credit: (u64, u64),
}

const RATE: u64 = 3;

impl Naive {
    fn enter(&mut self, person: u128) -> u64 {
        let waits = self.line.iter().find(|one| one.1 == person).map(|one| one.0);
        let has = self.turns.iter().find(|one| one.2 == person).map(|one| one.1);
        if let Some(no) = waits.or(has) {
            return no;
        }
        self.next += 1;
        self.line.push((self.next, person, false));
        self.next
    }

    fn step(&mut self, now: u64) {
        let due_turn = self.turns.iter().any(|one| one.0 <= now);
        let missing = 1_000_u64.saturating_sub(self.credit.0).div_ceil(RATE).max(200);
        if !due_turn && (self.line.is_empty() || self.credit.1 + missing > now) {
            return;
        }
        self.turns.sort();
        while self.turns.first().is_some_and(|one| one.0 <= now) {
            let (_, no, person, taken, back) = self.turns.remove(0);
            if !taken && !back {
                self.line.push((no, person, true));
            }
        }
        self.credit = ((self.credit.0 + (now - self.credit.1) * RATE).min(RATE * 1_000), now);
        while self.credit.0 >= 1_000 && !self.line.is_empty() {
            self.credit.0 -= 1_000;
            let (no, person, back) = self.line.remove(0);
            self.turns.push((now + 5_000, no, person, false, back));
        }
    }

    /// Takes a turn: until when.
    fn take(&mut self, now: u64, person: u128) -> Option<u64> {
        let turn = self.turns.iter_mut().find(|one| one.2 == person && one.0 > now)?;
        if !turn.3 {
            (turn.0, turn.3) = (now + 20_000, true);
        }
        Some(turn.0)
    }
}

/// Invariants I2 and I9, as far as they are the waiting room's.
#[test]
fn random_rooms_are_as_a_naive_one() {
    for seed in 1..40_u64 {
        let mut random = seed;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            (random >> 33) % n
        };
        let mut shard = check("open\nqueue rate=3 turn=20 claim=5\nexpire");
        let mut naive = Naive { credit: (RATE * 1_000, T0), ..Naive::default() };
        let mut numbers = vec![0; 30];
        for _ in 0..300 {
            shard.now_ms += [0, 0, 50, 200, 700, 3_000][below(6) as usize];
            let (now, person) = (shard.now_ms, u128::from(below(30)));
            match below(4) {
                0 => {
                    let no = enter(&mut shard, person, 0);
                    assert_eq!(no, naive.enter(person), "seed {seed}");
                    numbers[person as usize] = no;
                }
                1 => {
                    let no = numbers[person as usize];
                    let place = QueueId { event: EVENT, no };
                    let outcome = shard.run(None, Command::TakeTurn(TakeTurn { place, person }));
                    let told = match outcome.outcome {
                        Outcome::TurnTaken { until_ms, .. } => Some(until_ms),
                        Outcome::Refused(_) => None,
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(told, naive.take(now, person), "seed {seed} person {person}");
                }
                _ => {
                    let expire = shard.parse("expire");
                    shard.run(None, expire);
                    naive.step(now);
                }
            }
            let event = shard.state.event(EVENT).expect("opened");
            for (at, (no, ..)) in naive.line.iter().enumerate() {
                let place = event.queue_place(*no).expect("waits");
                assert_eq!(place.ahead, at as u64 + 1, "seed {seed} place {no}");
            }
            for (until, no, _, is_taken, _) in &naive.turns {
                let place = event.queue_place(*no).expect("has a turn");
                let turn = Stand::Turn { until_ms: *until, taken: *is_taken };
                assert_eq!(place.stand, turn, "seed {seed} place {no}");
            }
            let waiting = event.draw(0, 0).expect("a room").waiting;
            assert_eq!(waiting, naive.line.len() as u64, "seed {seed}");
        }
    }
}
