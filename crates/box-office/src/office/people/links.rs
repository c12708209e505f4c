//! Links to providers of identities: made by who signs in by the password, listed, taken back.
//!
//! In the flow: a sign-in by a provider that nobody has linked yet leaves its identity, sealed, in a cookie
//! of that browser for some minutes. Who then signs in by the password in the same browser, to an account
//! with the same verified address, has shown that both are theirs. The word of a provider alone links
//! nothing: an address that it verified once may be another's by now.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http_api::access::cookie;
use http_api::{Code, Id, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::bodies::ItemsBody;
use super::social::{count, may};
use super::{Client, SignedIn, letters, problem, uuid};
use crate::clock::{now_ms, text_signed};
use crate::messages::Outgoing;
use crate::people::social::{self, Kept, LinkRow, Unlinked};
use crate::people::store::AccountRow;

/// How long an identity waits for its owner to sign in, seconds.
const WAIT_TTL_S: u64 = 10 * 60;
/// What the cookie is sealed to; another thing than a sign-in that is under way.
const ABOUT: &str = "seatgrid social link";

/// A provider of identities by which one may sign in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IdentityBody {
    id: String,
    /// Its name in addresses.
    provider: String,
    /// What people call it; its name where it is configured no more.
    title: String,
    linked_at: String,
    /// When one last signed in by it.
    used_at: String,
}

/// An identity that waits for its owner.
#[derive(Serialize, Deserialize)]
struct Waiting {
    kept: Kept,
    until_ms: u64,
}

/// By which providers of identities one may sign in.
#[utoipa::path(get, path = "/api/v1/me/identities", tag = "people", responses(
    (status = 200, description = "The oldest first", body = ItemsBody<IdentityBody>),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    person: SignedIn,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?;
    let items = office.links_of(account.id).await?;
    Ok(private(StatusCode::OK, None, ItemsBody { items, next_cursor: None }))
}

/// Takes a link back: nobody signs in by it any more, and the sessions that were opened by it end.
#[utoipa::path(delete, path = "/api/v1/me/identities/{id}", tag = "people", params(
    ("id" = String, Path, description = "The link"),
), responses(
    (status = 204, description = "It is gone"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`not_found`, also for what belongs to somebody else"),
    (status = 409, description = "`only_way_in`: the account has no password; set one first"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn end(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    person: SignedIn,
) -> Result<Response, Problem> {
    let link = uuid(&id)?;
    let opened = office.opened_account(&person.claims).await?;
    let account = opened.row.id;
    let known = social::links(&office.database, account).await.map_err(problem)?;
    let found = known.iter().find(|row| row.id == link);
    let title = office.title(&found.ok_or_else(|| Problem::new(Code::NotFound))?.provider);
    let letter = letters::unlinked(&opened.profile.email, title, opened.row.language());
    let told = Outgoing::new(&office.contacts, Some(account), "changed", &letter);
    let told = told.map_err(Problem::internal)?;
    match social::unlink(&office.database, (account, link), told).await.map_err(problem)? {
        Unlinked::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Unlinked::Unknown => Err(Problem::new(Code::NotFound)),
        Unlinked::OnlyWay => Err(Problem::new(Code::OnlyWayIn)),
    }
}

impl Office {
    /// The links of an account, as told.
    pub(super) async fn links_of(&self, account: uuid::Uuid) -> Result<Vec<IdentityBody>, Problem> {
        let rows = social::links(&self.database, account).await.map_err(problem)?;
        let body = |row: LinkRow| IdentityBody {
            id: row.id.to_string(),
            title: self.title(&row.provider).to_owned(),
            linked_at: text_signed(row.linked_ms),
            used_at: text_signed(row.used_ms),
            provider: row.provider,
        };
        Ok(rows.into_iter().map(body).collect())
    }

    /// Back to the page of sign-in, where the identity waits for its owner's password.
    pub(super) fn wait_for_owner(&self, kept: &Kept) -> Result<Response, Problem> {
        let mut answer = self.back("unknown");
        if !kept.has_address() {
            return Ok(answer);
        }
        let until_ms = now_ms() + WAIT_TTL_S * 1_000;
        let waiting = Waiting { kept: kept.clone(), until_ms };
        let plain = serde_json::to_vec(&waiting).map_err(Problem::internal)?;
        let sealed = self.contacts.seal_about(ABOUT, &plain).map_err(Problem::internal)?;
        let line = self.access.names().brief(&BASE64.encode(sealed), WAIT_TTL_S);
        answer.headers_mut().insert(SET_COOKIE, line);
        Ok(answer)
    }

    /// Links the identity that waits in this browser to who has just signed in by the password, if the
    /// address is the same. Whoever it does not fit is signed in all the same.
    pub(super) async fn link_waiting(
        &self,
        account: &AccountRow,
        client: &Client,
        answer: &mut HeaderMap,
    ) {
        let Some(kept) = self.waiting(&client.headers) else { return };
        let outcome = match self.link(&kept, account).await {
            Ok(true) => "linked",
            Ok(false) => "not_linked",
            Err(problem) => {
                tracing::warn!(code = problem.code().as_str(), "an identity was not linked");
                return;
            }
        };
        count(kept.provider(), outcome);
        answer.append(SET_COOKIE, self.access.names().brief("", 0));
    }

    /// Links an identity to the account that is signed in in this browser, if it is that one.
    pub(super) async fn link_own(
        &self,
        account: &AccountRow,
        kept: &Kept,
        client: &Client,
    ) -> Result<bool, Problem> {
        let Ok(Some(claims)) = self.access.signed_in(&Method::GET, &client.headers) else {
            return Ok(false);
        };
        if claims.account != account.id || self.live_account(&claims).await.is_err() {
            return Ok(false);
        }
        self.link(kept, account).await
    }

    /// The identity that waits in a browser.
    fn waiting(&self, headers: &HeaderMap) -> Option<Kept> {
        let sealed = BASE64.decode(cookie(headers, self.access.names().brief_name())?).ok()?;
        let plain = self.contacts.open_about(ABOUT, &sealed).ok()?;
        let waiting: Waiting = serde_json::from_slice(&plain).ok()?;
        (waiting.until_ms > now_ms()).then_some(waiting.kept)
    }

    async fn link(&self, kept: &Kept, account: &AccountRow) -> Result<bool, Problem> {
        if !may(account) {
            return Ok(false);
        }
        let (_, profile) = account.open(&self.contacts).map_err(Problem::internal)?;
        let title = self.title(kept.provider());
        let letter = letters::linked(&profile.email, title, account.language());
        let told = Outgoing::new(&self.contacts, Some(account.id), "changed", &letter);
        let told = told.map_err(Problem::internal)?;
        social::link(&self.database, kept.clone(), account.id, told).await.map_err(problem)
    }

    /// What people call a provider.
    fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.social.titles().find(|(known, _)| *known == name).map_or(name, |(_, title)| title)
    }
}
