//! Writes records and, when the database will never take them all, finds the one at fault by
//! halving, parks it, and writes the rest. Every step is a transaction that moves the checkpoint, so
//! a crash in between repeats nothing.

use inventory::LedgerRecord;
use metrics::counter;

use super::{ShardError, Shared};
use crate::batch::Batch;
use crate::failure::{FailureClass, class_of, sqlstate};
use crate::sink::{Checkpoint, Fault, WriteError};
use crate::terms::TermsByEvent;

/// What a record that cannot be mapped has in place of an SQLSTATE.
const MAP_FAULT: &str = "map";

enum Attempt {
    Written(Checkpoint),
    /// These records will never be taken as they are.
    Refused(Fault),
}

/// Writes all of `records`, which follow the checkpoint; `known` has their events' terms, and the
/// time before which nothing is missing once they are all written.
pub(super) async fn apply<S>(
    shared: &Shared<S>,
    mut checkpoint: Checkpoint,
    records: &[LedgerRecord],
    known: (&TermsByEvent, u64),
) -> Result<Checkpoint, ShardError> {
    let (terms, complete_ms) = known;
    let mut rest = records;
    let mut take = rest.len();
    while let Some(last) = rest.get(..take.min(rest.len())).and_then(<[LedgerRecord]>::last) {
        let (piece, later) = rest.split_at(take.min(rest.len()));
        let complete_ms = if later.is_empty() { complete_ms } else { last.at_ms };
        match attempt(shared, &checkpoint, piece, (terms, complete_ms)).await? {
            Attempt::Written(to) => checkpoint = to,
            Attempt::Refused(_) if piece.len() > 1 => {
                take = piece.len() / 2;
                continue;
            }
            Attempt::Refused(fault) => {
                checkpoint = park(shared, &checkpoint, &piece[0], (terms, &fault)).await?;
            }
        }
        rest = later;
        take = take.saturating_mul(2);
    }
    Ok(checkpoint)
}

async fn attempt<S>(
    shared: &Shared<S>,
    from: &Checkpoint,
    records: &[LedgerRecord],
    known: (&TermsByEvent, u64),
) -> Result<Attempt, ShardError> {
    let (terms, complete_ms) = known;
    let batch = match Batch::of(records, terms) {
        Ok(batch) => batch,
        Err(error) => {
            let fault = Fault { sqlstate: MAP_FAULT.to_owned(), error: error.to_string() };
            return Ok(Attempt::Refused(fault));
        }
    };
    match shared.sink.write(from, &batch, complete_ms).await {
        Ok(to) => {
            counter!("seatgrid_writer_batches_total").increment(1);
            counter!("seatgrid_writer_rows_total").increment(batch.row_count() as u64);
            Ok(Attempt::Written(to))
        }
        Err(WriteError::Database(error)) if class_of(&error) == FailureClass::Permanent => {
            let sqlstate = sqlstate(&error).unwrap_or_default();
            Ok(Attempt::Refused(Fault { sqlstate, error: error.to_string() }))
        }
        Err(error) => Err(error.into()),
    }
}

async fn park<S>(
    shared: &Shared<S>,
    from: &Checkpoint,
    record: &LedgerRecord,
    why: (&TermsByEvent, &Fault),
) -> Result<Checkpoint, ShardError> {
    let (terms, fault) = why;
    let terms = terms.get(&record.event).map(|terms| &**terms);
    let to = shared.sink.park(from, record, terms, fault).await?;
    counter!("seatgrid_writer_parked_total").increment(1);
    shared.health.parked();
    tracing::error!(
        shard = from.shard,
        log_index = record.position.log_index,
        ordinal = record.position.ordinal,
        sqlstate = fault.sqlstate,
        "a record that the database will never take was parked in grid.writer_quarantine"
    );
    Ok(to)
}
