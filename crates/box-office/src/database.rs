//! The office's door to PostgreSQL: the pool, migrations, and a gate that fails fast while the
//! server is away, so that checkout never waits for it. Everything else in this crate that speaks
//! SQL goes through [`Database::run`].

use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use payments::Secret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool};

use crate::config::DatabaseUrl;

/// How long a request waits for a connection. A healthy local pool gives one in under a
/// millisecond; a longer wait means trouble.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Deadline of one unit of work, connection included.
const WORK_TIMEOUT: Duration = Duration::from_millis(3_000);
/// How long everybody is turned away at once after the server was found away.
const AWAY_PAUSE: Duration = Duration::from_millis(1_000);
/// Deadline of all migrations together.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no answer from PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It is away; nothing happened, or it is unknown whether it did.
    #[error("PostgreSQL is away: {0}")]
    Away(String),
    /// It refused the statement.
    #[error("PostgreSQL refused: {0}")]
    Refused(#[source] sqlx::Error),
    /// A migration failed.
    #[error("migration of schema office: {0}")]
    Migrate(#[source] MigrateError),
    /// The address cannot be used.
    #[error("database address: {0}")]
    Address(String),
}

/// Brings schema `office` of a database to this version's form; repeating it is harmless.
///
/// # Errors
/// When the address cannot be used, or the server cannot be reached or refuses.
pub async fn migrate(database_url: &str) -> Result<(), DatabaseError> {
    let url = DatabaseUrl(Secret::new(database_url));
    let database = Database::open(None, &url, 1)?;
    let done = database.migrate().await;
    database.close().await;
    done
}

impl DatabaseError {
    /// What an error means that came from outside [`Database::run`].
    pub(crate) fn of(error: sqlx::Error) -> Self {
        if is_away(&error) { Self::Away(error.to_string()) } else { Self::Refused(error) }
    }
}

/// A transaction. Dropped before its commit it did nothing: its connection closes with it.
pub(crate) struct Work {
    own: PgConnection,
}

impl Work {
    /// To run statements in it.
    pub(crate) fn db(&mut self) -> &mut PgConnection {
        &mut self.own
    }

    /// Makes it last.
    pub(crate) async fn commit(mut self) -> Result<(), DatabaseError> {
        let done = sqlx::raw_sql("commit").execute(&mut self.own).await;
        done.map(drop).map_err(DatabaseError::of)
    }
}

/// The database as this process reaches it. Opening never waits; the server may come later.
pub(crate) struct Database {
    pool: PgPool,
    is_replica: bool,
    away: Mutex<Option<Away>>,
}

struct Away {
    until: Instant,
    since: Instant,
}

impl Database {
    /// Prepares the pool without connecting.
    pub(crate) fn open(
        file: Option<&Path>,
        url: &DatabaseUrl,
        connections_max: u32,
    ) -> Result<Self, DatabaseError> {
        Self::open_at(&read_url(file, url)?, connections_max, false)
    }

    /// The same for a replica that is only read; `None` where no address is given.
    pub(crate) fn open_replica(
        file: Option<&Path>,
        url: &DatabaseUrl,
        connections_max: u32,
    ) -> Result<Option<Self>, DatabaseError> {
        let url = read_url(file, url)?;
        let given = !url.trim().is_empty();
        given.then(|| Self::open_at(&url, connections_max, true)).transpose()
    }

    fn open_at(url: &str, connections_max: u32, is_replica: bool) -> Result<Self, DatabaseError> {
        // The cause could repeat the address, and with it the password.
        let options: PgConnectOptions = url.trim().parse().map_err(|_| {
            DatabaseError::Address("expected postgres://user:password@host:port/database".into())
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.application_name("seatgrid-office"));
        Ok(Self { pool, is_replica, away: Mutex::new(None) })
    }

    /// Brings schema `office` to this version's form; repeating it is harmless.
    pub(crate) async fn migrate(&self) -> Result<(), DatabaseError> {
        let mut migrator = sqlx::migrate!("./migrations");
        if self.is_current(&migrator).await {
            return Ok(());
        }
        migrator.create_schema("office");
        migrator.dangerous_set_table_name("office.migration");
        match tokio::time::timeout(MIGRATE_TIMEOUT, migrator.run(&self.pool)).await {
            Ok(Ok(())) => {
                self.back();
                Ok(())
            }
            Ok(Err(MigrateError::Execute(error))) if is_away(&error) => Err(self.gone(&error)),
            Ok(Err(error)) => Err(DatabaseError::Migrate(error)),
            Err(_) => Err(self.gone(&"migrations took too long")),
        }
    }

    /// Whether every migration of this binary is applied; then a user who may create nothing goes on.
    async fn is_current(&self, known: &Migrator) -> bool {
        let applied = |pool: PgPool| async move {
            let book = "select version, checksum from office.migration where success
                order by version";
            sqlx::query_as::<_, (i64, Vec<u8>)>(book).fetch_all(&pool).await
        };
        let known = known.iter().map(|m| (m.version, m.checksum.to_vec()));
        self.run(applied).await.is_ok_and(|applied| applied.into_iter().eq(known))
    }

    /// Does one unit of work within its deadline, unless the server was just found away.
    pub(crate) async fn run<T, F>(&self, work: impl FnOnce(PgPool) -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        if self.is_away() {
            return Err(DatabaseError::Away("not tried, it was away a moment ago".into()));
        }
        match tokio::time::timeout(WORK_TIMEOUT, work(self.pool.clone())).await {
            Ok(Ok(done)) => {
                self.back();
                Ok(done)
            }
            Ok(Err(error)) if is_away(&error) => Err(self.gone(&error)),
            Ok(Err(error)) => Err(DatabaseError::Refused(error)),
            Err(_) => Err(self.gone(&"no answer within 3 s")),
        }
    }

    /// Begins a transaction on a connection of its own, whose statements have a deadline each.
    pub(crate) async fn begin(&self) -> Result<Work, DatabaseError> {
        let begin = |pool: PgPool| async move {
            let mut own = own_connection(&pool).await?;
            sqlx::raw_sql("begin; set local statement_timeout = '3s'").execute(&mut own).await?;
            Ok(Work { own })
        };
        self.run(begin).await
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    fn is_away(&self) -> bool {
        self.away.lock().as_ref().is_some_and(|away| Instant::now() < away.until)
    }

    fn gone(&self, why: &dyn std::fmt::Display) -> DatabaseError {
        let now = Instant::now();
        let mut away = self.away.lock();
        let since = away.as_ref().map_or(now, |away| away.since);
        if away.is_none() {
            self.set_away(1.0);
            if self.is_replica {
                tracing::warn!(%why, "the replica is away; history is read from the primary");
            } else {
                tracing::warn!(%why, "PostgreSQL is away; checkout goes on without it");
            }
        }
        *away = Some(Away { until: now + AWAY_PAUSE, since });
        DatabaseError::Away(why.to_string())
    }

    fn back(&self) {
        if let Some(away) = self.away.lock().take() {
            self.set_away(0.0);
            let (away_ms, replica) = (away.since.elapsed().as_millis() as u64, self.is_replica);
            tracing::info!(away_ms, replica, "PostgreSQL is back");
        }
    }

    fn set_away(&self, away: f64) {
        if self.is_replica {
            metrics::gauge!("seatgrid_office_replica_away").set(away);
        } else {
            metrics::gauge!("seatgrid_office_database_away").set(away);
        }
    }
}

fn read_url(file: Option<&Path>, url: &DatabaseUrl) -> Result<String, DatabaseError> {
    match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|e| DatabaseError::Address(format!("{}: {e}", path.display()))),
        None => Ok(url.0.reveal().to_owned()),
    }
}

/// Whether the server could not be reached or is going down, as opposed to an answer of its own.
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(refused) => refused.code().is_some_and(|code| {
            // Connection exceptions, lack of resources, shutdown by the operator.
            ["08", "53", "57"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// A connection that never returns to the pool. A transaction whose beginning was given up half-way
/// (a deadline, a stop) would otherwise stay open on a pooled connection, and the next user's
/// statements would run inside it and never be committed.
pub(crate) async fn own_connection(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    Ok(pool.acquire().await?.detach())
}
