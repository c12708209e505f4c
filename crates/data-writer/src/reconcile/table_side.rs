//! What the tables say of an event, as facts, all of one moment. The columns follow the fields of
//! `compare`.

use inventory::FeedPosition;
use processing_unit::ShardId;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::Thing;
use super::compare::{Facts, fields};
use crate::sink::int4;

/// One event's tables and how far they were.
pub(super) struct Tables {
    pub(super) position: FeedPosition,
    pub(super) facts: Facts,
}

/// Everything of an event, from one snapshot.
pub(super) async fn load(
    connection: &mut PgConnection,
    event_id: &str,
    shard: ShardId,
) -> Result<Tables, sqlx::Error> {
    let mut snapshot =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let position = position(&mut snapshot, shard).await?;
    let mut facts = Facts::new();
    let queries = [
        (
            Thing::Event,
            "SELECT event_id, ARRAY[name, shard_id::text, plan_version::text, currency,
             grid.to_ms(starts_at)::text] FROM grid.event WHERE event_id = $1",
        ),
        (
            Thing::Seat,
            "SELECT seat_id, ARRAY[status, hold_id, order_id, version::text]
             FROM grid.seat WHERE event_id = $1",
        ),
        (
            Thing::Order,
            "SELECT order_id, ARRAY[status, hold_id, buyer_id::text,
             encode(sha256(contact), 'hex'), total_minor::text, grid.to_ms(created_at)::text,
             grid.to_ms(expires_at)::text, grid.to_ms(paid_at)::text, version::text]
             FROM grid.sale_order WHERE event_id = $1",
        ),
        (
            Thing::OrderSeat,
            "SELECT order_id || '/' || seat_id, ARRAY[status, order_id,
             price_minor::text] FROM grid.order_seat WHERE event_id = $1",
        ),
        (
            Thing::Payment,
            "SELECT payment_id, ARRAY[status, order_id, provider, method,
             provider_ref, settled_as, amount_minor::text, captured_minor::text,
             grid.to_ms(started_at)::text, grid.to_ms(settled_at)::text, version::text]
             FROM grid.payment WHERE event_id = $1",
        ),
        (
            Thing::Refund,
            "SELECT refund_id, ARRAY[status, payment_id, order_id, amount_minor::text,
             attempts::text, last_error, grid.to_ms(created_at)::text, version::text]
             FROM grid.refund WHERE event_id = $1",
        ),
        (
            Thing::Sums,
            "SELECT event_id, ARRAY[free::text, held::text, sold::text, blocked::text,
             orders_paid::text, revenue_minor::text]
             FROM grid.reconciliation WHERE event_id = $1",
        ),
    ];
    for (thing, query) in queries {
        let rows: Vec<(String, Vec<Option<String>>)> =
            sqlx::query_as(query).bind(event_id).fetch_all(&mut *snapshot).await?;
        debug_assert!(rows.iter().all(|(_, values)| values.len() == fields(thing).len()));
        facts.extend(rows.into_iter().map(|(id, values)| ((thing, id), values)));
    }
    snapshot.rollback().await?;
    Ok(Tables { position, facts })
}

/// Where a shard's tables are; the beginning when nothing was ever written.
pub(super) async fn position(
    connection: &mut PgConnection,
    shard: ShardId,
) -> Result<FeedPosition, sqlx::Error> {
    let row: Option<(i64, i32)> = sqlx::query_as(
        "SELECT applied_index, applied_ordinal FROM grid.writer_checkpoint WHERE shard_id = $1",
    )
    .bind(int4(shard))
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(FeedPosition::default, |(log_index, ordinal)| FeedPosition {
        log_index: log_index.unsigned_abs(),
        ordinal: ordinal.unsigned_abs(),
    }))
}

/// Ids of all events in the tables.
pub(super) async fn events(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT event_id FROM grid.event ORDER BY event_id")
        .fetch_all(connection)
        .await
}

/// Seats with more than one owner: event, seat, owners.
pub(super) async fn double_sold(
    connection: &mut PgConnection,
) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    let query = "SELECT event_id, seat_id, owners::bigint FROM grid.double_sold ORDER BY 1, 2";
    sqlx::query_as(query).fetch_all(connection).await
}

/// How many parked records wait for a person.
pub(super) async fn quarantine(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM grid.writer_quarantine WHERE resolved_at IS NULL")
            .fetch_one(connection)
            .await?;
    Ok(count.unsigned_abs())
}

/// How far a shard's rows are, and the name that they have; nothing of a shard that was never written.
pub(super) async fn name(
    connection: &mut PgConnection,
    shard: ShardId,
) -> Result<Option<(FeedPosition, u128)>, sqlx::Error> {
    let row: Option<(i64, i32, Uuid)> = sqlx::query_as(
        "SELECT applied_index, applied_ordinal, database_id FROM grid.writer_checkpoint
         WHERE shard_id = $1",
    )
    .bind(int4(shard))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(index, ordinal, name)| {
        let position =
            FeedPosition { log_index: index.cast_unsigned(), ordinal: ordinal.cast_unsigned() };
        (position, name.as_u128())
    }))
}
