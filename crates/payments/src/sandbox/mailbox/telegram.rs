//! A stand-in for the Telegram Bot API: `getMe` and `sendMessage`.
//!
//! Takes JSON bodies as the real API does and answers in its form. Any token that looks like one is
//! good.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ring::Message;
use crate::sandbox::{state::Sandbox, store::now_ms};

/// Longest text of a message, characters, as in the real API.
const TEXT_CHARS_MAX: usize = 4_096;
/// Message numbers of this process.
static MESSAGE_ID: AtomicU64 = AtomicU64::new(1);

/// The fields of `sendMessage` that are used; the API has many more.
#[derive(Deserialize)]
struct SendMessage {
    chat_id: Value,
    text: String,
}

/// `/bot{token}/{method}`
pub async fn call(
    State(sandbox): State<Arc<Sandbox>>,
    Path((bot, method)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(token) = bot.strip_prefix("bot") else {
        return failure(StatusCode::NOT_FOUND, "Not Found");
    };
    if !is_token(token) {
        return failure(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    match method.as_str() {
        "getMe" => success(json!({
            "id": 1, "is_bot": true, "first_name": "Sandbox", "username": "sandbox_bot",
        })),
        "sendMessage" => send(&sandbox, &body),
        _ => failure(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn send(sandbox: &Sandbox, body: &[u8]) -> Response {
    let Ok(message) = serde_json::from_slice::<SendMessage>(body) else {
        return failure(StatusCode::BAD_REQUEST, "Bad Request: can't parse the message");
    };
    let chat = match &message.chat_id {
        Value::String(name) if !name.is_empty() => name.clone(),
        Value::Number(id) => id.to_string(),
        _ => return failure(StatusCode::BAD_REQUEST, "Bad Request: chat not found"),
    };
    if message.text.is_empty() {
        return failure(StatusCode::BAD_REQUEST, "Bad Request: message text is empty");
    }
    if message.text.chars().count() > TEXT_CHARS_MAX {
        return failure(StatusCode::BAD_REQUEST, "Bad Request: message is too long");
    }
    sandbox.telegram.add(Message::now(chat, "", message.text.clone()));
    success(json!({
        "message_id": MESSAGE_ID.fetch_add(1, Ordering::Relaxed),
        "date": now_ms() / 1_000,
        "chat": { "id": message.chat_id, "type": "private" },
        "text": message.text,
    }))
}

/// A number, a colon, a word.
fn is_token(token: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    token.split_once(':').is_some_and(|(id, secret)| {
        let number = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        number && !secret.is_empty() && secret.bytes().all(word)
    })
}

fn success(result: Value) -> Response {
    Json(json!({ "ok": true, "result": result })).into_response()
}

fn failure(status: StatusCode, description: &str) -> Response {
    let body = json!({ "ok": false, "error_code": status.as_u16(), "description": description });
    (status, Json(body)).into_response()
}
