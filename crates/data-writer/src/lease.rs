//! Which writer writes. One row with an epoch and a heartbeat by the database's clock; who finds the
//! heartbeat old raises the epoch, in the checkpoints too, so that the writer before can commit
//! nothing more, whether it is dead, frozen or cut off. The lease only saves work: safety is the
//! epoch in the checkpoints.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use crate::database::{Connections, session_name};
use crate::sink::int8;

/// One look at the lease. Longer than the server's own limits, which name the cause.
const LOOK_MAX: Duration = Duration::from_secs(15);

/// This writer's view of the lease.
#[derive(Debug)]
pub(crate) struct Lease {
    connections: Arc<Connections>,
    holder: String,
    ttl: Duration,
}

impl Lease {
    /// `holder` names this process among all writers, and its sessions at the server.
    pub(crate) fn new(connections: Arc<Connections>, holder: String, ttl: Duration) -> Self {
        Self { connections, holder, ttl }
    }

    /// Takes the lease if nobody lives in it, and fences everybody before. `None` while somebody
    /// does.
    pub(crate) async fn acquire(&self) -> Result<Option<u64>, sqlx::Error> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            if !self.is_free(&mut connection).await? {
                connection.give_back();
                return Ok(None);
            }
            self.end_stuck_sessions(&mut connection).await?;
            let mut transaction = connection.begin().await?;
            let taken = self.take(&mut transaction).await?;
            if let Some((epoch, predecessor)) = &taken {
                if let Some(holder) = predecessor {
                    end_sessions(&mut transaction, holder).await?;
                }
                fence(&mut transaction, *epoch).await?;
            }
            transaction.commit().await?;
            connection.give_back();
            Ok(taken.map(|(epoch, _)| epoch.unsigned_abs()))
        })
        .await
    }

    /// Whether nobody lives in the lease. Takes no lock: it must not wait for a frozen writer.
    async fn is_free(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let free: Option<bool> = sqlx::query_scalar(
            "SELECT holder IS NULL OR heartbeat_at < clock_timestamp() - make_interval(secs => $1)
             FROM grid.writer_lease WHERE id = 1",
        )
        .bind(self.ttl.as_secs_f64())
        .fetch_optional(connection)
        .await?;
        Ok(free.unwrap_or(false))
    }

    /// Ends sessions of writers that have touched the lease and then let the server wait for longer
    /// than a lease lives. Frozen between the last message of a statement and the one that ends its
    /// transaction, a session holds the lease's row under no limit of the server's, and nobody could
    /// take the row to learn its holder's name.
    async fn end_stuck_sessions(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query(
            "SELECT count(pg_terminate_backend(session.pid)) FROM pg_stat_activity AS session
             WHERE session.application_name LIKE $1 AND session.usename = current_user
               AND session.datname = current_database() AND session.pid <> pg_backend_pid()
               AND session.wait_event_type = 'Client'
               AND session.xact_start < clock_timestamp() - make_interval(secs => $2)
               AND EXISTS (SELECT FROM pg_locks AS held WHERE held.pid = session.pid
                   AND held.relation = 'grid.writer_lease'::regclass
                   AND held.mode IN ('RowShareLock', 'RowExclusiveLock'))",
        )
        .bind(session_name("%"))
        .bind(self.ttl.as_secs_f64())
        .execute(connection)
        .await
        .map(drop)
    }

    /// The new epoch, and who had the lease before.
    async fn take(
        &self,
        transaction: &mut PgConnection,
    ) -> Result<Option<(i64, Option<String>)>, sqlx::Error> {
        sqlx::query_as(
            "WITH dead AS (
                 SELECT holder FROM grid.writer_lease
                 WHERE id = 1 AND (holder IS NULL
                     OR heartbeat_at < clock_timestamp() - make_interval(secs => $2))
                 FOR UPDATE)
             UPDATE grid.writer_lease AS lease
             SET epoch = lease.epoch + 1, holder = $1, heartbeat_at = clock_timestamp()
             FROM dead WHERE lease.id = 1
             RETURNING lease.epoch, dead.holder",
        )
        .bind(&self.holder)
        .bind(self.ttl.as_secs_f64())
        .fetch_optional(transaction)
        .await
    }

    /// Says that this writer lives; `false` when another has the lease.
    pub(crate) async fn heartbeat(&self, epoch: u64) -> Result<bool, sqlx::Error> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let beat = sqlx::query(
                "UPDATE grid.writer_lease SET heartbeat_at = clock_timestamp()
                 WHERE id = 1 AND epoch = $1 AND holder = $2",
            );
            let beat = beat.bind(int8(epoch)).bind(&self.holder);
            let done = beat.execute(&mut *connection).await?;
            connection.give_back();
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Gives the lease back, so that a standby need not wait for the heartbeat to grow old.
    pub(crate) async fn release(&self, epoch: u64) -> Result<(), sqlx::Error> {
        self.within(async {
            let mut connection = self.connections.lend().await?;
            let release = sqlx::query(
                "UPDATE grid.writer_lease SET holder = NULL
                 WHERE id = 1 AND epoch = $1 AND holder = $2",
            );
            release.bind(int8(epoch)).bind(&self.holder).execute(&mut *connection).await?;
            connection.give_back();
            Ok(())
        })
        .await
    }

    async fn within<T>(
        &self,
        look: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let done = timeout(LOOK_MAX, look).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if done.is_err() {
            self.connections.forget_idle();
        }
        done
    }
}

/// A frozen predecessor's transaction would hold its rows until the server's limits end it; its
/// sessions are known by name. Under another database user they are left to those limits.
async fn end_sessions(transaction: &mut PgConnection, holder: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE application_name = $1 AND usename = current_user AND pid <> pg_backend_pid()",
    )
    .bind(session_name(holder))
    .execute(transaction)
    .await
    .map(drop)
}

async fn fence(transaction: &mut PgConnection, epoch: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE grid.writer_checkpoint SET writer_epoch = $1 WHERE writer_epoch < $1")
        .bind(epoch)
        .execute(transaction)
        .await
        .map(drop)
}
