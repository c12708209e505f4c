//! Scans at the door as PostgreSQL keeps them: the first that let somebody in uses the ticket up, all are
//! kept. Each scan is one statement, so that two gates that show one ticket at the same moment meet at
//! its row, and exactly one of them is first.

use inventory::TicketId;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use crate::database::{Database, DatabaseError};

/// Why a scan lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not one of our codes at all.
    UnknownCode,
    /// Changed, or made by somebody else.
    NotSigned,
    /// Good, but for another event than this door's.
    WrongEvent,
    /// There is no such ticket.
    UnknownTicket,
    /// Its order is not paid.
    NotPaid,
    /// Its money was given back, or is about to be.
    Refunded,
    /// Its owner was seated elsewhere and has another ticket.
    Replaced,
    /// The event is long over.
    Expired,
    /// Somebody came in by it before.
    AlreadyUsed,
}

impl Reason {
    /// The word for devices.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::NotSigned => "not_signed",
            Self::WrongEvent => "wrong_event",
            Self::UnknownTicket => "unknown_ticket",
            Self::NotPaid => "not_paid",
            Self::Refunded => "refunded",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::AlreadyUsed => "already_used",
        }
    }
}

/// A scan as it came.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    /// The device's name for it, the same when it is sent again.
    pub(crate) nonce: Uuid,
    pub(crate) ticket: Option<TicketId>,
    pub(crate) event_id: Option<String>,
    pub(crate) gate: String,
    pub(crate) at_ms: i64,
    pub(crate) subject: Option<Uuid>,
    /// Whether somebody was let in before the device could ask.
    pub(crate) forced: bool,
}

/// A scan as it was decided.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Decided {
    pub(crate) ticket_id: Option<String>,
    pub(crate) gate: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) conflict: bool,
    /// The scan that used the ticket up, where there was one.
    pub(crate) first_ms: Option<i64>,
    pub(crate) first_gate: Option<String>,
}

const DECIDED: &str = "c.ticket_id, c.gate, c.status, c.reason, c.conflict,
     (extract(epoch from u.at) * 1000)::bigint as first_ms, u.gate as first_gate";

/// What was decided about a scan that came before.
pub(crate) async fn known(
    database: &Database,
    nonce: Uuid,
) -> Result<Option<Decided>, DatabaseError> {
    let text = format!(
        "select {DECIDED} from office.checkin c
         left join office.ticket_use u on u.ticket_id = c.ticket_id where c.nonce = $1"
    );
    let find = |pool: PgPool| async move {
        sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(nonce).fetch_optional(&pool).await
    };
    database.run(find).await
}

/// Keeps a scan that lets nobody in.
pub(crate) async fn refuse(
    database: &Database,
    scan: &Scan,
    reason: Reason,
) -> Result<(), DatabaseError> {
    let scan = scan.clone();
    let keep = |pool: PgPool| async move {
        sqlx::query(
            "insert into office.checkin
                 (nonce, ticket_id, event_id, gate, at, subject, forced, status, reason, conflict)
             values ($1, $2, $3, $4, to_timestamp($5::double precision / 1000), $6, $7,
                 'refused', $8, $7)
             on conflict (nonce) do nothing",
        )
        .bind(scan.nonce)
        .bind(scan.ticket.map(|ticket| ticket.to_string()))
        .bind(scan.event_id)
        .bind(scan.gate)
        .bind(scan.at_ms)
        .bind(scan.subject)
        .bind(scan.forced)
        .bind(reason.as_str())
        .execute(&pool)
        .await
    };
    database.run(keep).await.map(drop)
}

