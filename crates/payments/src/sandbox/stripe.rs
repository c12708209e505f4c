//! The sandbox's second language: the part of Stripe's API v1 that sellers of tickets call, over
//! the same ledger, payment page and fault switches.
//!
//! Each handler checks, asks the ledger, waits for the disk and answers with the object as it is.
//! Sessions, intents and refunds carry Stripe's kinds of ids, made from the ledger's own.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Extension, Path, Query, Request, State},
    http::HeaderMap,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api::{self, manner},
    faults::{Fault, Operation},
    inject,
    ledger::Ledger,
    object::Target,
    refusal::Refusal,
    state::Sandbox,
};

pub use view::{event, event_of, refund};

mod form;
mod ids;
mod view;

/// What a handler gives: an answer, or a refusal turned into one.
type Answer = Result<Response, Refusal>;

/// The routes, each with its fault switch and all behind the secret key.
pub fn routes(sandbox: &Arc<Sandbox>) -> Router<Arc<Sandbox>> {
    use Operation::{Cancel, Capture, Create, Read, ReadRefund, Refund};
    let with_faults = |route: MethodRouter<Arc<Sandbox>>, operation| {
        route.route_layer(from_fn_with_state((sandbox.clone(), operation), inject::inject))
    };
    let sessions = with_faults(post(create_session), Create)
        .merge(with_faults(get(list_sessions), ReadRefund));
    Router::new()
        .route("/v1/checkout/sessions", sessions)
        .route("/v1/checkout/sessions/{id}", with_faults(get(read_session), Read))
        .route("/v1/checkout/sessions/{id}/expire", with_faults(post(expire), Cancel))
        .route("/v1/payment_intents/{id}/cancel", with_faults(post(cancel), Cancel))
        .route("/v1/payment_intents/{id}/capture", with_faults(post(capture), Capture))
        .route("/v1/refunds", with_faults(post(create_refund), Refund))
        .route("/v1/refunds/{id}", with_faults(get(read_refund), ReadRefund))
        .route("/v1/{*path}", axum::routing::any(api::unknown_route))
        // Outermost but one: a stranger must not use up the turns of a fault switch.
        .layer(from_fn_with_state(sandbox.clone(), inject::authenticate_bearer))
        // Outermost: whoever refuses, it is said in Stripe's words.
        .layer(from_fn(speak))
}

async fn create_session(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form::fields(&headers, &body)?;
    let key = form::key(&headers, "/v1/checkout/sessions", &body)?;
    let new = form::new_payment(&fields, super::store::now_ms())?;
    let decide = |ledger: &Ledger, now_ms| ledger.create_payment(&key, new, now_ms);
    let target = sandbox.store.commit(decide).await?;
    session_of(&sandbox, &target).await
}

async fn read_session(State(sandbox): State<Arc<Sandbox>>, Path(id): Path<String>) -> Answer {
    session_of(&sandbox, &Target::Payment(session_id(&id)?)).await
}

/// The filter of a list; Stripe has more.
#[derive(Deserialize)]
struct Filter {
    payment_intent: String,
}

async fn list_sessions(
    State(sandbox): State<Arc<Sandbox>>,
    Query(filter): Query<Filter>,
) -> Answer {
    let id = ids::of_intent(&filter.payment_intent).unwrap_or_default();
    let found = sandbox
        .store
        .read(|ledger| ledger.payment(&id).map(|payment| view::session(payment, &sandbox.view)));
    let data: Vec<Value> = found.await?.into_iter().collect();
    Ok(Json(json!({ "object": "list", "data": data, "has_more": false })).into_response())
}

async fn expire(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let key = form::key(&headers, &format!("/v1/checkout/sessions/{id}/expire"), &body)?;
    let id = session_id(&id)?;
    let decide = |ledger: &Ledger, now_ms| ledger.expire(&key, &id, now_ms);
    let target = sandbox.store.commit(decide).await?;
    session_of(&sandbox, &target).await
}

async fn cancel(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let key = form::key(&headers, &format!("/v1/payment_intents/{id}/cancel"), &body)?;
    let id = intent_id(&id)?;
    let decide = |ledger: &Ledger, now_ms| ledger.cancel(&key, &id, now_ms);
    let target = sandbox.store.commit(decide).await?;
    intent_of(&sandbox, &target).await
}

async fn capture(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form::fields(&headers, &body)?;
    let key = form::key(&headers, &format!("/v1/payment_intents/{id}/capture"), &body)?;
    let id = intent_id(&id)?;
    let minor = form::amount(&fields, "amount_to_capture")?;
    let decide = |ledger: &Ledger, now_ms| {
        let amount = minor.and_then(|minor| ledger.same_currency(&id, minor));
        ledger.capture(&key, &id, amount, now_ms)
    };
    let target = sandbox.store.commit(decide).await?;
    intent_of(&sandbox, &target).await
}

async fn create_refund(
    State(sandbox): State<Arc<Sandbox>>,
    fault: Option<Extension<Fault>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let fields = form::fields(&headers, &body)?;
    let key = form::key(&headers, "/v1/refunds", &body)?;
    let wish = form::new_refund(&fields)?;
    let manner = manner(fault.map(|Extension(fault)| fault));
    let decide = |ledger: &Ledger, now_ms| {
        let new = wish.into_new(ledger, manner)?;
        ledger.create_refund(&key, new, now_ms)
    };
    let target = sandbox.store.commit(decide).await?;
    refund_of(&sandbox, &target).await
}

async fn read_refund(State(sandbox): State<Arc<Sandbox>>, Path(id): Path<String>) -> Answer {
    let id = ids::of_refund(&id).ok_or_else(|| Refusal::not_found("id"))?;
    refund_of(&sandbox, &Target::Refund(id)).await
}

async fn session_of(sandbox: &Sandbox, target: &Target) -> Answer {
    payment_as(sandbox, target, |payment| view::session(payment, &sandbox.view)).await
}

async fn intent_of(sandbox: &Sandbox, target: &Target) -> Answer {
    payment_as(sandbox, target, view::intent).await
}

async fn payment_as(
    sandbox: &Sandbox,
    target: &Target,
    view: impl Fn(&super::object::Payment) -> Value,
) -> Answer {
    let Target::Payment(id) = target else { return Err(Refusal::not_found("id")) };
    let json = sandbox.store.read(|ledger| ledger.payment(id).map(view)).await?;
    Ok(Json(json.ok_or_else(|| Refusal::not_found("id"))?).into_response())
}

async fn refund_of(sandbox: &Sandbox, target: &Target) -> Answer {
    let Target::Refund(id) = target else { return Err(Refusal::not_found("id")) };
    let json = sandbox.store.read(|ledger| ledger.refund(id).map(view::refund)).await?;
    Ok(Json(json.ok_or_else(|| Refusal::not_found("id"))?).into_response())
}

fn session_id(id: &str) -> Result<String, Refusal> {
    ids::of_session(id).ok_or_else(|| Refusal::not_found("session"))
}

fn intent_id(id: &str) -> Result<String, Refusal> {
    ids::of_intent(id).ok_or_else(|| Refusal::not_found("intent"))
}

/// Says refusals as Stripe does; whoever refused has left the refusal beside the answer.
async fn speak(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    match answer.extensions().get::<Refusal>() {
        Some(refusal) => (answer.status(), Json(view::error(refusal))).into_response(),
        None => answer,
    }
}
