//! Freezing: what it costs is counted, and what was frozen stays as it was while selling goes on.

use inventory::*;

use crate::harness::{T0, sale};

const EVENT: EventNo = EventNo(1);
/// Seats of the arena.
const SEATS: u32 = 20_000;
const HOLDS: u64 = 15_000;

fn apply(state: &mut State, at: u64, command: Command) -> Reply {
    let key = Some(RequestKey { id: u128::from(at), hash: at, made_at_ms: Some(T0) });
    let stamp = Stamp { log_index: at, at_ms: T0 };
    state.apply(stamp, &Envelope { key, actor: Actor::SYSTEM, command })
}

fn hold(state: &mut State, at: u64, seat: u32) {
    let choice = Choice::Seats(vec![SeatIx(seat)]);
    let wish = HoldSeats::of(EVENT, 1, choice);
    let reply = apply(state, at, Command::Hold(wish));
    assert!(matches!(reply.outcome, Outcome::Held(_)), "{reply:?}");
}

/// An arena with holds, orders, keys and an outbox that nobody empties.
fn busy() -> State {
    let mut state = State::new();
    let open = OpenSale { event: EVENT, sale: sale(), plan: Plan::hall(SEATS, 40) };
    apply(&mut state, 1, Command::OpenSale(open));
    for no in 1..=HOLDS {
        hold(&mut state, 2 * no, no as u32);
        let hold = HoldId { event: EVENT, no: 2 * no - 1 };
        let order = PlaceOrder { hold, contact: vec![7; 20], buyer: None };
        let reply = apply(&mut state, 2 * no + 1, Command::PlaceOrder(order));
        assert!(matches!(reply.outcome, Outcome::OrderPlaced(_)), "{reply:?}");
    }
    state
}

#[test]
fn a_freeze_costs_by_chunks_and_selling_on_does_not_reach_it() {
    let mut state = busy();
    let keys = state.key_count() + state.feed().len();
    assert!(keys > 60_000, "{keys}");
    let frozen = state.freeze();
    // Keys and outbox in chunks of 512, one chunk of events: nothing is counted by content.
    assert!(frozen.chunk_count() <= keys / 512 + 3, "{} chunks", frozen.chunk_count());
    let (as_it_was, digest) = (state.to_bytes(), state.digest());
    for no in 0..4_000 {
        hold(&mut state, 100_000 + no, HOLDS as u32 + 1 + no as u32);
    }
    let up_to = FeedPosition { log_index: 20_000, ordinal: 9 };
    apply(&mut state, 200_000, Command::Acknowledge(Acknowledge { up_to }));
    state.check_invariants().unwrap();
    assert_ne!(state.digest(), digest, "selling went on");
    let mut bytes = Vec::new();
    frozen.write_to(&mut bytes).unwrap();
    assert!(bytes == as_it_was, "the frozen state changed");
    assert_eq!(frozen.digest(), digest);
    let restored = State::from_bytes(&bytes).unwrap();
    assert_eq!(restored.digest(), digest);
    restored.check_invariants().unwrap();
}

#[test]
fn a_reader_that_fails_gives_no_state_and_a_writer_that_fails_says_so() {
    let mut state = State::new();
    let open = OpenSale { event: EVENT, sale: sale(), plan: Plan::hall(SEATS, 40) };
    apply(&mut state, 1, Command::OpenSale(open));
    let mut small = [0_u8; 1000];
    assert!(state.freeze().write_to(&mut &mut small[..]).is_err(), "a full disk is not a snapshot");
    assert!(State::read_from(&mut &small[..]).is_err());
}
