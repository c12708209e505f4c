//! Stripe's JSON forms of sessions, refunds and errors, and their way into our types.
//!
//! Reads only the fields that are used and ignores the rest, since the API grows. An answer that
//! lacks one of them counts as unknown, never as a guess.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    adapter::{cut, is_plain_ref},
    money::{Currency, Money},
    provider::{GatewayPayment, GatewayRefund, PaymentStatus, ProviderError, RefundStatus},
};

/// Longest piece of a gateway's sentence that is kept, in characters.
const DETAIL_CHARS_MAX: usize = 300;
/// Where a refund of ours names its session.
const SESSION_FIELD: &str = "checkout_session";

/// A Checkout Session with its payment intent, as read.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    id: String,
    status: String,
    amount_total: i64,
    currency: String,
    url: Option<String>,
    payment_intent: Option<Intent>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    created: i64,
    livemode: bool,
}

#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    amount_received: i64,
    cancellation_reason: Option<String>,
    last_payment_error: Option<PaymentError>,
    latest_charge: Option<Charge>,
}

#[derive(Debug, Deserialize)]
struct PaymentError {
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    amount_refunded: i64,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    payment_intent: Option<String>,
    failure_reason: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    created: i64,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

#[derive(Deserialize)]
struct WireError {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    r#type: Option<String>,
    code: Option<String>,
    message: Option<String>,
    param: Option<String>,
}

/// Reads a session.
pub(super) fn session(body: &[u8]) -> Result<Session, ProviderError> {
    let session: Session = parse(body)?;
    check_id(&session.id)?;
    session.payment_intent.as_ref().map_or(Ok(()), |intent| check_id(&intent.id))?;
    Ok(session)
}

impl Session {
    /// Whether the shopper may still pay on its page.
    pub(super) fn is_open(&self) -> bool {
        self.status == "open"
    }

    /// The payment intent's id, once there is one.
    pub(super) fn intent_id(&self) -> Option<&str> {
        self.payment_intent.as_ref().map(|intent| intent.id.as_str())
    }

    /// The intent of money in that currency. Stripe's calls name no currency, so that another one
    /// must be refused here.
    pub(super) fn intent_in(&self, currency: Currency) -> Result<&str, ProviderError> {
        if self.currency()? != currency {
            return Err(ProviderError::refused("invalid_currency", "not the payment's currency"));
        }
        let nothing_paid = || ProviderError::refused("not_paid", "the session was not paid");
        self.intent_id().ok_or_else(nothing_paid)
    }

    /// The payment that this session is.
    pub(super) fn payment(self) -> Result<GatewayPayment, ProviderError> {
        let currency = self.currency()?;
        let status = self.payment_status()?;
        let intent = self.payment_intent.as_ref();
        let captured = match status {
            PaymentStatus::Succeeded => intent.map_or(0, |intent| intent.amount_received),
            PaymentStatus::Pending
            | PaymentStatus::WaitingForCapture
            | PaymentStatus::Canceled { .. } => 0,
        };
        let charge = intent.and_then(|intent| intent.latest_charge.as_ref());
        let refunded = charge.map_or(0, |charge| charge.amount_refunded);
        let sums = [self.amount_total, captured, refunded];
        if sums.iter().any(|sum| *sum < 0) {
            return Err(foreign("amount"));
        }
        let waits = status == PaymentStatus::Pending;
        let mut metadata = self.metadata;
        Ok(GatewayPayment {
            provider_ref: self.id,
            status,
            amount: Money::new(self.amount_total, currency),
            captured: Money::new(captured, currency),
            refunded: Money::new(refunded, currency),
            confirmation_url: self.url.filter(|_| waits),
            payment_id: metadata.remove("payment_id"),
            order_id: metadata.remove("order_id"),
            created_at_ms: self.created.saturating_mul(1_000),
            test: !self.livemode,
        })
    }

    fn currency(&self) -> Result<Currency, ProviderError> {
        currency(&self.currency)
    }

