//! The payment page: what a shopper sees, and how scripts decide in the shopper's place.
//!
//! Plain forms, one style sheet, no script. Everything that came from outside is escaped, and a
//! strict content policy stands behind that.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    ledger::{DecideError, Ledger},
    object::Payment,
    outcome::{DELAY_MS_MAX, Decision},
    routes::{bad_request, problem},
    state::Sandbox,
    store::CommitError,
};
use texts::Lang;

mod html;
mod texts;

/// The page's style sheet.
const STYLE: &str = include_str!("page/page.css");
/// Longest reason that a script may name, bytes.
const REASON_LEN_MAX: usize = 64;

/// The query of the page's address.
#[derive(Debug, Default, Deserialize)]
pub struct PageQuery {
    lang: Option<String>,
}

/// `GET /pay/{id}`
pub async fn show(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let lang = Lang::choose(query.lang.as_deref(), &headers);
    let payment = match find(&sandbox, &id).await {
        Ok(payment) => payment,
        Err(answer) => return answer,
    };
    let Some(payment) = payment else {
        return (StatusCode::NOT_FOUND, Html(html::not_found(lang))).into_response();
    };
    let page = Html(html::page(&payment, lang, super::store::now_ms()));
    let mut answer = page.into_response();
    // A form's redirect counts as its target too, so that the shop's origin must be allowed.
    if let Some(policy) = policy(Some(&payment.return_url)) {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// `POST /pay/{id}`: JSON from scripts is answered with JSON, a form from a button with a redirect
/// to the shop.
pub async fn decide(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let decision = match if is_form { parse_form(&body) } else { parse_json(&body) } {
        Ok(decision) => decision,
        Err(detail) => return bad_request(&detail),
    };
    let verdict = |ledger: &Ledger, now_ms| {
        ledger.decide(&id, &decision, now_ms).map(|changes| (changes, ()))
    };
    match sandbox.store.commit(verdict).await {
        Ok(()) => {}
        Err(CommitError::Refused(DecideError::NotFound)) => {
            return problem(StatusCode::NOT_FOUND, "not_found", "no such payment");
        }
        // The page itself shows a person best why the button had no effect.
        Err(CommitError::Refused(DecideError::AlreadyDecided { .. })) if is_form => {
            return Redirect::to(&format!("/pay/{id}")).into_response();
        }
        Err(CommitError::Refused(error @ DecideError::AlreadyDecided { .. })) => {
            return problem(StatusCode::CONFLICT, "already_decided", &error.to_string());
        }
        Err(CommitError::Store(error)) => return unavailable(&error.to_string()),
    }
    match find(&sandbox, &id).await {
        Ok(Some(payment)) if is_form => back_to_shop(&payment),
        Ok(Some(payment)) => decided(&payment, &decision),
        Ok(None) => problem(StatusCode::NOT_FOUND, "not_found", "no such payment"),
        Err(answer) => answer,
    }
}

/// `GET /static/page.css`
pub async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// Puts the strict headers on every answer of the page that has none of its own.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    if let (false, Some(policy)) =
        (headers.contains_key(header::CONTENT_SECURITY_POLICY), policy(None))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn find(sandbox: &Sandbox, id: &str) -> Result<Option<Payment>, Response> {
    let payment = sandbox.store.read(|ledger| ledger.payment(id).cloned()).await;
    payment.map_err(|error| unavailable(&error.to_string()))
}

fn unavailable(detail: &str) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
}

fn decided(payment: &Payment, decision: &Decision) -> Response {
    let due_at = payment.planned.as_ref().map(|planned| super::view::time(planned.due_at_ms));
    axum::Json(json!({
        "payment_id": payment.id,
        "outcome": decision.outcome,
        "status": payment.status,
        "due_at": due_at,
        "return_url": payment.return_url,
    }))
    .into_response()
}

fn back_to_shop(payment: &Payment) -> Response {
    match HeaderValue::from_str(&payment.return_url) {
        Ok(shop) => (StatusCode::SEE_OTHER, [(header::LOCATION, shop)]).into_response(),
        Err(_) => bad_request("the return address cannot be put into a header"),
    }
}

/// `form-action` needs the origin of the shop; anything else comes from here or from nowhere.
pub fn policy(return_url: Option<&str>) -> Option<HeaderValue> {
    let origin = return_url
        .and_then(|url| reqwest::Url::parse(url).ok())
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default();
    HeaderValue::from_str(&format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{origin}; base-uri 'none'; \
         frame-ancestors 'none'"
    ))
    .ok()
}

fn parse_json(body: &[u8]) -> Result<Decision, String> {
    check(serde_json::from_slice(body).map_err(|error| error.to_string())?)
}

fn parse_form(body: &[u8]) -> Result<Decision, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    // A form has the same syntax as the query of an address.
    let uri: Uri = format!("/?{text}").parse().map_err(|_| "form is malformed".to_owned())?;
    let Query(decision) =
        Query::<Decision>::try_from_uri(&uri).map_err(|error| error.body_text())?;
    check(decision)
}

fn check(decision: Decision) -> Result<Decision, String> {
    if decision.delay_ms > DELAY_MS_MAX {
        return Err(format!("delay_ms must be at most {DELAY_MS_MAX}"));
    }
    let word = |reason: &String| {
        let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        !reason.is_empty() && reason.len() <= REASON_LEN_MAX && reason.bytes().all(letters)
    };
    if !decision.reason.as_ref().is_none_or(word) {
        return Err("reason must be a word of at most 64 letters".to_owned());
    }
    Ok(decision)
}
