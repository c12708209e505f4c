//! Demands on bad days: a definite no stays a no, everything unproven is unknown, and a repeat with
//! the same key never makes a second payment.

use super::{
    Breakage, CallKind, Case, Gateway, Wiring,
    support::{
        PRICE_MINOR, Verdict, holds, new_key, paid, refund_wish, refused, roubles, same,
        unavailable, unknown, wish, works,
    },
};
use crate::provider::PaymentStatus;

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "wrong_secret_is_refused", run: |g| Box::pin(wrong_secret(g)) },
    Case { name: "nobody_there_is_unavailable", run: |g| Box::pin(nobody_there(g)) },
    Case { name: "slow_answer_in_time_is_an_answer", run: |g| Box::pin(slow(g)) },
    Case { name: "too_many_is_unavailable", run: |g| Box::pin(too_many(g)) },
    Case { name: "refusal_is_definite", run: |g| Box::pin(refusal(g)) },
    Case { name: "silence_is_unknown", run: |g| Box::pin(create_with(g, Breakage::Silence)) },
    Case {
        name: "silence_after_doing_is_unknown",
        run: |g| Box::pin(create_with(g, Breakage::SilenceAfterDoing)),
    },
    Case {
        name: "server_error_is_unknown",
        run: |g| Box::pin(create_with(g, Breakage::ServerError)),
    },
    Case {
        name: "server_error_after_doing_is_unknown",
        run: |g| Box::pin(create_with(g, Breakage::ServerErrorAfterDoing)),
    },
    Case {
        name: "cut_after_doing_is_unknown",
        run: |g| Box::pin(create_with(g, Breakage::CutAfterDoing)),
    },
    Case { name: "malformed_is_unknown", run: |g| Box::pin(create_with(g, Breakage::Malformed)) },
    Case { name: "oversized_is_unknown", run: |g| Box::pin(create_with(g, Breakage::Oversized)) },
    Case {
        name: "redirect_is_not_followed",
        run: |g| Box::pin(create_with(g, Breakage::Redirect)),
    },
    Case { name: "read_survives_every_breakage", run: |g| Box::pin(reads(g)) },
    Case { name: "broken_capture_takes_once", run: |g| Box::pin(broken_capture(g)) },
    Case { name: "broken_cancel_cancels_once", run: |g| Box::pin(broken_cancel(g)) },
    Case { name: "broken_refund_goes_back_once", run: |g| Box::pin(broken_refund(g)) },
    Case { name: "secret_is_not_shown", run: |g| Box::pin(secret_hidden(g)) },
];

async fn wrong_secret(gateway: &dyn Gateway) -> Verdict {
    let stranger = gateway.adapter(Wiring::WrongSecret);
    let payment = paid(gateway, true).await?;
    refused("create", stranger.create_payment(wish(true)).await)?;
    refused("read", stranger.read_payment(&payment.provider_ref).await)?;
    refused("refund", stranger.create_refund(refund_wish(&payment, 1)).await)?;
    let adapter = gateway.adapter(Wiring::Proper);
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("refunded", &read.refunded, &roubles(0))
}

async fn nobody_there(gateway: &dyn Gateway) -> Verdict {
    let nobody = gateway.adapter(Wiring::NobodyThere);
    unavailable("create", nobody.create_payment(wish(true)).await)?;
    unavailable("read", nobody.read_payment("some").await)
}

async fn slow(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    gateway.break_next(CallKind::Read, Breakage::Slow).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("payment", &read, &payment)
}

async fn too_many(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    gateway.break_next(CallKind::Create, Breakage::TooMany).await?;
    let wish = wish(true);
    unavailable("create", adapter.create_payment(wish.clone()).await)?;
    works("repeat", adapter.create_payment(wish).await).map(|_| ())
}

async fn refusal(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    gateway.break_next(CallKind::Create, Breakage::Refusal).await?;
    let error = adapter.create_payment(wish(true)).await;
    holds("nothing happened", error.as_ref().is_err_and(|error| error.nothing_happened()))?;
    refused("create", error)
}

/// The call's outcome is unknown; repeats with the same key agree on one payment.
async fn create_with(gateway: &dyn Gateway, breakage: Breakage) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    gateway.break_next(CallKind::Create, breakage).await?;
    let wish = wish(true);
    unknown("create", adapter.create_payment(wish.clone()).await)?;
    let first = works("repeat", adapter.create_payment(wish.clone()).await)?;
    let again = works("second repeat", adapter.create_payment(wish).await)?;
    same("payment", &again.provider_ref, &first.provider_ref)
}

async fn reads(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let payment = paid(gateway, true).await?;
    let all = [
        Breakage::Silence,
        Breakage::ServerError,
        Breakage::CutAfterDoing,
        Breakage::Malformed,
        Breakage::Oversized,
        Breakage::Redirect,
    ];
    for breakage in all {
        gateway.break_next(CallKind::Read, breakage).await?;
        let broken = adapter.read_payment(&payment.provider_ref).await;
        unknown(&format!("{breakage:?}"), broken)?;
        let read = works("next read", adapter.read_payment(&payment.provider_ref).await)?;
        same("payment", &read, &payment)?;
    }
    Ok(())
}

async fn broken_capture(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let key = new_key();
    for breakage in [Breakage::ServerError, Breakage::CutAfterDoing] {
        gateway.break_next(CallKind::Capture, breakage).await?;
        let broken = adapter.capture(&key, &payment.provider_ref, payment.amount).await;
        unknown(&format!("{breakage:?}"), broken)?;
    }
    let repeat = adapter.capture(&key, &payment.provider_ref, payment.amount).await;
    same("captured", &works("repeat", repeat)?.captured, &payment.amount)
}

async fn broken_cancel(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, false).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let key = new_key();
    for breakage in [Breakage::ServerError, Breakage::CutAfterDoing] {
        gateway.break_next(CallKind::Cancel, breakage).await?;
        let broken = adapter.cancel(&key, &payment.provider_ref).await;
        unknown(&format!("{breakage:?}"), broken)?;
    }
    let repeat = works("repeat", adapter.cancel(&key, &payment.provider_ref).await)?;
    holds("canceled", matches!(repeat.status, PaymentStatus::Canceled { .. }))
}

async fn broken_refund(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let wish = refund_wish(&payment, PRICE_MINOR / 2);
    for breakage in [Breakage::Silence, Breakage::SilenceAfterDoing, Breakage::CutAfterDoing] {
        gateway.break_next(CallKind::Refund, breakage).await?;
        unknown(&format!("{breakage:?}"), adapter.create_refund(wish.clone()).await)?;
    }
    works("repeat", adapter.create_refund(wish).await)?;
    let read = works("read", adapter.read_payment(&payment.provider_ref).await)?;
    same("refunded", &read.refunded, &roubles(PRICE_MINOR / 2))
}

/// Errors end up in logs; neither secret nor header may travel with them.
async fn secret_hidden(gateway: &dyn Gateway) -> Verdict {
    for wiring in [Wiring::Proper, Wiring::WrongSecret, Wiring::NobodyThere] {
        let error = gateway.adapter(wiring).read_payment(&new_key()).await.map(|_| ()).err();
        let error = error.ok_or("expected an error")?;
        let text = format!("{error:?} {error}");
        let shown = gateway.secrets().into_iter().any(|secret| text.contains(&secret));
        holds("no secret in errors", !shown)?;
    }
    Ok(())
}
