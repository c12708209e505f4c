//! A person's sessions: where they are signed in, and signing out there.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::{Code, Id, Params, Problem};
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::super::paging::PageParams;
use super::bodies::{ItemsBody, SessionBody};
use super::login::{Place, about_session};
use super::{Opened, SignedIn, problem, uuid};
use crate::clock::text_signed;
use crate::people::sessions::{self, Which};

/// Where one is signed in, the last used first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "people", params(PageParams), responses(
    (status = 200, description = "Live sessions, 20 at most", body = ItemsBody<SessionBody>),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let page = params.checked()?;
    let opened = office.opened_account(&person.claims).await?;
    let mut all = office.sessions_of(&opened, person.claims.session).await?;
    // Few enough to be read whole. After one that has ended meanwhile there is nothing.
    if !page.after().is_empty() {
        let told = all.iter().position(|one| one.id == page.after());
        all.drain(..told.map_or(all.len(), |told| told + 1));
    }
    let (items, next_cursor) = page.cut(all, |one| &one.id);
    Ok(private(StatusCode::OK, None, ItemsBody { items, next_cursor }))
}

/// Signs out elsewhere. What the session's access token still opens ends with it, minutes later.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "people", params(
    ("id" = String, Path, description = "The session"),
), responses(
    (status = 204, description = "It has ended"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`, also for what belongs to somebody else"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    person: SignedIn,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?;
    let which = Which::One(uuid(&id)?);
    let ended = sessions::revoke(&office.database, account.id, which).await.map_err(problem)?;
    if ended == 0 {
        return Err(Problem::new(Code::NotFound));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Signs out everywhere else.
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "people", responses(
    (status = 204, description = "Only the session that asks is left"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end_others(
    State(office): State<Arc<Office>>,
    person: SignedIn,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?;
    let which = Which::AllBut(person.claims.session);
    sessions::revoke(&office.database, account.id, which).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Office {
    pub(super) async fn sessions_of(
        &self,
        opened: &Opened,
        current: Uuid,
    ) -> Result<Vec<SessionBody>, Problem> {
        let rows = sessions::list(&self.database, opened.row.id).await.map_err(problem)?;
        let body = |row: sessions::SessionRow| {
            let place = opened.key.open_about(&about_session(row.id), &row.about).ok();
            let place: Option<Place> = place.and_then(|json| serde_json::from_slice(&json).ok());
            let place = place.unwrap_or_default();
            SessionBody {
                id: row.id.to_string(),
                current: row.id == current,
                user_agent: place.agent,
                ip: place.ip,
                created_at: text_signed(row.created_ms),
                used_at: text_signed(row.used_ms),
                expires_at: text_signed(row.expires_ms),
            }
        };
        Ok(rows.into_iter().map(body).collect())
    }
}
