//! Changes of login, address and number, each confirmed by a code that was sent to the new value; the
//! old address is told. Whether a value is free is told only to whoever has shown that it is theirs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, Problem, Strict};
use serde::Deserialize;
use sqlx::{Connection, PgConnection, PgPool};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::super::answer::private;
use super::bodies::{ChangeBody, MeBody};
use super::{Opened, SignedIn, letters, problem, uuid};
use crate::clock::rfc3339_ms;
use crate::database::own_connection;
use crate::messages::{self, Outgoing};
use crate::people::changes::{self, CODE_TTL_S, NewChange, Tried, Waiting};
use crate::people::code_count::{self, Purpose};
use crate::people::profile::{Field, Profile};
use crate::people::social;
use crate::sealing::ContactKey;

/// Digits of a code, and some spaces around.
const CODE_CHARS_MAX: usize = 16;

/// What to change.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ChangeForm {
    /// `email`, `phone` or `login`.
    field: Field,
    /// The new value; the present one to show that it is one's own.
    value: String,
}

/// The code that came.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct CodeForm {
    /// Six digits.
    code: String,
}

/// Sends a code to the new value (for a login, to the e-mail address).
#[utoipa::path(post, path = "/api/v1/me/changes", tag = "people", request_body = ChangeForm,
responses(
    (status = 201, description = "The change waits for its code", body = ChangeBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 429, description = "`rate_limited`: ten codes an hour, for one person and for one address"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn begin(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<ChangeForm>,
) -> Result<Response, Problem> {
    let value = body.field.check(&body.value);
    let value = value.map_err(|detail| Problem::invalid_at("/value", detail))?;
    let opened = office.opened_account(&person.claims).await?;
    let id = Uuid::now_v7();
    let (change, letter) = office.new_change(&opened, (id, body.field), &value)?;
    let expires_at = rfc3339_ms(changes::ends_ms());
    let put = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        let mut all = own.begin().await?;
        let is_put = changes::ask(&mut all, &change).await?;
        if is_put {
            messages::put(&mut all, &letter).await?;
        }
        all.commit().await?;
        Ok(is_put)
    };
    if !office.database.run(put).await.map_err(problem)? {
        return Err(Problem::new(Code::RateLimited).detail("Ten codes an hour are enough"));
    }
    let field = body.field.as_str().to_owned();
    let document = ChangeBody { id: id.to_string(), field, expires_at, expires_in: CODE_TTL_S };
    Ok(private(StatusCode::CREATED, None, document))
}

/// How often a change is tried again that another one overtook.
const CONFIRM_TRIES: u32 = 5;

/// Makes the change, if the code is the one that was sent.
#[utoipa::path(post, path = "/api/v1/me/changes/{id}/confirm", tag = "people",
request_body = CodeForm, params(("id" = String, Path, description = "The change")), responses(
    (status = 200, description = "The person as changed", body = MeBody),
    (status = 400, description = "`invalid_request`: the code is wrong, was used, or has ended"),
    (status = 401, description = "`unauthenticated`"),
    (status = 409, description = "`taken`: somebody has shown that it is theirs"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn confirm(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    person: SignedIn,
    Strict { body, .. }: Strict<CodeForm>,
) -> Result<Response, Problem> {
    let code = body.code.trim();
    if code.len() > CODE_CHARS_MAX {
        return Err(wrong_code());
    }
    let change = uuid(&id)?;
    let (keys, session) = (&office.contacts, person.claims.session);
    for _ in 0..CONFIRM_TRIES {
        let opened = office.opened_account(&person.claims).await?;
        let hash = changes::code_hash(keys, change, code);
        let made =
            office.database.run(|pool| make(pool, keys, (opened, change, session), hash)).await;
        return match made.map_err(problem)? {
            Made::Done(opened) => Ok(private(StatusCode::OK, None, MeBody::of(&opened))),
            Made::WrongCode => Err(wrong_code()),
            Made::Taken => Err(Problem::new(Code::Taken)),
            Made::Unsealed => Err(Problem::internal("a change cannot be opened")),
            Made::Overtaken => continue,
        };
    }
    Err(Problem::new(Code::Overloaded))
}

fn wrong_code() -> Problem {
    Problem::invalid_at("/code", "is not the code, was used, or has ended")
}

enum Made {
    Done(Box<Opened>),
    WrongCode,
    Taken,
    Unsealed,
    /// The account changed since it was read; nothing happened.
    Overtaken,
}

/// Tries the code and makes the change in one transaction, so that a code works once.
async fn make(
    pool: PgPool,
    keys: &ContactKey,
    (mut opened, change, session): (Opened, Uuid, Uuid),
    code_hash: Vec<u8>,
) -> Result<Made, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    let account = opened.row.id;
    // A profile is written whole: one that was read before another change would take that back.
    let revision: Option<i64> =
        sqlx::query_scalar("select revision from office.account where id = $1 for update")
            .bind(account)
            .fetch_optional(&mut *all)
            .await?;
    if revision != Some(opened.row.revision) {
        return Ok(Made::Overtaken);
    }
    let tried = changes::attempt(&mut all, (account, change), &code_hash).await?;
    let Tried::Fits(field, waiting) = tried else {
        // The guess counts.
        all.commit().await?;
        return Ok(Made::WrongCode);
    };
    let old = opened.profile.clone();
    let Some(told) = put_value(keys, &mut opened, (field, change), &waiting, &old) else {
        return Ok(Made::Unsealed);
    };
    let Ok(profile) = opened.profile.sealed(&opened.key, account) else {
        return Ok(Made::Unsealed);
    };
    if !put_field(&mut all, account, (field, &waiting.value_hash), profile).await? {
        all.rollback().await?;
        return Ok(Made::Taken);
    }
    // An identity was linked for the address that it had in common with the account.
    if field == Field::Email && opened.profile.email != old.email {
        social::unlink_all(&mut all, account, Some(session)).await?;
    }
    for letter in &told {
        messages::put(&mut all, letter).await?;
    }
    all.commit().await?;
    opened.row.email_verified |= field == Field::Email;
    opened.row.phone_verified |= field == Field::Phone;
    Ok(Made::Done(Box::new(opened)))
}

/// Puts the new value into the opened profile; what is to be told to the old address.
fn put_value(
    keys: &ContactKey,
    opened: &mut Opened,
    (field, change): (Field, Uuid),
    waiting: &Waiting,
    old: &Profile,
) -> Option<Vec<Outgoing>> {
    let value = opened.key.open_about(&changes::about_value(change), &waiting.value).ok()?;
    let value = String::from_utf8(value).ok()?;
    if value == old.value(field) {
        return Some(Vec::new());
    }
    opened.profile.set(field, value);
    let account = Some(opened.row.id);
    let mut told = vec![old.email.as_str()];
    if field == Field::Phone {
        told.push(&old.phone);
    }
    let language = opened.row.language();
    let changed = |to: &&str| letters::changed(to, field, language);
    let letter = |to: &&str| Outgoing::new(keys, account, "changed", &changed(to));
    told.iter().map(letter).collect::<Result<_, _>>().ok()
}

/// Writes the value, unless it is somebody else's by now.
async fn put_field(
    db: &mut PgConnection,
    account: Uuid,
    (field, hash): (Field, &[u8]),
    profile: Vec<u8>,
) -> Result<bool, sqlx::Error> {
    let (column, verified) = match field {
        Field::Login => ("login_hash", ""),
        Field::Email => ("email_hash", "email_verified_at = now(),"),
        Field::Phone => ("phone_hash", "phone_verified_at = now(),"),
    };
    let text = format!(
        "update office.account set {column} = $2, {verified} profile = $3,
             revision = revision + 1 where id = $1 and erased_at is null"
    );
    let put = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(account)
        .bind(hash)
        .bind(profile)
        .execute(db)
        .await;
    match put {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

impl Office {
    fn new_change(
        &self,
        opened: &Opened,
        (id, field): (Uuid, Field),
        value: &str,
    ) -> Result<(NewChange, Outgoing), Problem> {
        let account = opened.row.id;
        let code = changes::new_code().map_err(Problem::internal)?;
        let sealed = opened.key.seal_about(&changes::about_value(id), value.as_bytes());
        let to = if field == Field::Login { &opened.profile.email } else { value };
        let letter = letters::code(to, &code, opened.row.language());
        let letter = Outgoing::new(&self.contacts, Some(account), "code", &letter);
        let change = NewChange {
            id,
            account,
            field,
            value: sealed.map_err(Problem::internal)?,
            value_hash: field.index(&self.contacts, value),
            code_hash: changes::code_hash(&self.contacts, id, &code),
            sent_to: code_count::key(&self.contacts, Purpose::Change, to),
        };
        Ok((change, letter.map_err(Problem::internal)?))
    }
}
