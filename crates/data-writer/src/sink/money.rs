//! `grid.payment` and `grid.refund`.

use inventory::{OrderId, PaymentId};
use sqlx::PgConnection;

use super::int8;
use crate::batch::Batch;
use crate::rows::{PaymentChange, PaymentEnd};

/// Payments started in this batch.
pub(super) async fn upsert_payments(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.payments.is_empty() {
        return Ok(());
    }
    let rows = || batch.payments.values();
    let changes: Vec<&PaymentChange> = rows().map(|row| &row.change).collect();
    let order_id = |row: &crate::rows::PaymentRow| {
        OrderId { event: row.payment.event, no: row.order }.to_string()
    };
    let ends = Ends::of(&changes);
    sqlx::query(
        "INSERT INTO grid.payment AS p (payment_id, event_id, order_id, provider, method,
             provider_ref, status, settled_as, amount_minor, captured_minor, currency, started_at,
             settled_at, version, updated_at)
         SELECT u.payment_id, u.event_id, u.order_id, u.provider, u.method, u.provider_ref,
             coalesce(u.status, 'pending'), u.settled_as, u.amount_minor, u.captured_minor,
             u.currency, grid.from_ms(u.started_at_ms), grid.from_ms(u.settled_at_ms), u.version,
             grid.from_ms(u.at_ms)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::bigint[],
             $13::bigint[], $14::bigint[], $15::bigint[])
             AS u(payment_id, event_id, order_id, provider, method, provider_ref, status,
                  settled_as, amount_minor, captured_minor, currency, started_at_ms,
                  settled_at_ms, version, at_ms)
         ON CONFLICT (payment_id) DO UPDATE SET
             provider_ref = EXCLUDED.provider_ref, status = EXCLUDED.status,
             settled_as = EXCLUDED.settled_as, captured_minor = EXCLUDED.captured_minor,
             settled_at = EXCLUDED.settled_at, version = EXCLUDED.version,
             updated_at = EXCLUDED.updated_at
         WHERE p.version < EXCLUDED.version",
    )
    .bind(rows().map(|r| r.payment.to_string()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.terms.sale.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows().map(order_id).collect::<Vec<_>>())
    .bind(rows().map(|r| r.provider.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.method.as_str()).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.provider_ref.as_deref()).collect::<Vec<_>>())
    .bind(ends.status)
    .bind(ends.settled_as)
    .bind(rows().map(|r| r.amount_minor).collect::<Vec<_>>())
    .bind(ends.captured_minor)
    .bind(rows().map(|r| r.terms.currency.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.started_at_ms)).collect::<Vec<_>>())
    .bind(ends.at_ms)
    .bind(changes.iter().map(|c| int8(c.version)).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| int8(c.at_ms)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}

/// Payments started earlier: what the change does not say stays.
pub(super) async fn change_payments(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.payment_changes.is_empty() {
        return Ok(());
    }
    let changes: Vec<&PaymentChange> = batch.payment_changes.values().collect();
    let ends = Ends::of(&changes);
    sqlx::query(
        "UPDATE grid.payment AS p
         SET provider_ref = coalesce(u.provider_ref, p.provider_ref),
             status = coalesce(u.status, p.status),
             settled_as = CASE WHEN u.status IS NULL THEN p.settled_as ELSE u.settled_as END,
             captured_minor =
                 CASE WHEN u.status IS NULL THEN p.captured_minor ELSE u.captured_minor END,
             settled_at = coalesce(grid.from_ms(u.settled_at_ms), p.settled_at),
             version = u.version, updated_at = grid.from_ms(u.at_ms)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
             $7::bigint[], $8::bigint[])
             AS u(payment_id, provider_ref, status, settled_as, captured_minor, settled_at_ms,
                  version, at_ms)
         WHERE p.payment_id = u.payment_id AND p.version < u.version",
    )
    .bind(batch.payment_changes.keys().map(PaymentId::to_string).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| c.provider_ref.as_deref()).collect::<Vec<_>>())
    .bind(ends.status)
    .bind(ends.settled_as)
    .bind(ends.captured_minor)
    .bind(ends.at_ms)
    .bind(changes.iter().map(|c| int8(c.version)).collect::<Vec<_>>())
    .bind(changes.iter().map(|c| int8(c.at_ms)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}

/// How payments ended, one vector a column.
struct Ends {
    status: Vec<Option<&'static str>>,
    settled_as: Vec<Option<&'static str>>,
    captured_minor: Vec<Option<i64>>,
    at_ms: Vec<Option<i64>>,
}

impl Ends {
    fn of(changes: &[&PaymentChange]) -> Self {
        let ends = || changes.iter().map(|change| change.end);
        let some = |part: fn(PaymentEnd) -> Option<i64>| ends().map(|e| e.and_then(part)).collect();
        Self {
            status: ends().map(|end| end.map(|end| end.status)).collect(),
            settled_as: ends().map(|end| end.and_then(|end| end.settled_as)).collect(),
            captured_minor: some(|end| end.captured_minor),
            at_ms: some(|end| Some(int8(end.at_ms))),
        }
    }
}

pub(super) async fn upsert_refunds(
    transaction: &mut PgConnection,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    if batch.refunds.is_empty() {
        return Ok(());
    }
    let rows = || batch.refunds.values();
    let order_id =
        |r: &crate::rows::RefundRow| OrderId { event: r.refund.event, no: r.order }.to_string();
    let payment_id =
        |r: &crate::rows::RefundRow| PaymentId { event: r.refund.event, no: r.payment }.to_string();
    sqlx::query(
        "INSERT INTO grid.refund AS r (refund_id, event_id, payment_id, order_id, amount_minor,
             currency, status, attempts, last_error, created_at, version, updated_at)
         SELECT u.refund_id, u.event_id, u.payment_id, u.order_id, u.amount_minor, u.currency,
             u.status, u.attempts, u.last_error, grid.from_ms(u.created_at_ms), u.version,
             grid.from_ms(u.at_ms)
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
             $7::text[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[])
             AS u(refund_id, event_id, payment_id, order_id, amount_minor, currency, status,
                  attempts, last_error, created_at_ms, version, at_ms)
         ON CONFLICT (refund_id) DO UPDATE SET
             amount_minor = EXCLUDED.amount_minor, status = EXCLUDED.status,
             attempts = EXCLUDED.attempts, last_error = EXCLUDED.last_error,
             version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
         WHERE r.version < EXCLUDED.version",
    )
    .bind(rows().map(|r| r.refund.to_string()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.terms.sale.event_id.as_str()).collect::<Vec<_>>())
    .bind(rows().map(payment_id).collect::<Vec<_>>())
    .bind(rows().map(order_id).collect::<Vec<_>>())
    .bind(rows().map(|r| r.amount_minor).collect::<Vec<_>>())
    .bind(rows().map(|r| r.terms.currency.as_str()).collect::<Vec<_>>())
    .bind(rows().map(|r| r.status).collect::<Vec<_>>())
    .bind(rows().map(|r| i64::from(r.attempts)).collect::<Vec<_>>())
    .bind(rows().map(|r| r.last_error.as_deref()).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.created_at_ms)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.version)).collect::<Vec<_>>())
    .bind(rows().map(|r| int8(r.at_ms)).collect::<Vec<_>>())
    .execute(transaction)
    .await
    .map(drop)
}
