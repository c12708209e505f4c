//! Messages to people on their way, by mail, push or Telegram: put into a table in the transaction that
//! made them due, taken from there by the worker, tried again with growing pauses, emptied once they have
//! ended.
//!
//! A message is sealed while it waits: it holds an address and often a code.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use crate::backoff::doubling;
use crate::database::{Database, DatabaseError};
use crate::people::choices::Channel;
use crate::sealing::{ContactKey, SealError};

/// What a sealed message is bound to.
const ABOUT: &str = "seatgrid message";
/// How long a taken message is left to whoever took it, seconds.
const TAKEN_S: f64 = 60.0;
/// Attempts before a message is given up: with the pauses between them some two days.
const ATTEMPTS_MAX: i32 = 20;
/// Attempts of a message that became a letter by mail are counted from here, so that it has as many as any
/// other and whoever had it before cannot end it.
const REDIRECTED: i32 = 1_000;
/// The first pause after a failure; doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(4 * 60 * 60);

/// What is sent, and where to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// An e-mail address, or a phone number as `+` and digits; by other ways a chat or a subscription.
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// What is sealed of a message.
#[derive(Serialize, Deserialize)]
pub(crate) struct Parcel {
    #[serde(flatten)]
    pub(crate) letter: Letter,
    /// What goes by mail in its place when its receiver is there no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instead: Option<Letter>,
}

/// A message to be put in.
pub(crate) struct Outgoing {
    /// Whose it is, so that it goes when they go.
    pub(crate) account: Option<Uuid>,
    /// What it is about, for operators: `code`, `notice` ...
    pub(crate) kind: &'static str,
    channel: Channel,
    sealed: Vec<u8>,
}

impl Outgoing {
    /// By mail.
    pub(crate) fn new(
        keys: &ContactKey,
        account: Option<Uuid>,
        kind: &'static str,
        letter: &Letter,
    ) -> Result<Self, SealError> {
        let parcel = Parcel { letter: letter.clone(), instead: None };
        Self::by(keys, account, (Channel::Email, kind), &parcel)
    }

    /// By any way.
    pub(crate) fn by(
        keys: &ContactKey,
        account: Option<Uuid>,
        (channel, kind): (Channel, &'static str),
        parcel: &Parcel,
    ) -> Result<Self, SealError> {
        Ok(Self { account, kind, channel, sealed: seal(keys, parcel)? })
    }
}

fn seal(keys: &ContactKey, parcel: &Parcel) -> Result<Vec<u8>, SealError> {
    let plain = serde_json::to_vec(parcel).expect("letters are plain strings");
    keys.seal_about(ABOUT, &plain)
}

/// A message that was taken to be sent.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Taken {
    pub(crate) id: i64,
    /// Whose it is.
    pub(crate) account_id: Option<Uuid>,
    pub(crate) kind: String,
    sealed: Vec<u8>,
    attempts: i32,
}

impl Taken {
    pub(crate) fn open(&self, keys: &ContactKey) -> Result<Parcel, SealError> {
        let plain = keys.open_about(ABOUT, &self.sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Open)
    }

    /// Attempts by the way that it goes now.
    fn tried(&self) -> i32 {
        if self.attempts > REDIRECTED { self.attempts - REDIRECTED } else { self.attempts }
    }

    /// Whether it is given up when an attempt ended so.
    pub(crate) fn is_final(&self, sent: &Sent) -> bool {
        match sent {
            Sent::Done => false,
            Sent::NotYet(_) | Sent::Later(..) => self.tried() >= ATTEMPTS_MAX,
            Sent::Never(_) | Sent::Gone(_) => true,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    Done,
    /// Worth another attempt; why not yet, without anything of the person.
    NotYet(String),
    /// Worth another attempt after this pause.
    Later(Duration, String),
    /// Its receiver is there no more.
    Gone(String),
    /// Never: there is no such receiver, or it cannot be opened.
    Never(String),
}

/// Puts a message in.
pub(crate) async fn put(db: &mut PgConnection, message: &Outgoing) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.message (account_id, kind, channel, sealed) values ($1, $2, $3, $4)",
    )
    .bind(message.account)
    .bind(message.kind)
    .bind(message.channel.as_str())
    .bind(&message.sealed)
    .execute(db)
    .await
    .map(drop)
}

/// Takes messages of one way that are due; nobody else gets them for a minute.
pub(crate) async fn take(
    database: &Database,
    channel: Channel,
    max: i64,
) -> Result<Vec<Taken>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "update office.message set attempts = attempts + 1,
                     next_attempt_at = now() + make_interval(secs => $2)
                 where id in (select id from office.message
                     where channel = $3 and status = 'waiting' and next_attempt_at <= now()
                     order by next_attempt_at limit $1 for update skip locked)
                 returning id, account_id, kind, sealed, attempts",
            )
            .bind(max)
            .bind(TAKEN_S)
            .bind(channel.as_str())
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Notes how an attempt ended, unless somebody else has the message by now. Answers whether it was given
/// up.
pub(crate) async fn end(
    database: &Database,
    message: &Taken,
    sent: Sent,
) -> Result<bool, DatabaseError> {
    let (id, attempts) = (message.id, message.attempts);
    let is_final = message.is_final(&sent);
    let (status, error) = match sent {
        Sent::Done => ("sent", None),
        Sent::NotYet(error) if !is_final => {
            let pause = doubling(PAUSE, PAUSE_MAX, message.tried().unsigned_abs());
            return put_off(database, message, pause, error).await.map(|()| false);
        }
        Sent::Later(pause, error) if !is_final => {
            let pause = pause.min(PAUSE_MAX);
            return put_off(database, message, pause, error).await.map(|()| false);
        }
        Sent::NotYet(error) | Sent::Later(_, error) | Sent::Never(error) | Sent::Gone(error) => {
            ("dead", Some(error))
        }
    };
    let end = |pool: PgPool| async move {
        sqlx::query(
            "update office.message set status = $2, error = $3, sealed = '', ended_at = now()
             where id = $1 and attempts = $4 and status = 'waiting'",
        )
        .bind(id)
        .bind(status)
        .bind(error)
        .bind(attempts)
        .execute(&pool)
        .await
    };
    let is_ours = database.run(end).await?.rows_affected() == 1;
    Ok(is_ours && status == "dead")
}

