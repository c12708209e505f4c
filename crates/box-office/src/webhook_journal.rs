//! The journal of gateways' notifications in PostgreSQL: what was said, as it was said, before
//! anybody is answered; then what came of it. Repeats of a body are one row.

use std::collections::HashMap;

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

/// A body that was said, once or several times.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) provider: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) times: i32,
}

impl Said {
    /// A body said once.
    pub(crate) fn once(provider: &str, body: &[u8]) -> Self {
        let sum = digest(&SHA256, body).as_ref().to_vec();
        Self { provider: provider.to_owned(), digest: sum, body: body.to_vec(), times: 1 }
    }
}

/// Stores bodies, each at most once in the list; returns them by (provider, digest) once they are
/// durable.
pub(crate) async fn store(
    database: &Database,
    said: &[Said],
) -> Result<HashMap<(String, Vec<u8>), Stored>, DatabaseError> {
    let rows = database.run(|pool| insert(pool, said)).await?;
    let stored = rows
        .into_iter()
        .map(|(provider, digest, id, wanted)| ((provider, digest), Stored { id, wanted }));
    Ok(stored.collect())
}

type StoredRow = (String, Vec<u8>, i64, bool);

async fn insert(pool: PgPool, said: &[Said]) -> Result<Vec<StoredRow>, sqlx::Error> {
    // What was ignored is looked at again when it is said again: it may have become true.
    sqlx::query_as(
        "insert into office.webhook_event as event
             (provider, digest, body, times, next_attempt_at)
         select provider, digest, body, times, now() + make_interval(secs => $5)
         from unnest($1::text[], $2::bytea[], $3::bytea[], $4::integer[])
             as said (provider, digest, body, times)
         on conflict (provider, digest) do update set
             times = event.times + excluded.times,
             status = case event.status when 'ignored' then 'received' else event.status end,
             attempts = case event.status when 'ignored' then 0 else event.attempts end,
             ended_at = case event.status when 'ignored' then null else event.ended_at end,
             next_attempt_at = case event.status when 'ignored'
                 then excluded.next_attempt_at else event.next_attempt_at end
         returning provider, digest, id,
             status = 'received' and next_attempt_at = now() + make_interval(secs => $5)",
    )
    .bind(said.iter().map(|s| s.provider.as_str()).collect::<Vec<_>>())
    .bind(said.iter().map(|s| s.digest.as_slice()).collect::<Vec<_>>())
    .bind(said.iter().map(|s| s.body.as_slice()).collect::<Vec<_>>())
    .bind(said.iter().map(|s| s.times).collect::<Vec<_>>())
    .bind(f64::from(OFFICE_FIRST_S))
    .fetch_all(&pool)
    .await
}

/// How one notification ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) id: i64,
    pub(crate) end: End,
    pub(crate) note: String,
}

/// Notes how notifications ended.
pub(crate) async fn end(database: &Database, ended: &[Ended]) -> Result<(), DatabaseError> {
    let note = |ended: &Ended| ended.note.chars().take(NOTE_CHARS_MAX).collect::<String>();
    database
        .run(|pool| async move {
            sqlx::query(
                "update office.webhook_event as event
                 set status = ended.status, note = ended.note, attempts = event.attempts + 1,
                     ended_at = now()
                 from unnest($1::bigint[], $2::text[], $3::text[]) as ended (id, status, note)
                 where event.id = ended.id",
            )
            .bind(ended.iter().map(|e| e.id).collect::<Vec<_>>())
            .bind(ended.iter().map(|e| e.end.as_str()).collect::<Vec<_>>())
            .bind(ended.iter().map(note).collect::<Vec<_>>())
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
