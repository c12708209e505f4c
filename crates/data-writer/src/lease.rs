//! Which writer writes. One row with an epoch and a heartbeat by the database's clock; who finds the
//! heartbeat old raises the epoch, in the checkpoints too, so that the writer before can commit
//! nothing more, whether it is dead, frozen or cut off. The lease only saves work: safety is the
//! epoch in the checkpoints.

use std::time::Duration;

use sqlx::PgPool;

use crate::sink::int8;

/// This writer's view of the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: PgPool,
    holder: String,
    ttl: Duration,
}

impl Lease {
    /// `holder` names this process among all writers.
    pub(crate) fn new(pool: PgPool, ttl: Duration) -> Self {
        Self { pool, holder: uuid::Uuid::new_v4().to_string(), ttl }
    }

    /// Takes the lease if nobody lives in it, and fences everybody before. `None` while somebody
    /// does.
    pub(crate) async fn acquire(&self) -> Result<Option<u64>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let epoch: Option<i64> = sqlx::query_scalar(
            "UPDATE grid.writer_lease
             SET epoch = epoch + 1, holder = $1, heartbeat_at = clock_timestamp()
             WHERE id = 1 AND (holder IS NULL
                 OR heartbeat_at < clock_timestamp() - make_interval(secs => $2))
             RETURNING epoch",
        )
        .bind(&self.holder)
        .bind(self.ttl.as_secs_f64())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(epoch) = epoch else {
            return Ok(None);
        };
        sqlx::query("UPDATE grid.writer_checkpoint SET writer_epoch = $1 WHERE writer_epoch < $1")
            .bind(epoch)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(epoch.unsigned_abs()))
    }

    /// Says that this writer lives; `false` when another has the lease.
    pub(crate) async fn heartbeat(&self, epoch: u64) -> Result<bool, sqlx::Error> {
        let beat = sqlx::query(
            "UPDATE grid.writer_lease SET heartbeat_at = clock_timestamp()
             WHERE id = 1 AND epoch = $1 AND holder = $2",
        );
        let done = beat.bind(int8(epoch)).bind(&self.holder).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives the lease back, so that a standby need not wait for the heartbeat to grow old.
    pub(crate) async fn release(&self, epoch: u64) -> Result<(), sqlx::Error> {
        let release = sqlx::query(
            "UPDATE grid.writer_lease SET holder = NULL WHERE id = 1 AND epoch = $1 AND holder = $2",
        );
        release.bind(int8(epoch)).bind(&self.holder).execute(&self.pool).await.map(drop)
    }
}
