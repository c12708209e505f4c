//! How many codes an address was sent: counted before one is sent, in the transaction that sends it, by a
//! digest of the address. So nobody floods a stranger's mailbox or pays for text messages from many
//! accounts, and of requests that arrive together only as many pass as may.

use sqlx::PgConnection;

use crate::sealing::ContactKey;

/// Codes, or other letters of the purpose, that one address is sent in an hour.
const PER_HOUR: i32 = 10;

/// What a code is for. Each is counted by itself: what strangers can have sent must not use up what an
/// address's owner needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Anybody may register with any address.
    Register,
    /// Somebody who is signed in wants it as theirs.
    Change,
    /// Anybody may ask for it, and the account has a limit besides.
    Reset,
}

impl Purpose {
    const fn about(self) -> &'static str {
        match self {
            Self::Register => "codes to register to",
            Self::Change => "codes to change to",
            Self::Reset => "codes to reset to",
        }
    }
}

/// What an address or number is counted by; capitals do not count.
pub(crate) fn key(keys: &ContactKey, purpose: Purpose, to: &str) -> Vec<u8> {
    keys.index(purpose.about(), &to.to_lowercase())
}

/// Counts one more code to an address; false when it had as many as it may, and then none is to be sent.
/// The count stays locked until the transaction ends.
pub(crate) async fn take(db: &mut PgConnection, key: &[u8]) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into office.code_count as c (key, codes) values ($1, 1)
         on conflict (key) do update set
             codes = case when c.since < now() - interval '1 hour' then 1 else c.codes + 1 end,
             since = case when c.since < now() - interval '1 hour' then now() else c.since end
         where c.codes < $2 or c.since < now() - interval '1 hour'",
    )
    .bind(key)
    .bind(PER_HOUR)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
