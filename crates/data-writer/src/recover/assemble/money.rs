//! Payments and refunds from their rows.

use inventory::{Payment, Refund};

use super::super::load::{EventRows, PaymentLine, RefundLine};
use super::kept::Things;
use super::words::{self, order_no, payment_no, refund_no, unsigned};

pub(super) fn payments(rows: &EventRows, things: &Things) -> Result<Vec<Payment>, String> {
    let mut all =
        rows.payments.iter().map(|row| payment(row, things)).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable_by_key(|payment| payment.no);
    Ok(all)
}

fn payment(row: &PaymentLine, things: &Things) -> Result<Payment, String> {
    Ok(Payment {
        no: payment_no(&row.payment_id)?,
        order: order_no(&row.order_id)?,
        provider: row.provider.clone(),
        method: row.method.clone(),
        amount_minor: row.amount_minor,
        provider_ref: row.provider_ref.clone(),
        confirmation_url: things.payment_page(&row.payment_id),
        status: words::payment_status(&row.status)?,
        settled_as: row.settled_as.as_deref().map(words::settled_as).transpose()?,
        captured_minor: row.captured_minor,
        cancel_reason: None,
        started_at_ms: unsigned(row.started_ms),
        settled_at_ms: row.settled_ms.map(unsigned),
        version: unsigned(row.version),
    })
}

pub(super) fn refunds(rows: &EventRows, things: &Things) -> Result<Vec<Refund>, String> {
    let mut all =
        rows.refunds.iter().map(|row| refund(row, things)).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable_by_key(|refund| refund.no);
    Ok(all)
}

fn refund(row: &RefundLine, things: &Things) -> Result<Refund, String> {
    Ok(Refund {
        no: refund_no(&row.refund_id)?,
        key_no: things.refund_key(&row.refund_id),
        payment: payment_no(&row.payment_id)?,
        order: order_no(&row.order_id)?,
        amount_minor: row.amount_minor,
        status: words::refund_status(&row.status)?,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        last_error: row.last_error.clone(),
        created_at_ms: unsigned(row.created_ms),
        version: unsigned(row.version),
    })
}
