//! A sink for web push messages, in the place of a browser maker's service.
//!
//! Bodies are encrypted for the browser and so are listed as they came: as text if they are text,
//! else in base64. An encrypted one must come as the standards want it: signed, with its time to live.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use parking_lot::Mutex;

use super::ring::Message;
use crate::sandbox::state::Sandbox;

/// Subscriptions that are remembered as ended; above it all are forgotten.
const ENDED_MAX: usize = 1_000;

/// Subscriptions that have ended.
#[derive(Debug, Default)]
pub struct EndedPush(Mutex<BTreeSet<String>>);

/// `DELETE /push/{id}`: the browser is there no more.
pub async fn end(State(sandbox): State<Arc<Sandbox>>, Path(id): Path<String>) -> StatusCode {
    let mut ended = sandbox.ended_push.0.lock();
    if ended.len() >= ENDED_MAX {
        ended.clear();
    }
    ended.insert(id);
    StatusCode::NO_CONTENT
}

/// `POST /push/{id}`: 201 as RFC 8030 wants.
pub async fn receive(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if sandbox.ended_push.0.lock().contains(&id) {
        return StatusCode::GONE.into_response();
    }
    if let Err(refused) = check(&headers) {
        return refused.into_response();
    }
    let text = match std::str::from_utf8(&body) {
        Ok(text) => text.to_owned(),
        Err(_) => STANDARD.encode(&body),
    };
    sandbox.push.add(Message::now(id, "", text));
    let location = format!("/push/message/{}", uuid::Uuid::new_v4());
    let mut answer = StatusCode::CREATED.into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

/// Plain bodies are for scripts alone.
fn check(headers: &HeaderMap) -> Result<(), StatusCode> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text("content-encoding").is_none() {
        return Ok(());
    }
    if text("content-encoding") != Some("aes128gcm") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    if text("ttl").and_then(|ttl| ttl.parse::<u64>().ok()).is_none() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let signed = text("authorization").and_then(|text| text.strip_prefix("vapid t="));
    let is_signed = signed.is_some_and(|rest| rest.contains('.') && rest.contains(", k="));
    if is_signed { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
}
