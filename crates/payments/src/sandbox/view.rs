//! Payments and refunds as the API's JSON.
//!
//! The same form goes into answers and notifications. Times are RFC 3339 with milliseconds.

use serde_json::{Value, json};

use super::object::{Cancellation, Payment, Refund, Status};
use crate::money::Money;

/// What the JSON needs beyond the object itself.
#[derive(Debug, Clone)]
pub struct ViewFacts {
    /// Scheme, host and port of this gateway, without a slash at the end.
    pub public_url: String,
    /// The shop's id.
    pub shop_id: String,
}

/// A payment object.
pub fn payment(payment: &Payment, facts: &ViewFacts) -> Value {
    let mut object = json!({
        "id": payment.id,
        "status": payment.status.as_str(),
        "amount": amount(payment.amount),
        "description": payment.description,
        "recipient": { "account_id": facts.shop_id, "gateway_id": "1" },
        "payment_method": {
            "type": payment.method.as_str(), "id": payment.id, "saved": false,
        },
        "created_at": time(payment.created_at_ms),
        "test": true,
        "paid": matches!(payment.status, Status::Succeeded | Status::WaitingForCapture),
        "refundable": payment.refundable_minor() > 0,
        "metadata": payment.metadata,
    });
    if payment.receipt {
        object["receipt_registration"] = "succeeded".into();
    }
    add_by_status(&mut object, payment, facts);
    if let Some(cancellation) = &payment.cancellation {
        object["cancellation_details"] = cancelled(cancellation);
    }
    object
}

/// A refund object.
pub fn refund(refund: &Refund) -> Value {
    let mut object = json!({
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": refund.status.as_str(),
        "amount": amount(refund.amount),
        "created_at": time(refund.created_at_ms),
    });
    if !refund.description.is_empty() {
        object["description"] = refund.description.as_str().into();
    }
    if let Some(cancellation) = &refund.cancellation {
        object["cancellation_details"] = cancelled(cancellation);
    }
    if !refund.receipt.is_empty() {
        object["receipt_registration"] = "succeeded".into();
        // The real gateway tells these at another address.
        object["receipt_positions"] = refund.receipt.as_slice().into();
    }
    object
}

/// The address of the payment page.
pub fn confirmation_url(payment: &Payment, facts: &ViewFacts) -> String {
    format!("{}/pay/{}", facts.public_url, payment.id)
}

/// RFC 3339 in UTC with milliseconds.
pub fn time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}

/// The same for people: to the second, with the zone's name.
pub fn readable_time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn add_by_status(object: &mut Value, payment: &Payment, facts: &ViewFacts) {
    match payment.status {
        Status::Pending => {
            object["confirmation"] = json!({
                "type": "redirect",
                "return_url": payment.return_url,
                "confirmation_url": confirmation_url(payment, facts),
            });
        }
        Status::WaitingForCapture => {
            object["expires_at"] = time(payment.expires_at_ms).into();
        }
        Status::Succeeded => {
            let refunded = Money::new(payment.refunded_minor, payment.amount.currency);
            object["refunded_amount"] = amount(refunded);
            object["captured_at"] = time(payment.captured_at_ms.unwrap_or_default()).into();
        }
        Status::Canceled => {}
    }
}

fn amount(amount: Money) -> Value {
    json!({ "value": amount.value(), "currency": amount.currency.as_str() })
}

fn cancelled(cancellation: &Cancellation) -> Value {
    json!({ "party": cancellation.party, "reason": cancellation.reason })
}
