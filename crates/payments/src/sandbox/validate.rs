//! Bodies and headers of the API as the real gateway checks them.
//!
//! Turns JSON into checked wishes for the ledger. Fields that the sandbox has no use for are
//! ignored, since the real API takes many more than a seller of tickets sends.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    ledger::{NewPayment, NewRefund, RefundManner, RequestKey},
    object::Language,
    refusal::Refusal,
};
use crate::{
    money::{Currency, Money},
    provider::{Method, RECEIPT_ITEMS_MAX},
};

/// Longest idempotence key, bytes.
const KEY_LEN_MAX: usize = 64;
/// Longest description of a payment, characters.
const DESCRIPTION_CHARS_MAX: usize = 128;
/// Longest description of a refund, characters.
const REFUND_DESCRIPTION_CHARS_MAX: usize = 250;
/// Longest return address, bytes.
const RETURN_URL_LEN_MAX: usize = 2_048;
/// Most fields of metadata; longest key and value, characters.
const METADATA_FIELDS_MAX: usize = 16;
const METADATA_KEY_CHARS_MAX: usize = 32;
const METADATA_VALUE_CHARS_MAX: usize = 512;

/// The body as JSON; an empty one counts as `{}`.
pub fn body(headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Refusal {
            status: 415,
            ..Refusal::invalid("Content-Type", "Content-Type must be application/json")
        });
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        Ok(_) | Err(_) => Err(Refusal::invalid("body", "Body is not a JSON object")),
    }
}

/// The idempotence key of a request, bound to what the request was.
pub fn key(headers: &HeaderMap, path: &str, body: &Value) -> Result<RequestKey, Refusal> {
    let key = headers.get("Idempotence-Key").and_then(|value| value.to_str().ok());
    let key = key.unwrap_or_default().trim();
    if key.is_empty() {
        return Err(Refusal::invalid("Idempotence-Key", "Idempotence key is missing"));
    }
    if key.len() > KEY_LEN_MAX {
        return Err(Refusal::invalid("Idempotence-Key", "Idempotence key is too long"));
    }
    let fingerprint = format!("{:x}", Sha256::digest(format!("POST {path}\n{body}")));
    Ok(RequestKey { key: key.to_owned(), fingerprint })
}

/// A wish for a payment.
pub fn new_payment(body: &Value, receipt_required: bool) -> Result<NewPayment, Refusal> {
    let amount = amount(body)?.ok_or_else(|| Refusal::invalid("amount", "Amount is missing"))?;
    let method = method(body)?;
    let capture = flag(body, "capture")?;
    if !capture && method == Method::Sbp {
        return Err(Refusal::invalid("capture", "Two-stage payments are not available for sbp"));
    }
    let receipt = receipt(body, amount)?;
    if receipt_required && !receipt {
        return Err(Refusal::invalid("receipt", "Receipt is missing or illegal"));
    }
    Ok(NewPayment {
        amount,
        method,
        capture,
        description: description(body, DESCRIPTION_CHARS_MAX)?,
        return_url: return_url(body)?,
        metadata: metadata(body)?,
        language: Language::Yookassa,
        expires_at_ms: None,
        receipt,
    })
}

/// A wish for a refund.
pub fn new_refund(body: &Value, manner: RefundManner) -> Result<NewRefund, Refusal> {
    let payment_id = body.get("payment_id").and_then(Value::as_str);
    let payment_id = payment_id
        .ok_or_else(|| Refusal::invalid("payment_id", "Payment id is missing"))?
        .to_owned();
    let amount = amount(body)?.ok_or_else(|| Refusal::invalid("amount", "Amount is missing"))?;
    let description = description(body, REFUND_DESCRIPTION_CHARS_MAX)?;
    receipt(body, amount)?;
    let receipt = positions(body);
    let metadata = metadata(body)?;
    Ok(NewRefund { payment_id, amount, description, metadata, manner, receipt })
}

/// What the positions of a receipt are called.
fn positions(body: &Value) -> Vec<String> {
    let items = body.pointer("/receipt/items").and_then(Value::as_array);
    let names = items.into_iter().flatten().filter_map(|item| item.get("description")?.as_str());
    names.map(str::to_owned).collect()
}

