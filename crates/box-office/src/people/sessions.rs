//! Sessions: opened by signing in, carried on by refresh tokens that each work once. A token that
//! comes a second time was stolen by one of two, so that the whole session ends; but an answer may get
//! lost and two tabs may ask at once, so that for some seconds the same token gets the same next one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::store::{AccountRow, COLUMNS};
use crate::database::{Database, DatabaseError, own_connection};
use crate::sealing::ContactKey;

/// How long a session lasts at most, seconds: 30 days.
pub(crate) const SESSION_TTL_S: u64 = 30 * 24 * 60 * 60;
/// How long it lasts unused, seconds: 14 days.
pub(crate) const IDLE_TTL_S: u64 = 14 * 24 * 60 * 60;
/// Sessions of one account; the least used one gives way.
const SESSIONS_MAX: i64 = 20;
/// How long a used token still gets the token that it was exchanged for, as long as nobody used that one,
/// seconds.
const GRACE_S: f64 = 10.0;
/// Longest refresh token looked at.
const TOKEN_BYTES_MAX: usize = 128;

/// A refresh token of 256 bits and what is kept of it.
pub(crate) struct Refresh {
    pub(crate) token: String,
    hash: Vec<u8>,
}

impl Refresh {
    pub(crate) fn new() -> Result<Self, ring::error::Unspecified> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes)?;
        Ok(Self::of(&bytes))
    }

    /// The one token that follows `token`: nobody without the shop's keys can tell it, and the same
    /// question gets the same one again.
    pub(crate) fn after(token: &str, keys: &ContactKey) -> Self {
        Self::of(&keys.index("refresh token after", token))
    }

    fn of(bytes: &[u8]) -> Self {
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let hash = hash_of(&token);
        Self { token, hash }
    }
}

fn hash_of(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A session as its owner sees it.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct SessionRow {
    pub(crate) id: Uuid,
    pub(crate) about: Vec<u8>,
    pub(crate) created_ms: i64,
    pub(crate) used_ms: i64,
    pub(crate) expires_ms: i64,
}

/// What a refresh token led to.
pub(crate) enum Refreshed {
    /// It works: the account and the session, which has the new token now.
    Live(Box<AccountRow>, Uuid),
    /// It was used before: its session is over.
    Stolen,
    /// It is none of ours, or its session has ended.
    Unknown,
}

/// A session to be opened.
pub(crate) struct NewSession {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    /// Where, sealed under the person's key.
    pub(crate) about: Vec<u8>,
    /// The link to a provider of identities by which it is opened; by a password without.
    pub(crate) link: Option<Uuid>,
}

/// Opens a session.
pub(crate) async fn open(
    database: &Database,
    new: NewSession,
    refresh: &Refresh,
) -> Result<(), DatabaseError> {
    let hash = refresh.hash.clone();
    let put = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        let mut all = own.begin().await?;
        sqlx::query(
            "insert into office.session (id, account_id, about, expires_at, identity_id)
             values ($1, $2, $3, now() + make_interval(secs => $4), $5)",
        )
        .bind(new.id)
        .bind(new.account)
        .bind(new.about)
        .bind(SESSION_TTL_S as f64)
        .bind(new.link)
        .execute(&mut *all)
        .await?;
        put_token(&mut all, new.id, &hash).await?;
        sqlx::query(
            "update office.session set revoked_at = now() where id in (
                 select id from office.session where account_id = $1 and revoked_at is null
                 order by used_at desc offset $2)",
        )
        .bind(new.account)
        .bind(SESSIONS_MAX)
        .execute(&mut *all)
        .await?;
        all.commit().await
    };
    database.run(put).await
}

async fn put_token(db: &mut PgConnection, session: Uuid, hash: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query("insert into office.refresh_token (hash, session_id) values ($1, $2)")
        .bind(hash)
        .bind(session)
        .execute(db)
        .await
        .map(drop)
}

/// The session that a refresh token belongs to, whether it works or not.
pub(crate) async fn of_token(
    database: &Database,
    token: &str,
) -> Result<Option<Uuid>, DatabaseError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Ok(None);
    }
    let hash = hash_of(token);
    database
        .run(|pool| async move {
            sqlx::query_scalar("select session_id from office.refresh_token where hash = $1")
                .bind(hash)
                .fetch_optional(&pool)
                .await
        })
        .await
}

