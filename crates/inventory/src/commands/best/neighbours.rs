//! The rung between "side by side" and "split": two parts in neighbouring rows, one behind the
//! other, so that the group can still talk.

use super::{Chosen, OpenRow, Search};
use crate::row::{run, run_starts};
use crate::{HoldStep, SeatIx};

impl<F: Fn(usize) -> u128> Search<'_, F> {
    pub(super) fn neighbouring_rows(
        &self,
        rows: impl Iterator<Item = usize>,
        n: u32,
    ) -> Option<Chosen> {
        if n < 2 {
            return None;
        }
        let (more, less) = (n.div_ceil(2), n / 2);
        let open = |at: usize| self.row(at);
        rows.filter_map(|at| Some((open(at)?, open(self.next_row(at)?)?))).find_map(|(a, b)| {
            let found = self.behind((&a, more), (&b, less));
            let found = found.or_else(|| self.behind((&a, less), (&b, more)));
            let mut seats: Vec<SeatIx> = found?;
            seats.sort_unstable();
            Some((seats, HoldStep::NeighbouringRows))
        })
    }

    /// The row behind this one in its section.
    fn next_row(&self, at: usize) -> Option<usize> {
        let rows = self.index.rows();
        let next = rows.get(at + 1)?;
        (next.section == rows[at].section).then_some(at + 1)
    }

    /// A run in one row with a run in the other whose middles are at most one seat apart.
    fn behind(&self, a: (&OpenRow<'_>, u32), b: (&OpenRow<'_>, u32)) -> Option<Vec<SeatIx>> {
        let starts = (run_starts(a.0.open, a.1), run_starts(b.0.open, b.1));
        if starts.1 == 0 {
            return None;
        }
        let partner = |at: u32| {
            // Twice the distance of the run's middle from the row's middle, carried over.
            let twice = 2 * i64::from(at) + i64::from(a.1) - i64::from(a.0.place.len)
                + i64::from(b.0.place.len)
                - i64::from(b.1);
            let straight = twice.div_euclid(2);
            [straight, straight - 1, straight + 1].into_iter().find(|start| {
                (0..128).contains(start)
                    && (2 * start - twice).abs() <= 2
                    && starts.1 >> start & 1 == 1
            })
        };
        let at = self.nearest(a.0, (starts.0, a.1), |at| partner(at).is_some())?;
        let other = partner(at)? as u32;
        let both = a.0.place.seats(run(at, a.1)).chain(b.0.place.seats(run(other, b.1)));
        Some(both.collect())
    }
}
