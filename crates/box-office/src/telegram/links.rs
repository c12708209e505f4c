//! Which chat is whose: codes that work once, chats sealed under the key of their person.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::language::Language;
use crate::sealing::{ContactKey, PersonKey};

/// How long a code works, seconds.
pub(crate) const CODE_TTL_S: u64 = 600;
/// Signs of a code: what a link to a bot may carry, without what looks alike.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Signs in a code: 100 bits, so that nobody guesses one.
const CODE_CHARS: usize = 20;

/// A code that nobody guesses.
pub(crate) fn new_code() -> Result<String, crate::sealing::SealError> {
    let seed = crate::sealing::random_seed()?;
    let sign = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    Ok(seed.iter().take(CODE_CHARS).map(sign).collect())
}

/// What is kept of a code.
pub(crate) fn code_hash(keys: &ContactKey, code: &str) -> Vec<u8> {
    keys.index("telegram code", code)
}

/// What is kept to find a chat's account by.
pub(super) fn chat_hash(keys: &ContactKey, chat: i64) -> Vec<u8> {
    keys.index("telegram chat", &chat.to_string())
}

fn about(account: Uuid) -> String {
    format!("seatgrid telegram chat {account}")
}

/// Puts a code in the place of older ones of the account.
pub(crate) async fn put_code(
    database: &Database,
    account: Uuid,
    hash: Vec<u8>,
) -> Result<(), DatabaseError> {
    let put = |pool: PgPool| async move {
        sqlx::query(
            "with older as (delete from office.telegram_code where account_id = $2)
             insert into office.telegram_code (code_hash, account_id, expires_at)
             values ($1, $2, now() + make_interval(secs => $3))",
        )
        .bind(hash)
        .bind(account)
        .bind(CODE_TTL_S as f64)
        .execute(&pool)
        .await
    };
    database.run(put).await.map(drop)
}

/// Since when the account has a chat, milliseconds since 1970.
pub(crate) async fn linked_ms(
    database: &Database,
    account: Uuid,
) -> Result<Option<i64>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_scalar(
                "select (extract(epoch from linked_at) * 1000)::bigint
                 from office.telegram_chat where account_id = $1",
            )
            .bind(account)
            .fetch_optional(&pool)
            .await
        })
        .await
}

/// The account's chat, opened; `None` when there is none.
pub(crate) async fn chat_of(
    db: &mut PgConnection,
    account: Uuid,
    key: &PersonKey,
) -> Result<Option<i64>, sqlx::Error> {
    let sealed: Option<Vec<u8>> =
        sqlx::query_scalar("select chat from office.telegram_chat where account_id = $1")
            .bind(account)
            .fetch_optional(db)
            .await?;
    let plain = sealed.and_then(|sealed| key.open_about(&about(account), &sealed).ok());
    Ok(plain.and_then(|plain| String::from_utf8(plain).ok()?.parse().ok()))
}

/// Binds a chat to the account whose code was said; its language, or `None` when there is no such code.
/// The code is used up.
pub(super) async fn link(
    db: &mut PgConnection,
    keys: &ContactKey,
    (chat, code): (i64, &str),
) -> Result<Option<Option<Language>>, sqlx::Error> {
    let account: Option<Uuid> = sqlx::query_scalar(
        "delete from office.telegram_code where code_hash = $1 and expires_at > now()
         returning account_id",
    )
    .bind(code_hash(keys, code))
    .fetch_optional(&mut *db)
    .await?;
    let Some(account) = account else { return Ok(None) };
    let found: Option<(Option<Vec<u8>>, Option<String>)> =
        sqlx::query_as("select person_key, language from office.account where id = $1")
            .bind(account)
            .fetch_optional(&mut *db)
            .await?;
    let Some((Some(wrapped), language)) = found else { return Ok(None) };
    let key = keys.person(account, &wrapped).ok();
    let sealed =
        key.and_then(|key| key.seal_about(&about(account), chat.to_string().as_bytes()).ok());
    let Some(sealed) = sealed else { return Ok(None) };
    sqlx::query(
        "insert into office.telegram_chat (account_id, chat, chat_hash) values ($1, $2, $3)
         on conflict (account_id) do update set chat = excluded.chat,
             chat_hash = excluded.chat_hash, linked_at = now()",
    )
    .bind(account)
    .bind(sealed)
    .bind(chat_hash(keys, chat))
    .execute(db)
    .await?;
    Ok(Some(language.as_deref().and_then(Language::parse)))
}

/// Lets the account's chat go; whether there was one.
pub(crate) async fn unlink(db: &mut PgConnection, account: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("delete from office.telegram_chat where account_id = $1")
        .bind(account)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets a chat go wherever it is bound; whether it was.
pub(super) async fn stop(
    db: &mut PgConnection,
    keys: &ContactKey,
    chat: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("delete from office.telegram_chat where chat_hash = $1")
        .bind(chat_hash(keys, chat))
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fit_a_link_and_are_all_different() {
        let codes: std::collections::BTreeSet<_> =
            (0..50).map(|_| new_code().expect("random")).collect();
        assert_eq!(codes.len(), 50);
        assert!(
            codes.iter().all(|c| c.len() == CODE_CHARS && c.bytes().all(|b| ALPHABET.contains(&b)))
        );
    }
}
