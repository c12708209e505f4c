//! Whose account an identity of a provider is.
//!
//! Once linked, the provider's own name of the person decides, whatever address it says later. A new
//! identity waits until its owner signs in here by the password, in the same browser; and it is linked only
//! where both sides have verified the same address. So nobody takes an account over by claiming an address,
//! neither here nor at a provider, nor by one that was theirs once and is another's now.

use serde::{Deserialize, Serialize};
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use uuid::Uuid;

use super::oidc::token::Identity;
use super::profile::Field;
use super::store::{AccountRow, COLUMNS, note_access};
use crate::contact;
use crate::database::{Database, DatabaseError, own_connection};
use crate::messages::{self, Outgoing};
use crate::sealing::ContactKey;

/// Links of one account that are shown; nobody has more of them than there are providers, and some.
const LINKS_MAX: i64 = 100;

/// What came of looking.
pub(crate) enum Found {
    /// It was linked before, by this link.
    Known(Box<AccountRow>, Uuid),
    /// It may be linked to this account, whose address is the same, by who signs in to it.
    Same(Box<AccountRow>),
    /// It is nobody's.
    Nobody,
}

/// A link, as its owner sees it.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct LinkRow {
    pub(crate) id: Uuid,
    pub(crate) provider: String,
    pub(crate) linked_ms: i64,
    pub(crate) used_ms: i64,
}

/// What came of taking a link back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlinked {
    Done,
    /// The account has no such link.
    Unknown,
    /// It is the only way into an account without a password.
    OnlyWay,
}

/// An identity as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    provider: String,
    subject_hash: Vec<u8>,
    email_hash: Option<Vec<u8>>,
}

impl Kept {
    /// The digests of an identity at that provider.
    pub(crate) fn of(keys: &ContactKey, provider: &str, identity: &Identity) -> Self {
        let email = identity.verified_email.as_deref().and_then(|email| contact::email(email).ok());
        Self {
            provider: provider.to_owned(),
            subject_hash: keys.index("social", &format!("{provider}:{}", identity.subject)),
            email_hash: email.map(|email| Field::Email.index(keys, &email)),
        }
    }

    /// Whether the provider has verified an address, without which it is never linked.
    pub(crate) fn has_address(&self) -> bool {
        self.email_hash.is_some()
    }

    /// The provider's name.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }
}

/// Looks whose an identity is.
pub(crate) async fn find(database: &Database, kept: Kept) -> Result<Found, DatabaseError> {
    database.run(|pool| found(pool, kept)).await
}

async fn found(pool: PgPool, kept: Kept) -> Result<Found, sqlx::Error> {
    let text = format!(
        "select {COLUMNS} from office.social_identity s join office.account a on a.id = s.account_id
         where s.provider = $1 and s.subject_hash = $2 and a.erased_at is null"
    );
    let known: Option<AccountRow> = sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(&kept.provider)
        .bind(&kept.subject_hash)
        .fetch_optional(&pool)
        .await?;
    if let Some(account) = known {
        let link = used(&pool, &kept).await?;
        return Ok(link.map_or(Found::Nobody, |link| Found::Known(Box::new(account), link)));
    }
    let Some(email_hash) = kept.email_hash else { return Ok(Found::Nobody) };
    let text = format!(
        "select {COLUMNS} from office.account a
         where email_hash = $1 and email_verified_at is not null and erased_at is null"
    );
    let same: Option<AccountRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(email_hash).fetch_optional(&pool).await?;
    Ok(same.map_or(Found::Nobody, |account| Found::Same(Box::new(account))))
}

