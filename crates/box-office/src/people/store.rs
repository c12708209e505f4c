//! The rows of accounts. What is personal arrives here sealed or as a digest.

use http_api::access::Role;
use sqlx::{Connection, FromRow, PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::form::ConsentForm;
use super::profile::{Field, Profile};
use crate::database::{Database, DatabaseError, own_connection};
use crate::language::Language;
use crate::messages::{self, Outgoing};
use crate::sealing::{ContactKey, PersonKey, SealError};

/// Accounts that one address or number may mean: whose it was shown to be, and who claimed it last.
pub(crate) const CANDIDATES_MAX: usize = 2;

/// An account as it is read.
#[derive(Clone, FromRow)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    role: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) person_key: Option<Vec<u8>>,
    profile: Option<Vec<u8>>,
    pub(crate) email_verified: bool,
    pub(crate) phone_verified: bool,
    /// The secret of the second factor, sealed; it counts once `totp_on`.
    pub(crate) totp: Option<Vec<u8>>,
    pub(crate) totp_on: bool,
    pub(crate) totp_step: i64,
    pub(crate) created_ms: i64,
    pub(crate) revision: i64,
    language: Option<String>,
}

/// The columns of an [`AccountRow`].
pub(crate) const COLUMNS: &str = "a.id, a.role, a.password_hash, a.person_key, a.profile, a.totp,
    a.email_verified_at is not null as email_verified,
    a.phone_verified_at is not null as phone_verified,
    a.totp_since is not null as totp_on, a.totp_step, a.revision, a.language,
    (extract(epoch from a.created_at) * 1000)::bigint as created_ms";

impl AccountRow {
    pub(crate) fn role(&self) -> Role {
        // The table checks the word.
        Role::parse(&self.role).unwrap_or(Role::User)
    }

    /// The language that the person reads; nobody has said for `None`.
    pub(crate) fn language(&self) -> Option<Language> {
        self.language.as_deref().and_then(Language::parse)
    }

    /// Whether the person has shown that the value is theirs. A login is.
    pub(crate) fn has_shown(&self, field: Field) -> bool {
        match field {
            Field::Login => true,
            Field::Email => self.email_verified,
            Field::Phone => self.phone_verified,
        }
    }

    /// The person's key and data.
    pub(crate) fn open(&self, keys: &ContactKey) -> Result<(PersonKey, Profile), SealError> {
        let wrapped = self.person_key.as_deref().ok_or(SealError::Open)?;
        let sealed = self.profile.as_deref().ok_or(SealError::Open)?;
        let key = keys.person(self.id, wrapped)?;
        let profile = Profile::open(&key, self.id, sealed)?;
        Ok((key, profile))
    }
}

/// Somebody to be put in.
pub(crate) struct NewAccount {
    pub(crate) id: Uuid,
    pub(crate) password_hash: String,
    pub(crate) role: Role,
    pub(crate) person_key: Vec<u8>,
    pub(crate) profile: Vec<u8>,
    pub(crate) login_hash: Vec<u8>,
    pub(crate) email_hash: Vec<u8>,
    pub(crate) phone_hash: Vec<u8>,
    pub(crate) consents: Vec<ConsentForm>,
    pub(crate) language: Option<Language>,
}

/// What a registration writes: the account with its first code, or word to whose address it is.
pub(crate) struct Registration {
    pub(crate) account: NewAccount,
    pub(crate) change: super::changes::NewChange,
    /// Sent when it is put in.
    pub(crate) code: Outgoing,
    /// Sent when the login is somebody's, or the address was shown to be somebody's.
    pub(crate) taken: Outgoing,
}

/// Puts an account in, unless its login is somebody's; whether it is new, and its address nobody's. One
/// message goes to the address, unless it had enough of them, and nobody else learns which it was.
pub(crate) async fn register(
    database: &Database,
    new: Registration,
) -> Result<bool, DatabaseError> {
    database.run(|pool| put(pool, new)).await
}

async fn put(pool: PgPool, new: Registration) -> Result<bool, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    let is_put = insert(&mut all, &new.account).await?;
    if is_put {
        // Where the address is somebody's its code is sent to nobody.
        super::changes::put(&mut all, &new.change).await?;
    }
    let is_new = is_put && !is_shown(&mut all, &new.account.email_hash).await?;
    if super::code_count::take(&mut all, &new.change.sent_to).await? {
        let letter = if is_new { &new.code } else { &new.taken };
        messages::put(&mut all, letter).await?;
    }
    all.commit().await?;
    Ok(is_new)
}

/// Whether somebody has shown that the address is theirs.
async fn is_shown(db: &mut PgConnection, email_hash: &[u8]) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select from office.account
             where email_hash = $1 and email_verified_at is not null)",
    )
    .bind(email_hash)
    .fetch_one(db)
    .await
}

