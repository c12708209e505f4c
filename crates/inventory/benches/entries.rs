//! What one command costs a replica as the log hands it over: decoding, the rules, and on the
//! leader the encoding of the reply. Holds of one seat and their releases in turn, with keys, an
//! outbox that is emptied, and one event or many.
//!
//! `cargo bench -p inventory --bench entries [-- EVENTS COMMANDS]`. Under `valgrind
//! --tool=cachegrind` the same program counts instructions, which a loaded machine does not change.

#![expect(clippy::disallowed_types, reason = "measuring needs a clock; the rules do not see it")]

use std::time::Instant;

use inventory::{
    Acknowledge, Actor, Choice, Command, Envelope, EventNo, HoldId, HoldSeats, OpenSale, Plan,
    ReleaseHold, RequestKey, SeatIx, Stamp, State, codec,
};

#[path = "shared/sale.rs"]
mod shared;

use shared::{T0, sale};

/// Commands of one entry of the log, as a busy leader fills it.
const ENTRY_LEN: usize = 512;
/// Entries between two looks of the data writer.
const ACKNOWLEDGE_EVERY: usize = 50;
/// Shoppers who hold and release in turn.
const PLACES: u64 = 2_000;
const ROW_SEATS: u32 = 100;

fn open(events: u32, seats: u32) -> State {
    let mut state = State::new();
    let plan = Plan::hall(seats, ROW_SEATS);
    for no in 1..=events {
        let command =
            Command::OpenSale(OpenSale { event: EventNo(no), sale: sale(), plan: plan.clone() });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        state.apply(Stamp { log_index: u64::from(no), at_ms: T0 }, &envelope);
    }
    state
}

/// The command of one place in one round: a hold in even rounds, its release in odd ones. Numbers of
/// holds within an event follow from the order of the commands.
fn command(events: u64, seats: u64, (round, place): (u64, u64)) -> Vec<u8> {
    let event = EventNo((place % events) as u32 + 1);
    let nth = place / events;
    let of_event = (PLACES - place % events).div_ceil(events);
    let command = if round.is_multiple_of(2) {
        let seat = SeatIx((nth * 7_919 % seats) as u32);
        Command::Hold(HoldSeats::of(event, 1, Choice::Seats(vec![seat])))
    } else {
        let hold = HoldId { event, no: round / 2 * of_event + nth + 1 };
        Command::ReleaseHold(ReleaseHold { hold })
    };
    let made_at_ms = T0 + (round * PLACES + place) / ENTRY_LEN as u64;
    let id = u128::from(made_at_ms) << 80 | u128::from(place) << 48 | u128::from(round);
    let key = Some(RequestKey { id, hash: round, made_at_ms: Some(made_at_ms) });
    codec::encode_envelope(&Envelope { key, actor: Actor::SYSTEM, command })
}

fn entries(events: u64, seats: u64, commands: u64) -> Vec<Vec<Vec<u8>>> {
    let all: Vec<_> =
        (0..commands).map(|n| command(events, seats, (n / PLACES, n % PLACES))).collect();
    all.chunks(ENTRY_LEN).map(<[_]>::to_vec).collect()
}

/// Applies the commands of one entry as a replica does; on the leader replies are wanted.
#[inline(never)]
fn apply_entry(state: &mut State, stamp: Stamp, commands: &[Vec<u8>], replies: &mut Vec<u8>) {
    for command in commands {
        let envelope = codec::decode_envelope(command).expect("own bytes");
        let reply = state.apply(stamp, &envelope);
        assert!(reply.version > 0, "{reply:?}");
        codec::append(&reply, replies);
    }
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn measure(events: u32, seats: u32, commands: u64) {
    let mut state = open(events, seats);
    let entries = entries(events.into(), seats.into(), commands);
    let mut replies = Vec::new();
    let mut slices = Vec::new();
    let first = u64::from(events) + 1;
    for (nth, entry) in entries.iter().enumerate() {
        let log_index = first + nth as u64;
        let stamp = Stamp { log_index, at_ms: T0 + log_index };
        replies.clear();
        let began = Instant::now();
        apply_entry(&mut state, stamp, entry, &mut replies);
        slices.push(began.elapsed() / entry.len() as u32);
        if nth % ACKNOWLEDGE_EVERY == 0 {
            let command = Command::Acknowledge(Acknowledge { up_to: state.feed_end() });
            state.apply(stamp, &Envelope { key: None, actor: Actor::SYSTEM, command });
        }
    }
    slices.sort();
    let at = |share: usize| slices[(slices.len() - 1) * share / 100].as_nanos();
    println!(
        "{events:>5} events of {seats:>6} seats, {commands} commands: \
         best {:>5} ns, quarter {:>5} ns, median {:>5} ns a command; longest entry {:>6} us",
        at(0),
        at(25),
        at(50),
        at(100) * ENTRY_LEN as u128 / 1_000
    );
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    match numbers[..] {
        [events, commands] => measure(events as u32, 2_000, commands),
        _ => {
            for events in [1, 10, 100, 1_000] {
                measure(events, 2_000, 500 * ENTRY_LEN as u64);
            }
        }
    }
}
