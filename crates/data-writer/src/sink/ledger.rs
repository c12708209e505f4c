//! `grid.ledger`: rows with their hashes, and the partitions they go into. Only inserts.

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use sqlx::PgConnection;

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
    let Some(first) = chunk.first() else {
        return Ok(());
    };
    let rows = || chunk.iter().map(|chained| chained.row);
    sqlx::query(
        "INSERT INTO grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind,
             order_id, seat_id, hold_id, payment_id, refund_id, amount_minor, at, subject, ip,
             status, prev_hash, hash)
         SELECT $1, $2, u.log_index, u.ordinal, u.event_id, u.kind, u.order_id, u.seat_id,
             u.hold_id, u.payment_id, u.refund_id, u.amount_minor, grid.from_ms(u.at_ms),
             u.subject, u.ip::inet, u.status, u.prev_hash, u.hash
         FROM unnest($3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::text[],
             $15::text[], $16::text[], $17::bytea[], $18::bytea[])
             AS u(log_index, ordinal, event_id, kind, order_id, seat_id, hold_id, payment_id,
                  refund_id, amount_minor, at_ms, subject, ip, status, prev_hash, hash)",
    )
    .bind(int4(first.from.shard))
    .bind(int8(first.from.incarnation))
    .bind(rows().map(|r| int8(r.position.log_index)).collect::<Vec<_>>())
    .bind(rows().map(|r| int4(r.position.ordinal)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.kind.as_ref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.order_id.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.seat_id.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.hold_id.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.payment_id.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.refund_id.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.amount_minor).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.at_ms)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.subject.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.ip.map(|ip| ip.to_string())).collect::<Vec<_>>())
    .bind(rows().map(|r| r.status.as_ref()).collect::<Vec<_>>())
    .bind(chunk.iter().map(|c| c.prev_hash.as_slice()).collect::<Vec<_>>())
    .bind(chunk.iter().map(|c| c.hash.as_slice()).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
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
