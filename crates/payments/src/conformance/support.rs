//! What the cases of the kit have in common: wishes, and the ways to say what was expected.
//!
//! No case lives here.

use std::{fmt::Debug, time::Duration};

use uuid::Uuid;

use super::{Gateway, Settle, Wiring};
use crate::{
    money::{Currency, Money},
    provider::{
        CreatePayment, CreateRefund, GatewayPayment, Method, PaymentStatus, ProviderError, Receipt,
        ReceiptContact, ReceiptItem,
    },
};

/// What most cases pay, minor units.
pub const PRICE_MINOR: i64 = 350_000;

/// How long a gateway may take for what comes by itself.
pub const PATIENCE: Duration = Duration::from_secs(30);

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
        pay_until_ms: now_ms() + 300_000,
        receipt: Some(receipt(PRICE_MINOR)),
    }
}

/// The same wish for another amount.
pub fn priced(wish: CreatePayment, amount: Money) -> CreatePayment {
    let item = ReceiptItem { amount, ..item(amount.minor) };
    let receipt = Receipt { items: vec![item], ..receipt(amount.minor) };
    CreatePayment { amount, receipt: Some(receipt), ..wish }
}

/// Two tickets as a receipt lists them.
pub fn receipt(minor: i64) -> Receipt {
    let first = minor / 2;
    Receipt {
        contact: ReceiptContact::Email(BUYER.to_owned()),
        items: [first, minor - first].into_iter().filter(|m| *m != 0).map(item).collect(),
        tax_system_code: Some(1),
    }
}

fn item(minor: i64) -> ReceiptItem {
    ReceiptItem {
        description: "Билет: партер, ряд 1".to_owned(),
        amount: roubles(minor),
        vat_code: 1,
    }
}

/// Whom receipts go to.
pub const BUYER: &str = "buyer@example.org";

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A payment that waits for the shopper.
pub async fn waiting(gateway: &dyn Gateway) -> Result<GatewayPayment, String> {
    works("create", gateway.adapter(Wiring::Proper).create_payment(wish(true)).await)
}

/// The payment as it is now.
pub async fn now(
    gateway: &dyn Gateway,
    payment: &GatewayPayment,
) -> Result<GatewayPayment, String> {
    let adapter = gateway.adapter(Wiring::Proper);
    works("read", adapter.read_payment(&payment.provider_ref).await)
}

/// A wish for a refund under a fresh key.
pub fn refund_wish(payment: &GatewayPayment, minor: i64) -> CreateRefund {
    CreateRefund {
        idempotence_key: new_key(),
        payment_ref: payment.provider_ref.clone(),
        amount: roubles(minor),
        description: String::new(),
        receipt: None,
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
