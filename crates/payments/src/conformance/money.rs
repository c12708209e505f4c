//! Demands on giving money back: never more than was taken, never twice for one wish.

use super::{
    Breakage, CallKind, Case, Gateway, Wiring,
    support::{
        PATIENCE, PRICE_MINOR, Verdict, holds, new_key, now, paid, refund_wish, refused, roubles,
        same, wish, works,
    },
};
use crate::{
    money::{Currency, Money},
    provider::{CreateRefund, RefundStatus},
};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "refund_of_everything", run: |g| Box::pin(refund_all(g)) },
    Case { name: "refunds_of_parts_add_up", run: |g| Box::pin(refund_parts(g)) },
    Case { name: "refund_above_the_rest_is_refused", run: |g| Box::pin(refund_too_much(g)) },
    Case { name: "refund_repeated_goes_back_once", run: |g| Box::pin(refund_repeated(g)) },
    Case { name: "fifty_refunds_at_once_go_back_once", run: |g| Box::pin(fifty_refunds(g)) },
    Case { name: "refund_that_the_bank_delays_ends_by_reading", run: |g| Box::pin(delayed(g)) },
    Case { name: "refund_that_the_bank_refuses_says_why", run: |g| Box::pin(rejected(g)) },
    Case { name: "refund_key_with_other_amount_is_refused", run: |g| Box::pin(other_amount(g)) },
    Case { name: "refund_of_unpaid_is_refused", run: |g| Box::pin(refund_unpaid(g)) },
    Case { name: "refund_in_other_currency_is_refused", run: |g| Box::pin(other_currency(g)) },
    Case { name: "refund_of_unknown_payment_is_refused", run: |g| Box::pin(unknown_payment(g)) },
    Case { name: "unknown_refund_is_not_found", run: |g| Box::pin(unknown_refund(g)) },
];

async fn refund_all(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let refund = works("refund", adapter.create_refund(refund_wish(&payment, PRICE_MINOR)).await)?;
    same("status", &refund.status, &RefundStatus::Succeeded)?;
    same("payment", &refund.payment_ref, &payment.provider_ref)?;
    same("amount", &refund.amount, &payment.amount)?;
    let read = works("read refund", adapter.read_refund(&refund.provider_ref).await)?;
    same("read", &read, &refund)?;
    let payment = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("refunded", &payment.refunded, &payment.captured)
}

async fn refund_parts(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    if !adapter.capabilities().partial_refund {
        let part = adapter.create_refund(refund_wish(&payment, PRICE_MINOR - 1)).await;
        return refused("part", part);
    }
    let sizes = [PRICE_MINOR / 3, PRICE_MINOR / 3, 1];
    for minor in sizes {
        works("part", adapter.create_refund(refund_wish(&payment, minor)).await)?;
    }
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("refunded", &read.refunded, &roubles(sizes.iter().sum()))
}

async fn refund_too_much(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let above = adapter.create_refund(refund_wish(&payment, PRICE_MINOR + 1)).await;
    refused("above the whole", above)?;
    works("all", adapter.create_refund(refund_wish(&payment, PRICE_MINOR)).await)?;
    refused("after all", adapter.create_refund(refund_wish(&payment, 1)).await)
}

async fn refund_repeated(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = refund_wish(&payment, PRICE_MINOR / 2);
    let first = works("refund", adapter.create_refund(wish.clone()).await)?;
    let again = works("repeat", adapter.create_refund(wish).await)?;
    same("repeat", &again, &first)?;
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("refunded", &read.refunded, &roubles(PRICE_MINOR / 2))
}

async fn fifty_refunds(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = refund_wish(&payment, PRICE_MINOR / 2);
    let refunds = (0..50).map(|_| adapter.create_refund(wish.clone()));
    let made = futures_util::future::join_all(refunds).await;
    let first = works("repeat", adapter.create_refund(wish.clone()).await)?;
    for refund in made {
        same("refund", &works("refund", refund)?.provider_ref, &first.provider_ref)?;
    }
    same("refunded", &now(gateway, &payment).await?.refunded, &roubles(PRICE_MINOR / 2))
}

async fn delayed(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    gateway.break_next(CallKind::Refund, Breakage::BankWaits).await?;
    let refund = adapter.create_refund(refund_wish(&payment, PRICE_MINOR)).await;
    let refund = works("refund", refund)?;
    same("at first", &refund.status, &RefundStatus::Pending)?;
    let ends = async {
        loop {
            let read = works("read", adapter.read_refund(&refund.provider_ref).await)?;
            if read.status != RefundStatus::Pending {
                return Ok::<_, String>(read);
            }
        }
    };
    let read = tokio::time::timeout(PATIENCE, ends).await.map_err(|_| "it never ended")??;
    same("in the end", &read.status, &RefundStatus::Succeeded)?;
    same("payment", &read.payment_ref, &payment.provider_ref)
}

async fn rejected(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    gateway.break_next(CallKind::Refund, Breakage::BankRefuses).await?;
    let refund = adapter.create_refund(refund_wish(&payment, PRICE_MINOR)).await;
    let refund = works("refund", refund)?;
    let reason = matches!(&refund.status, RefundStatus::Canceled { reason } if !reason.is_empty());
    holds("canceled with a reason", reason)?;
    same("refunded", &now(gateway, &payment).await?.refunded, &roubles(0))
}

async fn other_amount(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = refund_wish(&payment, PRICE_MINOR / 2);
    works("refund", adapter.create_refund(wish.clone()).await)?;
    let other = CreateRefund { amount: roubles(PRICE_MINOR / 4), ..wish };
    refused("other amount", adapter.create_refund(other).await)
}

async fn refund_unpaid(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let payment = works("create", adapter.create_payment(wish(true)).await)?;
    refused("refund", adapter.create_refund(refund_wish(&payment, 1)).await)
}

async fn other_currency(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let dollars = Money::new(100, Currency::USD);
    let wish = CreateRefund { amount: dollars, ..refund_wish(&payment, 100) };
    refused("refund", adapter.create_refund(wish).await)
}

async fn unknown_payment(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = CreateRefund {
        idempotence_key: new_key(),
        payment_ref: new_key(),
        amount: roubles(1),
        description: "none".to_owned(),
        receipt: None,
    };
    refused("refund", adapter.create_refund(wish).await)
}

async fn unknown_refund(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let error = adapter.read_refund(&new_key()).await;
    holds("not found", error.is_err_and(|error| error.is_not_found()))
}