/// The amount, if there is one.
pub fn amount(body: &Value) -> Result<Option<Money>, Refusal> {
    let Some(amount) = body.get("amount") else { return Ok(None) };
    let text = |field: &str| amount.get(field).and_then(Value::as_str);
    let currency: Currency = text("currency")
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| Refusal::invalid("amount.currency", "Currency code is wrong"))?;
    let money = text("value").and_then(|value| Money::parse(value, currency).ok());
    match money {
        Some(money) if money.minor > 0 => Ok(Some(money)),
        Some(_) | None => {
            Err(Refusal::invalid("amount.value", "Value must be above zero, with two decimals"))
        }
    }
}

/// Whether there is a receipt; one that is there must be whole, and its positions must add up.
fn receipt(body: &Value, amount: Money) -> Result<bool, Refusal> {
    let Some(receipt) = body.get("receipt") else { return Ok(false) };
    let wrong = |description| Refusal::invalid("receipt", description);
    let contact = |field: &str| receipt.pointer(field).and_then(Value::as_str);
    let email = contact("/customer/email").is_some_and(|text| text.contains('@'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !email && !contact("/customer/phone").is_some_and(digits) {
        return Err(wrong("Receipt needs a customer's e-mail or phone"));
    }
    let items = receipt.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.is_empty() || items.len() > RECEIPT_ITEMS_MAX {
        return Err(wrong("Receipt needs 1 to 100 positions"));
    }
    let mut sum = 0;
    for item in items {
        sum += receipt_item(item, amount.currency).ok_or_else(|| wrong("A position is wrong"))?;
    }
    if sum == amount.minor { Ok(true) } else { Err(wrong("Positions do not add up")) }
}

/// The amount of a position that is whole, minor units.
fn receipt_item(item: &Value, currency: Currency) -> Option<i64> {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str);
    let named = text("/description").is_some_and(|t| (1..=128).contains(&t.chars().count()));
    let taxed = item.get("vat_code").and_then(Value::as_u64).is_some_and(|c| (1..=12).contains(&c));
    let one = text("/quantity") == Some("1.00");
    let same = text("/amount/currency") == Some(currency.as_str());
    let kinds = text("/payment_subject").is_some() && text("/payment_mode").is_some();
    let amount = Money::parse(text("/amount/value")?, currency).ok()?;
    (named && taxed && one && same && kinds && amount.minor > 0).then_some(amount.minor)
}

fn method(body: &Value) -> Result<Method, Refusal> {
    let Some(data) = body.get("payment_method_data") else { return Ok(Method::BankCard) };
    data.get("type")
        .and_then(Value::as_str)
        .and_then(Method::from_word)
        .ok_or_else(|| Refusal::invalid("payment_method_data.type", "Method is not available"))
}

/// An absent flag is false, as in the real API.
fn flag(body: &Value, name: &'static str) -> Result<bool, Refusal> {
    match body.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::invalid(name, "Must be true or false")),
    }
}

fn description(body: &Value, chars_max: usize) -> Result<String, Refusal> {
    match body.get("description") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if text.chars().count() <= chars_max => Ok(text.clone()),
        Some(_) => Err(Refusal::invalid("description", "Description is too long or not a text")),
    }
}

fn return_url(body: &Value) -> Result<String, Refusal> {
    let confirmation = body
        .get("confirmation")
        .ok_or_else(|| Refusal::invalid("confirmation", "Confirmation is missing"))?;
    if confirmation.get("type").and_then(Value::as_str) != Some("redirect") {
        return Err(Refusal::invalid("confirmation.type", "Only redirect is available"));
    }
    let wrong = || Refusal::invalid("confirmation.return_url", "Address is wrong or missing");
    let text = confirmation.get("return_url").and_then(Value::as_str).ok_or_else(wrong)?;
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let usable = matches!(url.scheme(), "http" | "https") && text.len() <= RETURN_URL_LEN_MAX;
    // The parsed form has no blanks or line ends, so that it is safe in a header.
    if usable { Ok(url.to_string()) } else { Err(wrong()) }
}

fn metadata(body: &Value) -> Result<BTreeMap<String, String>, Refusal> {
    let wrong = |description| Refusal::invalid("metadata", description);
    let fields = match body.get("metadata") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(wrong("Metadata is not an object")),
    };
    if fields.len() > METADATA_FIELDS_MAX {
        return Err(wrong("Too many fields"));
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in fields {
        let text = value.as_str().ok_or_else(|| wrong("Values must be texts"))?;
        let short = key.chars().count() <= METADATA_KEY_CHARS_MAX
            && text.chars().count() <= METADATA_VALUE_CHARS_MAX;
        if !short {
            return Err(wrong("A field is too long"));
        }
        metadata.insert(key.clone(), text.to_owned());
    }
    Ok(metadata)
}