async fn put_off(
    database: &Database,
    message: &Taken,
    pause: Duration,
    error: String,
) -> Result<(), DatabaseError> {
    let (id, attempts, pause) = (message.id, message.attempts, pause.as_secs_f64());
    let put_off = |pool: PgPool| async move {
        sqlx::query(
            "update office.message set error = $2,
                 next_attempt_at = now() + make_interval(secs => $3)
             where id = $1 and attempts = $4 and status = 'waiting'",
        )
        .bind(id)
        .bind(error)
        .bind(pause)
        .bind(attempts)
        .execute(&pool)
        .await
    };
    database.run(put_off).await.map(drop)
}

/// Puts back a message that was taken and not tried, unless somebody else has it by now.
pub(crate) async fn put_back(database: &Database, message: &Taken) -> Result<(), DatabaseError> {
    let (id, attempts) = (message.id, message.attempts);
    let put_back = |pool: PgPool| async move {
        sqlx::query(
            "update office.message set attempts = attempts - 1, next_attempt_at = now()
             where id = $1 and attempts = $2 and status = 'waiting'",
        )
        .bind(id)
        .bind(attempts)
        .execute(&pool)
        .await
    };
    database.run(put_back).await.map(drop)
}

/// Ends a message whose receiver is there no more, or makes it a letter by mail, which has
/// attempts of its own.
pub(crate) async fn redirect(
    db: &mut PgConnection,
    keys: &ContactKey,
    message: &Taken,
    instead: Option<&Letter>,
) -> Result<(), sqlx::Error> {
    let sealed = instead
        .and_then(|letter| seal(keys, &Parcel { letter: letter.clone(), instead: None }).ok());
    let redirect = match sealed {
        Some(sealed) => sqlx::query(
            "update office.message set channel = 'email', sealed = $3, error = null,
                 attempts = greatest(attempts + 1, $4), next_attempt_at = now()
             where id = $1 and attempts = $2 and status = 'waiting'",
        )
        .bind(message.id)
        .bind(message.attempts)
        .bind(sealed)
        .bind(REDIRECTED),
        None => sqlx::query(
            "update office.message set status = 'gone', sealed = '', ended_at = now()
             where id = $1 and attempts = $2 and status = 'waiting'",
        )
        .bind(message.id)
        .bind(message.attempts),
    };
    redirect.execute(db).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_hours_and_sum_up_to_two_days() {
        let pauses: Vec<u64> = (1..ATTEMPTS_MAX.unsigned_abs())
            .map(|attempts| doubling(PAUSE, PAUSE_MAX, attempts).as_secs())
            .collect();
        assert_eq!(pauses[..4], [2, 4, 8, 16]);
        assert_eq!(pauses.last(), Some(&PAUSE_MAX.as_secs()));
        let days = pauses.iter().sum::<u64>() as f64 / 86_400.0;
        assert!((0.8..3.0).contains(&days), "{days}");
    }

    #[test]
    fn a_message_is_given_up_after_its_attempts_by_each_way() {
        let taken = |attempts| Taken {
            id: 1,
            account_id: None,
            kind: "notice".to_owned(),
            sealed: Vec::new(),
            attempts,
        };
        let not_yet = Sent::NotYet("no answer".to_owned());
        let later = Sent::Later(PAUSE, "told to wait".to_owned());
        for sent in [not_yet, later] {
            for first in [1, REDIRECTED + 1] {
                assert!(!taken(first).is_final(&sent), "{first}");
                assert!(!taken(first + ATTEMPTS_MAX - 2).is_final(&sent), "{first}");
                assert!(taken(first + ATTEMPTS_MAX - 1).is_final(&sent), "{first}");
            }
        }
        assert!(taken(1).is_final(&Sent::Never("HTTP 400".to_owned())));
        assert!(!taken(ATTEMPTS_MAX).is_final(&Sent::Done));
    }

    #[test]
    fn a_letter_is_opened_by_the_ring_alone() {
        let keys = ContactKey::new(&[3; 32]);
        let letter = Letter { to: "a@b.org".into(), subject: "Code".into(), text: "123456".into() };
        let outgoing = Outgoing::new(&keys, None, "code", &letter).unwrap();
        let (kind, account_id) = ("code".to_owned(), None);
        let taken = Taken { id: 1, account_id, kind, sealed: outgoing.sealed, attempts: 1 };
        assert!(taken.open(&keys).is_ok_and(|opened| opened.letter == letter));
        assert!(taken.open(&ContactKey::new(&[4; 32])).is_err());
    }
}
