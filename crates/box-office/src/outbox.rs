//! The outbox of notices to people: that they have bought, that a hold ended, what became of money, that
//! their turn in a waiting list has come, that a seat was moved, removed or refunded, that an event is
//! cancelled, moved or near.
//!
//! In the flow: the worker looks at the grid (whose turn has come) and at the ledger in PostgreSQL
//! (what happened to owners) and writes each thing once; people read theirs over HTTP by the token
//! that they have, and whoever sends messages takes what was not sent yet. Nothing here sends, and
//! a contact stays sealed.

use std::collections::BTreeMap;

use processing_unit::Turn;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};

use crate::catalogue::store::own_connection;
use crate::database::{Database, DatabaseError};

pub(crate) use moves::follow_moves;
pub(crate) use reminders::remind;

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

/// A notice to write.
#[derive(Debug, Clone, PartialEq)]
struct Fresh {
    about: String,
    event_id: String,
    kind: &'static str,
    facts: Value,
    contact: Vec<u8>,
    sealed_to: String,
    once: String,
    at_ms: i64,
}

/// A row of the ledger that somebody may have to be told of.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct LedgerRow {
    pub(crate) log_index: i64,
    pub(crate) ordinal: i32,
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) order_id: Option<String>,
    pub(crate) hold_id: Option<String>,
    pub(crate) payment_id: Option<String>,
    pub(crate) refund_id: Option<String>,
    pub(crate) seat_id: Option<String>,
    pub(crate) amount_minor: Option<i64>,
    pub(crate) at_ms: i64,
    /// The order's, where there is one.
    pub(crate) contact: Option<Vec<u8>>,
    /// The hold that the order came from.
    pub(crate) order_hold: Option<String>,
    /// What has become of the order by now.
    pub(crate) order_status: Option<String>,
    pub(crate) currency: Option<String>,
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

fn of_turn(turn: &Turn) -> Fresh {
    let (event, entry, hold) = (turn.event, &turn.entry, &turn.hold);
    let about = inventory::WaitId { event, no: entry.no }.to_string();
    let hold_id = inventory::HoldId { event, no: hold.no }.to_string();
    Fresh {
        once: format!("turn {about} {hold_id}"),
        facts: json!({ "hold_id": hold_id, "until_ms": hold.expires_at_ms,
            "number": hold.seats.len() }),
        kind: "turn_came",
        event_id: turn.event_id.clone(),
        contact: entry.contact.clone(),
        sealed_to: format!("wait:{}-{:032x}", event.0, entry.person),
        at_ms: i64::try_from(hold.granted_at_ms).unwrap_or(i64::MAX),
        about,
    }
}

