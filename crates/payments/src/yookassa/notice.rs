//! YooKassa's notifications: which event is claimed about which object.
//!
//! YooKassa signs nothing, so the body is parsed as a stranger's text: size first, then form, then
//! the id, which may become a part of an address. Nothing else is taken from it.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    adapter::is_plain_ref,
    provider::{EventKind, Notification, NotificationError},
};

/// Largest notification that is parsed, bytes; real ones have below 4,096.
const BODY_BYTES_MAX: usize = 64 * 1_024;
/// Longest id of ours that is taken from a body, bytes.
const OWN_ID_BYTES_MAX: usize = 256;
/// How much of an unknown event's name is kept, in characters.
const EVENT_CHARS_MAX: usize = 64;

#[derive(Deserialize)]
struct WireNotice {
    r#type: String,
    event: String,
    object: Value,
}

/// Reads a notification.
pub(super) fn parse(body: &[u8]) -> Result<Notification, NotificationError> {
    if body.len() > BODY_BYTES_MAX {
        let (bytes, bytes_max) = (body.len(), BODY_BYTES_MAX);
        return Err(NotificationError::TooLarge { bytes, bytes_max });
    }
    let wire: WireNotice = serde_json::from_slice(body).map_err(|e| malformed(e.to_string()))?;
    if wire.r#type != "notification" {
        return Err(malformed("type is not notification"));
    }
    let kind = kind(&wire.event)?;
    let own_ref = plain(&wire.object, "id").ok_or_else(|| malformed("object has no usable id"))?;
    let payment_ref = match kind.is_refund() {
        true => plain(&wire.object, "payment_id"),
        false => Some(own_ref.clone()),
    };
    let payment_id = wire.object.pointer("/metadata/payment_id").and_then(Value::as_str);
    let payment_id = payment_id.filter(|id| is_short_word(id)).map(str::to_owned);
    Ok(Notification { kind, provider_ref: own_ref, payment_ref, payment_id })
}

fn kind(event: &str) -> Result<EventKind, NotificationError> {
    match event {
        "payment.waiting_for_capture" => Ok(EventKind::PaymentWaitingForCapture),
        "payment.succeeded" => Ok(EventKind::PaymentSucceeded),
        "payment.canceled" => Ok(EventKind::PaymentCanceled),
        "refund.succeeded" => Ok(EventKind::RefundSucceeded),
        other => {
            let event = other.chars().take(EVENT_CHARS_MAX).collect();
            Err(NotificationError::UnknownEvent { event })
        }
    }
}

fn plain(object: &Value, field: &str) -> Option<String> {
    let text = object.get(field)?.as_str()?;
    is_plain_ref(text).then(|| text.to_owned())
}

/// Our own ids have more signs than a gateway's, but no spaces and never this many bytes.
fn is_short_word(text: &str) -> bool {
    text.len() <= OWN_ID_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn malformed(detail: impl Into<String>) -> NotificationError {
    NotificationError::Malformed { detail: detail.into() }
}
