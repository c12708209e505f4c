//! An event's rows as the tables have them, all of one moment. Reads only; what they mean is said in
//! `assemble`.

use inventory::EventNo;
use processing_unit::ShardId;
use sqlx::types::Uuid;
use sqlx::{Connection, FromRow, PgConnection};

/// An event that the tables have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) event_id: String,
    pub(crate) number: EventNo,
    pub(crate) shard: ShardId,
    pub(crate) version: u64,
}

/// Everything of one event. Numbers are PostgreSQL's; times are milliseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct EventRows {
    pub(crate) seats: Vec<SeatLine>,
    pub(crate) orders: Vec<OrderLine>,
    pub(crate) order_seats: Vec<OrderSeatLine>,
    pub(crate) payments: Vec<PaymentLine>,
    pub(crate) refunds: Vec<RefundLine>,
    pub(crate) kept: Vec<KeptLine>,
}

#[derive(Debug, FromRow)]
pub(crate) struct SeatLine {
    pub(crate) seat_id: String,
    pub(crate) status: String,
    pub(crate) order_id: Option<String>,
    pub(crate) hold_id: Option<String>,
    pub(crate) held_until_ms: Option<i64>,
    pub(crate) price_minor: i64,
    pub(crate) version: i64,
    pub(crate) hold_detail: Option<Vec<u8>>,
}

#[derive(Debug, FromRow)]
pub(crate) struct OrderLine {
    pub(crate) order_id: String,
    pub(crate) hold_id: String,
    pub(crate) status: String,
    pub(crate) buyer_id: Option<Uuid>,
    pub(crate) contact: Vec<u8>,
    pub(crate) total_minor: i64,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    pub(crate) paid_ms: Option<i64>,
    pub(crate) version: i64,
    pub(crate) detail: Option<Vec<u8>>,
}

#[derive(Debug, FromRow)]
pub(crate) struct OrderSeatLine {
    pub(crate) order_id: String,
    pub(crate) seat_id: String,
    pub(crate) price_minor: i64,
    pub(crate) status: String,
}

#[derive(Debug, FromRow)]
pub(crate) struct PaymentLine {
    pub(crate) payment_id: String,
    pub(crate) order_id: String,
    pub(crate) provider: String,
    pub(crate) method: String,
    pub(crate) provider_ref: Option<String>,
    pub(crate) status: String,
    pub(crate) settled_as: Option<String>,
    pub(crate) amount_minor: i64,
    pub(crate) captured_minor: Option<i64>,
    pub(crate) started_ms: i64,
    pub(crate) settled_ms: Option<i64>,
    pub(crate) version: i64,
}

#[derive(Debug, FromRow)]
pub(crate) struct RefundLine {
    pub(crate) refund_id: String,
    pub(crate) payment_id: String,
    pub(crate) order_id: String,
    pub(crate) amount_minor: i64,
    pub(crate) status: String,
    pub(crate) attempts: i64,
    pub(crate) last_error: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) version: i64,
}

#[derive(Debug, FromRow)]
pub(crate) struct KeptLine {
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) detail: Vec<u8>,
    pub(crate) version: i64,
}

/// All events of the tables, by number.
pub(crate) async fn written(connection: &mut PgConnection) -> Result<Vec<Written>, sqlx::Error> {
    let rows: Vec<(String, i64, i32, i64)> = sqlx::query_as(
        "SELECT event_id, event_no, shard_id, version FROM grid.event ORDER BY event_no",
    )
    .fetch_all(connection)
    .await?;
    let written = |(event_id, number, shard, version): (String, i64, i32, i64)| Written {
        event_id,
        number: EventNo(u32::try_from(number).unwrap_or(u32::MAX)),
        shard: shard.unsigned_abs(),
        version: version.unsigned_abs(),
    };
    Ok(rows.into_iter().map(written).collect())
}

/// Everything of one event.
pub(crate) async fn event_rows(
    connection: &mut PgConnection,
    event_id: &str,
) -> Result<EventRows, sqlx::Error> {
    let mut snapshot =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let rows = EventRows {
        seats: lines(
            &mut snapshot,
            "SELECT seat_id, status, order_id, hold_id, grid.to_ms(held_until) AS held_until_ms,
                 price_minor, version, hold_detail
             FROM grid.seat WHERE event_id = $1",
            event_id,
        )
        .await?,
        orders: orders(&mut snapshot, event_id).await?,
        order_seats: lines(
            &mut snapshot,
            "SELECT order_id, seat_id, price_minor, status
             FROM grid.order_seat WHERE event_id = $1",
            event_id,
        )
        .await?,
        payments: lines(
            &mut snapshot,
            "SELECT payment_id, order_id, provider, method, provider_ref, status, settled_as,
                 amount_minor, captured_minor, grid.to_ms(started_at) AS started_ms,
                 grid.to_ms(settled_at) AS settled_ms, version
             FROM grid.payment WHERE event_id = $1",
            event_id,
        )
        .await?,
        refunds: lines(
            &mut snapshot,
            "SELECT refund_id, payment_id, order_id, amount_minor, status, attempts, last_error,
                 grid.to_ms(created_at) AS created_ms, version
             FROM grid.refund WHERE event_id = $1",
            event_id,
        )
        .await?,
        kept: lines(
            &mut snapshot,
            "SELECT kind, key, detail, version
             FROM grid.recovery WHERE event_id = $1 AND detail IS NOT NULL",
            event_id,
        )
        .await?,
    };
    snapshot.rollback().await?;
    Ok(rows)
}

/// The orders of one event.
pub(crate) async fn orders(
    connection: &mut PgConnection,
    event_id: &str,
) -> Result<Vec<OrderLine>, sqlx::Error> {
    let query = "SELECT order_id, hold_id, status, buyer_id, contact, total_minor,
             grid.to_ms(created_at) AS created_ms, grid.to_ms(expires_at) AS expires_ms,
             grid.to_ms(paid_at) AS paid_ms, version, detail
         FROM grid.sale_order WHERE event_id = $1";
    lines(connection, query, event_id).await
}

/// What is kept of one event's sale, of its window, and of things that may end by themselves.
pub(crate) async fn kept_sale(
    connection: &mut PgConnection,
    event_id: &str,
) -> Result<Vec<KeptLine>, sqlx::Error> {
    let query = "SELECT kind, key, detail, version FROM grid.recovery
         WHERE event_id = $1 AND kind IN ('sale', 'window', 'person_limit', 'wait')
           AND detail IS NOT NULL";
    lines(connection, query, event_id).await
}

async fn lines<T>(
    snapshot: &mut PgConnection,
    query: &'static str,
    event_id: &str,
) -> Result<Vec<T>, sqlx::Error>
where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    sqlx::query_as(query).bind(event_id).fetch_all(snapshot).await
}