/// Exchanges a refresh token for the next one.
pub(crate) async fn refresh(
    database: &Database,
    token: &str,
    next: &Refresh,
) -> Result<Refreshed, DatabaseError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Ok(Refreshed::Unknown);
    }
    let (old, new) = (hash_of(token), next.hash.clone());
    database.run(|pool| exchange(pool, old, new)).await
}

async fn exchange(pool: PgPool, old: Vec<u8>, new: Vec<u8>) -> Result<Refreshed, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // The row's lock lets only one of two requests with the same token see it unused.
    let found: Option<(Uuid, bool, bool)> = sqlx::query_as(
        "select session_id, used_at is not null,
             coalesce(used_at > now() - make_interval(secs => $2), false)
         from office.refresh_token where hash = $1 for update",
    )
    .bind(&old)
    .bind(GRACE_S)
    .fetch_optional(&mut *all)
    .await?;
    let Some((session, is_used, is_recent)) = found else { return Ok(Refreshed::Unknown) };
    let is_repeat = is_recent && is_unused(&mut all, session, &new).await?;
    if is_used && !is_repeat {
        sqlx::query(
            "update office.session set revoked_at = coalesce(revoked_at, now()) where id = $1",
        )
        .bind(session)
        .execute(&mut *all)
        .await?;
        all.commit().await?;
        return Ok(Refreshed::Stolen);
    }
    let text = format!(
        "update office.session s set used_at = now() from office.account a
         where s.id = $1 and a.id = s.account_id and {LIVE} returning {COLUMNS}"
    );
    let account: Option<AccountRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(session).fetch_optional(&mut *all).await?;
    let Some(account) = account else { return Ok(Refreshed::Unknown) };
    if !is_repeat {
        sqlx::query("update office.refresh_token set used_at = now() where hash = $1")
            .bind(&old)
            .execute(&mut *all)
            .await?;
        put_token(&mut all, session, &new).await?;
    }
    all.commit().await?;
    Ok(Refreshed::Live(Box::new(account), session))
}

/// Whether nobody used a token of a session yet. Its row stays locked, so that nobody does meanwhile.
async fn is_unused(db: &mut PgConnection, session: Uuid, hash: &[u8]) -> Result<bool, sqlx::Error> {
    let found: Option<bool> = sqlx::query_scalar(
        "select used_at is null from office.refresh_token
         where hash = $1 and session_id = $2 for update",
    )
    .bind(hash)
    .bind(session)
    .fetch_optional(db)
    .await?;
    Ok(found.unwrap_or(false))
}

/// Which sessions count. The interval is [`IDLE_TTL_S`].
const LIVE: &str = "s.revoked_at is null and s.expires_at > now()
    and s.used_at > now() - interval '14 days' and a.erased_at is null";

/// The account of a session, if the session still counts.
pub(crate) async fn account(
    database: &Database,
    session: Uuid,
) -> Result<Option<AccountRow>, DatabaseError> {
    let text = format!(
        "select {COLUMNS} from office.session s join office.account a on a.id = s.account_id
         where s.id = $1 and {LIVE}"
    );
    database
        .run(|pool| async move {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(session).fetch_optional(&pool).await
        })
        .await
}

/// An account's sessions, the last used first.
pub(crate) async fn list(
    database: &Database,
    account: Uuid,
) -> Result<Vec<SessionRow>, DatabaseError> {
    let text = format!(
        "select s.id, s.about, (extract(epoch from s.created_at) * 1000)::bigint as created_ms,
             (extract(epoch from s.used_at) * 1000)::bigint as used_ms,
             (extract(epoch from s.expires_at) * 1000)::bigint as expires_ms
         from office.session s join office.account a on a.id = s.account_id
         where s.account_id = $1 and {LIVE} order by s.used_at desc limit $2"
    );
    database
        .run(|pool| async move {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(account)
                .bind(SESSIONS_MAX)
                .fetch_all(&pool)
                .await
        })
        .await
}

/// Ends one session of an account, or all but one; how many ended.
pub(crate) async fn revoke(
    database: &Database,
    account: Uuid,
    which: Which,
) -> Result<u64, DatabaseError> {
    let (id, all_but) = match which {
        Which::One(id) => (id, false),
        Which::AllBut(id) => (id, true),
    };
    let done = database
        .run(|pool| async move {
            sqlx::query(
                "update office.session set revoked_at = now()
                 where account_id = $1 and (id = $2) <> $3 and revoked_at is null",
            )
            .bind(account)
            .bind(id)
            .bind(all_but)
            .execute(&pool)
            .await
        })
        .await?;
    Ok(done.rows_affected())
}

/// Which sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    One(Uuid),
    AllBut(Uuid),
}
