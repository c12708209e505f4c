//! The durable queue of background work, in PostgreSQL: put in by whoever needs something done, taken by
//! any worker that is free (rows that another one has are skipped), so that workers scale by adding.
//!
//! A job that is taken is its worker's as long as that gives signs of life; one whose worker died is
//! taken again. Failures are tried again with growing pauses; what fails for good stays as `dead`, for
//! staff to see and to retry. Payloads are sealed. Nothing here knows what the work is.

use std::time::Duration;

use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::backoff::doubling;
use crate::database::{Database, DatabaseError};

pub(crate) use seen::{JobFilter, JobRow, list, retry};

mod seen;

/// The channel on which workers hear of new work.
pub(crate) const CHANNEL: &str = "office_job";
/// How long a job is a worker's without a sign of life, seconds.
const LEASE_S: f64 = 30.0;
/// How often a worker gives one.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long work that was given up is left to staff, seconds: asked for again at once it would fail again,
/// and each time be one more that somebody has to look at.
const DEAD_REST_S: f64 = 600.0;
/// Why a job is given up whose worker died at its last attempt.
const LAST_LOST: &str = "its worker died at the last attempt";
/// Such jobs given up at one look.
const LOST_MAX: i64 = 100;
/// Longest text of a failure that is kept, in characters.
const ERROR_CHARS_MAX: usize = 300;
/// The first pause after a failure; doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Work to be put in.
pub(crate) struct NewJob {
    /// Which kind of work.
    pub(crate) kind: &'static str,
    /// Names this work; while it is open it is there once.
    pub(crate) once: String,
    /// 0 first, 9 last.
    pub(crate) priority: i16,
    /// Attempts before it is given up.
    pub(crate) attempts_max: i32,
    /// What to do, sealed.
    pub(crate) payload: Vec<u8>,
}

/// Work that this worker has.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct TakenJob {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) once: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) attempts: i32,
    pub(crate) attempts_max: i32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// Worth another attempt; why not yet.
    Failed(String),
    /// Never.
    Hopeless(String),
}

/// How many jobs wait, run and were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct JobCounts {
    pub(crate) waiting: i64,
    pub(crate) running: i64,
    pub(crate) dead: i64,
}

/// Puts work in, unless it is there already or was given up a moment ago, and wakes workers.
pub(crate) async fn put(db: &mut PgConnection, job: &NewJob) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into office.job (kind, once, priority, attempts_max, payload)
         select $1, $2, $3, $4, $5 where not exists (select from office.job dead
             where dead.kind = $1 and dead.once = $2 and dead.status = 'dead'
               and dead.ended_at > now() - make_interval(secs => $6))
         on conflict (kind, once) where status in ('waiting', 'running')
         do update set priority = least(job.priority, excluded.priority)",
    )
    .bind(job.kind)
    .bind(&job.once)
    .bind(job.priority)
    .bind(job.attempts_max)
    .bind(&job.payload)
    .bind(DEAD_REST_S)
    .execute(&mut *db)
    .await?;
    wake(db).await
}

/// Tells the workers that there is work.
async fn wake(db: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_notify($1, '')").bind(CHANNEL).execute(db).await.map(drop)
}

/// Takes work that is due, the most urgent first. What took its worker along at its last attempt is given
/// up: it might take the next one along as well.
pub(crate) async fn take(
    database: &Database,
    worker: &str,
    max: i64,
) -> Result<Vec<TakenJob>, DatabaseError> {
    let worker = worker.to_owned();
    database
        .run(|pool| async move {
            sqlx::query_as(
                "with lost as (
                     update office.job set status = 'dead', error = $4, taken_by = null,
                         taken_until = null, ended_at = now()
                     where id in (select id from office.job
                         where status = 'running' and taken_until < now()
                           and attempts >= attempts_max
                         order by id limit $5 for update skip locked))
                 update office.job set status = 'running', attempts = attempts + 1,
                     taken_by = $1, taken_until = now() + make_interval(secs => $2),
                     started_at = now(), ended_at = null
                 where id in (select id from office.job
                     where (status = 'waiting' and next_attempt_at <= now())
                        or (status = 'running' and taken_until < now()
                            and attempts < attempts_max)
                     order by priority, next_attempt_at, id limit $3 for update skip locked)
                 returning id, kind, once, payload, attempts, attempts_max",
            )
            .bind(worker)
            .bind(LEASE_S)
            .bind(max)
            .bind(LAST_LOST)
            .bind(LOST_MAX)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Says that the worker is alive; whether the job is still its own.
pub(crate) async fn keep(
    database: &Database,
    worker: &str,
    job: &TakenJob,
) -> Result<bool, DatabaseError> {
    let (worker, id, attempts) = (worker.to_owned(), job.id, job.attempts);
    let keep = |pool: PgPool| async move {
        sqlx::query(
            "update office.job set taken_until = now() + make_interval(secs => $4)
             where id = $1 and taken_by = $2 and attempts = $3 and status = 'running'",
        )
        .bind(id)
        .bind(worker)
        .bind(attempts)
        .bind(LEASE_S)
        .execute(&pool)
        .await
    };
    Ok(database.run(keep).await?.rows_affected() == 1)
}

/// Notes how an attempt ended, unless somebody else has the job by now. The status that it has.
pub(crate) async fn end(
    database: &Database,
    worker: &str,
    job: &TakenJob,
    ended: Ended,
) -> Result<&'static str, DatabaseError> {
    let (status, error) = match ended {
        Ended::Done => ("done", None),
        Ended::Failed(error) if job.attempts < job.attempts_max => ("waiting", Some(error)),
        Ended::Failed(error) | Ended::Hopeless(error) => ("dead", Some(error)),
    };
    let error = error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect::<String>());
    let (worker, id, attempts) = (worker.to_owned(), job.id, job.attempts);
    let pause = doubling(PAUSE, PAUSE_MAX, attempts.unsigned_abs()).as_secs_f64();
    let note = |pool: PgPool| async move {
        sqlx::query(
            "update office.job set status = $4, error = $5, taken_by = null, taken_until = null,
                 payload = case when $4 = 'done' then '' else payload end,
                 ended_at = case when $4 = 'waiting' then null else now() end,
                 next_attempt_at = now() + make_interval(secs => $6)
             where id = $1 and taken_by = $2 and attempts = $3 and status = 'running'",
        )
        .bind(id)
        .bind(worker)
        .bind(attempts)
        .bind(status)
        .bind(error)
        .bind(pause)
        .execute(&pool)
        .await
    };
    database.run(note).await.map(|_| status)
}

/// How much there is to do.
pub(crate) async fn count(database: &Database) -> Result<JobCounts, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "select count(*) filter (where status = 'waiting') as waiting,
                     count(*) filter (where status = 'running') as running,
                     count(*) filter (where status = 'dead') as dead
                 from office.job where status <> 'done'",
            )
            .fetch_one(&pool)
            .await
        })
        .await
}
