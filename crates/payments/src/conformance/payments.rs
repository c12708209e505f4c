//! Demands on the life of a payment: create, read, repeat, capture, cancel.

use super::{
    Case, Gateway, Settle, Wiring,
    support::{
        PRICE_MINOR, Verdict, holds, new_key, paid, priced, refused, roubles, same, stands, wish,
        works,
    },
};
use crate::provider::{CreatePayment, Method, PaymentStatus};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "create_waits_for_the_shopper", run: |g| Box::pin(create_waits(g)) },
    Case { name: "create_tells_back_what_was_asked", run: |g| Box::pin(create_tells_back(g)) },
    Case { name: "same_key_same_payment", run: |g| Box::pin(same_key(g)) },
    Case { name: "same_key_other_body_is_refused", run: |g| Box::pin(other_body(g)) },
    Case { name: "fifty_creates_at_once_make_one_payment", run: |g| Box::pin(fifty_creates(g)) },
    Case { name: "long_keys_work_and_differ", run: |g| Box::pin(long_keys(g)) },
    Case { name: "zero_amount_is_refused", run: |g| Box::pin(zero_amount(g)) },
    Case { name: "read_follows_the_shopper", run: |g| Box::pin(read_follows(g)) },
    Case { name: "declined_is_canceled_with_a_reason", run: |g| Box::pin(declined(g)) },
    Case { name: "unknown_payment_is_not_found", run: |g| Box::pin(unknown_payment(g)) },
    Case { name: "hostile_reference_is_refused", run: |g| Box::pin(hostile_reference(g)) },
    Case { name: "two_stages_capture_all", run: |g| Box::pin(capture_all(g)) },
    Case { name: "two_stages_capture_a_part", run: |g| Box::pin(capture_part(g)) },
    Case { name: "two_stages_capture_too_much_is_refused", run: |g| Box::pin(capture_too_much(g)) },
    Case { name: "two_stages_cancel", run: |g| Box::pin(cancel_reserved(g)) },
    Case { name: "capture_twice_takes_once", run: |g| Box::pin(capture_twice(g)) },
    Case { name: "one_stage_methods_refuse_two_stages", run: |g| Box::pin(one_stage_only(g)) },
    Case { name: "cancel_of_pending_follows_the_sheet", run: |g| Box::pin(cancel_pending(g)) },
    Case { name: "cancel_of_taken_money_is_refused", run: |g| Box::pin(cancel_taken(g)) },
];

async fn create_waits(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let payment = works("create", adapter.create_payment(wish(true)).await)?;
    stands(&payment, &PaymentStatus::Pending)?;
    same("captured", &payment.captured, &roubles(0))?;
    let page = payment.confirmation_url.unwrap_or_default();
    holds("there is a payment page", page.starts_with("http"))
}

async fn create_tells_back(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = wish(true);
    let payment = works("create", adapter.create_payment(wish.clone()).await)?;
    same("amount", &payment.amount, &wish.amount)?;
    same("payment id", &payment.payment_id, &Some(wish.payment_id))?;
    same("order id", &payment.order_id, &Some(wish.order_id))?;
    holds("a test gateway says so", payment.test)
}

async fn same_key(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = wish(true);
    let first = works("create", adapter.create_payment(wish.clone()).await)?;
    let again = works("repeat", adapter.create_payment(wish).await)?;
    same("payment", &again, &first)
}

async fn other_body(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = wish(true);
    works("create", adapter.create_payment(wish.clone()).await)?;
    let other = priced(wish, roubles(PRICE_MINOR + 1));
    refused("other body", adapter.create_payment(other).await)
}

async fn fifty_creates(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = wish(true);
    let creates = (0..50).map(|_| adapter.create_payment(wish.clone()));
    let made = futures_util::future::join_all(creates).await;
    let first = works("repeat", adapter.create_payment(wish.clone()).await)?;
    for payment in made {
        same("payment", &works("create", payment)?.provider_ref, &first.provider_ref)?;
    }
    Ok(())
}

async fn long_keys(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let with_key = |key: String| CreatePayment { idempotence_key: key, ..wish(true) };
    let long = format!("{}-{}", "k".repeat(300), new_key());
    let first_wish = with_key(format!("{long}-1"));
    let first = works("create", adapter.create_payment(first_wish.clone()).await)?;
    let again = works("repeat", adapter.create_payment(first_wish).await)?;
    let second = works("other", adapter.create_payment(with_key(format!("{long}-2"))).await)?;
    same("repeat", &again.provider_ref, &first.provider_ref)?;
    holds("another key is another payment", second.provider_ref != first.provider_ref)
}

