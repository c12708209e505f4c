//! Passwords over HTTP: changed by who knows the present one, set anew by a code to the address of who
//! forgot it. Either way all other sessions end.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::{Code, Id, Problem, Strict};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::bodies::ChangeBody;
use super::{Client, SignedIn, letters, problem, uuid};
use crate::clock::rfc3339_ms;
use crate::messages::Outgoing;
use crate::people::changes::{self, CODE_TTL_S};
use crate::people::code_count::{self, Purpose};
use crate::people::profile::{Field, identifier};
use crate::people::reset::{self, NewReset};
use crate::people::store::AccountRow;
use crate::people::{form, guesses, store};

/// Longest text looked at, in bytes.
const TYPED_BYTES_MAX: usize = 1_024;

/// Another password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct PasswordForm {
    /// The present one.
    current: String,
    /// 8 to 256 characters; not one that many have.
    password: String,
}

/// Who forgot a password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ForgottenForm {
    /// A login, an e-mail address or a phone number.
    identifier: String,
}

/// The code that came, and the new password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ResetForm {
    /// Six digits.
    code: String,
    /// 8 to 256 characters; not one that many have.
    password: String,
}

/// Changes one's password. All other sessions end.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "people", request_body = PasswordForm,
responses(
    (status = 204, description = "The new one counts"),
    (status = 400, description = "`invalid_request`: the present one is wrong, or the new one weak"),
    (status = 401, description = "`unauthenticated`"),
    (status = 429, description = "`rate_limited`: too many wrong ones"),
    (status = 503, description = "`database_unavailable`, `overloaded`"),
))]
pub(in crate::office) async fn change(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    client: Client,
    Strict { body, .. }: Strict<PasswordForm>,
) -> Result<Response, Problem> {
    let opened = office.opened_account(&person.claims).await?;
    let profile = &opened.profile;
    let own = [&profile.login, &profile.email, &profile.name, &profile.surname];
    form::password(&body.password, &own.map(String::as_str))
        .map_err(|detail| Problem::invalid_at("/password", detail))?;
    let id = opened.row.id;
    let guessed = office.guessed(&format!("password:{id}"), client.network());
    if guesses::begin(&office.database, &guessed).await.map_err(problem)?.is_some() {
        return Err(Problem::new(Code::RateLimited));
    }
    let hashes = opened.row.password_hash.clone().into_iter().collect();
    let current = body.current.chars().take(TYPED_BYTES_MAX).collect();
    let found = match office.people.passwords.find(current, hashes, 1).await {
        Ok(found) => found,
        Err(unknown) => return Err(office.no_guess(&guessed, unknown).await),
    };
    if found.is_none() {
        return Err(Problem::invalid_at("/current", "is not the present password"));
    }
    guesses::undo(&office.database, &guessed).await.map_err(problem)?;
    let hash = office.people.passwords.hash(body.password).await?;
    let about = (id, person.claims.session);
    reset::change_own(&office.database, about, hash).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a code to the e-mail address of who forgot a password. The answer is the same for everybody.
#[utoipa::path(post, path = "/api/v1/auth/reset", tag = "people", request_body = ForgottenForm,
responses(
    (status = 202, description = "If there is such an account, a code is on its way",
        body = ChangeBody),
    (status = 400, description = "`invalid_request`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn forgotten(
    State(office): State<Arc<Office>>,
    Strict { body, .. }: Strict<ForgottenForm>,
) -> Result<Response, Problem> {
    if body.identifier.len() > TYPED_BYTES_MAX {
        return Err(Problem::invalid_at("/identifier", "must be shorter"));
    }
    let (field, value) = identifier(&body.identifier);
    let hash = field.index(&office.contacts, &value);
    // Of several who claim an address none has shown that it is theirs.
    let found = store::owner(&office.database, field, hash).await.map_err(problem)?;
    let (id, expires_at) = (Uuid::now_v7(), rfc3339_ms(changes::ends_ms()));
    if let Some(account) = found {
        office.send_reset(&account, id).await?;
    }
    let field = "password".to_owned();
    let document = ChangeBody { id: id.to_string(), field, expires_at, expires_in: CODE_TTL_S };
    Ok(private(StatusCode::ACCEPTED, None, document))
}

/// Sets a new password by the code that was sent. All sessions end.
#[utoipa::path(post, path = "/api/v1/auth/reset/{id}/confirm", tag = "people",
request_body = ResetForm, params(("id" = String, Path, description = "The reset")), responses(
    (status = 204, description = "The new password counts"),
    (status = 400, description = "`invalid_request`: the code is wrong, was used, or has ended; or \
        the password is weak"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`database_unavailable`, `overloaded`"),
))]
pub(in crate::office) async fn set(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    Strict { body, .. }: Strict<ResetForm>,
) -> Result<Response, Problem> {
    form::password(&body.password, &[])
        .map_err(|detail| Problem::invalid_at("/password", detail))?;
    let reset = uuid(&id)?;
    let code: String = body.code.trim().chars().take(16).collect();
    let code_hash = changes::code_hash(&office.contacts, reset, &code);
    let hash = office.people.passwords.hash(body.password).await?;
    let done = reset::finish(&office.database, reset, (code_hash, hash)).await.map_err(problem)?;
    if !done {
        return Err(Problem::invalid_at("/code", "is not the code, was used, or has ended"));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Office {
    async fn send_reset(&self, account: &AccountRow, reset: Uuid) -> Result<(), Problem> {
        let (_, profile) = account.open(&self.contacts).map_err(Problem::internal)?;
        let to = profile.value(Field::Email);
        if to.is_empty() {
            return Ok(());
        }
        let code = changes::new_code().map_err(Problem::internal)?;
        let letter = letters::code(to, &code, account.language());
        let letter = Outgoing::new(&self.contacts, Some(account.id), "code", &letter);
        let code_hash = changes::code_hash(&self.contacts, reset, &code);
        let begun = NewReset {
            id: reset,
            account: account.id,
            code_hash,
            sent_to: code_count::key(&self.contacts, Purpose::Reset, to),
        };
        let letter = letter.map_err(Problem::internal)?;
        reset::begin(&self.database, begun, letter).await.map_err(problem)
    }
}
