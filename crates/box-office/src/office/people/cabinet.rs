//! The cabinet: a person's own data, read, edited, taken along, erased.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use http_api::{Code, NoBody, Problem, Strict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::bodies::MeBody;
use super::notifications::NotificationsBody;
use super::{SignedIn, problem};
use crate::clock::text_signed;
use crate::contact;
use crate::people::form::Faults;
use crate::people::{erasure, store};

/// What may be edited without a code.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct MeForm {
    #[serde(default)]
    surname: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

/// A consent as it was given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConsentBody {
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) given_at: String,
    pub(crate) withdrawn_at: Option<String>,
}

/// That personal data was opened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AccessBody {
    /// An account's id, or the name of a part of the system.
    pub(crate) actor: String,
    pub(crate) purpose: String,
    pub(crate) at: String,
}

/// Everything that is kept about a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExportBody {
    pub(crate) me: MeBody,
    pub(crate) consents: Vec<ConsentBody>,
    /// Who opened the data, and what for.
    pub(crate) accesses: Vec<AccessBody>,
    /// How the person is told things.
    pub(crate) notifications: NotificationsBody,
    /// By which providers of identities one may sign in.
    pub(crate) identities: Vec<super::links::IdentityBody>,
    pub(crate) sessions: Vec<super::bodies::SessionBody>,
    pub(crate) orders: Vec<super::super::bodies::OrderBody>,
}

/// One's own data.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses(
    (status = 200, description = "The person", body = MeBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    person: SignedIn,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    Ok(private(StatusCode::OK, None, MeBody::of(&opened)))
}

/// Edits surname and name. Login, address and number are changed by a code: `/me/changes`.
#[utoipa::path(patch, path = "/api/v1/me", tag = "people", request_body = MeForm, responses(
    (status = 200, description = "The person as edited", body = MeBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 412, description = "`version_mismatch`: edited elsewhere at the same time"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<MeForm>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let surname = body.surname.map(|typed| faults.keep("/surname", contact::name(&typed)));
    let name = body.name.map(|typed| faults.keep("/name", contact::name(&typed)));
    if !faults.0.is_empty() {
        return Err(Problem::invalid(faults.0));
    }
    let mut opened = office.opened_account(&person.claims).await?;
    let id = opened.row.id;
    opened.profile.surname = surname.unwrap_or(opened.profile.surname);
    opened.profile.name = name.unwrap_or(opened.profile.name);
    let sealed = opened.profile.sealed(&opened.key, id).map_err(Problem::internal)?;
    let about = (id, opened.row.revision);
    let done = store::put_profile(&office.database, about, sealed).await.map_err(problem)?;
    if !done {
        return Err(Problem::new(Code::VersionMismatch));
    }
    Ok(private(StatusCode::OK, None, MeBody::of(&opened)))
}

/// Everything that is kept about oneself.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "people", responses(
    (status = 200, description = "The whole of it", body = ExportBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn export(
    State(office): State<Arc<Office>>,
    person: SignedIn,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    let (id, database) = (opened.row.id, &office.database);
    store::note_export(database, id).await.map_err(problem)?;
    let consents = erasure::consents(database, id).await.map_err(problem)?;
    let accesses = erasure::accesses(database, id).await.map_err(problem)?;
    let document = ExportBody {
        me: MeBody::of(&opened),
        consents: consents
            .into_iter()
            .map(|row| ConsentBody {
                kind: row.kind,
                version: row.version,
                given_at: text_signed(row.given_ms),
                withdrawn_at: row.withdrawn_ms.map(text_signed),
            })
            .collect(),
        accesses: accesses
            .into_iter()
            .map(|row| AccessBody {
                actor: row.actor,
                purpose: row.purpose,
                at: text_signed(row.at_ms),
            })
            .collect(),
        notifications: office.notifications_of(id).await?,
        identities: office.links_of(id).await?,
        sessions: office.sessions_of(&opened, person.claims.session).await?,
        orders: office.all_orders_of(id).await?,
    };
    Ok(private(StatusCode::OK, None, document))
}

/// Erases oneself: the person is gone, the sales stay. Tickets keep working by their hold tokens.
#[utoipa::path(delete, path = "/api/v1/me", tag = "people", responses(
    (status = 204, description = "Nothing leads to the person any more"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn erase(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    _: NoBody,
) -> Result<Response, Problem> {
    let account = office.live_account(&person.claims).await?;
    erasure::erase(&office.database, account.id).await.map_err(problem)?;
    metrics::counter!("seatgrid_people_erasures_total").increment(1);
    let mut answer = StatusCode::NO_CONTENT.into_response();
    for line in office.access.names().clear() {
        answer.headers_mut().append(SET_COOKIE, line);
    }
    Ok(answer)
}
