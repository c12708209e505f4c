//! What a recovery reads and writes of the tables: the events' rows, the fence, and `grid.recovery_run`.

use sqlx::types::{Json, Uuid};
use sqlx::{Connection, PgConnection};

use processing_unit::ShardId;

use super::{Checkpoint, Sink, WriteError, checkpoint, int4, int8, ledger};
use crate::batch::Batch;
use crate::recover::LostWindow;
use crate::recover::load::{self, EventRows, KeptLine, OrderLine, Written};

/// A recovery of a shard that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenRun {
    pub(crate) incarnation: u64,
    pub(crate) database_id: u128,
    /// The last record of before, as index.row.
    pub(crate) lost_after: String,
    pub(crate) lost: LostWindow,
}

impl Sink {
    /// All events of the tables, by number.
    pub(crate) async fn written_events(&self) -> Result<Vec<Written>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = load::written(&mut connection).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// Everything that the tables have of one event.
    pub(crate) async fn event_rows(&self, event: &Written) -> Result<EventRows, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = load::event_rows(&mut connection, &event.event_id).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// The orders of one event.
    pub(crate) async fn orders(&self, event_id: &str) -> Result<Vec<OrderLine>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = load::orders(&mut connection, event_id).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// What is kept of an event's sale and of its window.
    pub(crate) async fn kept_sale(&self, event_id: &str) -> Result<Vec<KeptLine>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let found = load::kept_sale(&mut connection, event_id).await?;
            connection.give_back();
            Ok(found)
        })
        .await
    }

    /// The recovery of a shard that has begun under this name and has not ended.
    pub(crate) async fn open_run(&self, at: &Checkpoint) -> Result<Option<OpenRun>, WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let row: Option<(String, i64, i64)> = sqlx::query_as(
                "SELECT lost_after, grid.to_ms(lost_from), grid.to_ms(lost_until)
                 FROM grid.recovery_run
                 WHERE shard_id = $1 AND incarnation = $2 AND database_id = $3
                   AND finished_at IS NULL",
            )
            .bind(int4(at.shard))
            .bind(int8(at.incarnation))
            .bind(Uuid::from_u128(at.database_id))
            .fetch_optional(&mut *connection)
            .await?;
            connection.give_back();
            Ok(row.map(|(lost_after, from_ms, until_ms)| OpenRun {
                incarnation: at.incarnation,
                database_id: at.database_id,
                lost_after,
                lost: LostWindow {
                    from_ms: from_ms.unsigned_abs(),
                    until_ms: until_ms.unsigned_abs(),
                },
            }))
        })
        .await
    }

    /// Gives the shard's rows a new name and incarnation, which begins with the record of the gap: no
    /// writer of before commits any more, and no unit of before is taken for the shard.
    ///
    /// # Errors
    /// `Fenced` when a writer moved the shard meanwhile.
    pub(crate) async fn fence(
        &self,
        from: &Checkpoint,
        gap: &Batch,
        lost_until_ms: u64,
    ) -> Result<OpenRun, WriteError> {
        let database_id = Uuid::new_v4().as_u128();
        let first = Checkpoint { incarnation: from.incarnation + 1, database_id, ..*from };
        let (rows, chain_hash) = ledger::chained(&first, &gap.ledger);
        let position = gap.last().unwrap_or_default();
        let to = Checkpoint { position, chain_hash, ..first };
        let lost_after = format!("{}.{}", from.position.log_index, from.position.ordinal);
        let lost = LostWindow { from_ms: from.applied_at_ms, until_ms: lost_until_ms };
        let run = OpenRun { incarnation: to.incarnation, database_id, lost_after, lost };
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let mut transaction = connection.begin().await?;
            let months = self.ensure_months(&mut transaction, gap).await?;
            if !checkpoint::advance(&mut transaction, from, &to).await? {
                return Err(WriteError::Fenced);
            }
            ledger::insert(&mut transaction, &rows).await?;
            begin_run(&mut transaction, to.shard, &run).await?;
            transaction.commit().await?;
            connection.give_back();
            self.months.lock().extend(months);
            Ok(run)
        })
        .await
    }

    /// Notes the end of a recovery with its report.
    pub(crate) async fn finish_run<T: serde::Serialize + Sync>(
        &self,
        shard: ShardId,
        run: &OpenRun,
        report: &T,
    ) -> Result<(), WriteError> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            sqlx::query(
                "UPDATE grid.recovery_run SET finished_at = clock_timestamp(), report = $3
                 WHERE shard_id = $1 AND incarnation = $2",
            )
            .bind(int4(shard))
            .bind(int8(run.incarnation))
            .bind(Json(report))
            .execute(&mut *connection)
            .await?;
            connection.give_back();
            Ok(())
        })
        .await
    }
}

async fn begin_run(
    transaction: &mut PgConnection,
    shard: ShardId,
    run: &OpenRun,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO grid.recovery_run (shard_id, incarnation, database_id, lost_after, lost_from,
             lost_until)
         VALUES ($1, $2, $3, $4, grid.from_ms($5), grid.from_ms($6))",
    )
    .bind(int4(shard))
    .bind(int8(run.incarnation))
    .bind(Uuid::from_u128(run.database_id))
    .bind(&run.lost_after)
    .bind(int8(run.lost.from_ms))
    .bind(int8(run.lost.until_ms))
    .execute(transaction)
    .await
    .map(drop)
}