async fn zero_amount(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let nothing = priced(wish(true), roubles(0));
    refused("zero", adapter.create_payment(nothing).await)?;
    let negative = priced(wish(true), roubles(-1));
    refused("negative", adapter.create_payment(negative).await)
}

async fn read_follows(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    stands(&payment, &PaymentStatus::Succeeded)?;
    same("captured", &payment.captured, &roubles(PRICE_MINOR))?;
    holds("nothing left to confirm", payment.confirmation_url.is_none())
}

async fn declined(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let payment = works("create", adapter.create_payment(wish(true)).await)?;
    gateway.settle(&payment, Settle::Decline).await?;
    let payment = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("captured", &payment.captured, &roubles(0))?;
    match payment.status {
        PaymentStatus::Canceled { reason } => holds("there is a reason", !reason.is_empty()),
        other => Err(format!("expected canceled, found {other:?}")),
    }
}

async fn unknown_payment(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    match adapter.read_payment(&new_key()).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => Err(format!("expected not found, found {other:?}")),
    }
}

async fn hostile_reference(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for reference in ["", "../refunds", "a/b", "a?b", "a b", &"x".repeat(129)] {
        refused(reference, adapter.read_payment(reference).await)?;
        refused(reference, adapter.cancel("key", reference).await)?;
        refused(reference, adapter.read_refund(reference).await)?;
    }
    Ok(())
}

async fn capture_all(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    stands(&payment, &PaymentStatus::WaitingForCapture)?;
    same("captured before", &payment.captured, &roubles(0))?;
    let adapter = gateway.adapter(Wiring::Proper);
    let captured = adapter.capture(&new_key(), &payment.provider_ref, payment.amount).await;
    let captured = works("capture", captured)?;
    stands(&captured, &PaymentStatus::Succeeded)?;
    same("captured after", &captured.captured, &payment.amount)
}

async fn capture_part(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let part = roubles(PRICE_MINOR / 2);
    let captured = adapter.capture(&new_key(), &payment.provider_ref, part).await;
    same("captured", &works("capture", captured)?.captured, &part)
}

async fn capture_too_much(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let more = roubles(PRICE_MINOR + 1);
    refused("capture", adapter.capture(&new_key(), &payment.provider_ref, more).await)?;
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    stands(&read, &PaymentStatus::WaitingForCapture)
}

async fn cancel_reserved(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let canceled = adapter.cancel(&new_key(), &payment.provider_ref).await;
    let canceled = works("cancel", canceled)?;
    holds("canceled", matches!(canceled.status, PaymentStatus::Canceled { .. }))?;
    let late = adapter.capture(&new_key(), &payment.provider_ref, payment.amount).await;
    refused("capture after cancel", late)
}

async fn capture_twice(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let key = new_key();
    let first = adapter.capture(&key, &payment.provider_ref, payment.amount).await;
    let again = adapter.capture(&key, &payment.provider_ref, payment.amount).await;
    same("repeat", &works("repeat", again)?, &works("capture", first)?)?;
    let other = adapter.capture(&new_key(), &payment.provider_ref, payment.amount).await;
    refused("another capture", other)
}

async fn one_stage_only(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for sheet in adapter.capabilities().methods.iter().filter(|sheet| !sheet.two_stage) {
        let wish = CreatePayment { method: sheet.method, ..wish(false) };
        refused(sheet.method.as_str(), adapter.create_payment(wish).await)?;
    }
    let sheet_has_sbp = adapter.capabilities().supports(Method::Sbp);
    let one_stage = CreatePayment { method: Method::Sbp, ..wish(true) };
    let created = adapter.create_payment(one_stage).await;
    if sheet_has_sbp { works("one stage", created).map(|_| ()) } else { refused("sbp", created) }
}

async fn cancel_pending(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let payment = works("create", adapter.create_payment(wish(true)).await)?;
    let canceled = adapter.cancel(&new_key(), &payment.provider_ref).await;
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    if adapter.capabilities().cancel_pending {
        works("cancel", canceled)?;
        return holds("canceled", matches!(read.status, PaymentStatus::Canceled { .. }));
    }
    refused("cancel", canceled)?;
    stands(&read, &PaymentStatus::Pending)
}

async fn cancel_taken(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    refused("cancel", adapter.cancel(&new_key(), &payment.provider_ref).await)?;
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    stands(&read, &PaymentStatus::Succeeded)
}
