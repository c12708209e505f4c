//! PostgreSQL as its experts would have it: one function call a hold, one round trip, one commit.
//!
//! The function is prepared once a connection, finds a repeated key first, refuses taken seats before
//! it locks anything, and locks in the order of the seats, so that no two holds wait for each other in
//! a circle. `fillfactor` leaves room so that updates stay on their page and touch no index. The
//! server's settings are its own: `fsync` and `synchronous_commit` on, so that a granted hold is on
//! disk.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::backend::{Choice, Lost, Verdict, Wish};
use crate::{HOLD_TTL_S, Hall, POSTGRES_CONNECTIONS};

/// Tables and functions.
const TABLES: &str = include_str!("postgres/tables.sql");
/// How often ended holds are looked for, as the product does.
const SWEEP: Duration = Duration::from_secs(1);
/// Holds ended by one look, so that a wave does not lock everything at once.
const SWEEP_MAX: i64 = 1_000;
/// How long a wish waits for a connection.
const CONNECTION_WITHIN: Duration = Duration::from_secs(10);

/// A pool of connections.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: PgPool,
}

/// Makes the tables, fills them and tells the server about them.
pub(crate) async fn prepare(url: &str, hall: &Hall) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    sqlx::query("INSERT INTO seat (seat_no) SELECT generate_series(0, $1 - 1)")
        .bind(hall.seats.len() as i32)
        .execute(&pool)
        .await?;
    // Each alone: they do not run inside a transaction.
    for settled in [
        "VACUUM ANALYZE seat",
        // No checkpoint because of a full log in the middle of a run.
        "ALTER SYSTEM SET max_wal_size = '4GB'",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::raw_sql(settled).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .min_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(CONNECTION_WITHIN)
            // A ping before every use would double the round trips.
            .test_before_acquire(false)
            .connect(url)
            .await?;
        tokio::spawn(sweep(pool.clone()));
        Ok(Self { pool })
    }

    pub(crate) async fn hold(&self, wish: Wish) -> Result<Verdict, Lost> {
        let Wish { key, hash, choice } = wish;
        let call = match choice {
            Choice::Seats(seats) => sqlx::query_as(
                "SELECT verdict, hold_no, seats FROM hold_seats($1, $2, $3, make_interval(secs => $4))",
            )
            .bind(seats),
            Choice::Best(number) => sqlx::query_as(
                "SELECT verdict, hold_no, seats FROM hold_best($1, $2, $3, make_interval(secs => $4))",
            )
            .bind(number),
        };
        let call = call.bind(key).bind(hash).bind(f64::from(HOLD_TTL_S));
        let (verdict, hold, seats): (i32, Option<i64>, Option<Vec<i32>>) =
            call.fetch_one(&self.pool).await.map_err(lost)?;
        Ok(match (verdict, hold, seats) {
            (0 | 1, Some(hold), Some(seats)) => {
                Verdict::Granted { hold: hold.cast_unsigned(), seats, is_replay: verdict == 1 }
            }
            (3, ..) => Verdict::Conflict,
            _ => Verdict::Taken,
        })
    }

    /// The seats that are free again.
    pub(crate) async fn release(&self, hold: u64) -> Result<Vec<i32>, Lost> {
        let call = sqlx::query_scalar("SELECT release_hold($1)").bind(hold.cast_signed());
        let seats: Option<Vec<i32>> = call.fetch_one(&self.pool).await.map_err(lost)?;
        Ok(seats.unwrap_or_default())
    }
}

/// Ends holds whose time is over, as long as the process lives.
async fn sweep(pool: PgPool) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let swept = sqlx::query(
            "SELECT release_hold(hold_no) FROM hold WHERE is_active \
             AND expires_at < now() ORDER BY expires_at LIMIT $1",
        )
        .bind(SWEEP_MAX)
        .execute(&pool)
        .await;
        if let Err(error) = swept {
            tracing::warn!(%error, "ended holds are not swept");
        }
    }
}

fn lost(error: sqlx::Error) -> Lost {
    Lost(error.to_string())
}

#[cfg(test)]
mod tests;
