//! Reminders: whoever has tickets is told once, so long before the event as the setting says.
//!
//! Looks at the catalogue's start, so that an event that moves reminds of its new one. Whoever bought
//! within that time has just heard of it and is not reminded.

use sqlx::{Connection, PgConnection, PgPool};

use crate::catalogue::store::own_connection;
use crate::database::{Database, DatabaseError};

/// Starts whose owners are reminded at one look.
const STARTS_AT_ONCE: i64 = 10;
/// Owners reminded of one start at one look.
const OWNERS_AT_ONCE: i64 = 2_000;

/// Reminds owners of events that start within `lead_s` seconds; how many notices it made. A start is
/// done once the tables have every order that is to hear of it.
pub(crate) async fn remind(database: &Database, lead_s: u64) -> Result<u64, DatabaseError> {
    let lead_s = lead_s as f64;
    database.run(|pool| remind_all(pool, lead_s)).await
}

async fn remind_all(pool: PgPool, lead_s: f64) -> Result<u64, sqlx::Error> {
    let mut own = own_connection(&pool).await?;
    let mut all = own.begin().await?;
    sqlx::query(
        "insert into office.reminder (event_id, starts_at)
         select id, starts_at from office.event where status = 'published'
             and starts_at > now() and starts_at <= now() + make_interval(secs => $1)
         on conflict do nothing",
    )
    .bind(lead_s)
    .execute(&mut *all)
    .await?;
    let open: Vec<(String, i64)> = sqlx::query_as(
        "select r.event_id, (extract(epoch from r.starts_at) * 1000000)::bigint
         from office.reminder r join office.event e
             on e.id = r.event_id and e.starts_at = r.starts_at and e.status = 'published'
         where r.done_at is null and r.starts_at > now()
         order by r.starts_at limit $1 for update of r skip locked",
    )
    .bind(STARTS_AT_ONCE)
    .fetch_all(&mut *all)
    .await?;
    let mut made = 0;
    for (event, starts_at_us) in open {
        made += remind_of(&mut all, (&event, starts_at_us), lead_s).await?;
    }
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
