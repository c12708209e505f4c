//! Payments and refunds as Stripe's JSON: sessions, intents, refunds, events, errors.
//!
//! Amounts are minor units, currencies are small, times are seconds. Of the many fields of the real
//! objects there are those that say how things stand.

use serde_json::{Value, json};

use super::ids;
use crate::sandbox::{
    object::{Notice, Payment, Refund, Status},
    refusal::Refusal,
    view::{ViewFacts, confirmation_url},
};

/// Who the ledger says has ended a payment that the bank refused.
const BANK: &str = "payment_network";

/// A Checkout Session with its intent and charge.
pub fn session(payment: &Payment, facts: &ViewFacts) -> Value {
    let open = payment.status == Status::Pending;
    let url = open.then(|| confirmation_url(payment, facts));
    json!({
        "id": ids::session(&payment.id),
        "object": "checkout.session",
        "mode": "payment",
        "status": session_status(payment),
        "payment_status": if payment.status == Status::Succeeded { "paid" } else { "unpaid" },
        "amount_subtotal": payment.amount.minor,
        "amount_total": payment.amount.minor,
        "currency": small(payment.amount.currency.as_str()),
        "url": url,
        "success_url": payment.return_url,
        "cancel_url": payment.return_url,
        "client_reference_id": payment.metadata.get("payment_id"),
        "payment_intent": has_intent(payment).then(|| intent(payment)),
        "payment_method_types": ["card"],
        "metadata": payment.metadata,
        "created": payment.created_at_ms / 1_000,
        "expires_at": payment.expires_at_ms / 1_000,
        "livemode": false,
    })
}

/// A payment intent with its charge.
pub fn intent(payment: &Payment) -> Value {
    let taken = payment.status == Status::Succeeded;
    let received = if taken { payment.amount.minor } else { 0 };
    let why = payment.cancellation.as_ref();
    let by_bank = why.filter(|why| why.party == BANK);
    let charge = matches!(payment.status, Status::Succeeded | Status::WaitingForCapture);
    json!({
        "id": ids::intent(&payment.id),
        "object": "payment_intent",
        "status": intent_status(payment),
        "amount": payment.amount.minor,
        "amount_received": received,
        "currency": small(payment.amount.currency.as_str()),
        "capture_method": if payment.capture { "automatic" } else { "manual" },
        "cancellation_reason": why.filter(|why| why.party != BANK).map(|why| &why.reason),
        "last_payment_error": by_bank.map(|why| json!({
            "type": "card_error", "code": "card_declined", "decline_code": why.reason,
        })),
        "latest_charge": charge.then(|| json!({
            "id": ids::charge(&payment.id), "object": "charge", "captured": taken,
            "amount": payment.amount.minor, "amount_refunded": payment.refunded_minor,
        })),
        "metadata": payment.metadata,
        "created": payment.created_at_ms / 1_000,
        "livemode": false,
    })
}

/// A refund.
pub fn refund(refund: &Refund) -> Value {
    let status = match refund.status {
        Status::Pending | Status::WaitingForCapture => "pending",
        Status::Succeeded => "succeeded",
        Status::Canceled => "failed",
    };
    json!({
        "id": ids::refund(&refund.id),
        "object": "refund",
        "status": status,
        "amount": refund.amount.minor,
        "currency": small(refund.amount.currency.as_str()),
        "payment_intent": ids::intent(&refund.payment_id),
        "charge": ids::charge(&refund.payment_id),
        "failure_reason": refund.cancellation.as_ref().map(|why| &why.reason),
        "metadata": refund.metadata,
        "created": refund.created_at_ms / 1_000,
    })
}

/// The event that tells how a payment stands, and the object in it.
pub fn event_of(payment: &Payment, facts: &ViewFacts) -> Option<(&'static str, Value)> {
    let name = match (payment.status, session_status(payment)) {
        (Status::Pending, _) => return None,
        (Status::WaitingForCapture, _) => "checkout.session.completed",
        (Status::Succeeded, _) if payment.capture => "checkout.session.completed",
        (Status::Succeeded, _) => return Some(("payment_intent.succeeded", intent(payment))),
        (Status::Canceled, "expired") => "checkout.session.expired",
        (Status::Canceled, _) if is_bank_refusal(payment) => {
            "checkout.session.async_payment_failed"
        }
        (Status::Canceled, _) => return Some(("payment_intent.canceled", intent(payment))),
    };
    Some((name, session(payment, facts)))
}

/// A notice as the event that Stripe sends.
pub fn event(notice: &Notice) -> Value {
    json!({
        "id": format!("evt_sandbox{}", notice.id),
        "object": "event",
        "api_version": "2024-06-20",
        "type": notice.event,
        "created": notice.created_at_ms / 1_000,
        "livemode": false,
        "data": { "object": notice.object },
    })
}

/// A refusal in Stripe's words.
pub fn error(refusal: &Refusal) -> Value {
    let (kind, code) = match refusal.status {
        404 => ("invalid_request_error", Some("resource_missing")),
        401 => ("invalid_request_error", None),
        429 => ("invalid_request_error", Some("rate_limit")),
        500.. => ("api_error", None),
        _ if refusal.description.contains("key duplicated") => ("idempotency_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({ "error": {
        "type": kind, "code": code, "message": refusal.description, "param": refusal.parameter,
    }})
}

/// A shopper who never came leaves no intent behind.
fn has_intent(payment: &Payment) -> bool {
    payment.status != Status::Pending && session_status(payment) != "expired"
}

fn session_status(payment: &Payment) -> &'static str {
    match payment.status {
        Status::Pending => "open",
        Status::WaitingForCapture | Status::Succeeded => "complete",
        Status::Canceled if is_bank_refusal(payment) || payment.was_reserved => "complete",
        Status::Canceled => "expired",
    }
}

fn intent_status(payment: &Payment) -> &'static str {
    match payment.status {
        Status::Pending => "requires_payment_method",
        Status::WaitingForCapture => "requires_capture",
        Status::Succeeded => "succeeded",
        Status::Canceled if is_bank_refusal(payment) => "requires_payment_method",
        Status::Canceled => "canceled",
    }
}

fn is_bank_refusal(payment: &Payment) -> bool {
    payment.cancellation.as_ref().is_some_and(|why| why.party == BANK)
}

fn small(currency: &str) -> String {
    currency.to_ascii_lowercase()
}
