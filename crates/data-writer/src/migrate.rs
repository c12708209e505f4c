//! Migrations of schema `grid`: numbered, forward only, under an advisory lock, with their book in
//! the schema itself so that other services' migrations of the same database do not collide.

use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions, Connection};

use crate::database::{UrlError, connect_options};
use crate::failure::sqlstate;

/// Where applied migrations are noted.
const BOOK: &str = "grid.schema_migration";

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The server cannot be reached or refuses the log-in.
    #[error("cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// The database was migrated by a newer binary, or a migration was changed after it ran.
    #[error("the database's schema is not one that this binary knows: {0}")]
    Foreign(#[source] sqlx::migrate::MigrateError),
    /// The user may not create what the migrations create.
    #[error("the database user may not migrate schema grid; run `seatgrid migrate` as its owner")]
    Forbidden,
    /// A migration failed; nothing of it is left.
    #[error("a migration failed: {0}")]
    Failed(#[source] sqlx::migrate::MigrateError),
}

/// Applies what is missing. Safe to run by several processes at once: the others wait.
///
/// # Errors
/// See [`MigrateError`]; only `Connect` is worth repeating.
pub async fn migrate(database_url: &str) -> Result<(), MigrateError> {
    let options = connect_options(database_url)?;
    let mut connection = options.connect().await.map_err(MigrateError::Connect)?;
    if is_current(&mut connection).await {
        return Ok(());
    }
    // The lock belongs to the session: it is gone with the connection, also after an error.
    let done = migrator().run_direct(None, &mut connection, false).await;
    let _ = connection.close().await;
    done.map_err(classify)
}

/// Whether every migration of this binary is applied; then a user without rights may go on.
async fn is_current(connection: &mut sqlx::PgConnection) -> bool {
    let applied: Result<Vec<(i64, Vec<u8>)>, _> = sqlx::query_as(
        "SELECT version, checksum FROM grid.schema_migration WHERE success ORDER BY version",
    )
    .fetch_all(connection)
    .await;
    let known = migrator();
    let known = known.iter().map(|m| (m.version, m.checksum.as_ref().to_vec()));
    applied.is_ok_and(|applied| applied.into_iter().eq(known))
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(BOOK);
    migrator.create_schema("grid");
    migrator
}

fn classify(error: sqlx::migrate::MigrateError) -> MigrateError {
    use sqlx::migrate::MigrateError as Cause;
    match error {
        Cause::VersionMissing(_)
        | Cause::VersionMismatch(_)
        | Cause::VersionNotPresent(_)
        | Cause::VersionTooOld(..)
        | Cause::VersionTooNew(..)
        | Cause::Dirty(_) => MigrateError::Foreign(error),
        Cause::Execute(ref cause) | Cause::ExecuteMigration(ref cause, _) => {
            match sqlstate(cause).as_deref() {
                Some("42501") => MigrateError::Forbidden,
                Some(_) => MigrateError::Failed(error),
                None => MigrateError::Connect(sqlx::Error::Protocol(cause.to_string())),
            }
        }
        other => MigrateError::Failed(other),
    }
}