/// Uses a good ticket up, unless somebody came in by it before. Of two who were let in by devices that
/// could not ask, the earlier is the first.
pub(crate) async fn admit(
    database: &Database,
    scan: &Scan,
    ticket: TicketId,
) -> Result<(), DatabaseError> {
    let scan = scan.clone();
    let (id, order) = (ticket.to_string(), ticket.order.to_string());
    let keep = |pool: PgPool| async move {
        sqlx::query(
            "with first as (
                 insert into office.ticket_use as u (ticket_id, order_id, event_id, nonce, gate, at)
                 values ($2, $3, $4, $1, $5, to_timestamp($6::double precision / 1000))
                 on conflict (ticket_id) do update set
                     nonce = case when $8 and excluded.at < u.at then excluded.nonce else u.nonce end,
                     gate = case when $8 and excluded.at < u.at then excluded.gate else u.gate end,
                     at = case when $8 then least(excluded.at, u.at) else u.at end
                 returning nonce, xmax = 0 as is_new)
             insert into office.checkin
                 (nonce, ticket_id, event_id, gate, at, subject, forced, status, reason, conflict)
             select $1, $2, $4, $5, to_timestamp($6::double precision / 1000), $7, $8,
                 case when first.nonce = $1 then 'admitted' else 'refused' end,
                 case when first.nonce = $1 then null else $9 end,
                 $8 and not is_new
             from first",
        )
        .bind(scan.nonce)
        .bind(id)
        .bind(order)
        .bind(scan.event_id)
        .bind(scan.gate)
        .bind(scan.at_ms)
        .bind(scan.subject)
        .bind(scan.forced)
        .bind(Reason::AlreadyUsed.as_str())
        .execute(&pool)
        .await
    };
    match database.run(keep).await {
        // The same nonce came twice at once and the other is kept: then this one uses no ticket up.
        Err(DatabaseError::Refused(sqlx::Error::Database(refused)))
            if refused.constraint() == Some("checkin_pkey") =>
        {
            Ok(())
        }
        kept => kept.map(drop),
    }
}

/// Notes of a scan that was refused, and of which the device did not hear, that it let somebody in; false
/// when there is no such scan, or that is known.
pub(crate) async fn let_in_since(database: &Database, nonce: Uuid) -> Result<bool, DatabaseError> {
    let note = |pool: PgPool| async move {
        sqlx::query(
            "update office.checkin set forced = true, conflict = true
             where nonce = $1 and status = 'refused' and not forced",
        )
        .bind(nonce)
        .execute(&pool)
        .await
    };
    Ok(database.run(note).await?.rows_affected() == 1)
}

/// The tickets of an order by which somebody came in.
pub(crate) async fn used(
    database: &Database,
    order_id: String,
) -> Result<Vec<String>, DatabaseError> {
    let used = |pool: PgPool| async move {
        sqlx::query_scalar("select ticket_id from office.ticket_use where order_id = $1")
            .bind(order_id)
            .fetch_all(&pool)
            .await
    };
    database.run(used).await
}

/// How a door's evening goes.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct DoorCounts {
    pub(crate) used: i64,
    pub(crate) refused: i64,
    pub(crate) conflicts: i64,
}

/// Counts of one event.
pub(crate) async fn counts(
    database: &Database,
    event_id: String,
) -> Result<DoorCounts, DatabaseError> {
    let count = |pool: PgPool| async move {
        sqlx::query_as(
            "select (select count(*) from office.ticket_use where event_id = $1) as used,
                 count(*) filter (where status = 'refused') as refused,
                 count(*) filter (where conflict) as conflicts
             from office.checkin where event_id = $1",
        )
        .bind(event_id)
        .fetch_one(&pool)
        .await
    };
    database.run(count).await
}

/// A ticket that was good once and is not any more.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Revoked {
    pub(crate) order_id: String,
    pub(crate) seat_id: String,
    /// `refunded`, or `released` for a seat that was exchanged.
    pub(crate) status: String,
}

/// Tickets that are void, and the moment up to which all of them are here, in ms since 1970.
pub(crate) async fn revoked(
    pool: PgPool,
    event_id: String,
    max: i64,
) -> Result<(Option<i64>, Vec<Revoked>), sqlx::Error> {
    // Asked first: what is read afterwards is complete at least up to there.
    let complete_up_to_ms: Option<Option<i64>> = sqlx::query_scalar(
        "select (extract(epoch from w.complete_up_to) * 1000)::bigint
         from grid.event e join grid.watermark w using (shard_id) where e.event_id = $1",
    )
    .bind(&event_id)
    .fetch_optional(&pool)
    .await?;
    let revoked = sqlx::query_as(
        "select s.order_id, s.seat_id, s.status
         from grid.order_seat s join grid.sale_order o using (order_id)
         where s.event_id = $1 and o.paid_at is not null
           and s.status in ('refunded', 'released')
         order by s.order_id, s.seat_id limit $2",
    )
    .bind(event_id)
    .bind(max)
    .fetch_all(&pool)
    .await?;
    Ok((complete_up_to_ms.flatten(), revoked))
}
