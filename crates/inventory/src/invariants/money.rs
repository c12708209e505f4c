//! I18: captured money is exactly one of: seats owned by the payer, or a refund; and never more goes
//! back than came.

use super::ensure;
use crate::{Event, OrderStatus, Payment, PaymentStatus, Refund, RefundStatus, SettledAs};

pub(super) fn check(event: &Event) -> Result<(), String> {
    for payment in event.payments() {
        let right = check_payment(event, payment)?;
        ensure(right, || format!("I18: payment {} ended as {:?}", payment.no, payment.settled_as))?;
        let open = payment.status == PaymentStatus::Pending;
        let listed = event.pending_payments.contains(&payment.no);
        ensure(open == listed, || {
            format!("payment {} pending {open}, listed {listed}", payment.no)
        })?;
    }
    for refund in event.refunds() {
        let known = event.payment(refund.payment).is_some() && event.order(refund.order).is_some();
        ensure(known, || format!("I18: refund {} has no payment or order", refund.no))?;
        let open = refund.status == RefundStatus::Pending;
        let listed = event.pending_refunds.contains(&refund.no);
        ensure(open == listed, || format!("refund {} pending {open}, listed {listed}", refund.no))?;
    }
    Ok(())
}

fn check_payment(event: &Event, payment: &Payment) -> Result<bool, String> {
    let refunds = event.refunds().filter(|r| r.payment == payment.no);
    let back: Vec<&Refund> = refunds.collect();
    let back_minor: i64 = back.iter().map(|refund| refund.amount_minor).sum();
    let order =
        event.order(payment.order).ok_or_else(|| format!("p{} has no order", payment.no))?;
    let captured_minor = payment.captured_minor.unwrap_or(0);
    Ok(match (payment.status, payment.settled_as) {
        (PaymentStatus::Pending | PaymentStatus::Canceled, None) => back.is_empty(),
        // Other seats are offered for it.
        (PaymentStatus::Succeeded, None) => {
            let offer = order.offer.and_then(|no| event.hold(no));
            back.is_empty() && offer.is_some_and(|h| h.offered_for() == Some(payment.no))
        }
        (
            PaymentStatus::Succeeded,
            Some(SettledAs::Confirmed | SettledAs::Retaken | SettledAs::Swapped),
        ) => match order.status {
            OrderStatus::Paid => back.is_empty(),
            OrderStatus::PartiallyRefunded | OrderStatus::RefundPending | OrderStatus::Refunded => {
                back_minor <= captured_minor && !order.left.is_empty()
            }
            OrderStatus::PendingPayment | OrderStatus::Cancelled | OrderStatus::Expired => false,
        },
        (PaymentStatus::Succeeded, Some(SettledAs::Refunded)) => {
            back.len() == 1 && back_minor == captured_minor
        }
        (PaymentStatus::Pending | PaymentStatus::Canceled, Some(_)) => false,
    })
}
