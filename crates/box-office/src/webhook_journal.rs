//! The journal of gateways' notifications in PostgreSQL: what was said, as it was said, before
//! anybody is answered; then what came of it. Repeats of a body are one row.

use ring::digest::{SHA256, digest};
use sqlx::{FromRow, PgPool};

use crate::database::{Database, DatabaseError};

/// Attempts before a notification is left to the poller, which follows every payment anyway.
const ATTEMPTS_MAX: i32 = 20;
/// Longest pause between attempts, seconds.
const PAUSE_S_MAX: i32 = 3_600;
/// How long the office has to process what it stored before the worker looks at it, seconds.
const OFFICE_FIRST_S: i32 = 10;
/// How long a worker has for what it took, seconds.
const TAKEN_S: i32 = 60;
/// Rows deleted at a time, so that cleaning never holds anything up.
const PURGE_ROWS: i64 = 5_000;
/// Characters kept of a note.
const NOTE_CHARS_MAX: usize = 300;

/// A stored notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    /// Whether it is to be processed: new, or said again after it was found untrue.
    pub(crate) wanted: bool,
}

/// A notification to process.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Waiting {
    pub(crate) id: i64,
    pub(crate) provider: String,
    pub(crate) body: Vec<u8>,
}

/// How a notification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was true and the grid knows.
    Done,
    /// It is not for us, not true (yet), or not understood.
    Ignored,
}

impl End {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Ignored => "ignored",
        }
    }
}

/// Stores a body; returns once it is durable.
pub(crate) async fn store(
    database: &Database,
    provider: &str,
    body: &[u8],
) -> Result<Stored, DatabaseError> {
    let sum = digest(&SHA256, body);
    database.run(|pool| insert(pool, provider, sum.as_ref(), body)).await
}

async fn insert(
    pool: PgPool,
    provider: &str,
    sum: &[u8],
    body: &[u8],
) -> Result<Stored, sqlx::Error> {
    // What was ignored is looked at again when it is said again: it may have become true.
    let (id, wanted): (i64, bool) = sqlx::query_as(
        "insert into office.webhook_event as event (provider, digest, body, next_attempt_at)
         values ($1, $2, $3, now() + make_interval(secs => $4))
         on conflict (provider, digest) do update set
             times = event.times + 1,
             status = event.status,
             attempts = case event.status when 'ignored' then 0 else event.attempts end,
             ended_at = case event.status when 'ignored' then null else event.ended_at end,
             next_attempt_at = case event.status when 'ignored'
                 then excluded.next_attempt_at else event.next_attempt_at end
         returning id, status = 'received' and next_attempt_at = now() + make_interval(secs => $4)",
    )
    .bind(provider)
    .bind(sum)
    .bind(body)
    .bind(f64::from(OFFICE_FIRST_S))
    .fetch_one(&pool)
    .await?;
    Ok(Stored { id, wanted })
}

/// Notes how a notification ended.
pub(crate) async fn end(
    database: &Database,
    id: i64,
    end: End,
    note: &str,
) -> Result<(), DatabaseError> {
    let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
    database
        .run(|pool| async move {
            sqlx::query(
                "update office.webhook_event
                 set status = $2, note = $3, attempts = attempts + 1, ended_at = now()
                 where id = $1",
            )
            .bind(id)
            .bind(end.as_str())
            .bind(note)
            .execute(&pool)
            .await
            .map(drop)
        })
        .await
}

/// Puts a notification off after a failed attempt; after too many it is given up.
pub(crate) async fn put_off(database: &Database, id: i64, note: &str) -> Result<(), DatabaseError> {
    let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
    database
        .run(|pool| async move {
            sqlx::query(
                "update office.webhook_event set
                     note = $2,
                     attempts = attempts + 1,
                     status = case when attempts + 1 >= $3 then 'given_up' else status end,
                     ended_at = case when attempts + 1 >= $3 then now() end,
                     next_attempt_at = now()
                         + make_interval(secs => least(5 * power(2, attempts), $4))
                 where id = $1 and status = 'received'",
            )
            .bind(id)
            .bind(note)
            .bind(ATTEMPTS_MAX)
            .bind(f64::from(PAUSE_S_MAX))
            .execute(&pool)
            .await
            .map(drop)
        })
        .await
}

/// Takes notifications that nobody has processed; another worker gets others.
pub(crate) async fn take_due(
    database: &Database,
    limit: i64,
) -> Result<Vec<Waiting>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "update office.webhook_event set next_attempt_at = now() + make_interval(secs => $2)
                 where id in (
                     select id from office.webhook_event
                     where status = 'received' and next_attempt_at <= now()
                     order by next_attempt_at limit $1 for update skip locked)
                 returning id, provider, body",
            )
            .bind(limit)
            .bind(f64::from(TAKEN_S))
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Deletes what ended long ago; returns how many rows went.
pub(crate) async fn purge(database: &Database, kept_days: u32) -> Result<u64, DatabaseError> {
    database
        .run(|pool| async move {
            let gone = sqlx::query(
                "delete from office.webhook_event where id in (
                     select id from office.webhook_event
                     where ended_at < now() - make_interval(days => $1) limit $2)",
            )
            .bind(i32::try_from(kept_days).unwrap_or(i32::MAX))
            .bind(PURGE_ROWS)
            .execute(&pool)
            .await?;
            Ok(gone.rows_affected())
        })
        .await
}
