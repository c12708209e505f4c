//! A person's chat in Telegram: a code to bind it by, and letting it go.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::{Code, NoBody, Problem};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::{SignedIn, problem};
use crate::clock::{now_ms, rfc3339_ms};
use crate::telegram::links::{self, CODE_TTL_S};

/// A code that binds a chat to the account, once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TelegramCodeBody {
    /// To be sent to the bot as `/start CODE`.
    code: String,
    /// Opens the bot with the code.
    link: String,
    /// Until when the code works.
    expires_at: String,
    /// Seconds until then.
    expires_in: u64,
}

/// Makes a code that binds a chat; older ones of the account work no more.
#[utoipa::path(post, path = "/api/v1/me/telegram", tag = "people", responses(
    (status = 201, description = "The code, for ten minutes", body = TelegramCodeBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`: the shop has no bot"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn begin(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    _: NoBody,
) -> Result<Response, Problem> {
    let bot = office.telegram_bot.as_ref().ok_or_else(|| Problem::new(Code::NotFound))?;
    let account = office.live_account(&person.claims).await?;
    let code = links::new_code().map_err(Problem::internal)?;
    let hash = links::code_hash(&office.contacts, &code);
    links::put_code(&office.database, account.id, hash).await.map_err(problem)?;
    let document = TelegramCodeBody {
        link: format!("https://t.me/{bot}?start={code}"),
        code,
        expires_at: rfc3339_ms(now_ms() + CODE_TTL_S * 1_000),
        expires_in: CODE_TTL_S,
    };
    Ok(private(StatusCode::CREATED, None, document))
}

/// Lets the chat go; doing so again changes nothing.
#[utoipa::path(delete, path = "/api/v1/me/telegram", tag = "people", responses(
    (status = 204, description = "Nothing goes to Telegram any more"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    _: NoBody,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?.id;
    let end = |pool: PgPool| async move {
        let mut db = pool.acquire().await?;
        links::unlink(&mut db, account).await
    };
    office.database.run(end).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
