//! Forgotten passwords: a code to the account's address, then a new password, which ends all sessions.
//! Whether an account exists is told by nothing but the message.

use sqlx::{Connection, PgConnection, PgPool};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::changes::CODE_TTL_S;
use super::{code_count, social};
use crate::database::{Database, DatabaseError, own_connection};
use crate::messages::{self, Outgoing};

/// Guesses at one code: 5 of 1,000,000.
const ATTEMPTS_MAX: i32 = 5;
/// Codes that one account is sent in an hour.
const CODES_PER_HOUR: i64 = 5;

/// A reset that waits for its code.
pub(crate) struct NewReset {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) code_hash: Vec<u8>,
    /// What the address that the code goes to is counted by.
    pub(crate) sent_to: Vec<u8>,
}

/// Puts a reset in with its message, unless too many were asked for.
pub(crate) async fn begin(
    database: &Database,
    new: NewReset,
    letter: Outgoing,
) -> Result<(), DatabaseError> {
    database.run(|pool| put(pool, new, letter)).await
}

async fn put(pool: PgPool, new: NewReset, letter: Outgoing) -> Result<(), sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // Whoever asks at the same moment waits here, so that both are counted.
    sqlx::query("select id from office.account where id = $1 for update")
        .bind(new.account)
        .execute(&mut *all)
        .await?;
    let lately: i64 = sqlx::query_scalar(
        "select count(*) from office.contact_change where account_id = $1
         and field = 'password' and made_at > now() - interval '1 hour'",
    )
    .bind(new.account)
    .fetch_one(&mut *all)
    .await?;
    if lately >= CODES_PER_HOUR || !code_count::take(&mut all, &new.sent_to).await? {
        return Ok(());
    }
    sqlx::query(
        "insert into office.contact_change
             (id, account_id, field, value, value_hash, code_hash, expires_at)
         values ($1, $2, 'password', '', '', $3, now() + make_interval(secs => $4))",
    )
    .bind(new.id)
    .bind(new.account)
    .bind(new.code_hash)
    .bind(CODE_TTL_S as f64)
    .execute(&mut *all)
    .await?;
    messages::put(&mut all, &letter).await?;
    all.commit().await
}

/// Tries a code; with the right one the password is another, all sessions end, and nobody signs in by a
/// provider of identities any more.
pub(crate) async fn finish(
    database: &Database,
    reset: Uuid,
    (code_hash, password_hash): (Vec<u8>, String),
) -> Result<bool, DatabaseError> {
    database.run(|pool| change(pool, reset, (code_hash, password_hash))).await
}

async fn change(
    pool: PgPool,
    reset: Uuid,
    (code_hash, password_hash): (Vec<u8>, String),
) -> Result<bool, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // The guess counts before it is looked at; the row stays locked until the end.
    let found: Option<(Uuid, Vec<u8>, i32, bool)> = sqlx::query_as(
        "update office.contact_change set attempts = attempts + 1
         where id = $1 and field = 'password'
         returning account_id, code_hash, attempts, ended_at is null and expires_at > now()",
    )
    .bind(reset)
    .fetch_optional(&mut *all)
    .await?;
    let Some((account, right, attempts, is_live)) = found else { return Ok(false) };
    let fits = is_live && attempts <= ATTEMPTS_MAX && bool::from(right.ct_eq(&code_hash));
    if fits {
        sqlx::query("update office.contact_change set ended_at = now() where id = $1")
            .bind(reset)
            .execute(&mut *all)
            .await?;
        put_password(&mut all, account, (&password_hash, None)).await?;
        social::unlink_all(&mut all, account, None).await?;
    }
    all.commit().await?;
    Ok(fits)
}

/// Puts another password in and ends all sessions but the one that is kept.
pub(crate) async fn put_password(
    db: &mut PgConnection,
    account: Uuid,
    (password_hash, kept): (&str, Option<Uuid>),
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update office.account set password_hash = $2, revision = revision + 1
         where id = $1 and erased_at is null",
    )
    .bind(account)
    .bind(password_hash)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "update office.session set revoked_at = now()
         where account_id = $1 and revoked_at is null and id is distinct from $2",
    )
    .bind(account)
    .bind(kept)
    .execute(db)
    .await
    .map(drop)
}

/// The same for somebody who is signed in.
pub(crate) async fn change_own(
    database: &Database,
    (account, kept): (Uuid, Uuid),
    password_hash: String,
) -> Result<(), DatabaseError> {
    database
        .run(|pool| async move {
            let mut own = own_connection(&pool).await?;
            let mut all = own.begin().await?;
            put_password(&mut all, account, (&password_hash, Some(kept))).await?;
            all.commit().await
        })
        .await
}
