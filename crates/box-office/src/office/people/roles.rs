//! Who may do what: an administrator gives an account a role.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::access::Role;
use http_api::{Code, Id, Problem, Strict};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::{SignedIn, problem, uuid};
use crate::people::store;

/// A role to give.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct RoleForm {
    /// `user`, `steward`, `organiser` or `administrator`.
    #[schema(value_type = String)]
    role: Role,
}

/// Gives an account a role. Calls of staff know it at once, the holder's tokens minutes later.
#[utoipa::path(put, path = "/api/v1/admin/accounts/{id}/role", tag = "staff",
request_body = RoleForm, params(("id" = String, Path, description = "The account")), responses(
    (status = 204, description = "It has the role"),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 403, description = "`forbidden`: administrators only"),
    (status = 404, description = "`not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn put(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    person: SignedIn,
    Strict { body, .. }: Strict<RoleForm>,
) -> Result<Response, Problem> {
    let administrator = office.live_account(&person.claims).await?;
    if administrator.role() != Role::Administrator {
        return Err(Problem::new(Code::Forbidden));
    }
    let account = uuid(&id)?;
    if !store::put_role(&office.database, account, body.role).await.map_err(problem)? {
        return Err(Problem::new(Code::NotFound));
    }
    let (by, role) = (administrator.id, body.role.as_str());
    tracing::info!(%by, %account, role, "an account has another role");
    Ok(StatusCode::NO_CONTENT.into_response())
}
