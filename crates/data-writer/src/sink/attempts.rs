//! The chain of attempts and decisions, one transaction a piece: the chain's checkpoint, the rows, and
//! what makes a repeated piece known.

use http_api::AttemptBatch;
use inventory::FeedPosition;
use sqlx::{Connection, PgConnection};

use super::{Checkpoint, Sink, WriteError, checkpoint, int8, ledger};
use crate::attempts::attempt_rows;
use crate::batch::Batch;
use crate::rows::LedgerRow;

impl Sink {
    /// Keeps a batch, unless its source's number says that it is kept already.
    pub(crate) async fn keep_attempts(
        &self,
        from: &Checkpoint,
        batch: &AttemptBatch,
    ) -> Result<Checkpoint, WriteError> {
        let rows = attempt_rows(batch, from.position.log_index + 1, from.applied_at_ms);
        let rows = Batch { ledger: rows, ..Batch::default() };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut transaction = connection.begin().await?;
            let months = self.ensure_months(&mut transaction, &rows).await?;
            let to = extend(&mut transaction, from, &rows.ledger).await?;
            if !is_new(&mut transaction, batch).await? {
                transaction.rollback().await?;
                connection.give_back();
                return Ok(*from);
            }
            transaction.commit().await?;
            connection.give_back();
            self.months.lock().extend(months);
            metrics::counter!("seatgrid_writer_attempts_total")
                .increment(batch.attempts.len() as u64);
            Ok(to)
        })
        .await
    }
}

/// Moves the chain's checkpoint over the rows and inserts them.
pub(super) async fn extend(
    transaction: &mut PgConnection,
    from: &Checkpoint,
    rows: &[LedgerRow],
) -> Result<Checkpoint, WriteError> {
    let position: FeedPosition = rows.last().map_or(from.position, |row| row.position);
    // Routers send late, but never into a month that has been passed: it may be archived.
    let at_ms = rows.iter().map(|row| ledger::month_of(row.at_ms).unsigned_abs()).max();
    let (chained, chain_hash) = ledger::chained(from, rows);
    let applied_at_ms = from.applied_at_ms.max(at_ms.unwrap_or(0));
    let to = Checkpoint { position, chain_hash, applied_at_ms, ..*from };
    if !checkpoint::advance(transaction, from, &to).await? {
        return Err(WriteError::Fenced);
    }
    ledger::insert(transaction, &chained).await?;
    Ok(to)
}

/// Notes the batch's number; false when it was noted before.
async fn is_new(transaction: &mut PgConnection, batch: &AttemptBatch) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query(
        "INSERT INTO grid.attempt_source AS s (source, number, updated_at)
         VALUES ($1, $2, clock_timestamp())
         ON CONFLICT (source) DO UPDATE SET number = EXCLUDED.number,
             updated_at = EXCLUDED.updated_at
         WHERE s.number < EXCLUDED.number",
    )
    .bind(batch.source)
    .bind(int8(batch.number))
    .execute(transaction)
    .await?;
    Ok(noted.rows_affected() == 1)
}
