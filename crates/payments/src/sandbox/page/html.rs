//! The markup of the payment page.
//!
//! Builds text from a payment; every value that came from outside goes through [`escape`].

use super::texts::{self, Lang, Text};
use crate::sandbox::{
    object::{Payment, Status},
    outcome::{DELAY_MS_MAX, Outcome},
    view,
};

/// How many of [`Outcome::ALL`] stand among the ordinary buttons: those that any shopper meets.
const ORDINARY_OUTCOMES: usize = 5;

/// The page of one payment.
pub fn page(payment: &Payment, lang: Lang, now_ms: i64) -> String {
    let waits = payment.status == Status::Pending && payment.decided.is_none();
    let main = format!(
        "<section class=\"bill\">{bill}</section>{choices}<p class=\"back\"><a href=\"{back}\">\
         {back_text}</a></p>",
        bill = bill(payment, lang, now_ms),
        choices = if waits { choices(lang) } else { String::new() },
        back = escape(&payment.return_url),
        back_text = Text::Back.to(lang),
    );
    frame(lang, &main)
}

/// The page for an address without a payment.
pub fn not_found(lang: Lang) -> String {
    frame(lang, &format!("<p class=\"note\">{}</p>", Text::NotFound.to(lang)))
}

fn frame(lang: Lang, main: &str) -> String {
    let other = match lang {
        Lang::En => Lang::Ru,
        Lang::Ru => Lang::En,
    };
    let name = match other {
        Lang::En => "English",
        Lang::Ru => "Русский",
    };
    format!(
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/static/page.css\"></head><body>\
         <header><h1>{title}</h1><a href=\"?lang={other}\" lang=\"{other}\" \
         hreflang=\"{other}\">{name}</a></header>\
         <main><p class=\"test\">{test}</p>{main}</main></body></html>",
        code = lang.code(),
        title = Text::Title.to(lang),
        test = Text::Test.to(lang),
        other = other.code(),
    )
}

fn bill(payment: &Payment, lang: Lang, now_ms: i64) -> String {
    let mut rows = String::new();
    let mut row = |name: Text, value: &str| {
        rows += &format!("<div><dt>{}</dt><dd>{}</dd></div>", name.to(lang), escape(value));
    };
    if let Some(order) = payment.metadata.get("order_id") {
        row(Text::Order, order);
    }
    row(Text::Method, texts::method(payment.method, lang));
    row(Text::Status, &status(payment, lang));
    match &payment.planned {
        Some(planned) => row(Text::DecidedFor, &view::readable_time(planned.due_at_ms)),
        None if payment.status == Status::Pending && payment.expires_at_ms > now_ms => {
            row(Text::WaitsUntil, &view::readable_time(payment.expires_at_ms));
        }
        None => {}
    }
    format!(
        "<p class=\"label\">{to_pay}</p><p class=\"amount\">{amount}</p>\
         <p class=\"description\">{description}</p><dl>{rows}</dl>",
        to_pay = Text::ToPay.to(lang),
        amount = escape(&payment.amount.to_string()),
        description = escape(&payment.description),
    )
}

fn status(payment: &Payment, lang: Lang) -> String {
    let words = texts::status(payment.status, lang);
    match &payment.cancellation {
        Some(cancellation) => format!("{words} ({})", cancellation.reason),
        None => words.to_owned(),
    }
}

fn choices(lang: Lang) -> String {
    let buttons = |outcomes: &[Outcome]| -> String {
        outcomes.iter().map(|outcome| button(*outcome, lang)).collect()
    };
    let (ordinary, unusual) = Outcome::ALL.split_at(ORDINARY_OUTCOMES);
    format!(
        "<form method=\"post\"><h2>{pay}</h2><div class=\"buttons\">{ordinary}</div>\
         <details><summary>{more}</summary><div class=\"buttons\">{unusual}</div>\
         <label>{delay}<input type=\"number\" name=\"delay_ms\" value=\"0\" min=\"0\" \
         max=\"{DELAY_MS_MAX}\"></label></details></form>",
        pay = Text::Pay.to(lang),
        ordinary = buttons(ordinary),
        more = Text::Unusual.to(lang),
        unusual = buttons(unusual),
        delay = Text::Delay.to(lang),
    )
}

fn button(outcome: Outcome, lang: Lang) -> String {
    let class = if outcome == Outcome::Succeed { " class=\"main\"" } else { "" };
    format!(
        "<button{class} name=\"outcome\" value=\"{value}\">{words}</button>",
        value = outcome.as_str(),
        words = texts::button(outcome, lang),
    )
}

/// The text with every sign that has a meaning in markup made harmless.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}
