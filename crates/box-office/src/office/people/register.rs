//! Registration. Whether an address or number is somebody's already is told to nobody but the owner of
//! the address: the answer, the work and what one may do next are the same. The account is made either
//! way and claims them; they are its own once a code has shown so.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::access::Role;
use http_api::{Problem, Strict};
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::bodies::{ChangeBody, RegisteredBody};
use super::{Client, letters, problem};
use crate::clock::rfc3339_ms;
use crate::language::Language;
use crate::messages::Outgoing;
use crate::people::changes::{self, CODE_TTL_S, NewChange};
use crate::people::code_count::{self, Purpose};
use crate::people::form::RegisterForm;
use crate::people::profile::{Field, Profile};
use crate::people::store::{self, NewAccount, Registration};

/// Makes an account. A code goes to the e-mail address; signing in works at once.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "people", request_body = RegisterForm,
responses(
    (status = 201, description = "The account; its address and number are its own once a code has \
        shown so. With a login that is somebody's already none is made, which the address alone is \
        told", body = RegisteredBody),
    (status = 400, description = "`invalid_request`"),
    (status = 429, description = "`rate_limited`"),
    (status = 503, description = "`database_unavailable`, `overloaded`"),
))]
pub(in crate::office) async fn register(
    State(office): State<Arc<Office>>,
    client: Client,
    Strict { body, .. }: Strict<RegisterForm>,
) -> Result<Response, Problem> {
    let profile = body.check().map_err(Problem::invalid)?;
    let password_hash = office.people.passwords.hash(body.password.clone()).await?;
    let language = Language::of(&client.headers);
    let (id, change) = (Uuid::now_v7(), Uuid::now_v7());
    let made = office.registration((id, change), &profile, password_hash, (&body, language))?;
    let expires_at = rfc3339_ms(changes::ends_ms());
    let is_new = store::register(&office.database, made).await.map_err(problem)?;
    let outcome = if is_new { "new" } else { "taken" };
    metrics::counter!("seatgrid_people_registrations_total", "outcome" => outcome).increment(1);
    let verification = ChangeBody {
        id: change.to_string(),
        field: Field::Email.as_str().to_owned(),
        expires_at,
        expires_in: CODE_TTL_S,
    };
    let document = RegisteredBody { id: id.to_string(), verification };
    Ok(private(StatusCode::CREATED, None, document))
}

impl Office {
    fn registration(
        &self,
        (id, change): (Uuid, Uuid),
        profile: &Profile,
        password_hash: String,
        (form, language): (&RegisterForm, Option<Language>),
    ) -> Result<Registration, Problem> {
        let keys = &self.contacts;
        let (key, person_key) = keys.new_person(id).map_err(Problem::internal)?;
        let code = changes::new_code().map_err(Problem::internal)?;
        let about = changes::about_value(change);
        let value = key.seal_about(&about, profile.email.as_bytes()).map_err(Problem::internal)?;
        let email_hash = Field::Email.index(keys, &profile.email);
        let outgoing = |account, kind, letter| {
            Outgoing::new(keys, account, kind, &letter).map_err(Problem::internal)
        };
        Ok(Registration {
            account: NewAccount {
                id,
                password_hash,
                role: Role::User,
                person_key,
                profile: profile.sealed(&key, id).map_err(Problem::internal)?,
                login_hash: Field::Login.index(keys, &profile.login),
                email_hash: email_hash.clone(),
                phone_hash: Field::Phone.index(keys, &profile.phone),
                consents: form.consents.clone(),
                language,
            },
            change: NewChange {
                id: change,
                account: id,
                field: Field::Email,
                value,
                value_hash: email_hash,
                code_hash: changes::code_hash(keys, change, &code),
                sent_to: code_count::key(keys, Purpose::Register, &profile.email),
            },
            code: outgoing(Some(id), "code", letters::code(&profile.email, &code, language))?,
            taken: outgoing(None, "taken", letters::taken(&profile.email, language))?,
        })
    }
}
