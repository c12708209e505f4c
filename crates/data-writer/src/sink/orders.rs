//! `grid.sale_order` and `grid.order_seat`.

use inventory::{HoldId, OrderId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::int8;
use crate::batch::Batch;

/// Orders placed in this batch.
pub(super) async fn upsert(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.orders.is_empty() {
        return Ok(());
    }
    let rows = || batch.orders.values();
    let hold_id =
        |row: &crate::rows::OrderRow| HoldId { event: row.order.event, no: row.hold }.to_string();
    sqlx::query(
        "INSERT INTO grid.sale_order AS o (order_id, event_id, hold_id, status, buyer_id, contact,
             total_minor, currency, created_at, expires_at, paid_at, version, updated_at, detail)
         SELECT u.order_id, u.event_id, u.hold_id, u.status, u.buyer_id, u.contact, u.total_minor,
             u.currency, grid.from_ms(u.created_at_ms), grid.from_ms(u.expires_at_ms),
             grid.from_ms(u.paid_at_ms), u.version, grid.from_ms(u.at_ms), u.detail
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bytea[],
             $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
             $13::bigint[], $14::bytea[])
             AS u(order_id, event_id, hold_id, status, buyer_id, contact, total_minor, currency,
                  created_at_ms, expires_at_ms, paid_at_ms, version, at_ms, detail)
         ON CONFLICT (order_id) DO UPDATE SET
             status = EXCLUDED.status, paid_at = EXCLUDED.paid_at,
             expires_at = EXCLUDED.expires_at, version = EXCLUDED.version,
             updated_at = EXCLUDED.updated_at
         WHERE o.version < EXCLUDED.version",
    )
    .bind(rows().map(|r| r.order.to_string()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.terms.sale.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows().map(hold_id).collect::<Vec<_>>())
    .bind(rows().map(|r| r.standing.status.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.buyer.map(Uuid::from_u128)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.contact.as_slice()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.total_minor).collect::<Vec<_>>())
    .bind(rows().map(|r| r.terms.currency.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.created_at_ms)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.expires_at_ms)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.standing.paid_at_ms.map(int8)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.standing.version)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.standing.at_ms)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.detail.as_deref()).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}

/// Orders placed earlier.
pub(super) async fn change(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.order_changes.is_empty() {
        return Ok(());
    }
    let rows = || batch.order_changes.values();
    sqlx::query(
        "UPDATE grid.sale_order AS o
         SET status = u.status, paid_at = coalesce(grid.from_ms(u.paid_at_ms), o.paid_at),
             expires_at = coalesce(grid.from_ms(u.expires_at_ms), o.expires_at),
             version = u.version, updated_at = grid.from_ms(u.at_ms)
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
             $6::bigint[])
             AS u(order_id, status, paid_at_ms, expires_at_ms, version, at_ms)
         WHERE o.order_id = u.order_id AND o.version < u.version",
    )
    .bind(batch.order_changes.keys().map(OrderId::to_string).collect::<Vec<_>>())
    .bind(rows().map(|r| r.status.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.paid_at_ms.map(int8)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.expires_at_ms.map(int8)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.version)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.at_ms)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}

/// Seats of orders that let them go: the feed names only the order.
pub(super) async fn release_seats(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.released.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE grid.order_seat AS s SET status = 'released', version = u.version
         FROM unnest($1::text[], $2::bigint[]) AS u(order_id, version)
         WHERE s.order_id = u.order_id AND s.version < u.version",
    )
    .bind(batch.released.keys().map(OrderId::to_string).collect::<Vec<_>>())
    .bind(batch.released.values().map(|version| int8(*version)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}

/// Seats of orders placed or paid in this batch.
pub(super) async fn upsert_seats(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.order_seats.is_empty() {
        return Ok(());
    }
    let rows = || batch.order_seats.iter();
    sqlx::query(
        "INSERT INTO grid.order_seat AS s (order_id, event_id, seat_id, price_minor, status,
             version)
         SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[],
             $6::bigint[])
         ON CONFLICT (order_id, seat_id) DO UPDATE SET
             price_minor = EXCLUDED.price_minor, status = EXCLUDED.status,
             version = EXCLUDED.version
         WHERE s.version < EXCLUDED.version",
    )
    .bind(rows().map(|((order, _), _)| order.to_string()).collect::<Vec<_>>())
    .bind(rows().map(|(_, r)| r.terms.sale.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|((_, seat), r)| r.terms.seat_id(*seat)).collect::<Vec<_>>())
    .bind(rows().map(|(_, r)| r.price_minor).collect::<Vec<_>>())
    .bind(rows().map(|(_, r)| r.status).collect::<Vec<_>>())
    .bind(rows().map(|(_, r)| int8(r.version)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}
