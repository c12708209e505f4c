//! The yardstick of `seatgrid bench writer` and of `verify` at size: what the same server does with
//! the same rows when nothing is promised about them. Tables of its own in schema `bare`; no
//! checkpoint, no chain, no versions of a shard. Never used by a writer.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::batch::Batch;
use crate::database::{UrlError, connect_options};
use crate::rows::{LedgerRow, SeatRow};
use crate::sink::{SeatColumns, int4, int8};

/// Stands for both hashes of a record, so that as many bytes travel.
const NO_HASH: [u8; 32] = [0; 32];

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database did not take it.
    #[error("the database does not take it: {0}")]
    Database(#[from] sqlx::Error),
}

/// Seats and ledger rows of the same shape and with the same indexes as the writer's.
#[derive(Debug)]
pub struct Bare {
    connection: PgConnection,
}

impl Bare {
    /// Makes its tables, which must not be there, in a migrated database.
    ///
    /// # Errors
    /// See [`MeasureError`].
    pub async fn new(database_url: &str) -> Result<Self, MeasureError> {
        let mut connection = connect_options(database_url)?.connect().await?;
        sqlx::raw_sql(
            "CREATE SCHEMA bare;
             CREATE TABLE bare.seat (LIKE grid.seat INCLUDING ALL);
             CREATE TABLE bare.ledger (LIKE grid.ledger INCLUDING ALL)",
        )
        .execute(&mut connection)
        .await?;
        Ok(Self { connection })
    }

    /// Writes a batch's seats and ledger rows in one transaction.
    ///
    /// # Errors
    /// See [`MeasureError`].
    pub async fn write(&mut self, batch: &Batch) -> Result<(), MeasureError> {
        let mut transaction = self.connection.begin().await?;
        let seats: Vec<&SeatRow> = batch.seats.values().collect();
        put_seats(&mut transaction, &SeatColumns::of(&seats)).await?;
        put_ledger(&mut transaction, &batch.ledger).await?;
        Ok(transaction.commit().await?)
    }
}

async fn put_seats(to: &mut PgConnection, columns: &SeatColumns<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO bare.seat AS s (event_id, seat_id, section, row_label, number, tier, status,
             order_id, hold_id, held_until, price_minor, currency, version, updated_at)
         SELECT event_id, seat_id, section, row_label, number, tier, status, order_id, hold_id,
             to_timestamp(held_until_ms / 1000.0), price_minor, currency, version,
             to_timestamp(at_ms / 1000.0)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
             $13::bigint[], $14::bigint[])
             AS u(event_id, seat_id, section, row_label, number, tier, status, order_id, hold_id,
                  held_until_ms, price_minor, currency, version, at_ms)
         ON CONFLICT (event_id, seat_id) DO UPDATE SET
             status = EXCLUDED.status, order_id = EXCLUDED.order_id, hold_id = EXCLUDED.hold_id,
             held_until = EXCLUDED.held_until, price_minor = EXCLUDED.price_minor,
             version = EXCLUDED.version, updated_at = EXCLUDED.updated_at",
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
    .execute(to)
    .await
    .map(drop)
}

async fn put_ledger(to: &mut PgConnection, rows: &[LedgerRow]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO bare.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind,
             order_id, seat_id, hold_id, payment_id, refund_id, amount_minor, at, subject, ip,
             status, prev_hash, hash)
         SELECT 1, 1, log_index, ordinal, event_id, kind, order_id, seat_id, hold_id, payment_id,
             refund_id, amount_minor, to_timestamp(at_ms / 1000.0), subject, ip::inet, status, $15,
             $15
         FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
             $13::text[], $14::text[])
             AS u(log_index, ordinal, event_id, kind, order_id, seat_id, hold_id, payment_id,
                  refund_id, amount_minor, at_ms, subject, ip, status)
         ON CONFLICT DO NOTHING",
    )
    .bind(rows.iter().map(|r| int8(r.position.log_index)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| int4(r.position.ordinal)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.kind.as_ref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.order_id.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.seat_id.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.hold_id.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.payment_id.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.refund_id.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.amount_minor).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| int8(r.at_ms)).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.subject.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.ip.map(|ip| ip.to_string())).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.status.as_ref()).collect::<Vec<_>>())
    .bind(NO_HASH.as_slice())
    .execute(to)
    .await
    .map(drop)
}

/// Reads the whole ledger without looking at it: bytes, and how long that took.
///
/// # Errors
/// See [`MeasureError`].
pub async fn copy_ledger(database_url: &str) -> Result<(u64, Duration), MeasureError> {
    let mut connection = connect_options(database_url)?.connect().await?;
    let (began, mut bytes) = (Instant::now(), 0);
    let copy = "COPY (SELECT * FROM grid.ledger) TO STDOUT (FORMAT binary)";
    let mut messages = connection.copy_out_raw(copy).await?;
    while let Some(message) = messages.next().await {
        bytes += message?.len() as u64;
    }
    drop(messages);
    connection.close().await?;
    Ok((bytes, began.elapsed()))
}
