//! A check that believes no version: for each seat, is there any order of its requests, each between
//! its sending and its answer, in which all answers are right? (Wing and Gong's search with two
//! short cuts: what changes nothing is placed at once, and visited positions are not searched
//! again.)

use std::collections::{HashMap, HashSet};

use super::{Line, Op};

/// Positions searched per seat before it counts as not decided.
const POSITIONS_MAX: usize = 200_000;
/// Definite requests that may overlap on one seat.
const WINDOW: usize = 64;

/// What a request did, seen from one seat. Numbers stand for holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Take(u32),
    Refuse,
    Free(u32),
    SeeLive(u32),
}

#[derive(Debug, Clone, Copy)]
struct Step {
    t0: u64,
    t1: u64,
    act: Act,
}

/// Requests of one seat: with an answer, and those that may or may not have happened.
#[derive(Default)]
struct Seat {
    definite: Vec<Step>,
    maybe: Vec<Step>,
}

/// Result over all seats.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Seats with an order.
    pub sound: usize,
    /// Seats without any.
    pub contradictory: Vec<String>,
    /// Seats whose search was given up.
    pub undecided: usize,
}

/// Judges each seat by itself.
pub fn judge(lines: &[Line]) -> Found {
    let mut found = Found::default();
    for (name, mut seat) in by_seat(lines) {
        seat.definite.sort_unstable_by_key(|step| step.t0);
        match has_order(&seat) {
            Some(true) => found.sound += 1,
            Some(false) => found.contradictory.push(name.to_owned()),
            None => found.undecided += 1,
        }
    }
    found.contradictory.sort_unstable();
    found
}

fn by_seat(lines: &[Line]) -> HashMap<&str, Seat> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut seats: HashMap<&str, Seat> = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        let next = u32::try_from(at).unwrap_or(u32::MAX);
        // A hold without an answer has no id; its line's number stands for it.
        let number = line.hold.as_deref().map_or(next, |id| *numbers.entry(id).or_insert(next));
        let Some((act, maybe)) = act(line, number) else { continue };
        let step = Step { t0: line.t0, t1: line.t1.unwrap_or(u64::MAX), act };
        for name in &line.seats {
            let seat = seats.entry(name).or_default();
            if maybe {
                seat.maybe.push(step)
            } else {
                seat.definite.push(step)
            }
            // By itself a hold ends at its time, unless something ended it before.
            if let (Act::Take(hold), Some(until)) = (act, line.until) {
                seat.maybe.push(Step { t0: until, t1: u64::MAX, act: Act::Free(hold) });
            }
        }
    }
    seats
}

/// What a line says about each of its seats, and whether it may not have happened.
fn act(line: &Line, number: u32) -> Option<(Act, bool)> {
    match (line.op, line.status) {
        (Op::Hold, Some(201)) => Some((Act::Take(number), false)),
        // Of several seats only one need have been taken.
        (Op::Hold, Some(409)) if line.seats.len() == 1 => {
            (line.code.as_deref() == Some("seat_taken")).then_some((Act::Refuse, false))
        }
        (Op::Hold, None) => Some((Act::Take(number), true)),
        (Op::Release, Some(204)) => Some((Act::Free(number), false)),
        (Op::Release, None) => Some((Act::Free(number), true)),
        (Op::Read, Some(200)) => Some((Act::SeeLive(number), false)),
        _ => None,
    }
}

/// A position of the search: how many definite requests are placed without a gap, which of those
/// behind are placed too, which of the uncertain ones happened, and who has the seat.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Position {
    placed: usize,
    ahead: u64,
    happened: u64,
    owner: Option<u32>,
}

/// Whether some order explains all answers; `None` when the search is too large.
fn has_order(seat: &Seat) -> Option<bool> {
    if seat.maybe.len() > 64 {
        return None;
    }
    let mut visited = HashSet::new();
    let mut open = vec![Position { placed: 0, ahead: 0, happened: 0, owner: None }];
    while let Some(position) = open.pop() {
        if position.placed == seat.definite.len() {
            return Some(true);
        }
        if visited.len() > POSITIONS_MAX {
            return None;
        }
        if visited.insert(position) && !expand(seat, position, &mut open) {
            return None;
        }
    }
    Some(false)
}

/// Adds what can come next; `false` when too many requests overlap.
fn expand(seat: &Seat, position: Position, open: &mut Vec<Position>) -> bool {
    let waiting = |at: &usize| *at >= WINDOW || position.ahead & (1 << at) == 0;
    let rest = &seat.definite[position.placed..];
    let unplaced = rest.iter().enumerate().filter(|(at, _)| waiting(at));
    let Some(first_end) = unplaced.clone().map(|(_, step)| step.t1).min() else { return true };
    let mut next = Vec::new();
    for (at, step) in unplaced.take_while(|(_, step)| step.t0 < first_end) {
        if at >= WINDOW {
            return false;
        }
        let Some(owner) = after(step.act, position.owner) else { continue };
        let moved = advance(Position { ahead: position.ahead | 1 << at, owner, ..position });
        if owner == position.owner {
            open.push(moved);
            return true;
        }
        next.push((step.t1, moved));
    }
    for (at, step) in seat.maybe.iter().enumerate() {
        let possible = step.t0 < first_end && position.happened & (1 << at) == 0;
        if let (true, Some(owner)) = (possible, after(step.act, position.owner)) {
            let happened = position.happened | 1 << at;
            next.push((u64::MAX, Position { happened, owner, ..position }));
        }
    }
    // The earliest answer is tried first, hence pushed last.
    next.sort_unstable_by_key(|(end, _)| std::cmp::Reverse(*end));
    open.extend(next.into_iter().map(|(_, position)| position));
    true
}

fn advance(mut position: Position) -> Position {
    while position.ahead & 1 == 1 {
        position.ahead >>= 1;
        position.placed += 1;
    }
    position
}

/// Who has the seat afterwards; `None` when the answer would be wrong.
#[expect(clippy::option_option, reason = "no owner is an answer, no answer is another thing")]
fn after(act: Act, owner: Option<u32>) -> Option<Option<u32>> {
    match act {
        Act::Take(hold) => owner.is_none().then_some(Some(hold)),
        Act::Refuse => owner.is_some().then_some(owner),
        // Released again, or over by itself: nothing changes.
        Act::Free(hold) => Some(owner.filter(|owner| *owner != hold)),
        Act::SeeLive(hold) => (owner == Some(hold)).then_some(owner),
    }
}
