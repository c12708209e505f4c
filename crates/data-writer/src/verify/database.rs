//! The ledger as PostgreSQL has it, streamed shard by shard in chain order, all from one snapshot.

use futures_util::StreamExt;
use inventory::FeedPosition;
use sqlx::{ConnectOptions, Connection, PgConnection};

pub(crate) use super::binary::Malformed;
use super::binary::{Tuple, Tuples};
use super::fault::{Place, Wrong};
use super::tables;
use super::{Progress, Record, Verifier};
use crate::chain::{ChainKey, Fields, Hash};
use crate::database::{UrlError, connect_options};
use crate::signing::HeadVerifier;

/// Columns of [`COLUMNS`].
const COLUMN_COUNT: i16 = 18;
/// In the order in which [`read`] takes them.
const COLUMNS: &str = "shard_id, incarnation, log_index, ordinal, event_id, kind, order_id, \
     seat_id, hold_id, payment_id, refund_id, amount_minor, at, subject, ip, status, prev_hash, hash";
/// Rows between two words of progress.
const PROGRESS_EVERY: u64 = 20_000;

/// Why there is no verification.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database did not answer.
    #[error("the database does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// The server sent something else than its own format.
    #[error("the database's answer cannot be read: {0}")]
    Stream(String),
    /// An export cannot be read.
    #[error("cannot read the export {file}: {reason}")]
    Export {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
}

impl From<Malformed> for VerifyError {
    fn from(malformed: Malformed) -> Self {
        Self::Stream(malformed.to_string())
    }
}

/// Verifies every chain in the database, then that the tables say what the ledger says. What it
/// finds is in the verifier's report; `progress` is told every 20,000 rows. With a public `key`, signed
/// chain heads are checked too.
///
/// # Errors
/// When the database does not answer. Faults are no error.
pub async fn verify_database(
    verifier: &mut Verifier,
    database_url: &str,
    key: Option<&HeadVerifier>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), VerifyError> {
    let options = connect_options(database_url)?.application_name("seatgrid-verify");
    let mut connection = options.connect().await?;
    let mut snapshot =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    for_long_reads(&mut snapshot).await?;
    let of_about = estimate(&mut snapshot).await?;
    if let Some(key) = key {
        signed_heads(verifier, &mut snapshot, key).await?;
    }
    for (shard, head, at_ms) in archived(&mut snapshot).await? {
        verifier.begins_after(shard, head, at_ms);
    }
    for shard in shards(&mut snapshot).await? {
        for_each_record::<VerifyError>(&mut snapshot, shard, None, |record| {
            match record {
                Ok(record) => verifier.take(&record),
                Err((place, malformed)) => verifier.unreadable(place, malformed.to_string()),
            }
            let records = verifier.report.records;
            if records.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress { records, of_about });
            }
            Ok(())
        })
        .await?;
    }
    compare_checkpoints(verifier, &mut snapshot).await?;
    let report = &mut verifier.report;
    verifier.story.close(report);
    tables::compare(&mut verifier.story, report, &mut snapshot).await?;
    snapshot.rollback().await?;
    Ok(())
}

/// The primary key has the order; sorting a year of rows would fill the disk.
pub(crate) async fn for_long_reads(snapshot: &mut PgConnection) -> Result<(), sqlx::Error> {
    let settings = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off;
         SET LOCAL statement_timeout = 0; SET LOCAL TimeZone = 'UTC'";
    sqlx::raw_sql(settings).execute(snapshot).await.map(drop)
}

async fn estimate(snapshot: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let rows: f64 = sqlx::query_scalar(
        "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 FROM pg_inherits i
         JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'grid.ledger'::regclass",
    )
    .fetch_one(snapshot)
    .await?;
    Ok(rows as u64)
}

/// Signed heads that fit the key; the records must lead to each of them.
async fn signed_heads(
    verifier: &mut Verifier,
    snapshot: &mut PgConnection,
    key: &HeadVerifier,
) -> Result<(), VerifyError> {
    type Row = (i32, i64, i64, i32, Vec<u8>, i64, String, Vec<u8>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT shard_id, incarnation, log_index, ordinal, head, grid.to_ms(signed_at), key_id,
             signature
         FROM grid.ledger_head ORDER BY 1, 2, 3, 4",
    )
    .fetch_all(snapshot)
    .await?;
    for (shard, incarnation, log_index, ordinal, head, at_ms, key_id, signature) in rows {
        let place = Place {
            shard: shard.unsigned_abs(),
            incarnation: incarnation.unsigned_abs(),
            log_index: log_index.unsigned_abs(),
            ordinal: ordinal.unsigned_abs(),
        };
        let bytes = (Hash::try_from(head.as_slice()), <[u8; 64]>::try_from(signature.as_slice()));
        let fits = |head, signature| key.head_fits(place, head, at_ms.unsigned_abs(), signature);
        match bytes {
            (Ok(head), Ok(signature)) if key_id == key.key_id() && fits(&head, &signature) => {
                verifier.expect_signed(place, head);
            }
            _ => {
                let what = "its signature is not this key's".to_owned();
                verifier.report.add(Wrong::Signature, Some(place), what);
            }
        }
    }
    Ok(())
}

