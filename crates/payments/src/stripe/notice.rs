//! Stripe's events: whether Stripe sent them, and which event is claimed about which object.
//!
//! A signature shows that Stripe said it once; the object is still read again, since an event may
//! be old or come after a newer one.

use hmac::{Hmac, Mac};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    adapter::{cut, is_plain_ref},
    provider::{EventKind, Forged, Notification, NotificationError},
};

/// The header that carries the signature.
const SIGNATURE_HEADER: &str = "Stripe-Signature";
/// How old a signature may be, and how far ahead of our clock, milliseconds: Stripe's own five
/// minutes.
const TOLERANCE_MS: i64 = 5 * 60 * 1_000;
/// Longest header that is looked at, bytes, and most signatures in it: two keys at a time while
/// one is being replaced.
const HEADER_BYTES_MAX: usize = 1_024;
const SIGNATURES_MAX: usize = 8;
/// Largest event that is parsed, bytes; real ones have below 20,000.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// Longest id of ours that is taken from a body, bytes.
const OWN_ID_BYTES_MAX: usize = 256;
/// How much of an unknown event's name is kept, in characters.
const EVENT_CHARS_MAX: usize = 64;

#[derive(Deserialize)]
struct WireEvent {
    object: String,
    r#type: String,
    data: WireData,
}

#[derive(Deserialize)]
struct WireData {
    object: Value,
}

/// Reads an event.
pub(super) fn parse(body: &[u8]) -> Result<Notification, NotificationError> {
    if body.len() > BODY_BYTES_MAX {
        let (bytes, bytes_max) = (body.len(), BODY_BYTES_MAX);
        return Err(NotificationError::TooLarge { bytes, bytes_max });
    }
    let event: WireEvent = serde_json::from_slice(body).map_err(|e| malformed(e.to_string()))?;
    if event.object != "event" {
        return Err(malformed("object is not event"));
    }
    let object = &event.data.object;
    let kind = kind(&event.r#type, object)?;
    let own_ref = plain(object, "/id").ok_or_else(|| malformed("object has no usable id"))?;
    let payment_ref = match kind.is_refund() {
        true => plain(object, "/metadata/checkout_session"),
        false => Some(own_ref.clone()),
    };
    let payment_id = object.pointer("/metadata/payment_id").and_then(Value::as_str);
    let payment_id = payment_id.filter(|id| is_short_word(id)).map(str::to_owned);
    Ok(Notification { kind, provider_ref: own_ref, payment_ref, payment_id })
}

fn kind(event: &str, object: &Value) -> Result<EventKind, NotificationError> {
    let paid = object.get("payment_status").and_then(Value::as_str) == Some("paid");
    match event {
        "checkout.session.completed" if paid => Ok(EventKind::PaymentSucceeded),
        // Reserved, or by a method whose money comes later.
        "checkout.session.completed" => Ok(EventKind::PaymentWaitingForCapture),
        "checkout.session.async_payment_succeeded" => Ok(EventKind::PaymentSucceeded),
        "checkout.session.async_payment_failed" | "checkout.session.expired" => {
            Ok(EventKind::PaymentCanceled)
        }
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            Ok(EventKind::RefundSucceeded)
        }
        other => Err(NotificationError::UnknownEvent { event: cut(other, EVENT_CHARS_MAX) }),
    }
}

/// Checks the signature under any of the keys in `secrets`.
pub(super) fn check(
    secrets: &str,
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Result<(), Forged> {
    let header = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let header = header.filter(|header| header.len() <= HEADER_BYTES_MAX);
    let mut signed_at = None;
    let mut given = Vec::new();
    for (name, value) in header.unwrap_or_default().split(',').filter_map(|p| p.split_once('=')) {
        match name.trim() {
            "t" => signed_at = value.parse::<i64>().ok(),
            "v1" if given.len() < SIGNATURES_MAX => given.push(value),
            _ => {}
        }
    }
    let Some(signed_at) = signed_at.filter(|_| !given.is_empty()) else {
        return Err(Forged::Unsigned);
    };
    let fits = secrets.split_whitespace().any(|secret| {
        let expected = signature(secret, signed_at, body);
        given.iter().any(|given| bool::from(given.as_bytes().ct_eq(expected.as_bytes())))
    });
    if !fits {
        return Err(Forged::WrongSignature);
    }
    let age_ms = now_ms.saturating_sub(signed_at.saturating_mul(1_000));
    if age_ms.abs() > TOLERANCE_MS { Err(Forged::Stale) } else { Ok(()) }
}

/// The signature of a body as Stripe makes it: HMAC-SHA256 of time, point and body, in hex.
pub fn signature(secret: &str, signed_at_s: i64, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(signed_at_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("{:x}", mac.finalize().into_bytes())
}

fn plain(object: &Value, pointer: &str) -> Option<String> {
    let text = object.pointer(pointer)?.as_str()?;
    is_plain_ref(text).then(|| text.to_owned())
}

/// Our own ids have more signs than Stripe's, but no spaces and never this many bytes.
fn is_short_word(text: &str) -> bool {
    text.len() <= OWN_ID_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn malformed(detail: impl Into<String>) -> NotificationError {
    NotificationError::Malformed { detail: detail.into() }
}
