//! A stand-in for the Telegram Bot API: `getMe`, `sendMessage` and `getUpdates`, and for the people who
//! talk to a bot.
//!
//! Takes JSON bodies as the real API does and answers in its form. Any token that looks like one is
//! good. Scripts say something to the bot, block it, or make it busy.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::ring::Message;
use crate::sandbox::{routes::bad_request, state::Sandbox, store::now_ms};

/// Longest text of a message, characters, as in the real API.
const TEXT_CHARS_MAX: usize = 4_096;
/// Message numbers of this process.
static MESSAGE_ID: AtomicU64 = AtomicU64::new(1);

/// Updates that wait for the bot; the oldest give way.
const UPDATES_MAX: usize = 1_000;
/// Longest wait for something to be said, seconds.
const POLL_S_MAX: u64 = 50;

/// What the stand-in knows beside the messages.
#[derive(Debug, Default)]
pub struct Bot {
    inner: Mutex<Inner>,
    said: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    updates: VecDeque<Value>,
    last_update: u64,
    /// Chats that blocked the bot.
    blocked: BTreeSet<String>,
    /// Messages that are answered 429 before the next one is taken, and the pause that is asked for.
    busy: (u32, u64),
}

/// What somebody says to the bot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saying {
    chat_id: i64,
    text: String,
}

/// How chats and the API behave from now on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manners {
    blocked: BTreeSet<String>,
    busy_times: u32,
    retry_after_s: u64,
}

/// The fields of `getUpdates` that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GetUpdates {
    offset: u64,
    timeout: u64,
}

/// `POST /telegram/say`: somebody says something to the bot.
pub async fn say(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let saying: Saying = match serde_json::from_slice(&body) {
        Ok(saying) => saying,
        Err(error) => return bad_request(&error.to_string()),
    };
    let mut inner = sandbox.bot.inner.lock();
    inner.last_update += 1;
    let update = json!({"update_id": inner.last_update, "message": {
        "message_id": MESSAGE_ID.fetch_add(1, Ordering::Relaxed), "date": now_ms() / 1_000,
        "chat": {"id": saying.chat_id, "type": "private"}, "text": saying.text}});
    inner.updates.push_back(update);
    if inner.updates.len() > UPDATES_MAX {
        inner.updates.pop_front();
    }
    sandbox.bot.said.notify_waiters();
    StatusCode::NO_CONTENT.into_response()
}

/// `POST /telegram/manners`: which chats block the bot, and how often the API is busy.
pub async fn behave(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let manners: Manners = match serde_json::from_slice(&body) {
        Ok(manners) => manners,
        Err(error) => return bad_request(&error.to_string()),
    };
    let mut inner = sandbox.bot.inner.lock();
    inner.blocked = manners.blocked;
    inner.busy = (manners.busy_times, manners.retry_after_s);
    StatusCode::NO_CONTENT.into_response()
}

/// What was said from `offset` on; what comes before it is forgotten, as in the real API.
async fn updates(sandbox: &Sandbox, body: &[u8]) -> Response {
    let asked: GetUpdates = serde_json::from_slice(body).unwrap_or_default();
    let within = Duration::from_secs(asked.timeout.min(POLL_S_MAX));
    let wait = async {
        loop {
            let said = sandbox.bot.said.notified();
            tokio::pin!(said);
            // Before the look, so that what is said after it wakes.
            said.as_mut().enable();
            let found = sandbox.bot.from(asked.offset);
            if !found.is_empty() {
                return found;
            }
            said.await;
        }
    };
    tokio::select! {
        found = wait => success(json!(found)),
        () = tokio::time::sleep(within) => success(json!([])),
        () = sandbox.stop.cancelled() => success(json!([])),
    }
}

impl Bot {
    fn from(&self, offset: u64) -> Vec<Value> {
        let mut inner = self.inner.lock();
        inner.updates.retain(|update| update["update_id"].as_u64() >= Some(offset));
        inner.updates.iter().cloned().collect()
    }

    /// Why a message to a chat is refused now.
    fn refusal(&self, chat: &str) -> Option<Response> {
        let mut inner = self.inner.lock();
        if inner.blocked.contains(chat) {
            let why = "Forbidden: bot was blocked by the user";
            return Some(failure(StatusCode::FORBIDDEN, why));
        }
        let (times, retry_after) = inner.busy;
        if times == 0 {
            return None;
        }
        inner.busy.0 -= 1;
        let body = json!({"ok": false, "error_code": 429,
            "description": format!("Too Many Requests: retry after {retry_after}"),
            "parameters": {"retry_after": retry_after}});
        Some((StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response())
    }
}

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
        "getUpdates" => updates(&sandbox, &body).await,
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
    if let Some(refused) = sandbox.bot.refusal(&chat) {
        return refused;
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
