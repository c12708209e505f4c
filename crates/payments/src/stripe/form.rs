//! Wishes in Stripe's form: nested names with brackets, amounts in minor units, currencies small.
//!
//! A repeat must have the same bytes as the first request, or Stripe refuses it, so that nothing
//! here looks at a clock.

use form_urlencoded::Serializer;

use crate::{
    adapter::cut,
    money::Money,
    provider::{CreatePayment, CreateRefund},
};

/// The intent and its charge come with the session, so that one answer tells everything.
pub(super) const EXPAND_QUERY: &str = "expand%5B0%5D=payment_intent.latest_charge";
/// Longest name of a position, in characters; Stripe takes more, pages show less.
const NAME_CHARS_MAX: usize = 250;
/// How long a session stays open after the time to pay is over, seconds: Stripe takes no session
/// that ends within half an hour, and a wish is sent before the time to pay is over.
const SESSION_GRACE_S: i64 = 31 * 60;

/// A session that takes or reserves one amount by card.
pub(super) fn session(request: &CreatePayment) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("mode", "payment")
        .append_pair("payment_method_types[0]", "card")
        .append_pair("success_url", &request.return_url)
        .append_pair("cancel_url", &request.return_url)
        .append_pair("client_reference_id", &request.payment_id)
        .append_pair("expires_at", &expires_at_s(request.pay_until_ms).to_string())
        .append_pair("expand[0]", "payment_intent.latest_charge");
    for (field, value) in ids(request) {
        form.append_pair(&format!("metadata[{field}]"), value);
        form.append_pair(&format!("payment_intent_data[metadata][{field}]"), value);
    }
    let method = if request.capture { "automatic" } else { "manual" };
    form.append_pair("payment_intent_data[capture_method]", method);
    for (no, (name, amount)) in positions(request).into_iter().enumerate() {
        let price = format!("line_items[{no}][price_data]");
        form.append_pair(&format!("line_items[{no}][quantity]"), "1")
            .append_pair(&format!("{price}[currency]"), &small(amount))
            .append_pair(&format!("{price}[unit_amount]"), &amount.minor.to_string())
            .append_pair(&format!("{price}[product_data][name]"), &name);
    }
    form.finish()
}

/// Takes so much of what was reserved.
pub(super) fn capture(amount: Money) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("amount_to_capture", &amount.minor.to_string());
    form.finish()
}

/// Gives so much back. The session's id travels along, so that the refund leads back to it.
pub(super) fn refund(request: &CreateRefund, intent: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("payment_intent", intent)
        .append_pair("amount", &request.amount.minor.to_string())
        .append_pair("metadata[checkout_session]", &request.payment_ref);
    form.finish()
}

fn ids(request: &CreatePayment) -> [(&'static str, &str); 2] {
    [("payment_id", &request.payment_id), ("order_id", &request.order_id)]
}

/// What the page lists: the receipt's positions, or one for everything.
fn positions(request: &CreatePayment) -> Vec<(String, Money)> {
    let Some(receipt) = &request.receipt else {
        return vec![(named(&request.description), request.amount)];
    };
    receipt.items.iter().map(|item| (named(&item.description), item.amount)).collect()
}

/// Stripe refuses a position without a name.
fn named(text: &str) -> String {
    if text.trim().is_empty() { "Tickets".to_owned() } else { cut(text, NAME_CHARS_MAX) }
}

fn small(amount: Money) -> String {
    amount.currency.as_str().to_ascii_lowercase()
}

fn expires_at_s(pay_until_ms: i64) -> i64 {
    pay_until_ms / 1_000 + SESSION_GRACE_S
}
