//! Erasure and export. Erasing destroys the person's key and everything that finds the person; what
//! was sealed by the key stays where it lies (grid, tables, copies) and opens for nobody. Orders,
//! consents and the audit stay under the opaque id: the sale happened.

use sqlx::{Connection, FromRow, PgPool};
use uuid::Uuid;

use crate::database::{Database, DatabaseError, own_connection};

/// Rows of one kind in an export.
const ROWS_MAX: i64 = 10_000;

/// A consent, as told.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct ConsentRow {
    pub(crate) kind: String,
    pub(crate) version: String,
    pub(crate) given_ms: i64,
    pub(crate) withdrawn_ms: Option<i64>,
}

/// That personal data was opened, as told.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct AccessRow {
    pub(crate) actor: String,
    pub(crate) purpose: String,
    pub(crate) at_ms: i64,
}

/// Consents of a person, the oldest first.
pub(crate) async fn consents(
    database: &Database,
    account: Uuid,
) -> Result<Vec<ConsentRow>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "select kind, version, (extract(epoch from given_at) * 1000)::bigint as given_ms,
                     (extract(epoch from withdrawn_at) * 1000)::bigint as withdrawn_ms
                 from office.consent where account_id = $1 order by given_at, kind limit $2",
            )
            .bind(account)
            .bind(ROWS_MAX)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// When and by whom a person's data was opened, the oldest first.
pub(crate) async fn accesses(
    database: &Database,
    account: Uuid,
) -> Result<Vec<AccessRow>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "select actor, purpose, (extract(epoch from at) * 1000)::bigint as at_ms
                 from office.data_access where account_id = $1 order by id limit $2",
            )
            .bind(account)
            .bind(ROWS_MAX)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Erases a person. Doing so again changes nothing.
pub(crate) async fn erase(database: &Database, account: Uuid) -> Result<(), DatabaseError> {
    database.run(|pool| all_of(pool, account)).await
}

async fn all_of(pool: PgPool, account: Uuid) -> Result<(), sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    for text in [
        "update office.account set person_key = null, profile = null, password_hash = null,
             login = null, login_hash = null, email_hash = null, phone_hash = null,
             email_verified_at = null, phone_verified_at = null, totp = null, totp_since = null,
             language = null, role = 'user', revision = revision + 1,
             erased_at = coalesce(erased_at, now())
         where id = $1",
        "delete from office.session where account_id = $1",
        "delete from office.contact_change where account_id = $1",
        "delete from office.social_identity where account_id = $1",
        "delete from office.order_claim where account_id = $1",
        "delete from office.notice_choice where account_id = $1",
        "delete from office.telegram_chat where account_id = $1",
        "delete from office.telegram_code where account_id = $1",
        "delete from office.push_subscription where account_id = $1",
        "update office.message set status = 'dead', sealed = '', error = 'erased',
             ended_at = coalesce(ended_at, now()) where account_id = $1 and status = 'waiting'",
        "update office.consent set withdrawn_at = now()
         where account_id = $1 and withdrawn_at is null",
        "insert into office.data_access (account_id, actor, purpose)
         values ($1, $1::uuid::text, 'erasure')",
    ] {
        sqlx::query(text).bind(account).execute(&mut *all).await?;
    }
    all.commit().await
}
