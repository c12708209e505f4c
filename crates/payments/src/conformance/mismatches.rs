//! Demands on telling what really happened when it is not what was asked for, and on not believing
//! anybody but the gateway's own object.

use super::{
    Case, Gateway, Settle, Wiring,
    support::{PRICE_MINOR, Verdict, holds, now, paid, roubles, same, stands, waiting, works},
};
use crate::{
    money::Currency,
    provider::{EventKind, PaymentStatus},
};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "expired_is_canceled_and_takes_nothing", run: |g| Box::pin(expired(g)) },
    Case { name: "another_amount_is_told_as_it_is", run: |g| Box::pin(amount(g)) },
    Case { name: "another_currency_is_told_as_it_is", run: |g| Box::pin(currency(g)) },
    Case { name: "another_order_is_told_as_it_is", run: |g| Box::pin(order(g)) },
    Case { name: "forged_notification_is_unmasked_by_reading", run: |g| Box::pin(forged(g)) },
    Case { name: "notifications_in_reverse_order_read_alike", run: |g| Box::pin(reverse(g)) },
    Case { name: "fifty_notifications_at_once_read_alike", run: |g| Box::pin(fifty(g)) },
];

async fn expired(gateway: &dyn Gateway) -> Verdict {
    let payment = waiting(gateway).await?;
    gateway.settle(&payment, Settle::Expire).await?;
    let payment = now(gateway, &payment).await?;
    same("captured", &payment.captured, &roubles(0))?;
    holds("no page any more", payment.confirmation_url.is_none())?;
    holds("canceled", matches!(payment.status, PaymentStatus::Canceled { .. }))
}

async fn amount(gateway: &dyn Gateway) -> Verdict {
    let payment = waiting(gateway).await?;
    gateway.settle(&payment, Settle::PayOtherAmount).await?;
    let payment = now(gateway, &payment).await?;
    stands(&payment, &PaymentStatus::Succeeded)?;
    holds("what was taken", payment.captured.minor != PRICE_MINOR && payment.captured.minor > 0)
}

async fn currency(gateway: &dyn Gateway) -> Verdict {
    let payment = waiting(gateway).await?;
    gateway.settle(&payment, Settle::PayOtherCurrency).await?;
    let payment = now(gateway, &payment).await?;
    stands(&payment, &PaymentStatus::Succeeded)?;
    holds("of which currency", payment.captured.currency != Currency::RUB)
}

async fn order(gateway: &dyn Gateway) -> Verdict {
    let before = waiting(gateway).await?;
    gateway.settle(&before, Settle::PayOtherOrder).await?;
    let after = now(gateway, &before).await?;
    holds("another order", after.order_id.is_some() && after.order_id != before.order_id)?;
    holds("another payment", after.payment_id.is_some() && after.payment_id != before.payment_id)
}

async fn forged(gateway: &dyn Gateway) -> Verdict {
    let payment = waiting(gateway).await?;
    gateway.settle(&payment, Settle::Forge).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let body = gateway.notification(EventKind::PaymentSucceeded, &payment.provider_ref);
    let notice = adapter.parse_notification(&body).map_err(|error| error.to_string())?;
    let read = works("read", adapter.read_payment(&notice.provider_ref).await)?;
    stands(&read, &PaymentStatus::Pending)
}

/// The last word comes first and an outdated one after it; both lead to the same object.
async fn reverse(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    for kind in [EventKind::PaymentSucceeded, EventKind::PaymentCanceled] {
        let body = gateway.notification(kind, &payment.provider_ref);
        let notice = adapter.parse_notification(&body).map_err(|error| error.to_string())?;
        let read = works("read", adapter.read_payment(&notice.provider_ref).await)?;
        same("payment", &read, &payment)?;
    }
    Ok(())
}

async fn fifty(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let body = gateway.notification(EventKind::PaymentSucceeded, &payment.provider_ref);
    let reads = (0..50).map(|_| async {
        let notice = adapter.parse_notification(&body).map_err(|error| error.to_string())?;
        works("read", adapter.read_payment(&notice.provider_ref).await)
    });
    for read in futures_util::future::join_all(reads).await {
        same("payment", &read?, &payment)?;
    }
    Ok(())
}
