//! Demands on the capability sheet: whole, consistent, and kept to before anything is sent.

use super::{
    Case, Gateway, Wiring,
    support::{Verdict, holds, priced, refused, wish, works},
};
use crate::{
    money::{Currency, Money},
    provider::{CreatePayment, Method},
};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "sheet_is_consistent", run: |g| Box::pin(consistent(g)) },
    Case { name: "sheet_methods_work_and_others_are_refused", run: |g| Box::pin(methods(g)) },
    Case { name: "sheet_currencies_only", run: |g| Box::pin(currencies(g)) },
    Case { name: "sheet_least_amount_is_kept", run: |g| Box::pin(least_amount(g)) },
];

async fn consistent(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let sheet = adapter.capabilities();
    holds("some method", !sheet.methods.is_empty())?;
    for (no, method) in sheet.methods.iter().enumerate() {
        let first = sheet.methods.iter().position(|other| other.method == method.method);
        holds("each method once", first == Some(no))?;
    }
    let ttl = (1..=sheet.pending_ttl_ms_max).contains(&sheet.pending_ttl_ms_min);
    holds("times to live in order", ttl)?;
    holds("some currency", !sheet.amounts_min.is_empty())?;
    for (no, least) in sheet.amounts_min.iter().enumerate() {
        let first = sheet.amounts_min.iter().position(|other| other.currency == least.currency);
        holds("each currency once, above zero", first == Some(no) && least.minor > 0)?;
    }
    Ok(())
}

async fn methods(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for method in [Method::BankCard, Method::Sbp] {
        let created = adapter.create_payment(CreatePayment { method, ..wish(true) }).await;
        match adapter.capabilities().supports(method) {
            true => works(method.as_str(), created).map(|_| ())?,
            false => refused(method.as_str(), created)?,
        }
    }
    Ok(())
}

async fn currencies(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for code in ["RUB", "USD", "EUR", "XTS"] {
        let currency: Currency = code.parse().map_err(|_| "a code")?;
        let created =
            adapter.create_payment(priced(wish(true), Money::new(10_000, currency))).await;
        match adapter.capabilities().amount_min(currency) {
            Some(_) => works(code, created).map(|_| ())?,
            None => refused(code, created)?,
        }
    }
    Ok(())
}

async fn least_amount(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for least in adapter.capabilities().amounts_min {
        works("the least", adapter.create_payment(priced(wish(true), *least)).await)?;
        let less = Money::new(least.minor - 1, least.currency);
        refused("less", adapter.create_payment(priced(wish(true), less)).await)?;
    }
    Ok(())
}
