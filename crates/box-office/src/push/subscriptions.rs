//! Browsers that take push messages for an account: address and keys, sealed under the person's key.

use serde::{Deserialize, Serialize};
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use uuid::Uuid;

use crate::database::{Database, DatabaseError, own_connection};
use crate::sealing::{ContactKey, PersonKey, SealError};

/// Browsers of one account; a newer one takes the place of the oldest.
const PER_ACCOUNT_MAX: i64 = 10;

/// A browser's address and keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) endpoint: String,
    /// The browser's point, uncompressed, 65 bytes.
    pub(crate) p256dh: Vec<u8>,
    /// What the browser adds to the keys, 16 bytes.
    pub(crate) auth: Vec<u8>,
}

/// A subscription as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Listed {
    pub(crate) id: Uuid,
    pub(crate) made_ms: i64,
}

/// A subscription to be put in.
pub(crate) struct NewSubscription {
    endpoint_hash: Vec<u8>,
    sealed: Vec<u8>,
}

impl NewSubscription {
    pub(crate) fn new(
        keys: &ContactKey,
        (account, key): (Uuid, &PersonKey),
        subscription: &Subscription,
    ) -> Result<Self, SealError> {
        let plain = serde_json::to_vec(subscription).expect("plain text and bytes");
        Ok(Self {
            endpoint_hash: keys.index("push endpoint", &subscription.endpoint),
            sealed: key.seal_about(&about(account), &plain)?,
        })
    }
}

fn about(account: Uuid) -> String {
    format!("seatgrid push subscription {account}")
}

/// The account's browsers, the newest first.
pub(crate) async fn list(database: &Database, account: Uuid) -> Result<Vec<Listed>, DatabaseError> {
    database
        .run(|pool| async move {
            let mut db = pool.acquire().await?;
            list_in(&mut db, account).await
        })
        .await
}

/// The same within a transaction.
pub(crate) async fn list_in(
    db: &mut PgConnection,
    account: Uuid,
) -> Result<Vec<Listed>, sqlx::Error> {
    sqlx::query_as(
        "select id, (extract(epoch from made_at) * 1000)::bigint as made_ms
         from office.push_subscription where account_id = $1 order by made_at desc limit $2",
    )
    .bind(account)
    .bind(PER_ACCOUNT_MAX)
    .fetch_all(db)
    .await
}

/// Puts a browser in; one that is there already keeps its id and gets new keys.
pub(crate) async fn put(
    database: &Database,
    account: Uuid,
    new: NewSubscription,
) -> Result<Listed, DatabaseError> {
    database.run(|pool| put_in(pool, account, new)).await
}

async fn put_in(pool: PgPool, account: Uuid, new: NewSubscription) -> Result<Listed, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // A browser tells one person's notices: whoever subscribed it last.
    sqlx::query(
        "delete from office.push_subscription where endpoint_hash = $1 and account_id <> $2",
    )
    .bind(&new.endpoint_hash)
    .bind(account)
    .execute(&mut *all)
    .await?;
    let put = sqlx::query_as(
        "insert into office.push_subscription (id, account_id, endpoint_hash, sealed)
         values ($1, $2, $3, $4)
         on conflict (account_id, endpoint_hash) do update set sealed = excluded.sealed
         returning id, (extract(epoch from made_at) * 1000)::bigint as made_ms",
    );
    let put = put.bind(Uuid::now_v7()).bind(account).bind(new.endpoint_hash).bind(new.sealed);
    let listed = put.fetch_one(&mut *all).await?;
    sqlx::query(
        "delete from office.push_subscription where account_id = $1 and id not in (
             select id from office.push_subscription where account_id = $1
             order by made_at desc limit $2)",
    )
    .bind(account)
    .bind(PER_ACCOUNT_MAX)
    .execute(&mut *all)
    .await?;
    all.commit().await?;
    Ok(listed)
}

/// Lets a browser go; whether it was there.
pub(crate) async fn remove(
    database: &Database,
    account: Uuid,
    id: Uuid,
) -> Result<bool, DatabaseError> {
    let remove = |pool: PgPool| async move {
        sqlx::query("delete from office.push_subscription where account_id = $1 and id = $2")
            .bind(account)
            .bind(id)
            .execute(&pool)
            .await
    };
    Ok(database.run(remove).await?.rows_affected() > 0)
}

/// A browser's address and keys; `None` when it was let go or its person erased.
pub(super) async fn read(
    database: &Database,
    keys: &ContactKey,
    (account, id): (Uuid, &str),
) -> Result<Option<Subscription>, DatabaseError> {
    let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
    let read = |pool: PgPool| async move {
        sqlx::query_as(
            "select a.person_key, s.sealed
             from office.push_subscription s join office.account a on a.id = s.account_id
             where s.id = $1 and s.account_id = $2 and a.person_key is not null",
        )
        .bind(id)
        .bind(account)
        .fetch_optional(&pool)
        .await
    };
    let found: Option<(Vec<u8>, Vec<u8>)> = database.run(read).await?;
    Ok(found.and_then(|(wrapped, sealed)| {
        let key = keys.person(account, &wrapped).ok()?;
        let plain = key.open_about(&about(account), &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }))
}

/// Lets a browser go that is there no more; whether the account has none left. Two that go at once are
/// one after the other, so that one of them is the last.
pub(super) async fn forget(
    db: &mut PgConnection,
    account: Uuid,
    id: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query("select from office.account where id = $1 for update")
        .bind(account)
        .execute(&mut *db)
        .await?;
    if let Ok(id) = Uuid::try_parse(id) {
        sqlx::query("delete from office.push_subscription where account_id = $1 and id = $2")
            .bind(account)
            .bind(id)
            .execute(&mut *db)
            .await?;
    }
    Ok(list_in(db, account).await?.is_empty())
}