/// One notice for what happened to one owner in one log entry.
fn of_ledger(shard: i32, rows: &[LedgerRow]) -> Vec<Fresh> {
    let mut at_once: BTreeMap<(i64, &'static str, String), Fresh> = BTreeMap::new();
    for row in rows {
        let Some((kind, about)) = kind_and_owner(row) else { continue };
        let fresh = at_once.entry((row.log_index, kind, about.clone())).or_insert_with(|| Fresh {
            // The first row's place names it, since an entry may come in two parts.
            once: format!("ledger {shard} {}-{} {kind} {about}", row.log_index, row.ordinal),
            kind,
            event_id: row.event_id.clone(),
            facts: facts(row),
            contact: row.contact.clone().unwrap_or_default(),
            sealed_to: row.order_hold.as_ref().map_or_else(String::new, |id| format!("hold:{id}")),
            at_ms: row.at_ms,
            about,
        });
        if let (Some(seat), Some(seats)) = (&row.seat_id, fresh.facts["seats"].as_array_mut()) {
            seats.push(json!(seat));
        }
    }
    at_once.into_values().collect()
}

/// What to tell and whom; `None` for what concerns nobody outside.
fn kind_and_owner(row: &LedgerRow) -> Option<(&'static str, String)> {
    let order = row.order_id.clone();
    // The order may have gone on since: money that comes a moment late takes its seats again.
    let is = |status: &str| row.order_status.as_deref() == Some(status);
    match (row.kind.as_str(), row.status.as_str()) {
        ("seat_sold", _) => Some(("purchase_confirmed", order?)),
        ("seat_removed", "reassigned") => Some(("seats_moved", order?)),
        ("seat_removed", _) => Some(("seats_removed", order?)),
        ("seat_refunded", "event_cancelled") => Some(("event_cancelled", order?)),
        ("seat_refunded", _) => Some(("seats_refunded", order?)),
        ("refund_pending", _) => Some(("refund_started", order?)),
        ("refund_succeeded", _) => Some(("money_returned", order?)),
        ("refund_dead", _) => Some(("refund_failed", order?)),
        ("order_expired", _) if is("paid") => None,
        ("order_expired", _) => Some(("hold_expired", order?)),
        // A payment that ends because its order did, or beside another one, is no news.
        ("payment_settled", "canceled") => {
            is("pending_payment").then_some(())?;
            Some(("payment_failed", order?))
        }
        ("payment_settled", "retaken" | "refunded" | "succeeded") => Some(("payment_late", order?)),
        ("hold_withdrawn", _) => Some(("hold_withdrawn", row.hold_id.clone()?)),
        (_, _) => None,
    }
}

fn facts(row: &LedgerRow) -> Value {
    let (amount_minor, currency) = (row.amount_minor, &row.currency);
    match (&row.refund_id, &row.payment_id) {
        (Some(refund), _) => {
            json!({ "refund_id": refund, "amount_minor": amount_minor, "currency": currency })
        }
        (None, Some(payment)) => json!({ "payment_id": payment, "settled_as": row.status,
            "amount_minor": amount_minor, "currency": currency }),
        (None, None) => json!({ "seats": [] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, status: &str, seat: &str) -> LedgerRow {
        LedgerRow {
            log_index: 7,
            ordinal: 0,
            event_id: "gala".into(),
            kind: kind.into(),
            status: status.into(),
            order_id: Some("o1-5".into()),
            hold_id: Some("h1-4".into()),
            payment_id: None,
            refund_id: None,
            seat_id: Some(seat.into()),
            amount_minor: Some(100),
            at_ms: 9,
            contact: Some(vec![1]),
            order_hold: Some("h1-4".into()),
            order_status: Some("pending_payment".into()),
            currency: Some("RUB".into()),
        }
    }

    #[test]
    fn what_happened_to_one_owner_at_once_is_one_notice() {
        let rows = [
            row("seat_removed", "removed", "A-1-1"),
            row("seat_removed", "removed", "A-1-2"),
            row("seat_removed", "reassigned", "A-1-3"),
            row("hold_withdrawn", "free", "A-1-4"),
            row("seat_sold", "sold", "A-1-5"),
        ];
        let told = of_ledger(2, &rows);
        let words: Vec<_> =
            told.iter().map(|one| (one.kind, one.about.as_str(), &one.facts)).collect();
        assert_eq!(
            words,
            [
                ("hold_withdrawn", "h1-4", &json!({"seats": ["A-1-4"]})),
                ("purchase_confirmed", "o1-5", &json!({"seats": ["A-1-5"]})),
                ("seats_moved", "o1-5", &json!({"seats": ["A-1-3"]})),
                ("seats_removed", "o1-5", &json!({"seats": ["A-1-1", "A-1-2"]})),
            ]
        );
        assert_eq!(told[3].sealed_to, "hold:h1-4");
        assert_eq!(of_ledger(2, &rows), told, "and the same however often it is looked at");
    }

    #[test]
    fn causes_have_words_of_their_own() {
        for (kind, status, word) in [
            ("seat_refunded", "event_cancelled", Some("event_cancelled")),
            ("seat_refunded", "refunded", Some("seats_refunded")),
            ("refund_succeeded", "succeeded", Some("money_returned")),
            ("refund_pending", "pending", Some("refund_started")),
            ("refund_failed", "pending", None),
            ("refund_dead", "dead", Some("refund_failed")),
            ("order_expired", "expired", Some("hold_expired")),
            ("payment_settled", "canceled", Some("payment_failed")),
            ("payment_settled", "confirmed", None),
            ("payment_settled", "retaken", Some("payment_late")),
            ("payment_settled", "refunded", Some("payment_late")),
            ("payment_settled", "succeeded", Some("payment_late")),
            ("payment_settled", "swapped", None),
        ] {
            let found = kind_and_owner(&row(kind, status, "A-1-1"));
            assert_eq!(found.map(|(word, _)| word), word, "{kind} {status}");
        }
    }

    #[test]
    fn a_payment_that_ends_with_its_order_and_a_hold_whose_order_is_paid_are_no_news() {
        for (kind, word, status) in [
            ("payment_settled", "canceled", "expired"),
            ("payment_settled", "canceled", "cancelled"),
            ("payment_settled", "canceled", "paid"),
            ("order_expired", "expired", "paid"),
        ] {
            let mut row = row(kind, word, "A-1-1");
            row.order_status = Some(status.into());
            assert_eq!(kind_and_owner(&row), None, "{kind} of an order that is {status}");
        }
    }
}
