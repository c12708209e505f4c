//! Seats for wheelchairs with those who come along: side by side in one row if any way, on
//! companion seats before ordinary ones, else as near as rows give.

use super::{Chosen, OpenRow, Search};
use crate::row::{run, run_starts};
use crate::{HoldStep, SeatIx};

impl<F: Fn(usize) -> u128> Search<'_, F> {
    pub(super) fn with_accessible(
        &self,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Option<Chosen> {
        let found = rows.clone().find_map(|at| self.beside(&self.any_row(at)?));
        found
            .map(|seats| (seats, HoldStep::Adjacent))
            .or_else(|| Some((self.scattered(rows)?, HoldStep::Split)))
    }

    /// A row with every kind of seat open; `None` without one for a wheelchair.
    fn any_row(&self, at: usize) -> Option<OpenRow<'_>> {
        let place = &self.index.rows()[at];
        let free = (self.free)(at);
        let open = free & (place.open | place.accessible | place.companion) & self.fitting(place);
        (open & place.accessible != 0).then_some(OpenRow { at, place, free, open })
    }

    /// A run with exactly the wished number of accessible seats, the fewest ordinary ones first.
    fn beside(&self, row: &OpenRow<'_>) -> Option<Vec<SeatIx>> {
        let (n, wheelchairs) = (u32::from(self.wish.number), u32::from(self.wish.accessible));
        let starts = run_starts(row.open, n);
        let lawful = (0..128 - n.min(128)).chain([128 - n.min(128)]).filter(|at| {
            starts >> at & 1 == 1
                && (run(*at, n) & row.place.accessible).count_ones() == wheelchairs
        });
        let ordinary = |at: u32| (run(at, n) & row.place.open).count_ones();
        let at = lawful.min_by_key(|at| (ordinary(*at), self.badness(row, *at, n)))?;
        Some(row.place.seats(run(at, n)).collect())
    }

    /// The first accessible seats, and companions from their rows first, then from any row.
    fn scattered(&self, rows: impl Iterator<Item = usize> + Clone) -> Option<Vec<SeatIx>> {
        let wheelchairs = usize::from(self.wish.accessible);
        let others = usize::from(self.wish.number) - wheelchairs;
        let with = |row: &OpenRow<'_>, bits: u128| row.place.seats(row.open & bits).collect();
        let all = rows.clone().filter_map(|at| self.any_row(at));
        let mut seats: Vec<SeatIx> = Vec::with_capacity(wheelchairs + others);
        let (mut near, mut homes): (Vec<SeatIx>, Vec<usize>) = (vec![], vec![]);
        for row in all {
            if seats.len() >= wheelchairs {
                break;
            }
            let here: Vec<SeatIx> = with(&row, row.place.accessible);
            seats.extend(here.into_iter().take(wheelchairs - seats.len()));
            near.extend::<Vec<SeatIx>>(with(&row, row.place.companion));
            near.extend::<Vec<SeatIx>>(with(&row, row.place.open));
            homes.push(row.at);
        }
        let elsewhere = rows.filter(|at| !homes.contains(at)).filter_map(|at| self.row(at));
        let elsewhere = elsewhere.flat_map(|row| row.place.seats(row.open & row.place.open));
        seats.extend(near.into_iter().chain(elsewhere).take(others));
        seats.sort_unstable();
        (seats.len() == wheelchairs + others).then_some(seats)
    }
}
