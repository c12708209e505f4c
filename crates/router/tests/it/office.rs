//! A scripted office: catalogue, a route that echoes, one that never answers, one document.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::extract::{Path, RawQuery, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http_api::server::{ServerLimits, bind, serve};
use http_api::{Code, Problem, carry, not_found};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A running office; stops when dropped.
pub struct Office {
    pub address: SocketAddr,
    /// How often the catalogue was asked for.
    pub reads: Arc<AtomicUsize>,
    pub shutdown: CancellationToken,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub fn event_json(id: &str) -> Value {
    json!({
        "id": id, "name": "An <evening> & more", "description": "Quiet.",
        "artists": [{"id": "x", "name": "Somebody"}],
        "venue": {"id": "v", "name": "The Hall", "city": "Kazan", "address": "1",
            "timezone": "Europe/Moscow"},
        "starts_at": "2096-10-02T07:06:40.000Z", "status": "published", "currency": "RUB",
        "tiers": [
            {"id": "front", "name": "Front", "price": {"value": "5000.00", "currency": "RUB"}},
            {"id": "back", "name": "Back", "price": {"value": "3500.00", "currency": "RUB"}},
            {"id": "side", "name": "Side", "price": {"value": "999.50", "currency": "RUB"}}],
        "sale": {"opens_at": "2001-09-09T01:46:40.000Z", "closes_at": "2093-08-02T05:20:00.000Z"},
        "limits": {"per_person": 6, "per_hold": 6}, "hold_ttl_s": 5, "waiting_list": id == "gala",
    })
}

async fn event(Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let is_known = ["hall", "gala"].contains(&&*id);
    if is_known { Ok(Json(event_json(&id))) } else { Err(Problem::new(Code::EventNotFound)) }
}

/// A second page for jazz alone; a cursor that is not its own is refused.
fn events(RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let query = query.unwrap_or_default();
    let has = |pair: &str| query.split('&').any(|given| given == pair);
    match (has("genre=jazz"), query.contains("cursor=")) {
        (true, false) => Ok(Json(json!({"items": [event_json("hall")], "next_cursor": "p_2"}))),
        (true, true) if has("cursor=p%5F2") => {
            Ok(Json(json!({"items": [event_json("gala")], "next_cursor": null})))
        }
        (_, true) => Err(Problem::invalid_parameter("cursor", "must come from next_cursor")),
        (false, false) => Ok(Json(json!({"items": [event_json("hall")], "next_cursor": null}))),
    }
}

/// Two pages of one artist each.
async fn artists(RawQuery(query): RawQuery) -> Json<Value> {
    let is_second = query.unwrap_or_default().contains("cursor=next");
    let (id, genre) = if is_second { ("y", "blues") } else { ("x", "jazz") };
    let next = if is_second { Value::Null } else { "next".into() };
    Json(json!({"items": [{"id": id, "name": "Somebody", "genre": genre}], "next_cursor": next}))
}

async fn artist(Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let known = json!({"id": "x", "name": "Somebody", "genre": "jazz", "works": []});
    if id == "x" { Ok(Json(known)) } else { Err(Problem::new(Code::ArtistNotFound)) }
}

/// Tells what arrived.
async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), Value::from(String::from_utf8_lossy(value.as_bytes())))
    });
    let told = json!({
        "method": parts.method.as_str(), "uri": parts.uri.to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8_lossy(&body),
    });
    ([("connection", "x-hop"), ("x-hop", "1"), ("x-kept", "1")], Json(told)).into_response()
}

async fn never() -> Response {
    std::future::pending().await
}

async fn document() -> Json<Value> {
    Json(json!({"openapi": "3.1.0", "paths": {"/api/v1/orders": {"post": {}}},
        "components": {"schemas": {"Order": {"type": "object"}}}}))
}

/// Starts it on a port of its own.
pub async fn start() -> Office {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    let list = move |query: RawQuery| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { events(query) }
    };
    let routes = axum::Router::new()
        .route("/api/v1/events", get(list))
        .route("/api/v1/events/{id}", get(event))
        .route("/api/v1/artists", get(artists))
        .route("/api/v1/artists/{id}", get(artist))
        .route("/api/v1/orders", any(echo))
        .route("/api/v1/never", any(never))
        .route("/api/v1/openapi.json", get(document))
        .fallback(not_found)
        .layer(axum::middleware::from_fn(carry));
    let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(listener, routes, ServerLimits::default(), shutdown.clone()));
    Office { address, reads, shutdown }
}