async fn insert(db: &mut PgConnection, new: &NewAccount) -> Result<bool, sqlx::Error> {
    let put = sqlx::query(
        "insert into office.account (id, password_hash, role, person_key, profile, login_hash,
             email_hash, phone_hash, language)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (login_hash) do nothing",
    )
    .bind(new.id)
    .bind(&new.password_hash)
    .bind(new.role.as_str())
    .bind(&new.person_key)
    .bind(&new.profile)
    .bind(&new.login_hash)
    .bind(&new.email_hash)
    .bind(&new.phone_hash)
    .bind(new.language.map(Language::as_str))
    .execute(&mut *db)
    .await?;
    if put.rows_affected() == 0 {
        return Ok(false);
    }
    for consent in &new.consents {
        consent_to(db, new.id, &consent.kind, consent.version.trim()).await?;
    }
    Ok(true)
}

/// Records a consent.
pub(crate) async fn consent_to(
    db: &mut PgConnection,
    account: Uuid,
    kind: &str,
    version: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into office.consent (account_id, kind, version) values ($1, $2, $3)")
        .bind(account)
        .bind(kind)
        .bind(version)
        .execute(db)
        .await
        .map(drop)
}

/// Whom an identifier may mean: who claimed it last, then the one who has shown that it is theirs. So
/// nothing tells whoever claims another's address that it is another's.
pub(crate) async fn candidates(
    database: &Database,
    field: Field,
    hash: Vec<u8>,
) -> Result<Vec<AccountRow>, DatabaseError> {
    let (column, verified) = columns(field);
    let text = format!(
        "select {COLUMNS} from office.account a where {column} = $1 and erased_at is null
         and ({verified} or a.id = (select a.id from office.account a
             where {column} = $1 and not ({verified}) order by a.created_at desc, a.id desc limit 1))"
    );
    let mut found: Vec<AccountRow> = database
        .run(|pool| async move {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(hash).fetch_all(&pool).await
        })
        .await?;
    found.sort_by_key(|row| row.has_shown(field));
    found.truncate(CANDIDATES_MAX);
    Ok(found)
}

/// Whose an identifier is: the one who has shown so, or else the only one who claims it.
pub(crate) async fn owner(
    database: &Database,
    field: Field,
    hash: Vec<u8>,
) -> Result<Option<AccountRow>, DatabaseError> {
    let (column, verified) = columns(field);
    let text = format!(
        "select {COLUMNS} from office.account a where {column} = $1 and erased_at is null
         and ({verified} or not exists (select from office.account b
             where b.{column} = $1 and b.id <> a.id))"
    );
    database
        .run(|pool| async move {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(hash).fetch_optional(&pool).await
        })
        .await
}

/// Where a value's digest is, and what says that its owner has shown it.
fn columns(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Login => ("login_hash", "true"),
        Field::Email => ("email_hash", "a.email_verified_at is not null"),
        Field::Phone => ("phone_hash", "a.phone_verified_at is not null"),
    }
}

/// Notes that a step of the second factor was used; false when it was before.
pub(crate) async fn use_step(
    database: &Database,
    account: Uuid,
    step: i64,
) -> Result<bool, DatabaseError> {
    let done = database
        .run(|pool| async move {
            sqlx::query("update office.account set totp_step = $2 where id = $1 and totp_step < $2")
                .bind(account)
                .bind(step)
                .execute(&pool)
                .await
        })
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts another profile in the place of the one that was read; false when it has changed meanwhile.
pub(crate) async fn put_profile(
    database: &Database,
    (account, revision): (Uuid, i64),
    profile: Vec<u8>,
) -> Result<bool, DatabaseError> {
    let done = database
        .run(|pool| async move {
            sqlx::query(
                "update office.account set profile = $3, revision = revision + 1
                 where id = $1 and revision = $2 and erased_at is null",
            )
            .bind(account)
            .bind(revision)
            .bind(profile)
            .execute(&pool)
            .await
        })
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that somebody takes what is kept about them.
pub(crate) async fn note_export(database: &Database, account: Uuid) -> Result<(), DatabaseError> {
    database
        .run(
            |pool| async move { note_access(&pool, account, &account.to_string(), "export").await },
        )
        .await
}

/// Notes that somebody's personal data was opened, by whom and what for.
pub(crate) async fn note_access(
    db: impl PgExecutor<'_>,
    account: Uuid,
    actor: &str,
    purpose: &'static str,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into office.data_access (account_id, actor, purpose) values ($1, $2, $3)")
        .bind(account)
        .bind(actor)
        .bind(purpose)
        .execute(db)
        .await
        .map(drop)
}

/// Puts the sealed secret of a second factor in, and whether it counts.
pub(crate) async fn put_totp(
    database: &Database,
    account: Uuid,
    (sealed, is_on): (Option<Vec<u8>>, bool),
) -> Result<(), DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query(
                "update office.account set totp = $2,
                     totp_since = case when $3 then now() end where id = $1",
            )
            .bind(account)
            .bind(sealed)
            .bind(is_on)
            .execute(&pool)
            .await
        })
        .await
        .map(drop)
}

/// Gives an account another role; false when there is no such account.
pub(crate) async fn put_role(
    database: &Database,
    account: Uuid,
    role: Role,
) -> Result<bool, DatabaseError> {
    let done = database
        .run(|pool| async move {
            sqlx::query(
                "update office.account set role = $2, revision = revision + 1
                 where id = $1 and erased_at is null",
            )
            .bind(account)
            .bind(role.as_str())
            .execute(&pool)
            .await
        })
        .await?;
    Ok(done.rows_affected() == 1)
}
