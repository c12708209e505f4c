//! The last rung: as few and as long runs as the rows give.

use super::{Chosen, OpenRow, Search};
use crate::HoldStep;
use crate::row::{longest_run, run, run_starts};

impl<F: Fn(usize) -> u128> Search<'_, F> {
    /// `None` when fewer than `n` seats are open.
    pub(super) fn split(&self, rows: impl Iterator<Item = usize>, n: u32) -> Option<Chosen> {
        let mut rows: Vec<(OpenRow<'_>, u32)> =
            rows.filter_map(|at| self.row(at)).map(|row| (row, longest_run(row.open))).collect();
        let open: u32 = rows.iter().map(|(row, _)| row.open.count_ones()).sum();
        if open < n {
            return None;
        }
        let mut seats = Vec::with_capacity(n as usize);
        while (seats.len() as u32) < n {
            let left = n - seats.len() as u32;
            let length = rows.iter().map(|(_, longest)| *longest).max()?.min(left);
            let (row, longest) = rows.iter_mut().find(|(_, longest)| *longest >= length)?;
            let start = self.nearest(row, (run_starts(row.open, length), length), |_| true)?;
            let bits = run(start, length);
            seats.extend(row.place.seats(bits));
            row.open &= !bits;
            *longest = longest_run(row.open);
        }
        seats.sort_unstable();
        Some((seats, HoldStep::Split))
    }
}
