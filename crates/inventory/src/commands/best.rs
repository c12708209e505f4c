//! Best available: a ladder from "side by side, leaving nobody alone" down to "wherever there is
//! room". Rows are tried in plan order, places in a row from its middle; ties go to the lower seat,
//! so every replica chooses alike.

use crate::plan::RowPlace;
use crate::row::{orphans_made, run, run_starts};
use crate::{Best, Event, HoldStep, SeatIx};

/// The chosen seats in plan order, or `None` when fewer than wished are free.
pub(super) fn choose(event: &Event, wish: &Best) -> Option<(Vec<SeatIx>, HoldStep)> {
    let rows = open_rows(event, wish);
    let open: u32 = rows.iter().map(|row| row.open.count_ones()).sum();
    let number = u32::from(wish.number);
    if open < number {
        return None;
    }
    if let Some((row, start, step)) = side_by_side(&rows, number, wish.prevent_orphans) {
        return Some((row.seats(run(start, number)), step));
    }
    Some((split(rows, number), HoldStep::Split))
}

/// A row with the seats that fit the wish.
struct OpenRow<'a> {
    place: &'a RowPlace,
    free: u128,
    open: u128,
}

impl OpenRow<'_> {
    fn seats(&self, bits: u128) -> Vec<SeatIx> {
        let inside = (0..u32::from(self.place.len)).filter(|bit| bits >> bit & 1 == 1);
        inside.map(|bit| SeatIx(self.place.first.0 + bit)).collect()
    }

    /// Where a run of `n` fits nearest to the row's middle, if `fits` says so.
    fn middle_run(&self, n: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let starts = run_starts(self.open, n);
        let len = u32::from(self.place.len);
        let places = (0..len).filter(|at| starts >> at & 1 == 1 && fits(*at));
        places.min_by_key(|at| (2 * at + n).abs_diff(len))
    }
}

fn open_rows<'a>(event: &'a Event, wish: &Best) -> Vec<OpenRow<'a>> {
    let index = &event.index;
    let cheap =
        |tier: u16| wish.max_price_minor.is_none_or(|max| index.tier_price_minor(tier) <= max);
    let wanted = |tier: u16| wish.tiers.is_empty() || wish.tiers.contains(&tier);
    let rows = index.rows().iter().enumerate().filter_map(|(at, place)| {
        if !wish.sections.is_empty() && !wish.sections.contains(&place.section) {
            return None;
        }
        let tiers = place.tiers.iter().filter(|(tier, _)| wanted(*tier) && cheap(*tier));
        let fitting = tiers.fold(0, |bits, (_, of_tier)| bits | of_tier);
        let free = event.seats.free_bits(at);
        let open = free & place.open & fitting;
        (open != 0).then_some(OpenRow { place, free, open })
    });
    rows.collect()
}

fn side_by_side<'r, 'e>(
    rows: &'r [OpenRow<'e>],
    n: u32,
    prevent_orphans: bool,
) -> Option<(&'r OpenRow<'e>, u32, HoldStep)> {
    if prevent_orphans {
        let found = rows.iter().find_map(|row| {
            let start = row.middle_run(n, |at| orphans_made(row.free, at, n) == 0)?;
            Some((row, start, HoldStep::AdjacentNoOrphan))
        });
        if found.is_some() {
            return found;
        }
    }
    rows.iter().find_map(|row| Some((row, row.middle_run(n, |_| true)?, HoldStep::Adjacent)))
}

/// As few and as long runs as the rows give, longest first. There are at least `n` open seats.
fn split(mut rows: Vec<OpenRow<'_>>, n: u32) -> Vec<SeatIx> {
    let mut seats = Vec::with_capacity(n as usize);
    let mut length = n - 1;
    while (seats.len() as u32) < n {
        length = length.min(n - seats.len() as u32);
        let found = rows.iter_mut().find_map(|row| {
            let start = row.middle_run(length, |_| true)?;
            Some((row, start))
        });
        match found {
            Some((row, start)) => {
                let bits = run(start, length);
                seats.extend(row.seats(bits));
                row.open &= !bits;
            }
            None => length -= 1,
        }
    }
    seats.sort_unstable();
    seats
}
