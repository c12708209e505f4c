//! Months that are over: written to a file each, noted in `grid.ledger_archive`, and dropped from the
//! tables once they are old enough. Each step can be repeated; nothing is dropped that is not in a
//! file whose number of records was compared.

use std::path::{Path, PathBuf};

use sqlx::{ConnectOptions, Connection, PgConnection};

use super::write::{Exported, export};
use crate::database::{UrlError, connect_options};
use crate::signing::HeadSigner;
use crate::sink::{int4, int8};
use crate::verify::{Malformed, Place, Progress};

/// Why nothing was archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database did not answer.
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// The file cannot be written.
    #[error("cannot write the archive: {0}")]
    File(#[from] std::io::Error),
    /// The ledger is not whole: run `seatgrid verify`.
    #[error("the ledger is broken, nothing was archived: {what}")]
    Broken {
        /// The first fault.
        what: String,
    },
}

impl ArchiveError {
    pub(super) fn broken(place: Place, why: &Malformed) -> Self {
        Self::Broken { what: format!("{place}: {why}") }
    }
}

impl From<Malformed> for ArchiveError {
    fn from(why: Malformed) -> Self {
        Self::Broken { what: why.to_string() }
    }
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Archived {
    /// Files written, with their records.
    pub written: Vec<(PathBuf, u64)>,
    /// Months dropped from the tables, with their records.
    pub dropped: Vec<(String, u64)>,
}

/// Archives every month that is over and not yet archived to `dir/ledger-YYYY-MM.jsonl.zst`, then
/// drops archived months that are more than `kept_months` (12 or more) old.
///
/// # Errors
/// At the first month that fails; what was done before is done.
pub async fn archive_months(
    database_url: &str,
    dir: &Path,
    kept_months: u32,
    signer: Option<&HeadSigner>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Archived, ArchiveError> {
    let options = connect_options(database_url)?.application_name("seatgrid-archive");
    let mut connection = options.connect().await?;
    let mut done = Archived::default();
    for (month, from, to) in finished_months(&mut connection).await? {
        let file = dir.join(format!("ledger-{month}.jsonl.zst"));
        let span = Some((month.as_str(), from, to));
        let exported = export(&mut connection, &file, span, signer, progress).await?;
        note(&mut connection, &month, &file, &exported).await?;
        done.written.push((file, exported.records));
    }
    for month in old_months(&mut connection, kept_months).await? {
        let records: i64 =
            sqlx::query_scalar("SELECT grid.drop_archived_month(($1 || '-01')::date, $2)")
                .bind(&month)
                .bind(int4(kept_months))
                .fetch_one(&mut connection)
                .await?;
        done.dropped.push((month, records.unsigned_abs()));
    }
    connection.close().await?;
    Ok(done)
}

/// Months with a partition that no shard writes any more and that are not noted yet, oldest first.
async fn finished_months(
    connection: &mut PgConnection,
) -> Result<Vec<(String, i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "WITH part AS (
             SELECT to_date(substr(c.relname, 8), 'YYYY_MM')::timestamp AS month
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'grid.ledger'::regclass)
         SELECT to_char(month, 'YYYY-MM'), grid.to_ms(month AT TIME ZONE 'UTC'),
             grid.to_ms((month + interval '1 month') AT TIME ZONE 'UTC')
         FROM part
         WHERE (month + interval '1 month') AT TIME ZONE 'UTC'
                   <= (SELECT min(applied_at) FROM grid.writer_checkpoint)
           AND NOT EXISTS (SELECT FROM grid.ledger_archive a WHERE a.month = part.month::date)
         ORDER BY month",
    )
    .fetch_all(connection)
    .await
}

async fn note(
    connection: &mut PgConnection,
    month: &str,
    file: &Path,
    exported: &Exported,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for (shard, (head, last_at_ms, records)) in &exported.ends {
        sqlx::query(
            "INSERT INTO grid.ledger_archive (shard_id, month, file, file_sha256, records, head,
                 last_at)
             VALUES ($1, ($2 || '-01')::date, $3, $4, $5, $6, grid.from_ms($7))",
        )
        .bind(int4(*shard))
        .bind(month)
        .bind(file.display().to_string())
        .bind(exported.sha256.as_slice())
        .bind(int8(*records))
        .bind(head.as_slice())
        .bind(int8(*last_at_ms))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// Archived months that are still in the tables and older than the limit, oldest first.
async fn old_months(
    connection: &mut PgConnection,
    kept_months: u32,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT DISTINCT to_char(month, 'YYYY-MM') FROM grid.ledger_archive
         WHERE dropped_at IS NULL
           AND month <= date_trunc('month', now() AT TIME ZONE 'UTC')::date
                        - make_interval(months => $1)
         ORDER BY 1",
    )
    .bind(int4(kept_months))
    .fetch_all(connection)
    .await
}
