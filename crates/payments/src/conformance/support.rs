//! What the cases of the kit have in common: wishes, and the ways to say what was expected.
//!
//! No case lives here.

use std::fmt::Debug;

use uuid::Uuid;

use super::{Gateway, Settle, Wiring};
use crate::{
    money::{Currency, Money},
    provider::{CreatePayment, CreateRefund, GatewayPayment, Method, PaymentStatus, ProviderError},
};

/// What most cases pay, minor units.
pub const PRICE_MINOR: i64 = 350_000;

/// A case's verdict.
pub type Verdict = Result<(), String>;

/// Roubles in minor units.
pub fn roubles(minor: i64) -> Money {
    Money::new(minor, Currency::RUB)
}

/// A fresh key.
pub fn new_key() -> String {
    Uuid::new_v4().to_string()
}

/// A wish for a card payment under a fresh key.
pub fn wish(capture: bool) -> CreatePayment {
    let id = new_key();
    CreatePayment {
        idempotence_key: id.clone(),
        payment_id: id.clone(),
        order_id: format!("order-{id}"),
        amount: roubles(PRICE_MINOR),
        method: Method::BankCard,
        return_url: "http://127.0.0.1/return".to_owned(),
        description: "Билеты: 2 места".to_owned(),
        capture,
        ttl_ms: 300_000,
    }
}

/// A wish for a refund under a fresh key.
pub fn refund_wish(payment: &GatewayPayment, minor: i64) -> CreateRefund {
    CreateRefund {
        idempotence_key: new_key(),
        payment_ref: payment.provider_ref.clone(),
        amount: roubles(minor),
        description: String::new(),
    }
}

/// A payment that the shopper has paid: taken, or reserved.
pub async fn paid(gateway: &dyn Gateway, capture: bool) -> Result<GatewayPayment, String> {
    let adapter = gateway.adapter(Wiring::Proper);
    let created = adapter.create_payment(wish(capture)).await;
    let created = created.map_err(|error| format!("create: {error}"))?;
    gateway.settle(&created, Settle::Pay).await?;
    let read = adapter.read_payment(&created.provider_ref).await;
    read.map_err(|error| format!("read: {error}"))
}

/// Two values that must be equal.
pub fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Verdict {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

/// A demand that must hold.
pub fn holds(what: &str, held: bool) -> Verdict {
    if held { Ok(()) } else { Err(what.to_owned()) }
}

/// A payment that must stand so.
pub fn stands(payment: &GatewayPayment, expected: &PaymentStatus) -> Verdict {
    same("status", &payment.status, expected)
}

/// A call that must have been refused for good.
pub fn refused<T: Debug>(what: &str, result: Result<T, ProviderError>) -> Verdict {
    match result {
        Err(ProviderError::Refused { .. }) => Ok(()),
        other => Err(format!("{what}: expected a refusal, found {other:?}")),
    }
}

/// A call of which it must be unknown whether it happened.
pub fn unknown<T: Debug>(what: &str, result: Result<T, ProviderError>) -> Verdict {
    match result {
        Err(ProviderError::Unknown { .. }) => Ok(()),
        other => Err(format!("{what}: expected unknown, found {other:?}")),
    }
}

/// A call that must not have reached the gateway's logic.
pub fn unavailable<T: Debug>(what: &str, result: Result<T, ProviderError>) -> Verdict {
    match result {
        Err(ProviderError::Unavailable { .. }) => Ok(()),
        other => Err(format!("{what}: expected unavailable, found {other:?}")),
    }
}

/// The value of a call that must have worked.
pub fn works<T>(what: &str, result: Result<T, ProviderError>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}
