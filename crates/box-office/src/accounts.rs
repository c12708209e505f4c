//! The administrator's account: made once from the password file that the installation wrote, and
//! kept as an Argon2id hash only.

use std::path::Path;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, SaltString};
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::PgPool;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};

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
}

/// Makes the account unless there is one.
pub(crate) async fn ensure_administrator(
    database: &Database,
    password_file: &Path,
) -> Result<(), AccountError> {
    if database.run(is_there).await? {
        return Ok(());
    }
    let path = password_file.to_owned();
    let hash = tokio::task::spawn_blocking(move || hash_of(&path))
        .await
        .map_err(|e| AccountError::Password(e.to_string()))??;
    database.run(|pool| insert(pool, hash)).await?;
    tracing::info!("the administrator's account was made");
    Ok(())
}

async fn is_there(pool: PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from office.account where login = $1)")
        .bind(LOGIN)
        .fetch_one(&pool)
        .await
}

async fn insert(pool: PgPool, hash: String) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.account (id, login, password_hash, role)
         values ($1, $2, $3, 'administrator') on conflict (login) do nothing",
    )
    .bind(Uuid::now_v7())
    .bind(LOGIN)
    .bind(hash)
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
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| failed("no random bytes".to_owned()))?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| failed(e.to_string()))?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|e| failed(e.to_string()))
}
