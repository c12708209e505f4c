//! YooKassa's JSON forms of payments, refunds and errors, and their way into our types.
//!
//! Reads only the fields that are used and ignores the rest, since the API grows. An answer that
//! lacks one of them counts as unknown, never as a guess.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    adapter::is_plain_ref,
    money::Money,
    provider::{GatewayPayment, GatewayRefund, PaymentStatus, ProviderError, RefundStatus},
};

/// Longest piece of a gateway's sentence that is kept, in characters.
const DETAIL_CHARS_MAX: usize = 300;

#[derive(Deserialize)]
struct WirePayment {
    id: String,
    status: String,
    amount: WireAmount,
    refunded_amount: Option<WireAmount>,
    confirmation: Option<WireConfirmation>,
    #[serde(default)]
    metadata: BTreeMap<String, Value>,
    cancellation_details: Option<WireCancellation>,
    created_at: jiff::Timestamp,
    test: bool,
}

#[derive(Deserialize)]
struct WireRefund {
    id: String,
    payment_id: String,
    status: String,
    amount: WireAmount,
    cancellation_details: Option<WireCancellation>,
    created_at: jiff::Timestamp,
}

#[derive(Deserialize)]
struct WireAmount {
    value: String,
    currency: String,
}

#[derive(Deserialize)]
struct WireConfirmation {
    confirmation_url: Option<String>,
}

#[derive(Deserialize)]
struct WireCancellation {
    reason: String,
}

#[derive(Deserialize)]
struct WireError {
    code: String,
    description: Option<String>,
    parameter: Option<String>,
}

/// Our amount in the gateway's form.
pub(super) fn amount(amount: Money) -> Value {
    json!({ "value": amount.value(), "currency": amount.currency.as_str() })
}

/// Reads a payment object.
pub(super) fn payment(body: &[u8]) -> Result<GatewayPayment, ProviderError> {
    let wire: WirePayment = parse(body)?;
    check_id(&wire.id)?;
    let amount = money(&wire.amount)?;
    let zero = Money::new(0, amount.currency);
    let status = payment_status(&wire)?;
    let captured = if status == PaymentStatus::Succeeded { amount } else { zero };
    let refunded = wire.refunded_amount.as_ref().map_or(Ok(zero), money)?;
    let text = |key: &str| wire.metadata.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(GatewayPayment {
        payment_id: text("payment_id"),
        order_id: text("order_id"),
        provider_ref: wire.id,
        status,
        amount,
        captured,
        refunded,
        confirmation_url: wire.confirmation.and_then(|c| c.confirmation_url),
        created_at_ms: wire.created_at.as_millisecond(),
        test: wire.test,
    })
}

/// Reads a refund object.
pub(super) fn refund(body: &[u8]) -> Result<GatewayRefund, ProviderError> {
    let wire: WireRefund = parse(body)?;
    check_id(&wire.id)?;
    check_id(&wire.payment_id)?;
    let status = match wire.status.as_str() {
        "pending" => RefundStatus::Pending,
        "succeeded" => RefundStatus::Succeeded,
        "canceled" => RefundStatus::Canceled { reason: reason(wire.cancellation_details) },
        _ => return Err(foreign("status")),
    };
    Ok(GatewayRefund {
        provider_ref: wire.id,
        payment_ref: wire.payment_id,
        status,
        amount: money(&wire.amount)?,
        created_at_ms: wire.created_at.as_millisecond(),
    })
}

/// The refusal that a 4xx body explains, or that the status alone explains.
pub(super) fn refusal(status: u16, body: &[u8]) -> ProviderError {
    let Ok(wire) = serde_json::from_slice::<WireError>(body) else {
        return ProviderError::refused(format!("http_{status}"), "no explanation in the answer");
    };
    let mut detail = wire.description.unwrap_or_default();
    if let Some(parameter) = wire.parameter {
        detail.push_str(&format!(" ({parameter})"));
    }
    let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
    let code: String = wire.code.chars().take(DETAIL_CHARS_MAX).collect();
    ProviderError::refused(code, detail)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body)
        .map_err(|error| ProviderError::unknown(format!("answer is malformed: {error}")))
}

fn payment_status(wire: &WirePayment) -> Result<PaymentStatus, ProviderError> {
    match wire.status.as_str() {
        "pending" => Ok(PaymentStatus::Pending),
        "waiting_for_capture" => Ok(PaymentStatus::WaitingForCapture),
        "succeeded" => Ok(PaymentStatus::Succeeded),
        "canceled" => {
            let reason = wire.cancellation_details.as_ref().map(|c| c.reason.clone());
            Ok(PaymentStatus::Canceled { reason: reason.unwrap_or_else(unexplained) })
        }
        _ => Err(foreign("status")),
    }
}

fn reason(details: Option<WireCancellation>) -> String {
    details.map_or_else(unexplained, |details| details.reason)
}

fn unexplained() -> String {
    "general_decline".to_owned()
}

fn money(wire: &WireAmount) -> Result<Money, ProviderError> {
    let currency = wire.currency.parse().map_err(|_| foreign("currency"))?;
    Money::parse(&wire.value, currency).map_err(|_| foreign("amount"))
}

fn check_id(id: &str) -> Result<(), ProviderError> {
    if is_plain_ref(id) { Ok(()) } else { Err(foreign("id")) }
}

fn foreign(field: &str) -> ProviderError {
    ProviderError::unknown(format!("answer has an unexpected {field}"))
}
