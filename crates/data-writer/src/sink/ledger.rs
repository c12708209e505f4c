//! `grid.ledger`: rows with their hashes, and the partitions they go into. Only inserts.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use sqlx::PgConnection;

use super::copy::Tuples;
use super::{Checkpoint, int4, int8};
use crate::chain::{Hash, next_hash};
use crate::rows::LedgerRow;
use crate::verify::Place;

/// Rows of one statement: a hold wave in one log entry may bring many more than a batch asks for.
const ROWS_MAX: usize = 10_000;

/// A row with its place in the chain.
pub(super) struct ChainedRow<'a> {
    from: &'a Checkpoint,
    row: &'a LedgerRow,
    prev_hash: Hash,
    hash: Hash,
}

/// The rows chained to the checkpoint, and the hash of the last one.
pub(super) fn chained<'a>(
    from: &'a Checkpoint,
    rows: &'a [LedgerRow],
) -> (Vec<ChainedRow<'a>>, Hash) {
    let mut head = from.chain_hash;
    let chained = rows.iter().map(|row| {
        let prev_hash = head;
        head = next_hash(&prev_hash, from.chain_key(), row);
        ChainedRow { from, row, prev_hash, hash: head }
    });
    let chained = chained.collect();
    (chained, head)
}

pub(super) async fn insert(
    transaction: &mut PgConnection,
    rows: &[ChainedRow<'_>],
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_MAX) {
        insert_chunk(transaction, rows).await?;
    }
    Ok(())
}

async fn insert_chunk(
    transaction: &mut PgConnection,
    chunk: &[ChainedRow<'_>],
) -> Result<(), sqlx::Error> {
    if chunk.is_empty() {
        return Ok(());
    }
    let mut tuples = Tuples::of_fields(COLUMNS);
    for chained in chunk {
        push(&mut tuples, chained);
    }
    let mut copy = transaction.copy_in_raw(COPY).await?;
    copy.send(tuples.end()).await?;
    copy.finish().await.map(drop)
}

/// Fields of [`COPY`].
const COLUMNS: i16 = 18;
/// A quarter cheaper than an insert of arrays, for the database and for this process.
const COPY: &str = "COPY grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind,
    order_id, seat_id, hold_id, payment_id, refund_id, amount_minor, at, subject, ip, status,
    prev_hash, hash) FROM STDIN (FORMAT binary)";

/// A row in the order of [`COPY`].
fn push(tuples: &mut Tuples, chained: &ChainedRow<'_>) {
    let ChainedRow { from, row, prev_hash, hash } = chained;
    tuples.begin();
    tuples.int4(int4(from.shard));
    tuples.int8(int8(from.incarnation));
    tuples.int8(int8(row.position.log_index));
    tuples.int4(int4(row.position.ordinal));
    tuples.text(&row.event_id);
    tuples.text(&row.kind);
    tuples.optional_text(row.order_id.as_deref());
    tuples.optional_text(row.seat_id.as_deref());
    tuples.optional_text(row.hold_id.as_deref());
    tuples.optional_text(row.payment_id.as_deref());
    tuples.optional_text(row.refund_id.as_deref());
    tuples.optional_int8(row.amount_minor);
    tuples.time(int8(row.at_ms));
    tuples.text(&row.subject);
    tuples.optional_address(row.ip);
    tuples.text(&row.status);
    tuples.bytes(prev_hash);
    tuples.bytes(hash);
}

/// When the row at a checkpoint happened; `None` if it is not there.
pub(super) async fn at_ms(
    connection: &mut PgConnection,
    checkpoint: &Checkpoint,
) -> Result<Option<u64>, sqlx::Error> {
    let at_ms: Option<i64> = sqlx::query_scalar(
        "SELECT grid.to_ms(at) FROM grid.ledger
         WHERE shard_id = $1 AND incarnation = $2 AND log_index = $3 AND ordinal = $4",
    )
    .bind(int4(checkpoint.shard))
    .bind(int8(checkpoint.incarnation))
    .bind(int8(checkpoint.position.log_index))
    .bind(int4(checkpoint.position.ordinal))
    .fetch_optional(connection)
    .await?;
    Ok(at_ms.map(i64::unsigned_abs))
}

/// First millisecond of the month that a time falls into, UTC.
pub(crate) fn month_of(at_ms: u64) -> i64 {
    let at = Timestamp::from_millisecond(int8(at_ms)).unwrap_or(Timestamp::MAX);
    let date = at.to_zoned(TimeZone::UTC).date();
    let first = Date::new(date.year(), date.month(), 1).unwrap_or(date);
    first.to_zoned(TimeZone::UTC).map_or(0, |first| first.timestamp().as_millisecond())
}

pub(super) async fn make_partition(
    connection: &mut PgConnection,
    month_ms: i64,
) -> Result<(), sqlx::Error> {
    let make = sqlx::query("SELECT grid.ensure_ledger_partition($1)").bind(month_ms);
    make.execute(connection).await.map(drop)
}

/// This month's and the next two, by the database's clock.
pub(super) async fn make_partitions_ahead(
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let make = sqlx::query(
        "SELECT grid.ensure_ledger_partition(grid.to_ms(
             date_trunc('month', now()) + make_interval(months => n)))
         FROM generate_series(0, 2) AS n",
    );
    make.execute(connection).await.map(drop)
}

/// The heads that are not signed yet, with the records that they are the hashes of.
pub(super) async fn unsigned_heads(
    connection: &mut PgConnection,
) -> Result<Vec<(Place, Hash)>, sqlx::Error> {
    let rows: Vec<(i32, i64, i64, i32, Vec<u8>)> = sqlx::query_as(
        "SELECT shard_id, incarnation, applied_index, applied_ordinal, chain_hash
         FROM grid.writer_checkpoint c
         WHERE applied_index > 0 AND NOT EXISTS (
             SELECT FROM grid.ledger_head h
             WHERE h.shard_id = c.shard_id AND h.incarnation = c.incarnation
               AND h.log_index = c.applied_index AND h.ordinal = c.applied_ordinal)
         ORDER BY shard_id",
    )
    .fetch_all(connection)
    .await?;
    let head = |(shard, incarnation, log_index, ordinal, head): (i32, i64, i64, i32, Vec<u8>)| {
        let place = Place {
            shard: shard.unsigned_abs(),
            incarnation: incarnation.unsigned_abs(),
            log_index: log_index.unsigned_abs(),
            ordinal: ordinal.unsigned_abs(),
        };
        Hash::try_from(head.as_slice()).ok().map(|head| (place, head))
    };
    Ok(rows.into_iter().filter_map(head).collect())
}

pub(super) async fn put_signed_head(
    connection: &mut PgConnection,
    place: Place,
    head: &Hash,
    signed: (u64, &str, [u8; 64]),
) -> Result<(), sqlx::Error> {
    let (signed_at_ms, key_id, signature) = signed;
    sqlx::query(
        "INSERT INTO grid.ledger_head (shard_id, incarnation, log_index, ordinal, head, signed_at,
             key_id, signature)
         VALUES ($1, $2, $3, $4, $5, grid.from_ms($6), $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(int4(place.shard))
    .bind(int8(place.incarnation))
    .bind(int8(place.log_index))
    .bind(int4(place.ordinal))
    .bind(head.as_slice())
    .bind(int8(signed_at_ms))
    .bind(key_id)
    .bind(signature.as_slice())
    .execute(connection)
    .await
    .map(drop)
}
