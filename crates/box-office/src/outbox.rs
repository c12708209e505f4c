//! The outbox of notices to people: that they have bought, that a hold ended, what became of money, that
//! their turn in a waiting list has come, that a seat was moved, removed or refunded, that an event is
//! cancelled, moved or near.
//!
//! In the flow: the worker looks at the grid (whose turn has come) and at the ledger in PostgreSQL
//! (what happened to owners) and writes each thing once; people read theirs over HTTP by the token
//! that they have, and whoever sends messages takes what was not sent yet. Nothing here sends, and
//! a contact stays sealed.

use processing_unit::Turn;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};

use crate::database::{Database, DatabaseError, own_connection};

use mapping::{Fresh, LedgerRow, of_ledger, of_turn};
pub(crate) use moves::follow_moves;
pub(crate) use reminders::remind;

mod mapping;
pub(crate) mod moves;
mod reminders;

/// Ledger rows of one shard looked through at once, well within the deadline of one unit of work; while
/// there are more it goes on at once.
const ROWS_MAX: i64 = 5_000;
/// Notices of one thing that are read at once.
const READ_MAX: i64 = 200;

/// A notice as it is read.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub(crate) struct Notice {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) facts: Json<Value>,
    pub(crate) at_ms: i64,
}

/// A place in one shard's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromRow)]
struct Position {
    incarnation: i64,
    log_index: i64,
    ordinal: i32,
}

/// Notices about one thing, newest first.
pub(crate) async fn about(database: &Database, id: &str) -> Result<Vec<Notice>, DatabaseError> {
    database
        .run(|pool| async move {
            sqlx::query_as(
                "select id, kind, facts, (extract(epoch from at) * 1000)::bigint as at_ms
                 from office.notice where about = $1 order by id desc limit $2",
            )
            .bind(id)
            .bind(READ_MAX)
            .fetch_all(&pool)
            .await
        })
        .await
}

/// Writes that turns have come, each once; how many were new.
pub(crate) async fn put_turns(database: &Database, turns: &[Turn]) -> Result<u64, DatabaseError> {
    let fresh: Vec<Fresh> = turns.iter().map(of_turn).collect();
    database
        .run(|pool| async move {
            let mut connection = pool.acquire().await?;
            put(&mut connection, &fresh).await
        })
        .await
}

/// Looks through the next part of every shard's ledger; how many notices it made, and whether more
/// of the ledger is waiting.
pub(crate) async fn follow_ledger(database: &Database) -> Result<(u64, bool), DatabaseError> {
    let shards = |pool: PgPool| async move {
        sqlx::query_scalar::<_, i32>("select shard_id from grid.watermark order by shard_id")
            .fetch_all(&pool)
            .await
    };
    let (mut made, mut more) = (0, false);
    for shard in database.run(shards).await? {
        let (new, left) = database.run(|pool| follow_shard(pool, shard)).await?;
        (made, more) = (made + new, more | left);
    }
    Ok((made, more))
}

/// The notices and how far was looked are written together, so that each part is done once.
async fn follow_shard(pool: PgPool, shard: i32) -> Result<(u64, bool), sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    // One snapshot, so that what is looked through is what the position says; two workers that meet
    // here are told apart by the row's lock.
    sqlx::query(
        "insert into office.notice_position (shard_id, incarnation, log_index, ordinal)
         values ($1, 0, 0, 0) on conflict do nothing",
    )
    .bind(shard)
    .execute(&mut *all)
    .await?;
    let from: Position = sqlx::query_as(
        "select incarnation, log_index, ordinal from office.notice_position
         where shard_id = $1 for update",
    )
    .bind(shard)
    .fetch_one(&mut *all)
    .await?;
    let Some((to, rows)) = end_of_part(&mut all, shard, from).await? else {
        return Ok((0, false));
    };
    let found = told_rows(&mut all, shard, (from, to)).await?;
    let made = put(&mut all, &of_ledger(shard, &found)).await?;
    sqlx::query(
        "update office.notice_position set incarnation = $2, log_index = $3, ordinal = $4
         where shard_id = $1",
    )
    .bind(shard)
    .bind(to.incarnation)
    .bind(to.log_index)
    .bind(to.ordinal)
    .execute(&mut *all)
    .await?;
    all.commit().await?;
    Ok((made, rows >= ROWS_MAX))
}

