//! Reminders: whoever has tickets is told once, so long before the event as the setting says.
//!
//! Looks at the catalogue's start, so that an event that moves reminds of its new one. Whoever bought
//! within that time has just heard of it and is not reminded.

use sqlx::{Connection, PgConnection, PgPool};

use crate::database::{Database, DatabaseError, own_connection};

/// Starts that are looked at in one look.
const STARTS_MAX: i64 = 1_000;
/// Owners reminded of one start in one unit of work.
const OWNERS_AT_ONCE: i64 = 300;

/// A start that is not done: its event, and when in microseconds.
type Start = (String, i64);

/// Reminds owners of events that start within `lead_s` seconds, some of each start; how many notices it
/// made, and whether more are to be made at once. A start is done once the tables have every order that
/// is to hear of it.
pub(crate) async fn remind(database: &Database, lead_s: u64) -> Result<(u64, bool), DatabaseError> {
    let lead_s = lead_s as f64;
    let (mut made, mut more) = (0, false);
    for start in database.run(|pool| open_starts(pool, lead_s)).await? {
        let new = database.run(|pool| remind_some(pool, start, lead_s)).await?;
        (made, more) = (made + new, more | (new >= OWNERS_AT_ONCE as u64));
    }
    Ok((made, more))
}

async fn open_starts(pool: PgPool, lead_s: f64) -> Result<Vec<Start>, sqlx::Error> {
    sqlx::query(
        "insert into office.reminder (event_id, starts_at)
         select id, starts_at from office.event where status = 'published'
             and starts_at > now() and starts_at <= now() + make_interval(secs => $1)
         on conflict do nothing",
    )
    .bind(lead_s)
    .execute(&pool)
    .await?;
    sqlx::query_as(
        "select r.event_id, (extract(epoch from r.starts_at) * 1000000)::bigint
         from office.reminder r join office.event e
             on e.id = r.event_id and e.starts_at = r.starts_at and e.status = 'published'
         where r.done_at is null and r.starts_at > now() order by r.starts_at limit $1",
    )
    .bind(STARTS_MAX)
    .fetch_all(&pool)
    .await
}

/// One unit of work for one start, unless another worker is at it or it is done or moved by now.
async fn remind_some(
    pool: PgPool,
    (event, starts_at_us): Start,
    lead_s: f64,
) -> Result<u64, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    let is_open = sqlx::query(
        "select from office.reminder r join office.event e
             on e.id = r.event_id and e.starts_at = r.starts_at and e.status = 'published'
         where r.event_id = $1 and r.done_at is null and r.starts_at > now()
             and r.starts_at = 'epoch'::timestamptz + $2::bigint * interval '1 microsecond'
         for update of r skip locked",
    )
    .bind(&event)
    .bind(starts_at_us)
    .fetch_optional(&mut *all)
    .await?
    .is_some();
    if !is_open {
        return Ok(0);
    }
    let made = remind_of(&mut all, (&event, starts_at_us), lead_s).await?;
    all.commit().await?;
    Ok(made)
}

/// Whether the tables are complete is looked at first: what was written before that look is told.
async fn remind_of(
    db: &mut PgConnection,
    (event, starts_at_us): (&str, i64),
    lead_s: f64,
) -> Result<u64, sqlx::Error> {
    let complete: bool = sqlx::query_scalar(
        "select exists (select from grid.event e join grid.watermark w using (shard_id)
             where e.event_id = $1 and w.complete_up_to > 'epoch'::timestamptz
                 + $2::bigint * interval '1 microsecond' - make_interval(secs => $3))",
    )
    .bind(event)
    .bind(starts_at_us)
    .bind(lead_s)
    .fetch_one(&mut *db)
    .await?;
    let done = sqlx::query(
        "insert into office.notice (about, event_id, kind, facts, contact, sealed_to, once, at)
         select o.order_id, o.event_id, 'reminder',
             jsonb_build_object('starts_at_ms', $2::bigint / 1000, 'seats', coalesce(
                 (select jsonb_agg(s.seat_id order by s.seat_id) from grid.order_seat s
                     where s.order_id = o.order_id and s.status = 'sold'), '[]'::jsonb)),
             o.contact, 'hold:' || o.hold_id, 'reminder ' || o.order_id || ' ' || $2::bigint, now()
         from grid.sale_order o
         where o.event_id = $1 and o.status in ('paid', 'partially_refunded')
             and o.paid_at < 'epoch'::timestamptz
                 + $2::bigint * interval '1 microsecond' - make_interval(secs => $3)
             and not exists (select from office.notice n
                 where n.once = 'reminder ' || o.order_id || ' ' || $2::bigint)
         limit $4 on conflict (once) do nothing",
    )
    .bind(event)
    .bind(starts_at_us)
    .bind(lead_s)
    .bind(OWNERS_AT_ONCE)
    .execute(&mut *db)
    .await?;
    if complete && done.rows_affected() < OWNERS_AT_ONCE as u64 {
        sqlx::query(
            "update office.reminder set done_at = now() where event_id = $1
                 and starts_at = 'epoch'::timestamptz + $2::bigint * interval '1 microsecond'",
        )
        .bind(event)
        .bind(starts_at_us)
        .execute(db)
        .await?;
    }
    Ok(done.rows_affected())
}
