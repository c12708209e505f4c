//! Parked records: read for a person, and resolved in one transaction with the row that says so.

use sqlx::{Connection, PgConnection};

use super::attempts::extend;
use super::{Checkpoint, Sink, WriteError, int8, write_rows};
use crate::attempts::{Decision, Verdict, decision_row};
use crate::batch::Batch;
use crate::quarantine::QuarantineEntry;
use crate::signing::bytes_of;

/// Entries listed at once.
const LISTED_MAX: i64 = 1_000;

/// A parked record that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) shard: u32,
    /// Public id of its event; `#` and the number where that was not known.
    pub(crate) event_id: String,
    /// The record in the grid's own form.
    pub(crate) encoded: Vec<u8>,
}

impl Sink {
    /// The newest parked records; resolved ones too if asked for.
    pub(crate) async fn quarantine_list(
        &self,
        with_resolved: bool,
    ) -> Result<Vec<QuarantineEntry>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let entries = entries(&mut connection, None, with_resolved).await?;
            connection.give_back();
            Ok(entries)
        })
        .await
    }

    /// One parked record with its content.
    pub(crate) async fn quarantine_entry(
        &self,
        id: i64,
    ) -> Result<Option<QuarantineEntry>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut found = entries(&mut connection, Some(id), true).await?;
            if let Some(entry) = found.first_mut() {
                entry.record = sqlx::query_scalar(
                    "SELECT payload -> 'record' FROM grid.writer_quarantine WHERE id = $1",
                )
                .bind(id)
                .fetch_one(&mut *connection)
                .await?;
            }
            connection.give_back();
            Ok(found.pop())
        })
        .await
    }

    /// An open one, to decide about.
    pub(crate) async fn parked(&self, id: i64) -> Result<Option<Parked>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let row: Option<(i32, String, Option<String>)> = sqlx::query_as(
                "SELECT q.shard_id, coalesce(l.event_id, ''), q.payload ->> 'encoded'
                 FROM grid.writer_quarantine q
                 LEFT JOIN grid.ledger l ON l.shard_id = q.shard_id
                     AND l.incarnation = q.incarnation AND l.log_index = q.log_index
                     AND l.ordinal = q.ordinal
                 WHERE q.id = $1 AND q.resolved_at IS NULL",
            )
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
            connection.give_back();
            Ok(row.map(|(shard, event_id, encoded)| Parked {
                shard: shard.unsigned_abs(),
                event_id,
                encoded: encoded.as_deref().and_then(bytes_of).unwrap_or_default(),
            }))
        })
        .await
    }

    /// Writes the rows, if any, notes the decision in the chain of attempts and closes the record.
    pub(crate) async fn resolve(
        &self,
        from: &Checkpoint,
        decision: &Decision,
        parked: &Parked,
        batch: &Batch,
    ) -> Result<Checkpoint, WriteError> {
        let now_ms = jiff::Timestamp::now().as_millisecond().unsigned_abs().max(from.applied_at_ms);
        let index = from.position.log_index + 1;
        let row = decision_row(decision, &parked.event_id, index, now_ms);
        let noted = Batch { ledger: vec![row], ..Batch::default() };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut transaction = connection.begin().await?;
            let months = self.ensure_months(&mut transaction, &noted).await?;
            let to = extend(&mut transaction, from, &noted.ledger).await?;
            make_way(&mut transaction, batch).await?;
            write_rows(&mut transaction, batch, parked.shard).await?;
            catch_up(&mut transaction, batch).await?;
            close(&mut transaction, decision).await?;
            transaction.commit().await?;
            connection.give_back();
            self.months.lock().extend(months);
            Ok(to)
        })
        .await
    }
}