/// The last row of the next part, and how many rows it has.
async fn end_of_part(
    db: &mut PgConnection,
    shard: i32,
    from: Position,
) -> Result<Option<(Position, i64)>, sqlx::Error> {
    let part: Option<(i64, i64, i32, i64)> = sqlx::query_as(
        "with part as (
             select incarnation, log_index, ordinal from grid.ledger
             where shard_id = $1 and (incarnation, log_index, ordinal) > ($2, $3, $4)
             order by incarnation, log_index, ordinal limit $5)
         select incarnation, log_index, ordinal, (select count(*) from part)
         from part order by incarnation desc, log_index desc, ordinal desc limit 1",
    )
    .bind(shard)
    .bind(from.incarnation)
    .bind(from.log_index)
    .bind(from.ordinal)
    .bind(ROWS_MAX)
    .fetch_optional(&mut *db)
    .await?;
    Ok(part.map(|(incarnation, log_index, ordinal, rows)| {
        (Position { incarnation, log_index, ordinal }, rows)
    }))
}

async fn told_rows(
    db: &mut PgConnection,
    shard: i32,
    (from, to): (Position, Position),
) -> Result<Vec<LedgerRow>, sqlx::Error> {
    sqlx::query_as(
        "select l.log_index, l.ordinal, l.event_id, l.kind, l.status, l.order_id, l.hold_id, l.refund_id,
                l.payment_id, l.seat_id, l.amount_minor, (extract(epoch from l.at) * 1000)::bigint as at_ms,
                o.contact, o.hold_id as order_hold, o.status as order_status, o.currency
         from grid.ledger l left join grid.sale_order o on o.order_id = l.order_id
         where l.shard_id = $1 and (l.incarnation, l.log_index, l.ordinal) > ($2, $3, $4)
           and (l.incarnation, l.log_index, l.ordinal) <= ($5, $6, $7)
           and l.kind in ('seat_sold', 'seat_removed', 'seat_refunded', 'hold_withdrawn',
               'order_expired', 'payment_settled', 'refund_pending', 'refund_succeeded',
               'refund_dead')
         order by l.incarnation, l.log_index, l.ordinal",
    )
    .bind(shard)
    .bind(from.incarnation)
    .bind(from.log_index)
    .bind(from.ordinal)
    .bind(to.incarnation)
    .bind(to.log_index)
    .bind(to.ordinal)
    .fetch_all(db)
    .await
}

/// Puts notices in by one statement, each once; how many were new.
async fn put(db: &mut PgConnection, fresh: &[Fresh]) -> Result<u64, sqlx::Error> {
    if fresh.is_empty() {
        return Ok(0);
    }
    let text = |of: fn(&Fresh) -> &str| fresh.iter().map(of).collect::<Vec<&str>>();
    let done = sqlx::query(
        "insert into office.notice (about, event_id, kind, facts, contact, sealed_to, once, at)
         select about, event_id, kind, facts::jsonb, contact, sealed_to, once,
             to_timestamp(at_ms::double precision / 1000)
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[],
                 $7::text[], $8::bigint[]) with ordinality
             as n (about, event_id, kind, facts, contact, sealed_to, once, at_ms, place)
         order by place on conflict (once) do nothing",
    )
    .bind(text(|one| &one.about))
    .bind(text(|one| &one.event_id))
    .bind(text(|one| one.kind))
    .bind(fresh.iter().map(|one| one.facts.to_string()).collect::<Vec<String>>())
    .bind(fresh.iter().map(|one| one.contact.as_slice()).collect::<Vec<&[u8]>>())
    .bind(text(|one| &one.sealed_to))
    .bind(text(|one| &one.once))
    .bind(fresh.iter().map(|one| one.at_ms).collect::<Vec<i64>>())
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
