//! An event cut into commands of bounded size. Pure.

use inventory::{EventNo, RecoverEvent, RecoverPiece, RecoveredThings};

use super::assemble::Whole;

/// Seats of one command: some 60 KB.
const SEATS_MAX: usize = 5_000;
/// Other things of one command: with the longest sealed contacts about a megabyte.
const THINGS_MAX: usize = 250;

/// All commands, in order.
pub(super) fn pieces(event: EventNo, whole: Whole) -> Vec<RecoverEvent> {
    let Whole { begin, seats, things, known_no: _ } = whole;
    let mut all = vec![RecoverPiece::Begin(Box::new(begin))];
    all.extend(seats.chunks(SEATS_MAX).map(|some| RecoverPiece::Seats(some.to_vec())));
    let RecoveredThings { holds, orders, payments, refunds, codes, limits, waitlist } = things;
    let none = RecoveredThings::default;
    let mut put = |some| all.push(RecoverPiece::Things(some));
    cut(holds, |holds| put(RecoveredThings { holds, ..none() }));
    cut(orders, |orders| put(RecoveredThings { orders, ..none() }));
    cut(payments, |payments| put(RecoveredThings { payments, ..none() }));
    cut(refunds, |refunds| put(RecoveredThings { refunds, ..none() }));
    cut(codes, |codes| put(RecoveredThings { codes, ..none() }));
    cut(limits, |limits| put(RecoveredThings { limits, ..none() }));
    cut(waitlist, |waitlist| put(RecoveredThings { waitlist, ..none() }));
    all.push(RecoverPiece::Finish);
    (0..).zip(all).map(|(number, piece)| RecoverEvent { event, number, piece }).collect()
}

fn cut<T: Clone>(all: Vec<T>, put: impl FnMut(Vec<T>)) {
    all.chunks(THINGS_MAX).map(<[T]>::to_vec).for_each(put);
}
