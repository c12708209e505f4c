//! I16: at rest the tables say of every seat what the grid says.

use inventory::{SeatIx, SeatStatus};

use super::{Check, Finished};

/// See the module.
pub struct TablesMatch;

impl Check for TablesMatch {
    fn name(&self) -> &'static str {
        "I16 tables equal the grid"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        for (event, seats) in &run.seats {
            for (seat, (status, holder)) in (0..).map(SeatIx).zip(seats) {
                let row = run.tables.seats.get(&(*event, seat));
                let known = row.map_or((SeatStatus::Free, 0), |(status, by, _)| (*status, *by));
                if known != (*status, *holder) {
                    return Err(format!(
                        "{event:?} {seat:?}: {known:?} in the tables, {status:?} by {holder} in the grid"
                    ));
                }
            }
        }
        Ok(())
    }
}
