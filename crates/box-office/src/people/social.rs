//! Whose account an identity of a provider is.
//!
//! Once linked, the provider's own name of the person decides, whatever address it says later. A new
//! identity is linked only where both sides have verified the same address: the provider says so in
//! its token, and our account has shown it by a code. So nobody takes an account over by claiming an
//! address, neither at a provider nor here.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::oidc::token::Identity;
use super::profile::Field;
use super::store::{AccountRow, COLUMNS};
use crate::contact;
use crate::database::{Database, DatabaseError, own_connection};
use crate::messages::{self, Outgoing};
use crate::sealing::ContactKey;

/// What came of looking.
pub(crate) enum Found {
    /// It was linked before.
    Known(Box<AccountRow>),
    /// It may be linked to this account, whose address is the same.
    Same(Box<AccountRow>),
    /// It is nobody's.
    Nobody,
}

/// An identity as it is kept.
#[derive(Clone)]
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
        return Ok(Found::Known(Box::new(account)));
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
    use sqlx::Connection;
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
            messages::put(&mut all, &told).await?;
        }
        all.commit().await?;
        Ok(done.rows_affected() == 1)
    };
    database.run(put).await
}

/// Lets all identities of an account go: whoever linked them may be whom its owner shuts out.
pub(crate) async fn unlink_all(db: &mut PgConnection, account: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from office.social_identity where account_id = $1")
        .bind(account)
        .execute(db)
        .await
        .map(drop)
}

/// Notes that an identity was used.
pub(crate) async fn used(database: &Database, kept: Kept) -> Result<(), DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query(
                "update office.social_identity set used_at = now()
                 where provider = $1 and subject_hash = $2",
            )
            .bind(kept.provider)
            .bind(kept.subject_hash)
            .execute(&pool)
            .await
        })
        .await
        .map(drop)
}