/// Links an identity to an account, and puts word of it to its owner out; the address must still be
/// the account's and verified. False when it is somebody's by now, or the address is not.
pub(crate) async fn link(
    database: &Database,
    kept: Kept,
    account: Uuid,
    told: Outgoing,
) -> Result<bool, DatabaseError> {
    let put = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        let mut all = own.begin().await?;
        let done = sqlx::query(
            "insert into office.social_identity (provider, subject_hash, account_id)
             select $1, $2, id from office.account where id = $3 and email_hash = $4
                 and email_verified_at is not null and erased_at is null
             on conflict do nothing",
        )
        .bind(&kept.provider)
        .bind(&kept.subject_hash)
        .bind(account)
        .bind(&kept.email_hash)
        .execute(&mut *all)
        .await?;
        if done.rows_affected() == 1 {
            note_access(&mut *all, account, &account.to_string(), "identity linked").await?;
            messages::put(&mut all, &told).await?;
        }
        all.commit().await?;
        Ok(done.rows_affected() == 1)
    };
    database.run(put).await
}

/// The links of an account, the oldest first.
pub(crate) async fn links(
    database: &Database,
    account: Uuid,
) -> Result<Vec<LinkRow>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "select id, provider, (extract(epoch from linked_at) * 1000)::bigint as linked_ms,
                     (extract(epoch from used_at) * 1000)::bigint as used_ms
                 from office.social_identity where account_id = $1 order by linked_at, id limit $2",
            )
            .bind(account)
            .bind(LINKS_MAX)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Takes a link back: its sessions end, its owner is told and it is noted.
pub(crate) async fn unlink(
    database: &Database,
    (account, link): (Uuid, Uuid),
    told: Outgoing,
) -> Result<Unlinked, DatabaseError> {
    database.run(|pool| take_back(pool, (account, link), told)).await
}

async fn take_back(
    pool: PgPool,
    (account, link): (Uuid, Uuid),
    told: Outgoing,
) -> Result<Unlinked, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // The account's row is locked, so that of two last links one stays.
    let has_password: Option<bool> = sqlx::query_scalar(
        "select password_hash is not null from office.account where id = $1 for update",
    )
    .bind(account)
    .fetch_optional(&mut *all)
    .await?;
    let ids: Vec<Uuid> =
        sqlx::query_scalar("select id from office.social_identity where account_id = $1")
            .bind(account)
            .fetch_all(&mut *all)
            .await?;
    if !ids.contains(&link) {
        return Ok(Unlinked::Unknown);
    }
    if has_password != Some(true) && ids.len() == 1 {
        return Ok(Unlinked::OnlyWay);
    }
    let_go(&mut all, (account, &[link]), None).await?;
    note_access(&mut *all, account, &account.to_string(), "identity taken back").await?;
    messages::put(&mut all, &told).await?;
    all.commit().await?;
    Ok(Unlinked::Done)
}

/// Deletes links with the sessions that were opened by them, but for one that is spared.
async fn let_go(
    db: &mut PgConnection,
    (account, links): (Uuid, &[Uuid]),
    spared: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update office.session set revoked_at = now()
         where account_id = $1 and identity_id = any($2) and revoked_at is null
           and id is distinct from $3",
    )
    .bind(account)
    .bind(links)
    .bind(spared)
    .execute(&mut *db)
    .await?;
    sqlx::query("delete from office.social_identity where account_id = $1 and id = any($2)")
        .bind(account)
        .bind(links)
        .execute(db)
        .await
        .map(drop)
}

/// Lets all identities of an account go with their sessions: whoever linked them may be whom its owner
/// shuts out. Whoever asks for it in a session of theirs stays in that.
pub(crate) async fn unlink_all(
    db: &mut PgConnection,
    account: Uuid,
    own: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    let all: Vec<Uuid> =
        sqlx::query_scalar("select id from office.social_identity where account_id = $1")
            .bind(account)
            .fetch_all(&mut *db)
            .await?;
    let_go(db, (account, &all), own).await
}

/// Notes that an identity was used; its link.
async fn used(pool: &PgPool, kept: &Kept) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "update office.social_identity set used_at = now()
         where provider = $1 and subject_hash = $2 returning id",
    )
    .bind(&kept.provider)
    .bind(&kept.subject_hash)
    .fetch_optional(pool)
    .await
}