/// Where each shard's dropped records ended; nothing when none were dropped.
async fn archived(snapshot: &mut PgConnection) -> Result<Vec<(u32, Hash, u64)>, VerifyError> {
    let rows: Vec<(i32, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT DISTINCT ON (shard_id) shard_id, head, grid.to_ms(last_at) FROM grid.ledger_archive
         WHERE dropped_at IS NOT NULL ORDER BY shard_id, month DESC",
    )
    .fetch_all(snapshot)
    .await?;
    let mut heads = Vec::with_capacity(rows.len());
    for (shard, head, at_ms) in rows {
        let head = Hash::try_from(head.as_slice());
        let head = head.map_err(|_| VerifyError::Stream("an archived head is no hash".into()))?;
        heads.push((shard.unsigned_abs(), head, at_ms.unsigned_abs()));
    }
    Ok(heads)
}

/// Shards that have rows, found by leaps over the index.
pub(crate) async fn shards(snapshot: &mut PgConnection) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar(
        "WITH RECURSIVE leap AS (
             SELECT min(shard_id) AS shard_id FROM grid.ledger
             UNION ALL
             SELECT (SELECT min(l.shard_id) FROM grid.ledger l WHERE l.shard_id > leap.shard_id)
             FROM leap WHERE leap.shard_id IS NOT NULL)
         SELECT shard_id FROM leap WHERE shard_id IS NOT NULL",
    )
    .fetch_all(snapshot)
    .await
}

/// Every record of a shard in chain order, or the place of one whose columns cannot be read. `span`
/// limits the rows to times from the first to before the second, ms since 1970.
pub(crate) async fn for_each_record<E: From<sqlx::Error> + From<Malformed>>(
    snapshot: &mut PgConnection,
    shard: i32,
    span: Option<(i64, i64)>,
    mut each: impl FnMut(Result<Record<'_>, (Place, Malformed)>) -> Result<(), E>,
) -> Result<(), E> {
    let span = span.map_or_else(String::new, |(from, to)| {
        format!("AND at >= grid.from_ms({from}) AND at < grid.from_ms({to})")
    });
    let copy = format!(
        "COPY (SELECT {COLUMNS} FROM grid.ledger WHERE shard_id = {shard} {span}
         ORDER BY incarnation, log_index, ordinal, at) TO STDOUT (FORMAT binary)"
    );
    let mut messages = snapshot.copy_out_raw(&copy).await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let mut tuples = Tuples::of(&message)?;
        while let Some(mut tuple) = tuples.next(COLUMN_COUNT)? {
            let place = Place {
                shard: tuple.counter4().unwrap_or(u32::MAX),
                incarnation: tuple.counter8().unwrap_or(u64::MAX),
                log_index: tuple.counter8().unwrap_or(u64::MAX),
                ordinal: tuple.counter4().unwrap_or(u32::MAX),
            };
            each(read(place, tuple).map_err(|malformed| (place, malformed)))?;
        }
    }
    Ok(())
}

fn read(place: Place, mut tuple: Tuple<'_>) -> Result<Record<'_>, Malformed> {
    let Place { shard, incarnation, log_index, ordinal } = place;
    let fields = Fields {
        position: FeedPosition { log_index, ordinal },
        event_id: tuple.text()?,
        kind: tuple.text()?,
        order_id: tuple.optional_text()?,
        seat_id: tuple.optional_text()?,
        hold_id: tuple.optional_text()?,
        payment_id: tuple.optional_text()?,
        refund_id: tuple.optional_text()?,
        amount_minor: tuple.optional_int8()?,
        at_ms: tuple.time_ms()?,
        subject: tuple.text()?,
        ip: tuple.optional_ip()?,
        status: tuple.text()?,
    };
    let key = ChainKey { shard, incarnation };
    Ok(Record { key, fields, prev_hash: tuple.bytes()?, hash: tuple.bytes()? })
}

/// The end of each chain is what the writer's checkpoint says: nothing was cut off.
async fn compare_checkpoints(
    verifier: &mut Verifier,
    snapshot: &mut PgConnection,
) -> Result<(), VerifyError> {
    let rows: Vec<(i32, i64, i64, i32, Vec<u8>)> = sqlx::query_as(
        "SELECT shard_id, incarnation, applied_index, applied_ordinal, chain_hash
         FROM grid.writer_checkpoint ORDER BY shard_id",
    )
    .fetch_all(snapshot)
    .await?;
    let mut known = Vec::with_capacity(rows.len());
    for (shard, incarnation, log_index, ordinal, head) in rows {
        let shard = shard.unsigned_abs();
        known.push(shard);
        let end =
            FeedPosition { log_index: log_index.unsigned_abs(), ordinal: ordinal.unsigned_abs() };
        verifier.expect_end(shard, incarnation.unsigned_abs(), end);
        match Hash::try_from(head.as_slice()) {
            Ok(head) => verifier.expect_head(shard, &head, "the checkpoint"),
            Err(_) => verifier.report.add(Wrong::End, None, format!("shard {shard}: odd head")),
        }
    }
    for shard in verifier.shards() {
        if !known.contains(&shard) {
            let what = format!("shard {shard} has records and no checkpoint");
            verifier.report.add(Wrong::End, None, what);
        }
    }
    Ok(())
}
