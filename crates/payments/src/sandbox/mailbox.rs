//! What the product sent to people: e-mail, Telegram and push messages, to be read by scripts.
//!
//! Three bounded rings in memory and the routes that list them, newest first. A restart empties
//! them: messages are no money.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;

use super::state::Sandbox;
use ring::{Message, Ring};

mod mime;
pub mod push;
pub mod ring;
pub mod smtp;
pub mod telegram;

/// The three rings.
#[derive(Debug, Default)]
pub struct Mailboxes {
    /// E-mail.
    pub mail: Arc<Ring>,
    /// Telegram.
    pub telegram: Arc<Ring>,
    /// Web push.
    pub push: Arc<Ring>,
}

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    to: Option<String>,
}

/// `GET /mailbox?to=ADDRESS`
pub async fn list_mail(
    State(sandbox): State<Arc<Sandbox>>,
    Query(query): Query<ListQuery>,
) -> Json<Vec<Message>> {
    Json(sandbox.mail.list(query.to.as_deref()))
}

/// `GET /telegram?to=CHAT`
pub async fn list_telegram(
    State(sandbox): State<Arc<Sandbox>>,
    Query(query): Query<ListQuery>,
) -> Json<Vec<Message>> {
    Json(sandbox.telegram.list(query.to.as_deref()))
}

/// `GET /push?to=SUBSCRIPTION`
pub async fn list_push(
    State(sandbox): State<Arc<Sandbox>>,
    Query(query): Query<ListQuery>,
) -> Json<Vec<Message>> {
    Json(sandbox.push.list(query.to.as_deref()))
}