    /// The intent knows about money; where it has no final word, the session knows whether the
    /// shopper may still come.
    fn payment_status(&self) -> Result<PaymentStatus, ProviderError> {
        let intent = self.payment_intent.as_ref();
        match (intent.map(|intent| intent.status.as_str()), self.status.as_str()) {
            (Some("succeeded"), _) => Ok(PaymentStatus::Succeeded),
            (Some("requires_capture"), _) => Ok(PaymentStatus::WaitingForCapture),
            (Some("canceled"), _) => Ok(canceled(intent.and_then(Intent::why_canceled))),
            (_, "expired") => Ok(canceled(Some("expired_on_confirmation"))),
            (Some("requires_payment_method"), "complete") => {
                Ok(canceled(intent.and_then(Intent::why_failed)))
            }
            (_, "open") | (Some("processing"), "complete") => Ok(PaymentStatus::Pending),
            _ => Err(foreign("status")),
        }
    }
}

impl Intent {
    fn why_canceled(&self) -> Option<&str> {
        self.cancellation_reason.as_deref()
    }

    fn why_failed(&self) -> Option<&str> {
        self.last_payment_error.as_ref()?.code.as_deref()
    }
}

fn canceled(reason: Option<&str>) -> PaymentStatus {
    let reason = reason.filter(|reason| !reason.is_empty()).unwrap_or("general_decline");
    PaymentStatus::Canceled { reason: cut(reason, DETAIL_CHARS_MAX) }
}

/// The intent of a refund that does not name its session.
pub(super) fn intent_of_foreign_refund(body: &[u8]) -> Result<Option<String>, ProviderError> {
    let refund: Refund = parse(body)?;
    if refund.metadata.contains_key(SESSION_FIELD) {
        return Ok(None);
    }
    let intent = refund.payment_intent.ok_or_else(|| foreign("payment intent"))?;
    check_id(&intent)?;
    Ok(Some(intent))
}

/// The id of the one session in a list.
pub(super) fn only_session_id(body: &[u8]) -> Result<String, ProviderError> {
    let list: List = parse(body)?;
    match list.data.into_iter().next() {
        Some(session) => check_id(&session.id).map(|()| session.id),
        None => Err(ProviderError::refused("not_found", "no session has this payment")),
    }
}

/// Reads a refund; `session` is known, or stands in it.
pub(super) fn refund(body: &[u8], session: Option<&str>) -> Result<GatewayRefund, ProviderError> {
    let wire: Refund = parse(body)?;
    check_id(&wire.id)?;
    let status = match wire.status.as_str() {
        "pending" | "requires_action" => RefundStatus::Pending,
        "succeeded" => RefundStatus::Succeeded,
        "failed" | "canceled" => {
            let reason = wire.failure_reason.as_deref().unwrap_or("canceled");
            RefundStatus::Canceled { reason: cut(reason, DETAIL_CHARS_MAX) }
        }
        _ => return Err(foreign("status")),
    };
    let named = wire.metadata.get(SESSION_FIELD).map(String::as_str);
    let payment_ref = session.or(named).ok_or_else(|| foreign("session"))?;
    check_id(payment_ref)?;
    Ok(GatewayRefund {
        payment_ref: payment_ref.to_owned(),
        provider_ref: wire.id,
        status,
        amount: Money::new(wire.amount, currency(&wire.currency)?),
        created_at_ms: wire.created.saturating_mul(1_000),
    })
}

/// The refusal that a 4xx body explains, or that the status alone explains.
pub(super) fn refusal(status: u16, body: &[u8]) -> ProviderError {
    let Ok(WireError { error }) = serde_json::from_slice::<WireError>(body) else {
        let code = if status == 404 { "not_found".to_owned() } else { format!("http_{status}") };
        return ProviderError::refused(code, "no explanation in the answer");
    };
    let code = match error.code.or(error.r#type) {
        Some(code) if code != "resource_missing" => code,
        // The word that the rest of the product knows for it.
        Some(_) => "not_found".to_owned(),
        None => format!("http_{status}"),
    };
    let mut detail = error.message.unwrap_or_default();
    if let Some(param) = error.param {
        detail.push_str(&format!(" ({param})"));
    }
    ProviderError::refused(cut(&code, DETAIL_CHARS_MAX), cut(&detail, DETAIL_CHARS_MAX))
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body)
        .map_err(|error| ProviderError::unknown(format!("answer is malformed: {error}")))
}

fn currency(text: &str) -> Result<Currency, ProviderError> {
    text.to_ascii_uppercase().parse().map_err(|_| foreign("currency"))
}

fn check_id(id: &str) -> Result<(), ProviderError> {
    if is_plain_ref(id) { Ok(()) } else { Err(foreign("id")) }
}

fn foreign(field: &str) -> ProviderError {
    ProviderError::unknown(format!("answer has an unexpected {field}"))
}
