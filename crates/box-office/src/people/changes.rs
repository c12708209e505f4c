//! Changes of what identifies a person: each waits for a code of six digits that was sent to the new
//! value. A code works once, for ten minutes, and five guesses end it; a newer one ends the older.

use http_api::time::now_ms;
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::{FromRow, PgConnection};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::code_count;
use super::profile::Field;
use crate::sealing::ContactKey;

/// How long a code works, seconds (ASVS 6.5.5: ten minutes at most).
pub(crate) const CODE_TTL_S: u64 = 600;
/// Guesses at one code: 5 of 1,000,000.
const ATTEMPTS_MAX: i32 = 5;
/// Codes that one account may ask for in an hour.
const CODES_PER_HOUR: i64 = 10;

/// A change to be kept until its code comes.
pub(crate) struct NewChange {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) field: Field,
    /// The new value, sealed under the person's key.
    pub(crate) value: Vec<u8>,
    pub(crate) value_hash: Vec<u8>,
    pub(crate) code_hash: Vec<u8>,
    /// What the address that the code goes to is counted by.
    pub(crate) sent_to: Vec<u8>,
}

/// A change that waits.
#[derive(FromRow)]
pub(crate) struct Waiting {
    field: String,
    pub(crate) value: Vec<u8>,
    pub(crate) value_hash: Vec<u8>,
    code_hash: Vec<u8>,
    attempts: i32,
    is_live: bool,
}

/// What a code did.
pub(crate) enum Tried {
    /// It fits: the change may be made in the same transaction.
    Fits(Field, Waiting),
    /// It does not, or nothing waits for one.
    Wrong,
}

/// A code of six digits, every one as likely.
pub(crate) fn new_code() -> Result<String, ring::error::Unspecified> {
    // The rest of the division would make small codes likelier by one in four thousand.
    const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let mut bytes = [0; 4];
        SystemRandom::new().fill(&mut bytes)?;
        let number = u32::from_be_bytes(bytes);
        if number < FAIR {
            return Ok(format!("{:06}", number % 1_000_000));
        }
    }
}

/// What is kept of a code: bound to its change, so that it is good for nothing else.
pub(crate) fn code_hash(keys: &ContactKey, change: Uuid, code: &str) -> Vec<u8> {
    keys.index("code", &format!("{change}:{code}"))
}

/// Where a value is sealed to.
pub(crate) fn about_value(change: Uuid) -> String {
    format!("seatgrid change {change}")
}

/// Puts a change in the place of older ones of the same field; not when too many codes were asked for by
/// the account, or sent to the address. Whoever asks at the same moment waits for the account's row.
pub(crate) async fn ask(db: &mut PgConnection, new: &NewChange) -> Result<bool, sqlx::Error> {
    sqlx::query("select id from office.account where id = $1 for update")
        .bind(new.account)
        .execute(&mut *db)
        .await?;
    let lately: i64 = sqlx::query_scalar(
        "select count(*) from office.contact_change
         where account_id = $1 and made_at > now() - interval '1 hour'",
    )
    .bind(new.account)
    .fetch_one(&mut *db)
    .await?;
    if lately >= CODES_PER_HOUR || !code_count::take(db, &new.sent_to).await? {
        return Ok(false);
    }
    put(db, new).await.map(|()| true)
}

/// Puts a change in, whatever was asked for before.
pub(crate) async fn put(db: &mut PgConnection, new: &NewChange) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update office.contact_change set ended_at = now()
         where account_id = $1 and field = $2 and ended_at is null",
    )
    .bind(new.account)
    .bind(new.field.as_str())
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "insert into office.contact_change
             (id, account_id, field, value, value_hash, code_hash, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))",
    )
    .bind(new.id)
    .bind(new.account)
    .bind(new.field.as_str())
    .bind(&new.value)
    .bind(&new.value_hash)
    .bind(&new.code_hash)
    .bind(CODE_TTL_S as f64)
    .execute(db)
    .await
    .map(drop)
}

/// Tries a code, counting the guess before it is looked at. The change stays locked until the
/// transaction ends.
pub(crate) async fn attempt(
    db: &mut PgConnection,
    (account, change): (Uuid, Uuid),
    code_hash: &[u8],
) -> Result<Tried, sqlx::Error> {
    let found: Option<Waiting> = sqlx::query_as(
        "update office.contact_change set attempts = attempts + 1
         where id = $1 and account_id = $2
         returning field, value, value_hash, code_hash, attempts,
             ended_at is null and expires_at > now() as is_live",
    )
    .bind(change)
    .bind(account)
    .fetch_optional(&mut *db)
    .await?;
    let Some(waiting) = found else { return Ok(Tried::Wrong) };
    let fits = bool::from(waiting.code_hash.ct_eq(code_hash));
    let field = Field::parse(&waiting.field);
    match field {
        Some(field) if fits && waiting.is_live && waiting.attempts <= ATTEMPTS_MAX => {
            sqlx::query("update office.contact_change set ended_at = now() where id = $1")
                .bind(change)
                .execute(db)
                .await?;
            Ok(Tried::Fits(field, waiting))
        }
        _ => Ok(Tried::Wrong),
    }
}

/// When a code that is made now ends, milliseconds since 1970.
pub(crate) fn ends_ms() -> u64 {
    now_ms() + CODE_TTL_S * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits_and_belong_to_their_change() {
        let keys = ContactKey::new(&[3; 32]);
        let codes: std::collections::BTreeSet<_> =
            (0..50).map(|_| new_code().expect("random")).collect();
        assert!(codes.len() > 40, "{codes:?}");
        assert!(codes.iter().all(|c| c.len() == 6 && c.bytes().all(|b| b.is_ascii_digit())));
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        assert_ne!(code_hash(&keys, one, "123456"), code_hash(&keys, other, "123456"));
    }
}
