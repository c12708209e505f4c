//! Everything that failed for good and waits for a person, from wherever it is written down: jobs,
//! messages, refunds, notifications of gateways, records that the data writer could not write.
//!
//! Only read here; each is tried again where it belongs. What the data writer keeps is read where its
//! tables are there.

use sqlx::{FromRow, PgPool};

use crate::database::{Database, DatabaseError};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) about: String,
    pub(crate) error: Option<String>,
    pub(crate) at_ms: i64,
}

/// After which of them a page begins: the newest come first, then they go by kind and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailurePlace {
    pub(crate) at_ms: i64,
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// What our own tables say.
const OWN: &str = "
    select 'job' as kind, id::text as id, kind as about, error,
         (extract(epoch from ended_at) * 1000)::bigint as at_ms
     from office.job where status = 'dead'
    union all
    select 'message', id::text, kind, error, (extract(epoch from ended_at) * 1000)::bigint
     from office.message where status = 'dead'
    union all
    select 'notification', id::text, provider, note, (extract(epoch from ended_at) * 1000)::bigint
     from office.webhook_event where status = 'given_up'";

/// What the data writer's tables say, where this process may read them.
const WRITTEN: [(&str, &str); 2] = [
    (
        "select coalesce(has_table_privilege(to_regclass('grid.refund'), 'select'), false)",
        "select 'refund' as kind, refund_id as id, order_id as about, last_error as error,
             (extract(epoch from updated_at) * 1000)::bigint as at_ms
         from grid.refund where status = 'dead' and not exists (select from office.payout
             where payout.refund_id = refund.refund_id)",
    ),
    (
        // Of a parked record this process may see all but the content.
        "select coalesce(has_column_privilege(to_regclass('grid.writer_quarantine'), 'error',
             'select'), false)",
        "select 'record' as kind, id::text as id, 'shard ' || shard_id as about, error,
             (extract(epoch from parked_at) * 1000)::bigint as at_ms
         from grid.writer_quarantine where resolved_at is null",
    ),
];

/// The newest of what one of these tells, after a place; `$1` bounds them.
fn newest(told: &str) -> String {
    format!(
        "select * from ({told}) told
         where $2::bigint is null or at_ms < $2
             or at_ms = $2 and (kind collate \"C\", id collate \"C\") > ($3, $4)
         order by at_ms desc, kind collate \"C\", id collate \"C\" limit $1"
    )
}

/// The newest ones after a place, at least `max` where there are so many.
pub(crate) async fn list(
    database: &Database,
    after: Option<FailurePlace>,
    max: i64,
) -> Result<Vec<Failure>, DatabaseError> {
    let list = |pool: PgPool| async move {
        let mut found = read(&pool, OWN, &after, max).await?;
        for (may_read, told) in WRITTEN {
            if sqlx::query_scalar(may_read).fetch_one(&pool).await? {
                found.extend(read(&pool, told, &after, max).await?);
            }
        }
        Ok(found)
    };
    let mut found = database.run(list).await?;
    found.sort_by(|a, b| {
        b.at_ms.cmp(&a.at_ms).then_with(|| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)))
    });
    Ok(found)
}

async fn read(
    pool: &PgPool,
    told: &str,
    after: &Option<FailurePlace>,
    max: i64,
) -> Result<Vec<Failure>, sqlx::Error> {
    let after = after.as_ref();
    sqlx::query_as(sqlx::AssertSqlSafe(newest(told)))
        .bind(max)
        .bind(after.map(|place| place.at_ms))
        .bind(after.map(|place| place.kind.as_str()))
        .bind(after.map(|place| place.id.as_str()))
        .fetch_all(pool)
        .await
}
