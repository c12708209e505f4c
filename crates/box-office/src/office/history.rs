//! History: what the data writer wrote behind the grid, read from a replica of PostgreSQL where one is
//! given, so that readers of old things cost the primary nothing. Each answer says up to which moment
//! its tables were complete.
//!
//! A replica that is away, too far behind or does not have the thing is passed over for the primary;
//! nothing is ever written here.

use std::sync::Arc;
use std::time::Duration;

use inventory::{EventNo, OrderId};
use metrics::counter;
use sqlx::PgPool;

use super::bodies::OrderBody;
use super::stored_orders;
use crate::clock::now_ms;
use crate::config::OfficeConfig;
use crate::database::{Database, DatabaseError};

/// Where history is read.
pub(crate) struct History {
    primary: Arc<Database>,
    replica: Option<Replica>,
}

/// Something read, and the moment before which nothing is missing where it was read, in ms since
/// 1970; unknown where nothing was ever written of its shard.
pub(crate) struct Told<T> {
    pub(crate) what: T,
    pub(crate) complete_up_to_ms: Option<u64>,
}

struct Replica {
    database: Database,
    lag_max: Duration,
}

impl History {
    /// With the replica of `config`, if it names one.
    pub(crate) fn new(
        config: &OfficeConfig,
        primary: Arc<Database>,
    ) -> Result<Self, DatabaseError> {
        let file = config.database_replica_url_file.as_deref();
        let url = &config.database_replica_url;
        let database = Database::open_replica(file, url, config.database_connections_max)?;
        let lag_max = Duration::from_millis(config.database_replica_lag_ms_max);
        let replica = database.map(|database| Replica { database, lag_max });
        Ok(Self { primary, replica })
    }

    /// An order as the tables have it.
    pub(crate) async fn order(
        &self,
        id: OrderId,
    ) -> Result<Option<Told<OrderBody>>, DatabaseError> {
        if let Some(replica) = &self.replica {
            match replica.order(id).await {
                Ok(told) => return Ok(Some(told)),
                Err(cause) => {
                    counter!("seatgrid_office_replica_fallbacks_total", "cause" => cause)
                        .increment(1);
                }
            }
        }
        let Some(what) = stored_orders::find(&self.primary, &id.to_string()).await? else {
            return Ok(None);
        };
        // Without it the answer is as good; it only says less of itself.
        let complete_up_to_ms = watermark(&self.primary, id.event).await.ok().flatten();
        Ok(Some(Told { what, complete_up_to_ms }))
    }

    /// What some work reads of all shards, and the moment before which it lacks nothing.
    pub(crate) async fn read<T, F>(
        &self,
        work: impl Fn(PgPool) -> F,
    ) -> Result<Told<T>, DatabaseError>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        if let Some(replica) = &self.replica {
            match replica.read(&work).await {
                Ok(told) => return Ok(told),
                Err(cause) => {
                    counter!("seatgrid_office_replica_fallbacks_total", "cause" => cause)
                        .increment(1);
                }
            }
        }
        // Asked before: what is read afterwards is complete at least up to there.
        let complete_up_to_ms = oldest_watermark(&self.primary).await?;
        let what = self.primary.run(&work).await?;
        Ok(Told { what, complete_up_to_ms })
    }

    /// Closes the replica's connections; the primary's are their owner's.
    pub(crate) async fn close(&self) {
        if let Some(replica) = &self.replica {
            replica.database.close().await;
        }
    }
}

impl Replica {
    /// The same of the replica, or in a word why the primary must be asked.
    async fn read<T, F>(&self, work: impl Fn(PgPool) -> F) -> Result<Told<T>, &'static str>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        let complete = oldest_watermark(&self.database).await.map_err(|_| "away")?;
        let complete_ms = complete.ok_or("unknown")?;
        if now_ms().saturating_sub(complete_ms) > self.lag_max.as_millis() as u64 {
            return Err("old");
        }
        let what = self.database.run(work).await.map_err(|_| "away")?;
        Ok(Told { what, complete_up_to_ms: Some(complete_ms) })
    }

    /// The order, or in a word why the primary must be asked.
    async fn order(&self, id: OrderId) -> Result<Told<OrderBody>, &'static str> {
        let complete = watermark(&self.database, id.event).await.map_err(|_| "away")?;
        let complete_ms = complete.ok_or("unknown")?;
        if now_ms().saturating_sub(complete_ms) > self.lag_max.as_millis() as u64 {
            return Err("old");
        }
        let found = stored_orders::find(&self.database, &id.to_string()).await;
        let what = found.map_err(|_| "away")?.ok_or("missing")?;
        Ok(Told { what, complete_up_to_ms: Some(complete_ms) })
    }
}

/// Up to when the tables of all shards are complete there.
async fn oldest_watermark(database: &Database) -> Result<Option<u64>, DatabaseError> {
    let read = database.run(|pool| async move {
        sqlx::query_scalar(
            "select (extract(epoch from min(complete_up_to)) * 1000)::bigint from grid.watermark",
        )
        .fetch_one(&pool)
        .await
    });
    let complete: Option<i64> = read.await?;
    Ok(complete.and_then(|ms| u64::try_from(ms).ok()))
}

/// Up to when the tables of an event's shard are complete there.
async fn watermark(database: &Database, event: EventNo) -> Result<Option<u64>, DatabaseError> {
    let read = database.run(|pool| async move {
        sqlx::query_scalar(
            "select (extract(epoch from complete_up_to) * 1000)::bigint
             from grid.watermark join grid.event using (shard_id) where event_no = $1",
        )
        .bind(i64::from(event.0))
        .fetch_optional(&pool)
        .await
    });
    let complete: Option<i64> = read.await?;
    Ok(complete.and_then(|ms| u64::try_from(ms).ok()))
}
