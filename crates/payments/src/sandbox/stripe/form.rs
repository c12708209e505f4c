//! Stripe's forms as Stripe checks them, turned into checked wishes for the ledger.

use std::collections::BTreeMap;

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::ids;
use crate::{
    money::{Currency, Money},
    provider::Method,
    sandbox::{
        ledger::{Ledger, NewPayment, NewRefund, RefundManner, RequestKey},
        object::Language,
        refusal::Refusal,
    },
};

/// Longest idempotence key, bytes.
const KEY_LEN_MAX: usize = 255;
/// Most positions of a session.
const LINE_ITEMS_MAX: usize = 100;
/// Longest value of metadata, and most fields.
const METADATA_VALUE_CHARS_MAX: usize = 500;
const METADATA_FIELDS_MAX: usize = 50;
/// How long a session may stay open, seconds.
const OPEN_S_MIN: i64 = 30 * 60;
const OPEN_S_MAX: i64 = 24 * 60 * 60;

/// The fields of a form.
pub type Fields = BTreeMap<String, String>;

/// Reads a form's fields.
pub fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Refusal> {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(Refusal::invalid("Content-Type", "Requests are forms"));
    }
    Ok(form_urlencoded::parse(body).into_owned().collect())
}

/// The idempotence key of a request, bound to what the request was.
pub fn key(headers: &HeaderMap, path: &str, body: &[u8]) -> Result<RequestKey, Refusal> {
    let key = headers.get("Idempotency-Key").and_then(|value| value.to_str().ok());
    let key = key.unwrap_or_default();
    if key.is_empty() || key.len() > KEY_LEN_MAX {
        return Err(Refusal::invalid("Idempotency-Key", "Keys have 1 to 255 characters"));
    }
    let mut hash = Sha256::new();
    hash.update(format!("POST {path}\n"));
    hash.update(body);
    Ok(RequestKey { key: key.to_owned(), fingerprint: format!("{:x}", hash.finalize()) })
}

/// A wish for a session.
pub fn new_payment(fields: &Fields, now_ms: i64) -> Result<NewPayment, Refusal> {
    let text = |name: &str| fields.get(name).map(String::as_str);
    if text("mode") != Some("payment") {
        return Err(Refusal::invalid("mode", "Only payment is available"));
    }
    if text("payment_method_types[0]").is_some_and(|method| method != "card") {
        return Err(Refusal::invalid("payment_method_types", "Only card is available"));
    }
    let capture = match text("payment_intent_data[capture_method]") {
        None | Some("automatic") => true,
        Some("manual") => false,
        Some(_) => return Err(Refusal::invalid("capture_method", "Not a way to capture")),
    };
    let (amount, description) = positions(fields)?;
    Ok(NewPayment {
        amount,
        method: Method::BankCard,
        capture,
        description,
        return_url: return_url(text("success_url"))?,
        metadata: metadata(fields)?,
        language: Language::Stripe,
        expires_at_ms: expires_at_ms(text("expires_at"), now_ms)?,
        receipt: false,
    })
}

/// A wish for a refund, before its payment is looked up.
pub struct RefundWish {
    payment_id: String,
    minor: Option<i64>,
    metadata: BTreeMap<String, String>,
}

impl RefundWish {
    /// In the payment's currency, and all of the rest where no amount was named.
    pub fn into_new(self, ledger: &Ledger, manner: RefundManner) -> Result<NewRefund, Refusal> {
        let payment = ledger.payment(&self.payment_id);
        let payment = payment.ok_or_else(|| Refusal::not_found("payment_intent"))?;
        let minor = self.minor.unwrap_or(payment.refundable_minor());
        Ok(NewRefund {
            amount: Money::new(minor, payment.amount.currency),
            payment_id: self.payment_id,
            description: String::new(),
            metadata: self.metadata,
            manner,
            receipt: Vec::new(),
        })
    }
}

/// A wish for a refund.
pub fn new_refund(fields: &Fields) -> Result<RefundWish, Refusal> {
    let intent = fields.get("payment_intent").map(String::as_str).unwrap_or_default();
    let payment_id = ids::of_intent(intent).ok_or_else(|| Refusal::not_found("payment_intent"))?;
    Ok(RefundWish { payment_id, minor: amount(fields, "amount")?, metadata: metadata(fields)? })
}

/// An amount in minor units above zero, if there is one.
pub fn amount(fields: &Fields, name: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(text) = fields.get(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(minor) if (1..=99_999_999_999).contains(&minor) => Ok(Some(minor)),
        Ok(_) | Err(_) => Err(Refusal::invalid(name, "Must be a whole number above zero")),
    }
}

fn positions(fields: &Fields) -> Result<(Money, String), Refusal> {
    let mut sum = None::<Money>;
    let mut names = Vec::new();
    for no in 0..=LINE_ITEMS_MAX {
        let price = format!("line_items[{no}][price_data]");
        let Some(currency) = fields.get(&format!("{price}[currency]")) else { break };
        let currency: Currency = currency
            .to_ascii_uppercase()
            .parse()
            .map_err(|_| Refusal::invalid("line_items", "Invalid currency"))?;
        let name = fields.get(&format!("{price}[product_data][name]"));
        let name = name.filter(|name| !name.is_empty());
        names.push(name.ok_or_else(|| Refusal::invalid("line_items", "Positions have names"))?);
        let unit = fields.get(&format!("{price}[unit_amount]"));
        let unit = unit.and_then(|text| text.parse::<i64>().ok()).filter(|minor| *minor > 0);
        let unit = unit.ok_or_else(|| Refusal::invalid("line_items", "Invalid unit amount"))?;
        match &mut sum {
            None => sum = Some(Money::new(unit, currency)),
            Some(sum) if sum.currency == currency => sum.minor += unit,
            Some(_) => return Err(Refusal::invalid("line_items", "One currency for all")),
        }
    }
    let sum = sum.filter(|_| names.len() <= LINE_ITEMS_MAX);
    let sum = sum.ok_or_else(|| Refusal::invalid("line_items", "1 to 100 positions"))?;
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    Ok((sum, names.join(", ").chars().take(128).collect()))
}

/// Fields such as `metadata[order_id]`.
fn metadata(fields: &Fields) -> Result<BTreeMap<String, String>, Refusal> {
    let own = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    let all: BTreeMap<String, String> = fields
        .iter()
        .filter_map(|(name, value)| own(name).map(|name| (name, value.clone())))
        .collect();
    let short = all.values().all(|value| value.chars().count() <= METADATA_VALUE_CHARS_MAX);
    if !short || all.len() > METADATA_FIELDS_MAX {
        return Err(Refusal::invalid("metadata", "Too many fields, or too long ones"));
    }
    Ok(all)
}

fn return_url(text: Option<&str>) -> Result<String, Refusal> {
    let wrong = || Refusal::invalid("success_url", "Not a valid URL");
    let url = reqwest::Url::parse(text.ok_or_else(wrong)?).map_err(|_| wrong())?;
    // The parsed form has no blanks or line ends, so that it is safe in a header.
    if matches!(url.scheme(), "http" | "https") { Ok(url.to_string()) } else { Err(wrong()) }
}

fn expires_at_ms(text: Option<&str>, now_ms: i64) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || Refusal::invalid("expires_at", "Must be 30 minutes to 24 hours from now");
    let at_s: i64 = text.parse().map_err(|_| wrong())?;
    let ahead_s = at_s - now_ms / 1_000;
    if !(OPEN_S_MIN..=OPEN_S_MAX).contains(&ahead_s) {
        return Err(wrong());
    }
    Ok(Some(at_s * 1_000))
}
