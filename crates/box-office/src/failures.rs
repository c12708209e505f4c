//! Everything that failed for good and waits for a person, from wherever it is written down: jobs,
//! messages, refunds, notifications of gateways, records that the data writer could not write.
//!
//! Only read here; each is tried again where it belongs. What the data writer keeps is read where its
//! tables are there.

use sqlx::{FromRow, PgPool};

use crate::database::{Database, DatabaseError};

/// Failures of one kind that are shown.
const MAX: i64 = 200;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) about: String,
    pub(crate) error: Option<String>,
    pub(crate) at_ms: i64,
}

/// What our own tables say; `$1` bounds each kind.
const OWN: &str = "
    (select 'job' as kind, id::text as id, kind as about, error,
         (extract(epoch from ended_at) * 1000)::bigint as at_ms
     from office.job where status = 'dead' order by id desc limit $1)
    union all
    (select 'message', id::text, kind, error, (extract(epoch from ended_at) * 1000)::bigint
     from office.message where status = 'dead' order by id desc limit $1)
    union all
    (select 'notification', id::text, provider, note, (extract(epoch from ended_at) * 1000)::bigint
     from office.webhook_event where status = 'given_up' order by id desc limit $1)";

/// What the data writer's tables say, where this process may read them.
const WRITTEN: [(&str, &str); 2] = [
    (
        "select coalesce(has_table_privilege(to_regclass('grid.refund'), 'select'), false)",
        "select 'refund' as kind, refund_id as id, order_id as about, last_error as error,
             (extract(epoch from updated_at) * 1000)::bigint as at_ms
         from grid.refund where status = 'dead' and not exists (select from office.payout
             where payout.refund_id = refund.refund_id) order by updated_at desc limit $1",
    ),
    (
        // Of a parked record this process may see all but the content.
        "select coalesce(has_column_privilege(to_regclass('grid.writer_quarantine'), 'error',
             'select'), false)",
        "select 'record' as kind, id::text as id, 'shard ' || shard_id as about, error,
             (extract(epoch from parked_at) * 1000)::bigint as at_ms
         from grid.writer_quarantine where resolved_at is null order by id desc limit $1",
    ),
];

/// All of them, the newest first.
pub(crate) async fn list(database: &Database) -> Result<Vec<Failure>, DatabaseError> {
    let list = |pool: PgPool| async move {
        let mut found: Vec<Failure> = sqlx::query_as(OWN).bind(MAX).fetch_all(&pool).await?;
        for (may_read, text) in WRITTEN {
            if sqlx::query_scalar(may_read).fetch_one(&pool).await? {
                let written: Vec<Failure> = sqlx::query_as(text).bind(MAX).fetch_all(&pool).await?;
                found.extend(written);
            }
        }
        Ok(found)
    };
    let mut found = database.run(list).await?;
    found.sort_by_key(|failure| std::cmp::Reverse(failure.at_ms));
    Ok(found)
}
