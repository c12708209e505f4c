//! `grid.event` and `grid.seat`.

use inventory::{HoldId, OrderId};
use processing_unit::ShardId;
use sqlx::PgConnection;

use super::{int4, int8};
use crate::batch::Batch;
use crate::rows::{SeatRow, SeatState};

/// Seats of one statement: a plan of 250,000 goes in pieces of a few megabytes.
const SEATS_MAX: usize = 5_000;

/// Few and rare, so one statement each.
pub(super) async fn upsert_events(
    transaction: &mut PgConnection,
    batch: &Batch,
    shard: ShardId,
) -> Result<(), sqlx::Error> {
    for row in batch.events.values() {
        let sale = &row.terms.sale;
        sqlx::query(
            "INSERT INTO grid.event AS e (event_id, event_no, name, starts_at, shard_id,
                 plan_version, currency, opens_at, closes_at, hold_ttl_ms, per_hold_max, version,
                 updated_at)
             VALUES ($1, $2, $3, grid.from_ms($4), $5, $6, $7, grid.from_ms($8),
                 grid.from_ms($9), $10, $11, $12, grid.from_ms($13))
             ON CONFLICT (event_id) DO UPDATE SET
                 name = EXCLUDED.name, starts_at = EXCLUDED.starts_at,
                 plan_version = EXCLUDED.plan_version, opens_at = EXCLUDED.opens_at,
                 closes_at = EXCLUDED.closes_at, hold_ttl_ms = EXCLUDED.hold_ttl_ms,
                 per_hold_max = EXCLUDED.per_hold_max, version = EXCLUDED.version,
                 updated_at = EXCLUDED.updated_at
             WHERE e.version < EXCLUDED.version",
        )
        .bind(&sale.event_id)
        .bind(i64::from(row.terms.event.0))
        .bind(&sale.name)
        .bind(int8(sale.starts_at_ms))
        .bind(int4(shard))
        .bind(i64::from(row.plan_version))
        .bind(&row.terms.currency)
        .bind(int8(sale.opens_at_ms))
        .bind(int8(sale.closes_at_ms))
        .bind(i64::from(sale.hold_ttl_ms))
        .bind(i32::from(sale.per_hold_max))
        .bind(int8(row.version))
        .bind(int8(row.at_ms))
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

/// Ids and numbers of a shard's events.
pub(super) async fn events(
    connection: &mut PgConnection,
    shard: ShardId,
) -> Result<Vec<(String, u32)>, sqlx::Error> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT event_id, event_no FROM grid.event WHERE shard_id = $1")
            .bind(int4(shard))
            .fetch_all(connection)
            .await?;
    let number = |no: i64| u32::try_from(no).unwrap_or(u32::MAX);
    Ok(rows.into_iter().map(|(id, no)| (id, number(no))).collect())
}

pub(super) async fn upsert(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    let rows: Vec<&SeatRow> = batch.seats.values().collect();
    for rows in rows.chunks(SEATS_MAX) {
        upsert_chunk(transaction, &SeatColumns::of(rows)).await?;
    }
    Ok(())
}

/// Seats as one vector a column.
#[derive(Default)]
pub(crate) struct SeatColumns<'a> {
    pub(crate) event_id: Vec<&'a str>,
    pub(crate) seat_id: Vec<String>,
    pub(crate) section: Vec<&'a str>,
    pub(crate) row_label: Vec<&'a str>,
    pub(crate) number: Vec<&'a str>,
    pub(crate) tier: Vec<&'a str>,
    pub(crate) status: Vec<&'static str>,
    pub(crate) order_id: Vec<Option<String>>,
    pub(crate) hold_id: Vec<Option<String>>,
    pub(crate) held_until_ms: Vec<Option<i64>>,
    pub(crate) price_minor: Vec<i64>,
    pub(crate) currency: Vec<&'a str>,
    pub(crate) version: Vec<i64>,
    pub(crate) at_ms: Vec<i64>,
    pub(crate) hold_detail: Vec<Option<&'a [u8]>>,
}

impl<'a> SeatColumns<'a> {
    pub(crate) fn of(rows: &[&'a SeatRow]) -> Self {
        let mut columns = Self::default();
        for row in rows {
            columns.push(row);
        }
        columns
    }

    fn push(&mut self, row: &'a SeatRow) {
        let words = row.terms.seat(row.seat).expect("the batch took only seats of the plan");
        let event = row.terms.event;
        let (status, order, hold) = match row.state {
            SeatState::Free => ("free", None, None),
            SeatState::Held { hold, until_ms } => ("held", None, Some((hold, until_ms))),
            SeatState::Sold { order } => ("sold", Some(order), None),
            SeatState::Blocked => ("blocked", None, None),
        };
        self.event_id.push(&row.terms.sale.event_id);
        self.seat_id.push(words.id());
        self.section.push(words.section);
        self.row_label.push(words.row);
        self.number.push(words.number);
        self.tier.push(words.tier);
        self.status.push(status);
        self.order_id.push(order.map(|no| OrderId { event, no }.to_string()));
        self.hold_id.push(hold.map(|(no, _)| HoldId { event, no }.to_string()));
        self.held_until_ms.push(hold.map(|(_, until_ms)| int8(until_ms)));
        self.price_minor.push(row.price_minor);
        self.currency.push(&row.terms.currency);
        self.version.push(int8(row.version));
        self.at_ms.push(int8(row.at_ms));
        self.hold_detail.push(row.hold_detail.as_deref());
    }
}

async fn upsert_chunk(
    transaction: &mut PgConnection,
    columns: &SeatColumns<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO grid.seat AS s (event_id, seat_id, section, row_label, number, tier, status,
             order_id, hold_id, held_until, price_minor, currency, version, updated_at,
             hold_detail)
         SELECT u.event_id, u.seat_id, u.section, u.row_label, u.number, u.tier, u.status,
             u.order_id, u.hold_id, grid.from_ms(u.held_until_ms), u.price_minor, u.currency,
             u.version, grid.from_ms(u.at_ms), u.hold_detail
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
             $13::bigint[], $14::bigint[], $15::bytea[])
             AS u(event_id, seat_id, section, row_label, number, tier, status, order_id, hold_id,
                  held_until_ms, price_minor, currency, version, at_ms, hold_detail)
         ON CONFLICT (event_id, seat_id) DO UPDATE SET
             status = EXCLUDED.status, order_id = EXCLUDED.order_id, hold_id = EXCLUDED.hold_id,
             held_until = EXCLUDED.held_until, price_minor = EXCLUDED.price_minor,
             version = EXCLUDED.version, updated_at = EXCLUDED.updated_at,
             hold_detail = EXCLUDED.hold_detail
         WHERE s.version < EXCLUDED.version",
    )
    .bind(&columns.event_id)
    .bind(&columns.seat_id)
    .bind(&columns.section)
    .bind(&columns.row_label)
    .bind(&columns.number)
    .bind(&columns.tier)
    .bind(&columns.status)
    .bind(&columns.order_id)
    .bind(&columns.hold_id)
    .bind(&columns.held_until_ms)
    .bind(&columns.price_minor)
    .bind(&columns.currency)
    .bind(&columns.version)
    .bind(&columns.at_ms)
    .bind(&columns.hold_detail)
    .execute(transaction)
    .await
    .map(drop)
}
