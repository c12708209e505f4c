//! Notices that an event takes another time or place: everybody who had an order before is told once,
//! also whose order reaches the tables later. Whoever held seats then may order them for half an hour
//! more, having seen the old date: they count as before, and the moment is the database's own clock's.

use sqlx::{Connection, PgConnection, PgPool};

use crate::database::{Database, DatabaseError, own_connection};

/// Moved events whose owners are told at once.
const MOVES_AT_ONCE: i64 = 10;

/// Tells owners of events that were moved; how many notices it made. A move is done once the tables
/// have every order that was placed before it.
pub(crate) async fn follow_moves(database: &Database) -> Result<u64, DatabaseError> {
    let made = |pool: PgPool| async move {
        let mut own = own_connection(&pool).await?;
        let mut all = own.begin().await?;
        let open: Vec<i64> = sqlx::query_scalar(
            "select id from office.event_move where done_at is null order by id limit $1
             for update skip locked",
        )
        .bind(MOVES_AT_ONCE)
        .fetch_all(&mut *all)
        .await?;
        let mut made = 0;
        for moved in open {
            made += follow_move(&mut all, moved).await?;
        }
        all.commit().await?;
        Ok(made)
    };
    database.run(made).await
}

/// Whether an event was moved after a moment, milliseconds since 1970, and so lately.
pub(crate) async fn moved_since(
    database: &Database,
    event_id: &str,
    since_ms: i64,
    within_days: u32,
) -> Result<bool, DatabaseError> {
    let moved = |pool: PgPool| async move {
        sqlx::query_scalar(
            "select exists (select from office.event_move where event_id = $1
                 and at > now() - make_interval(secs => $2 * 86400)
                 and at > to_timestamp($3::double precision / 1000))",
        )
        .bind(event_id)
        .bind(f64::from(within_days))
        .bind(since_ms)
        .fetch_one(&pool)
        .await
    };
    database.run(moved).await
}

/// Whether the tables are complete is looked at first: what was written before that look is told.
async fn follow_move(db: &mut PgConnection, id: i64) -> Result<u64, sqlx::Error> {
    let complete: bool = sqlx::query_scalar(
        "select exists (
             select from office.event_move m join grid.event e using (event_id)
             join grid.watermark w using (shard_id)
             where m.id = $1 and w.complete_up_to > m.at + interval '35 minutes')",
    )
    .bind(id)
    .fetch_one(&mut *db)
    .await?;
    let done = sqlx::query(
        "insert into office.notice (about, event_id, kind, facts, contact, sealed_to, once, at)
         select o.order_id, o.event_id, 'event_moved', m.facts, o.contact, 'hold:' || o.hold_id,
                'move ' || m.id || ' ' || o.order_id, m.at
         from office.event_move m join grid.sale_order o using (event_id)
         where m.id = $1 and o.created_at <= m.at + interval '35 minutes'
           and o.status in ('pending_payment', 'paid', 'partially_refunded')
         on conflict (once) do nothing",
    )
    .bind(id)
    .execute(&mut *db)
    .await?;
    if complete {
        sqlx::query("update office.event_move set done_at = now() where id = $1")
            .bind(id)
            .execute(db)
            .await?;
    }
    Ok(done.rows_affected())
}
