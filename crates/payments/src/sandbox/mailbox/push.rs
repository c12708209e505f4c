//! A sink for web push messages, in the place of a browser maker's service.
//!
//! Bodies are encrypted for the browser and so are listed as they came: as text if they are text,
//! else in base64.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::ring::Message;
use crate::sandbox::state::Sandbox;

/// `POST /push/{id}`: 201 as RFC 8030 wants.
pub async fn receive(
    State(sandbox): State<Arc<Sandbox>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
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
