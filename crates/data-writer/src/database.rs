//! How this crate connects to PostgreSQL: one place for pools, session settings and time limits.
//! Makes no statement of its own.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Waiting for a free connection; the pool is small on purpose and transactions are short.
const ACQUIRE_MAX: Duration = Duration::from_secs(5);
/// A connection is replaced after this, so that a moved server or a changed role is noticed.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// Limits that the server itself keeps, so that they hold when this process is frozen.
const SESSION: [(&str, &str); 5] = [
    // Ours are 100 ms; a plan of 250,000 seats some seconds.
    ("statement_timeout", "30s"),
    // Behind a reader's long statement while a partition is made.
    ("lock_timeout", "5s"),
    // A frozen writer must not keep its successor from the checkpoint row.
    ("idle_in_transaction_session_timeout", "1500ms"),
    ("TimeZone", "UTC"),
    ("default_transaction_isolation", "read committed"),
];

/// A URL that is not one of PostgreSQL's. Its text is never repeated: it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database URL is not a valid postgres:// URL")]
pub struct UrlError;

/// What every connection of this crate has in common.
pub(crate) fn connect_options(database_url: &str) -> Result<PgConnectOptions, UrlError> {
    let options = PgConnectOptions::from_str(database_url).map_err(|_| UrlError)?;
    Ok(options.application_name("seatgrid-writer").disable_statement_logging())
}

/// A pool that connects when it is first used, with the writer's session limits.
pub(crate) fn writer_pool(options: &PgConnectOptions, connections_max: u32) -> PgPool {
    let options = options.clone().options(SESSION);
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_MAX)
        .max_lifetime(CONNECTION_AGE_MAX)
        .connect_lazy_with(options)
}
