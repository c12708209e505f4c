//! Best available: a ladder from "side by side, leaving nobody alone" over "side by side" and "in
//! two neighbouring rows" down to "wherever there is room". Rows are tried in the plan's order (or
//! by their distance from its focal point), places in a row from its middle (or from that point);
//! ties go to the lower seat, so every replica chooses alike.

mod accessible;
mod neighbours;
mod split;

use crate::plan::RowPlace;
use crate::row::{orphans_made, run, run_starts};
use crate::{Best, HoldStep, PlanIndex, SeatIx};

/// The chosen seats in plan order with the rung that found them.
pub(super) type Chosen = (Vec<SeatIx>, HoldStep);

/// What may be chosen from: the wish, and what the rules add to it.
pub(super) struct Search<'a, F> {
    pub(super) index: &'a PlanIndex,
    pub(super) wish: &'a Best,
    /// Lowest price of one seat: an offer must be as good as what was lost.
    pub(super) min_price_minor: i64,
    /// Whether seats for wheelchairs and companions are sold to everybody.
    pub(super) everybody: bool,
    /// Free seats of a row, as bits.
    pub(super) free: F,
}

/// A row with the seats that fit the wish.
#[derive(Clone, Copy)]
struct OpenRow<'a> {
    at: usize,
    place: &'a RowPlace,
    free: u128,
    open: u128,
}

impl<F: Fn(usize) -> u128> Search<'_, F> {
    /// The best seats among `rows`, or `None` when fewer than wished are free.
    pub(super) fn choose(&self, rows: impl Iterator<Item = usize> + Clone) -> Option<Chosen> {
        if self.wish.accessible > 0 {
            return self.with_accessible(rows);
        }
        let number = u32::from(self.wish.number);
        if let Some((row, start, step)) = self.side_by_side(rows.clone(), number) {
            return Some((row.place.seats(run(start, number)).collect(), step));
        }
        let pair = self.neighbouring_rows(rows.clone(), number);
        pair.or_else(|| self.split(rows, number))
    }

    fn row(&self, at: usize) -> Option<OpenRow<'_>> {
        let place = &self.index.rows()[at];
        let free = (self.free)(at);
        let offered = if self.everybody && !place.area {
            place.open | place.accessible | place.companion
        } else {
            place.open
        };
        let open = free & offered;
        if open == 0 {
            return None;
        }
        let open = open & self.fitting(place);
        (open != 0).then_some(OpenRow { at, place, free, open })
    }

    /// Seats of the row whose section, tier and price are wished for, as bits.
    fn fitting(&self, place: &RowPlace) -> u128 {
        let wish = self.wish;
        if !wish.sections.is_empty() && !wish.sections.contains(&place.section) {
            return 0;
        }
        if wish.tiers.is_empty() && wish.max_price_minor.is_none() && self.min_price_minor <= 0 {
            return u128::MAX;
        }
        let wanted = place.tiers.iter().filter(|(tier, _)| {
            let price_minor = self.index.tier_price_minor(*tier);
            (wish.tiers.is_empty() || wish.tiers.contains(tier))
                && wish.max_price_minor.is_none_or(|max| price_minor <= max)
                && price_minor >= self.min_price_minor
        });
        wanted.fold(0, |bits, (_, of_tier)| bits | of_tier)
    }

    fn side_by_side(
        &self,
        rows: impl Iterator<Item = usize>,
        n: u32,
    ) -> Option<(OpenRow<'_>, u32, HoldStep)> {
        let mut with_orphan = None;
        for row in rows.filter_map(|at| self.row(at)) {
            let starts = run_starts(row.open, n);
            if starts == 0 {
                continue;
            }
            if !self.wish.prevent_orphans {
                let start = self.nearest(&row, (starts, n), |_| true)?;
                return Some((row, start, HoldStep::Adjacent));
            }
            let alone = |at| orphans_made(row.free, at, n) == 0;
            if let Some(start) = self.nearest(&row, (starts, n), alone) {
                return Some((row, start, HoldStep::AdjacentNoOrphan));
            }
            with_orphan = with_orphan.or(Some((row, starts)));
        }
        let (row, starts) = with_orphan?;
        let start = self.nearest(&row, (starts, n), |_| true)?;
        Some((row, start, HoldStep::Adjacent))
    }

    /// The best of the places at which a run of `n` may start, if `fits` says so.
    fn nearest(
        &self,
        row: &OpenRow<'_>,
        (mut starts, n): (u128, u32),
        fits: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut found: Option<(u64, u32)> = None;
        while starts != 0 {
            let at = starts.trailing_zeros();
            starts &= starts - 1;
            let badness = self.badness(row, at, n);
            if found.is_none_or(|(least, _)| badness < least) && fits(at) {
                found = Some((badness, at));
            }
        }
        found.map(|(_, at)| at)
    }

    /// How far a run is from the focal point, or else from the middle of its row.
    fn badness(&self, row: &OpenRow<'_>, at: u32, n: u32) -> u64 {
        let first = row.place.first.0 + at;
        let ends = (self.index.distance(SeatIx(first)), self.index.distance(SeatIx(first + n - 1)));
        match ends {
            (Some(first), Some(last)) => first.saturating_add(last),
            _ => u64::from((2 * at + n).abs_diff(u32::from(row.place.len))),
        }
    }
}
