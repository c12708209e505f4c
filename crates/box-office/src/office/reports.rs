//! What the tables say of all sales together: seats, orders, revenue, and up to which moment.
//!
//! Reads the views of schema `grid` that reconciliation jobs read; adds nothing to them.

use sqlx::{FromRow, PgPool};

use super::bodies::Price;
use super::bodies::audit::{
    DoubleBody, ReconciliationBody, SalesBody, SeatFaultBody, TierSalesBody, WatermarkBody,
};
use crate::clock::text_signed;

/// Events of one report; a shop has some thousands in a year.
const EVENTS_MAX: i64 = 10_000;
/// Seats with two owners, or with a contradiction, that are named; one is one too many.
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

/// The view `grid.reconciliation` for all events or one, with seats of two owners and watermarks; of one
/// event also its seats one by one.
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
    // Without an event the ledger's half of the view reads all of it: the work of `seatgrid verify`.
    let doubles: Vec<(String, String, i64, String)> = sqlx::query_as(match event {
        None => {
            "select event_id, seat_id, owners::bigint, source from grid.double_sold
             where source = 'order_seat' and $1::text is null order by 1, 2 limit $2"
        }
        Some(_) => {
            "select event_id, seat_id, owners::bigint, source from grid.double_sold
             where event_id = $1 order by 1, 2, 4 limit $2"
        }
    })
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
    let seats = match &event {
        Some(event) => Some(seat_faults(&mut db, event).await?),
        None => None,
    };
    let double =
        |(event_id, seat_id, owners, source)| DoubleBody { event_id, seat_id, owners, source };
    let shard = |(shard, complete_ms, lag_ms)| WatermarkBody {
        shard,
        complete_up_to: text_signed(complete_ms),
        lag_ms,
    };
    Ok(ReconciliationBody {
        events: sales.into_iter().map(SalesBody::from).collect(),
        double_sold: doubles.into_iter().map(double).collect(),
        watermarks: watermarks.into_iter().map(shard).collect(),
        seats,
    })
}

/// Seats of one event about which their own rows, orders' rows and the ledger differ.
async fn seat_faults(
    db: &mut sqlx::PgConnection,
    event: &str,
) -> Result<Vec<SeatFaultBody>, sqlx::Error> {
    type Row = (String, String, Option<String>, Vec<String>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "with owned as (
             select seat_id, array_agg(order_id order by order_id) as orders
             from grid.order_seat where event_id = $1 and status = 'sold' group by seat_id),
         told as (
             select seat_id, sum(case kind when 'seat_sold' then 1 else -1 end)::bigint as owners
             from grid.ledger
             where event_id = $1 and kind in ('seat_sold', 'seat_refunded', 'seat_removed')
                 and status <> 'quarantined'
             group by seat_id)
         select s.seat_id, s.status, s.order_id, coalesce(o.orders, '{}'), coalesce(t.owners, 0)
         from grid.seat s left join owned o using (seat_id) left join told t using (seat_id)
         where s.event_id = $1 and (
             coalesce(o.orders, '{}') <>
                 case when s.status = 'sold' then array[s.order_id] else '{}' end
             -- What is removed while nobody owns it counts below none.
             or greatest(coalesce(t.owners, 0), 0) <> (s.status = 'sold')::int)
         order by s.seat_id limit $2",
    )
    .bind(event)
    .bind(DOUBLES_MAX)
    .fetch_all(db)
    .await?;
    let fault = |(seat_id, status, order_id, owned_by, ledger_owners)| SeatFaultBody {
        seat_id,
        status,
        order_id,
        owned_by,
        ledger_owners,
    };
    Ok(rows.into_iter().map(fault).collect())
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