async fn entries(
    connection: &mut PgConnection,
    id: Option<i64>,
    with_resolved: bool,
) -> Result<Vec<QuarantineEntry>, sqlx::Error> {
    type Row = (i64, i32, i64, i32, String, String, i64, Vec<Option<String>>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, shard_id, log_index, ordinal, sqlstate, error, grid.to_ms(parked_at),
             ARRAY[resolution, resolved_by, reason]
         FROM grid.writer_quarantine
         WHERE ($1::bigint IS NULL OR id = $1) AND (resolved_at IS NULL OR $2)
         ORDER BY id DESC LIMIT $3",
    )
    .bind(id)
    .bind(with_resolved)
    .bind(LISTED_MAX)
    .fetch_all(connection)
    .await?;
    let entry = |(id, shard, log_index, ordinal, sqlstate, error, at_ms, words): Row| {
        let mut words = words.into_iter();
        let mut word = || words.next().flatten();
        QuarantineEntry {
            id,
            shard: shard.unsigned_abs(),
            log_index: log_index.unsigned_abs(),
            ordinal: ordinal.unsigned_abs(),
            sqlstate,
            error,
            parked_at_ms: at_ms.unsigned_abs(),
            resolution: word(),
            resolved_by: word(),
            reason: word(),
            record: None,
        }
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// A row at the very version that is about to be written steps back by one, so that it is written
/// anew: it is of that version and lacks what the parked record would have told.
async fn make_way(transaction: &mut PgConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let orders = batch.orders.iter().map(|(id, row)| (id.to_string(), row.standing.version));
    let orders: Vec<(String, u64)> = orders.collect();
    let payments = batch.payments.iter().map(|(id, row)| (id.to_string(), row.change.version));
    let refunds = batch.refunds.iter().map(|(id, row)| (id.to_string(), row.version));
    let pieces = [
        (
            "UPDATE grid.sale_order t SET version = t.version - 1
          FROM unnest($1::text[], $2::bigint[]) u(id, version)
          WHERE t.order_id = u.id AND t.version = u.version",
            orders.clone(),
        ),
        (
            "UPDATE grid.order_seat t SET version = t.version - 1
          FROM unnest($1::text[], $2::bigint[]) u(id, version)
          WHERE t.order_id = u.id AND t.version = u.version",
            orders,
        ),
        (
            "UPDATE grid.payment t SET version = t.version - 1
          FROM unnest($1::text[], $2::bigint[]) u(id, version)
          WHERE t.payment_id = u.id AND t.version = u.version",
            payments.collect(),
        ),
        (
            "UPDATE grid.refund t SET version = t.version - 1
          FROM unnest($1::text[], $2::bigint[]) u(id, version)
          WHERE t.refund_id = u.id AND t.version = u.version",
            refunds.collect(),
        ),
    ];
    for (statement, rows) in pieces {
        if rows.is_empty() {
            continue;
        }
        sqlx::query(statement)
            .bind(rows.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, version)| int8(*version)).collect::<Vec<_>>())
            .execute(&mut *transaction)
            .await?;
    }
    Ok(())
}

/// The grid forgets unpaid orders hours after their end; the ledger tells how they ended.
async fn catch_up(transaction: &mut PgConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let placed: Vec<String> = batch.orders.keys().map(ToString::to_string).collect();
    if placed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE grid.sale_order o SET status = e.status
         FROM (SELECT DISTINCT ON (order_id) order_id, status FROM grid.ledger
               WHERE order_id = ANY ($1) AND kind IN ('order_cancelled', 'order_expired')
               ORDER BY order_id, incarnation DESC, log_index DESC) e
         WHERE o.order_id = e.order_id AND o.status = 'pending_payment'",
    )
    .bind(&placed)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE grid.order_seat s SET status = 'released' FROM grid.sale_order o
         WHERE o.order_id = s.order_id AND o.order_id = ANY ($1) AND s.status = 'held'
           AND o.status IN ('cancelled', 'expired')",
    )
    .bind(&placed)
    .execute(transaction)
    .await
    .map(drop)
}

async fn close(transaction: &mut PgConnection, decision: &Decision) -> Result<(), WriteError> {
    let (resolution, reason) = match &decision.verdict {
        Verdict::Retry => ("retried", None),
        Verdict::Discard(reason) => ("discarded", Some(reason.as_str())),
    };
    let done = sqlx::query(
        "UPDATE grid.writer_quarantine SET resolved_at = clock_timestamp(), resolution = $2,
             resolved_by = $3, reason = $4
         WHERE id = $1 AND resolved_at IS NULL",
    )
    .bind(decision.id)
    .bind(resolution)
    .bind(&decision.by)
    .bind(reason)
    .execute(transaction)
    .await?;
    // Somebody else was quicker: begin again and find it closed.
    if done.rows_affected() == 1 { Ok(()) } else { Err(WriteError::Fenced) }
}
