//! The administrator's account: made once from the password file that the installation wrote. It is
//! an account like any other, with a role.

use std::path::Path;

use http_api::access::Role;
use sqlx::PgPool;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::people::passwords;
use crate::people::profile::{Field, Profile};
use crate::sealing::ContactKey;

/// The first account's login.
const LOGIN: &str = "admin";
/// Shortest first password, in bytes.
const PASSWORD_BYTES_MIN: usize = 8;

/// Why the account could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// PostgreSQL gave no answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The password file is of no use.
    #[error("administrator's password file: {0}")]
    Password(String),
    /// The account's data cannot be sealed.
    #[error(transparent)]
    Seal(#[from] crate::sealing::SealError),
}

/// What the row needs.
struct Row {
    id: Uuid,
    hash: String,
    login_hash: Vec<u8>,
    person_key: Vec<u8>,
    profile: Vec<u8>,
}

/// Makes the account unless there is one.
pub(crate) async fn ensure_administrator(
    database: &Database,
    keys: &ContactKey,
    password_file: &Path,
) -> Result<(), AccountError> {
    let login_hash = Field::Login.index(keys, LOGIN);
    let hash = login_hash.clone();
    if database.run(|pool| is_there(pool, hash)).await? {
        return Ok(());
    }
    let path = password_file.to_owned();
    let hash = tokio::task::spawn_blocking(move || hash_of(&path))
        .await
        .map_err(|e| AccountError::Password(e.to_string()))??;
    // One that an earlier release made keeps its id.
    let known = database.run(known_id).await?;
    let id = known.unwrap_or_else(Uuid::now_v7);
    let (key, person_key) = keys.new_person(id)?;
    let profile = nobody_yet().sealed(&key, id)?;
    let row = Row { id, hash, login_hash, person_key, profile };
    database.run(|pool| put(pool, row)).await?;
    tracing::info!("the administrator's account was made");
    Ok(())
}

/// The administrator fills in the rest.
fn nobody_yet() -> Profile {
    let none = String::new;
    Profile { surname: none(), name: none(), login: LOGIN.into(), email: none(), phone: none() }
}

async fn is_there(pool: PgPool, login_hash: Vec<u8>) -> Result<bool, sqlx::Error> {
    // Under whatever login: a renamed administrator must not come back with the first password.
    sqlx::query_scalar(
        "select exists (select from office.account
             where login_hash = $1 or role = 'administrator' and login_hash is not null)",
    )
    .bind(login_hash)
    .fetch_one(&pool)
    .await
}

async fn known_id(pool: PgPool) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select id from office.account where login = $1")
        .bind(LOGIN)
        .fetch_optional(&pool)
        .await
}

async fn put(pool: PgPool, row: Row) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.account (id, password_hash, role, login_hash, person_key, profile)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (id) do update set login = null, login_hash = $4, person_key = $5, profile = $6",
    )
    .bind(row.id)
    .bind(row.hash)
    .bind(Role::Administrator.as_str())
    .bind(row.login_hash)
    .bind(row.person_key)
    .bind(row.profile)
    .execute(&pool)
    .await?;
    Ok(())
}

fn hash_of(path: &Path) -> Result<String, AccountError> {
    let failed = |detail: String| AccountError::Password(format!("{}: {detail}", path.display()));
    let password = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let password = password.trim();
    if password.len() < PASSWORD_BYTES_MIN {
        return Err(failed("must hold at least 8 bytes".to_owned()));
    }
    passwords::hash_of(password.as_bytes()).map_err(failed)
}
