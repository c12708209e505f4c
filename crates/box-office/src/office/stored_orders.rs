//! Orders that the grid has forgotten, read from what the data writer wrote behind it. Ended unpaid
//! orders leave the grid after some hours; their document stays readable here.
//!
//! Reads schema `grid` only; never writes it.

use sqlx::{FromRow, PgPool};

use super::bodies::{OrderBody, OrderPaymentBody, Price, RefundBody, SeatBody};
use crate::clock::text_signed;
use crate::database::{Database, DatabaseError};

#[derive(FromRow)]
struct OrderRow {
    event_id: String,
    hold_id: String,
    status: String,
    total_minor: i64,
    currency: String,
    created_ms: i64,
    expires_ms: i64,
    paid_ms: Option<i64>,
}

#[derive(FromRow)]
struct SeatRow {
    seat_id: String,
    section: String,
    row_label: String,
    number: String,
    tier: String,
    price_minor: i64,
}

#[derive(FromRow)]
struct PaymentRow {
    payment_id: String,
    provider: String,
    method: String,
    status: String,
    settled_as: Option<String>,
    amount_minor: i64,
    started_ms: i64,
}

#[derive(FromRow)]
struct RefundRow {
    refund_id: String,
    payment_id: String,
    amount_minor: i64,
    status: String,
    created_ms: i64,
}

/// The order, if it was ever written. The caller checks its hold's token.
pub(crate) async fn find(
    database: &Database,
    order_id: &str,
) -> Result<Option<OrderBody>, DatabaseError> {
    database.run(|pool| read(pool, order_id)).await
}

/// The order that a refund belongs to; never changes once written.
pub(crate) async fn order_of_refund(
    database: &Database,
    refund_id: &str,
) -> Result<Option<String>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_scalar("select order_id from grid.refund where refund_id = $1")
                .bind(refund_id)
                .fetch_optional(&pool)
                .await
        })
        .await
}

/// The hold that an order came from; never changes once written.
pub(crate) async fn hold_of_order(
    database: &Database,
    order_id: &str,
) -> Result<Option<String>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_scalar("select hold_id from grid.sale_order where order_id = $1")
                .bind(order_id)
                .fetch_optional(&pool)
                .await
        })
        .await
}

async fn read(pool: PgPool, id: &str) -> Result<Option<OrderBody>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let db = &mut *connection;
    let found: Option<OrderRow> = sqlx::query_as(
        "select event_id, hold_id, status, total_minor, currency,
                (extract(epoch from created_at) * 1000)::bigint as created_ms,
                (extract(epoch from expires_at) * 1000)::bigint as expires_ms,
                (extract(epoch from paid_at) * 1000)::bigint as paid_ms
         from grid.sale_order where order_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *db)
    .await?;
    let Some(order) = found else { return Ok(None) };
    let seats: Vec<SeatRow> = sqlx::query_as(
        "select seat_id, seat.section, seat.row_label, seat.number, seat.tier,
                order_seat.price_minor
         from grid.order_seat join grid.seat using (event_id, seat_id)
         where order_seat.order_id = $1 order by seat_id",
    )
    .bind(id)
    .fetch_all(&mut *db)
    .await?;
    let payments: Vec<PaymentRow> = sqlx::query_as(
        "select payment_id, provider, method, status, settled_as, amount_minor,
                (extract(epoch from started_at) * 1000)::bigint as started_ms
         from grid.payment where order_id = $1 order by started_at, payment_id",
    )
    .bind(id)
    .fetch_all(&mut *db)
    .await?;
    let refunds: Vec<RefundRow> = sqlx::query_as(
        "select refund_id, payment_id, amount_minor, status,
                (extract(epoch from created_at) * 1000)::bigint as created_ms
         from grid.refund where order_id = $1 order by created_at, refund_id",
    )
    .bind(id)
    .fetch_all(&mut *db)
    .await?;
    Ok(Some(assemble(id, order, seats, (payments, refunds))))
}

fn assemble(
    id: &str,
    order: OrderRow,
    seats: Vec<SeatRow>,
    (payments, refunds): (Vec<PaymentRow>, Vec<RefundRow>),
) -> OrderBody {
    let price = |minor| Price::new(minor, &order.currency);
    let seats = seats.into_iter().map(|seat| SeatBody {
        id: seat.seat_id,
        section_name: seat.section.clone(),
        section: seat.section,
        row: seat.row_label,
        number: seat.number,
        tier: seat.tier,
        price: price(seat.price_minor),
        // The tables name places of areas like seats.
        area: false,
    });
    let payments = payments.into_iter().map(|payment| OrderPaymentBody {
        id: payment.payment_id,
        provider: payment.provider,
        method: payment.method,
        status: payment.status,
        settled_as: payment.settled_as,
        amount: price(payment.amount_minor),
        cancel_reason: None,
        created_at: text_signed(payment.started_ms),
    });
    let refunds = refunds.into_iter().map(|refund| RefundBody {
        id: refund.refund_id,
        order_id: id.to_owned(),
        payment_id: refund.payment_id,
        status: refund.status,
        amount: price(refund.amount_minor),
        created_at: text_signed(refund.created_ms),
    });
    OrderBody {
        id: id.to_owned(),
        seats: seats.collect(),
        payments: payments.collect(),
        refunds: refunds.collect(),
        // The tables do not tell fees apart.
        fees: None,
        total: price(order.total_minor),
        status: order.status,
        hold_id: order.hold_id,
        event_id: order.event_id,
        created_at: text_signed(order.created_ms),
        expires_at: text_signed(order.expires_ms),
        expires_in: 0,
        paid_at: order.paid_ms.map(text_signed),
        offer: None,
    }
}
