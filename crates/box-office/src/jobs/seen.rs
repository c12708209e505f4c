//! What staff sees of the queue and may do: a list, and another try for what was given up. Payloads stay
//! out of sight.

use sqlx::{FromRow, PgPool};

use crate::database::{Database, DatabaseError};

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobFilter {
    pub(crate) status: Option<String>,
    pub(crate) kind: Option<String>,
    /// Only those with a smaller id.
    pub(crate) before: Option<i64>,
    pub(crate) max: i64,
}

/// A job as it is shown.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct JobRow {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) priority: i16,
    pub(crate) attempts: i32,
    pub(crate) attempts_max: i32,
    pub(crate) error: Option<String>,
    pub(crate) made_ms: i64,
    pub(crate) next_ms: i64,
    pub(crate) ended_ms: Option<i64>,
}

const COLUMNS: &str = "id, kind, status, priority, attempts, attempts_max, error,
     (extract(epoch from made_at) * 1000)::bigint as made_ms,
     (extract(epoch from next_attempt_at) * 1000)::bigint as next_ms,
     (extract(epoch from ended_at) * 1000)::bigint as ended_ms";

/// Jobs, the newest first.
pub(crate) async fn list(
    database: &Database,
    filter: JobFilter,
) -> Result<Vec<JobRow>, DatabaseError> {
    let text = format!(
        "select {COLUMNS} from office.job
         where ($1::text is null or status = $1) and ($2::text is null or kind = $2)
           and ($3::bigint is null or id < $3)
         order by id desc limit $4"
    );
    database
        .run(|pool| async move {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(filter.status)
                .bind(filter.kind)
                .bind(filter.before)
                .bind(filter.max)
                .fetch_all(&pool)
                .await
        })
        .await
}

/// Gives a job that was given up all its attempts again; `None` when there is no such job, and it as it
/// is when it was not given up.
pub(crate) async fn retry(database: &Database, id: i64) -> Result<Option<JobRow>, DatabaseError> {
    let again = |pool: PgPool| async move {
        let text = format!(
            "update office.job set status = 'waiting', attempts = 0, next_attempt_at = now(),
                 ended_at = null
             where id = $1 and status = 'dead' and not exists (select from office.job other
                 where other.kind = job.kind and other.once = job.once
                   and other.status in ('waiting', 'running'))
             returning {COLUMNS}"
        );
        let text = sqlx::AssertSqlSafe(text);
        let waiting = sqlx::query_as(text).bind(id).fetch_optional(&pool).await?;
        if waiting.is_some() {
            super::wake(&pool).await?;
            return Ok(waiting);
        }
        let text = format!("select {COLUMNS} from office.job where id = $1");
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(&pool).await
    };
    database.run(again).await
}
