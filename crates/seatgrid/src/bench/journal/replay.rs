//! Checks that use the versions in the answers: they scale to any length, and they cover holds of
//! several seats.
//!
//! Played back in the order of versions every answer must make sense, and a request that began after
//! another's answer has no lower version than that: an answer from a leader that is none any more
//! would break one of the two.

use std::collections::HashMap;

use super::faults::{Faults, Kind};
use super::{Line, Op};

/// Everything that contradicts an honest history.
pub fn faults(lines: &[Line], faults: &mut Faults) {
    versions_grow(lines, faults);
    one_key_one_hold(lines, faults);
    seats_change_hands(lines, faults);
    end_as_acknowledged(lines, faults);
}

/// What returned before another began has no higher version.
fn versions_grow(lines: &[Line], faults: &mut Faults) {
    let versioned = |line: &&Line| line.done() && line.op != Op::Map && line.version.is_some();
    let mut begun: Vec<&Line> = lines.iter().filter(versioned).collect();
    let mut ended = begun.clone();
    begun.sort_unstable_by_key(|line| line.t0);
    ended.sort_unstable_by_key(|line| line.t1);
    let mut ended = ended.into_iter().peekable();
    let mut seen: Option<&Line> = None;
    for line in begun {
        while let Some(before) = ended.next_if(|before| before.t1 <= Some(line.t0)) {
            if seen.is_none_or(|seen| seen.version < before.version) {
                seen = Some(before);
            }
        }
        if let Some(before) = seen
            && line.version < before.version
        {
            faults.add(Kind::Stale, format!(
                "stale answer: {:?} of {:?} got version {:?} after {:?} had been answered with {:?}",
                line.op, line.seats, line.version, before.seats, before.version
            ));
        }
    }
}

/// Each acknowledged hold has an id of its own.
fn one_key_one_hold(lines: &[Line], faults: &mut Faults) {
    let mut keys = HashMap::new();
    for line in granted(lines) {
        if let Some(other) = keys.insert(&line.hold, &line.key) {
            let hold = &line.hold;
            let key = &line.key;
            faults.add(Kind::Twice, format!("hold {hold:?} was granted to keys {other} and {key}"));
        }
    }
}

/// In the order of versions a seat goes from one hold to the next only when the first had been given
/// back, or its time was over. When a release took effect is not asked: one that was repeated on the
/// way, which needs no key, has the version of the repetition.
fn seats_change_hands(lines: &[Line], faults: &mut Faults) {
    let releases = lines.iter().filter(|l| l.op == Op::Release);
    let releases: HashMap<_, _> = releases.map(|line| (&line.hold, line.t0)).collect();
    let mut holds: Vec<&Line> = granted(lines).collect();
    holds.sort_by_key(|line| line.version);
    let mut owners: HashMap<&str, &Line> = HashMap::new();
    for next in holds {
        for seat in &next.seats {
            let Some(before) = owners.insert(seat, next) else { continue };
            let given_back = releases.get(&before.hold).is_some_and(|t0| Some(*t0) <= next.t1);
            if !given_back && before.until > next.t1 {
                faults.add(
                    Kind::Twice,
                    format!(
                        "seat twice: {seat} granted to {:?} at version {:?} and to {:?} at {:?}",
                        before.hold, before.version, next.hold, next.version
                    ),
                );
            }
        }
    }
}

/// Read back at the end: what was acknowledged and not given back is there, what was given back is
/// not.
fn end_as_acknowledged(lines: &[Line], faults: &mut Faults) {
    let reads = lines.iter().filter(|l| l.op == Op::Read);
    let reads: HashMap<_, _> = reads.map(|line| (&line.hold, line)).collect();
    let releases = lines.iter().filter(|l| l.op == Op::Release);
    let releases: HashMap<_, _> = releases.map(|line| (&line.hold, line)).collect();
    let map = lines.iter().rfind(|l| l.op == Op::Map);
    for hold in granted(lines) {
        let read = reads.get(&hold.hold);
        let over = read.is_some_and(|read| hold.until <= read.t1);
        match (releases.get(&hold.hold), read) {
            (Some(_), _) => {}
            (None, None) => {
                faults.add(Kind::Lost, format!("hold {:?} was not read back", hold.hold));
            }
            (None, Some(read)) if read.status == Some(200) => {
                if read.seats != hold.seats {
                    let (got, had) = (&read.seats, &hold.seats);
                    let hold = &hold.hold;
                    faults.add(Kind::Lost, format!("hold {hold:?} has {got:?} instead of {had:?}"));
                }
            }
            (None, Some(_)) if over => {}
            (None, Some(read)) => faults.add(
                Kind::Lost,
                format!(
                    "acknowledged and lost: hold {:?} of {:?} reads {:?} {:?}",
                    hold.hold, hold.seats, read.status, read.code
                ),
            ),
        }
        let Some(map) = map else { continue };
        let gone = releases.contains_key(&hold.hold) || hold.until <= map.t1;
        if !gone && !hold.seats.iter().all(|seat| map.seats.contains(seat)) {
            let (hold, seats) = (&hold.hold, &hold.seats);
            faults.add(Kind::Lost, format!("seat map: hold {hold:?} of {seats:?} is missing"));
        }
    }
}

/// Acknowledged holds.
fn granted(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.op == Op::Hold && line.done())
}
