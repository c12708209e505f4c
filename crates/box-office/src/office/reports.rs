//! What the tables say of all sales together: seats, orders, revenue, and up to which moment.
//!
//! Reads the views of schema `grid` that reconciliation jobs read; adds nothing to them.

use sqlx::{FromRow, PgPool};

use super::bodies::Price;
use super::bodies::audit::{
    DoubleBody, ReconciliationBody, SalesBody, TierSalesBody, WatermarkBody,
};
use crate::clock::text_signed;

/// Events of one report; a shop has some thousands in a year.
const EVENTS_MAX: i64 = 10_000;
/// Seats with two owners that are named; one is one too many.
const DOUBLES_MAX: i64 = 100;

#[derive(FromRow)]
struct SalesRow {
    event_id: String,
    name: String,
    currency: String,
    free: i64,
    held: i64,
    sold: i64,
    blocked: i64,
    orders_paid: i64,
    revenue_minor: i64,
}

#[derive(FromRow)]
struct TierRow {
    tier: String,
    free: i64,
    held: i64,
    sold: i64,
    blocked: i64,
    sold_minor: i64,
    currency: String,
}

/// The view `grid.reconciliation` for all events or one, with seats of two owners and watermarks.
pub(crate) async fn reconciliation(
    pool: PgPool,
    event: Option<String>,
) -> Result<ReconciliationBody, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let sales: Vec<SalesRow> = sqlx::query_as(
        "select r.event_id, e.name, e.currency, r.free::bigint, r.held::bigint, r.sold::bigint,
                r.blocked::bigint, r.orders_paid::bigint, r.revenue_minor::bigint
         from grid.reconciliation r join grid.event e using (event_id)
         where $1::text is null or r.event_id = $1
         order by r.event_id limit $2",
    )
    .bind(&event)
    .bind(EVENTS_MAX)
    .fetch_all(&mut *db)
    .await?;
    // The ledger's half of the view reads all of it: that is the work of `seatgrid verify`.
    let doubles: Vec<(String, String, i64)> = sqlx::query_as(
        "select event_id, seat_id, owners::bigint from grid.double_sold
         where source = 'order_seat' and ($1::text is null or event_id = $1)
         order by event_id, seat_id limit $2",
    )
    .bind(&event)
    .bind(DOUBLES_MAX)
    .fetch_all(&mut *db)
    .await?;
    let watermarks: Vec<(i32, i64, i64)> = sqlx::query_as(
        "select shard_id, (extract(epoch from complete_up_to) * 1000)::bigint, lag_ms::bigint
         from grid.watermark order by shard_id",
    )
    .fetch_all(&mut *db)
    .await?;
    let doubles = doubles.into_iter();
    let doubles =
        doubles.map(|(event_id, seat_id, owners)| DoubleBody { event_id, seat_id, owners });
    let shard = |(shard, complete_ms, lag_ms)| WatermarkBody {
        shard,
        complete_up_to: text_signed(complete_ms),
        lag_ms,
    };
    Ok(ReconciliationBody {
        events: sales.into_iter().map(SalesBody::from).collect(),
        double_sold: doubles.collect(),
        watermarks: watermarks.into_iter().map(shard).collect(),
    })
}

/// One event's seats and what was sold of them, by tier.
pub(crate) async fn tiers(pool: PgPool, event: String) -> Result<Vec<TierSalesBody>, sqlx::Error> {
    let rows: Vec<TierRow> = sqlx::query_as(
        "select s.tier, e.currency,
                count(*) filter (where s.status = 'free') as free,
                count(*) filter (where s.status = 'held') as held,
                count(*) filter (where s.status = 'sold') as sold,
                count(*) filter (where s.status = 'blocked') as blocked,
                coalesce(sum(o.price_minor) filter (where s.status = 'sold'), 0)::bigint as sold_minor
         from grid.seat s join grid.event e using (event_id)
         left join grid.order_seat o
             on o.event_id = s.event_id and o.seat_id = s.seat_id and o.status = 'sold'
         where s.event_id = $1 group by s.tier, e.currency order by s.tier",
    )
    .bind(&event)
    .fetch_all(&pool)
    .await?;
    let tier = |row: TierRow| TierSalesBody {
        sold_for: Price::new(row.sold_minor, &row.currency),
        tier: row.tier,
        free: row.free,
        held: row.held,
        sold: row.sold,
        blocked: row.blocked,
    };
    Ok(rows.into_iter().map(tier).collect())
}

impl From<SalesRow> for SalesBody {
    fn from(row: SalesRow) -> Self {
        Self {
            revenue: Price::new(row.revenue_minor, &row.currency),
            event_id: row.event_id,
            name: row.name,
            free: row.free,
            held: row.held,
            sold: row.sold,
            blocked: row.blocked,
            orders_paid: row.orders_paid,
        }
    }
}
