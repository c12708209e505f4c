//! The sandbox's HTTP surface on one page, with the layers in front of each part.
//!
//! `/v3` is for the shop alone and can be made to fail; the payment page is for whoever holds its
//! unguessable address; the rest is for scripts on this machine.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use serde_json::{Value, json};

use super::{
    api,
    faults::{Operation, Switches},
    identity, inject, mailbox, page,
    state::Sandbox,
    stripe,
};

/// Largest request body, bytes.
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// Everything.
pub fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .merge(seller_api(&sandbox))
        .merge(stripe::routes(&sandbox))
        .merge(payment_page())
        .merge(identity::routes())
        .merge(switches())
        .merge(inboxes())
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        // One ceiling for all bodies: nothing that is sent here is larger.
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(sandbox)
}

fn seller_api(sandbox: &Arc<Sandbox>) -> Router<Arc<Sandbox>> {
    use Operation::{Cancel, Capture, Create, Read, ReadRefund, Refund};
    let with_faults = |route: MethodRouter<Arc<Sandbox>>, operation| {
        route.route_layer(from_fn_with_state((sandbox.clone(), operation), inject::inject))
    };
    Router::new()
        .route("/v3/payments", with_faults(post(api::create_payment), Create))
        .route("/v3/payments/{id}", with_faults(get(api::read_payment), Read))
        .route("/v3/payments/{id}/cancel", with_faults(post(api::cancel), Cancel))
        .route("/v3/payments/{id}/capture", with_faults(post(api::capture), Capture))
        .route("/v3/refunds", with_faults(post(api::create_refund), Refund))
        .route("/v3/refunds/{id}", with_faults(get(api::read_refund), ReadRefund))
        .route("/v3/{*path}", axum::routing::any(api::unknown_route))
        // Outermost: a stranger must not use up the turns of a fault switch.
        .layer(from_fn_with_state(sandbox.clone(), inject::authenticate))
}

fn payment_page() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/pay/{id}", get(page::show).post(page::decide))
        .route("/static/page.css", get(page::style))
        .layer(from_fn(page::harden))
}

fn switches() -> Router<Arc<Sandbox>> {
    Router::new().route("/faults", get(show_faults).post(set_faults).delete(clear_faults))
}

fn inboxes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/mailbox", get(mailbox::list_mail))
        .route("/telegram", get(mailbox::list_telegram))
        .route("/telegram/say", post(mailbox::telegram::say))
        .route("/telegram/manners", post(mailbox::telegram::behave))
        .route("/push", get(mailbox::list_push))
        .route("/push/{id}", post(mailbox::push::receive).delete(mailbox::push::end))
        .route("/{bot}/{method}", get(mailbox::telegram::call).post(mailbox::telegram::call))
}

async fn ready(State(sandbox): State<Arc<Sandbox>>) -> Response {
    if sandbox.stop.is_cancelled() || !sandbox.store.is_healthy() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response();
    }
    "ok".into_response()
}

async fn show_faults(State(sandbox): State<Arc<Sandbox>>) -> Json<Switches> {
    Json(sandbox.faults.list())
}

async fn set_faults(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let switches: Result<Switches, String> =
        serde_json::from_slice(&body).map_err(|error| error.to_string());
    match switches.and_then(|switches| sandbox.faults.set(switches)) {
        Ok(()) => Json(sandbox.faults.list()).into_response(),
        Err(detail) => bad_request(&detail),
    }
}

async fn clear_faults(State(sandbox): State<Arc<Sandbox>>) -> StatusCode {
    sandbox.faults.clear();
    StatusCode::NO_CONTENT
}

/// A refusal of the sandbox's own routes, which are no part of the gateway's API.
pub fn bad_request(detail: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, "invalid_request", detail)
}

/// An error in the form of RFC 9457.
pub fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body: Value = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(),
        "code": code, "detail": detail,
    });
    let kind = [(http::header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
