//! The ledger as staff searches it: every purchase operation and every refusal, in the order of time.
//!
//! Reads schema `grid` only. A search looks at a stretch of time after the other, each longer than the
//! one before, and stops when the page is full or its time is over; the cursor goes on from there. So
//! a rare thing in a year of records costs several questions and never a long one. What one order or one
//! account did has an index and is looked up at once.

use std::time::{Duration, Instant};

use sqlx::{FromRow, PgPool};

use super::bodies::audit::RecordBody;
use crate::clock::text_signed;

/// One search; a page that is not full by then is told as it is. Less than a unit of work may take.
const SEARCH_FOR: Duration = Duration::from_millis(1_500);
/// The first stretch of time that is looked at.
const FIRST_STRETCH_MS: i64 = 60_000;
/// The next one is longer by this, as long as one costs little.
const STRETCH_FACTOR: i64 = 4;
/// A stretch that took longer is not followed by a longer one.
const STRETCH_COST_MAX: Duration = Duration::from_millis(150);

/// What is searched for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuditSearch {
    /// Records at or after, ms since 1970.
    pub(crate) from_ms: i64,
    /// Records before, ms since 1970.
    pub(crate) to_ms: i64,
    /// `guest`, `system`, `operator` or an account's id.
    pub(crate) user: Option<String>,
    /// From an address or a network, in a form that PostgreSQL reads.
    pub(crate) ip: Option<String>,
    /// What the thing became.
    pub(crate) status: Option<String>,
    /// The kind of record.
    pub(crate) kind: Option<String>,
    /// Of one event.
    pub(crate) event: Option<String>,
    /// Of one order.
    pub(crate) order: Option<String>,
    /// Records behind this one.
    pub(crate) after: Place,
    /// Records of a page.
    pub(crate) limit: i64,
}

/// Subjects of more records than an index is worth.
const COMMON_SUBJECTS: [&str; 3] = ["guest", "system", "operator"];

impl AuditSearch {
    /// Whether an index finds its records, so that all of the time can be looked at in one question.
    fn is_indexed(&self) -> bool {
        let account = |user: &String| !COMMON_SUBJECTS.contains(&user.as_str());
        self.order.is_some() || self.user.as_ref().is_some_and(account)
    }

    /// How much time the first question looks at, in ms.
    fn first_stretch_ms(&self) -> i64 {
        if self.is_indexed() { i64::MAX } else { FIRST_STRETCH_MS }
    }
}

/// A record's place in the order of a search: its time, and what tells it from others of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) at_ms: i64,
    pub(crate) shard: i32,
    pub(crate) incarnation: i64,
    pub(crate) log_index: i64,
    pub(crate) ordinal: i32,
}

impl Place {
    /// Before all records of a moment.
    pub(crate) fn before(at_ms: i64) -> Self {
        Self { at_ms, shard: -1, incarnation: 0, log_index: 0, ordinal: 0 }
    }
}

/// A page of the ledger.
pub(crate) struct AuditPage {
    pub(crate) records: Vec<RecordBody>,
    /// Where the next page begins; `None` when everything was looked at.
    pub(crate) next: Option<Place>,
}

#[derive(FromRow)]
struct Row {
    at_ms: i64,
    shard_id: i32,
    incarnation: i64,
    log_index: i64,
    ordinal: i32,
    event_id: String,
    kind: String,
    order_id: Option<String>,
    seat_id: Option<String>,
    hold_id: Option<String>,
    payment_id: Option<String>,
    refund_id: Option<String>,
    amount_minor: Option<i64>,
    subject: String,
    ip: Option<String>,
    status: String,
}

const SEARCH: &str = "
    select (extract(epoch from at) * 1000)::bigint as at_ms, shard_id, incarnation, log_index,
           ordinal, event_id, kind, order_id, seat_id, hold_id, payment_id, refund_id, amount_minor,
           subject, host(ip) as ip, status
    from grid.ledger
    where at >= to_timestamp($1::bigint / 1000.0) and at < to_timestamp($2::bigint / 1000.0)
      and (at, shard_id, incarnation, log_index, ordinal)
          > (to_timestamp($3::bigint / 1000.0), $4::int, $5::bigint, $6::bigint, $7::int)
      and ($8::text is null or subject = $8)
      and ($9::text is null or ip <<= ($9::text)::inet)
      and ($10::text is null or status = $10)
      and ($11::text is null or kind = $11)
      and ($12::text is null or event_id = $12)
      and ($13::text is null or order_id = $13)
    order by at, shard_id, incarnation, log_index, ordinal
    limit $14";

/// A page.
pub(crate) async fn search(pool: PgPool, wanted: AuditSearch) -> Result<AuditPage, sqlx::Error> {
    let until = Instant::now() + SEARCH_FOR;
    let mut connection = pool.acquire().await?;
    let (mut stretch_ms, mut after) = (wanted.first_stretch_ms(), wanted.after);
    let mut from_ms = wanted.from_ms.max(after.at_ms);
    let mut records: Vec<RecordBody> = Vec::new();
    while from_ms < wanted.to_ms {
        let to_ms = from_ms.saturating_add(stretch_ms).min(wanted.to_ms);
        let room = wanted.limit - records.len() as i64;
        let began = Instant::now();
        // Planned for what is asked each time: a plan for any question would use no index.
        let rows: Vec<Row> = sqlx::query_as(SEARCH)
            .persistent(false)
            .bind(from_ms)
            .bind(to_ms)
            .bind(after.at_ms)
            .bind(after.shard)
            .bind(after.incarnation)
            .bind(after.log_index)
            .bind(after.ordinal)
            .bind(&wanted.user)
            .bind(&wanted.ip)
            .bind(&wanted.status)
            .bind(&wanted.kind)
            .bind(&wanted.event)
            .bind(&wanted.order)
            .bind(room)
            .fetch_all(&mut *connection)
            .await?;
        let full = rows.len() as i64 == room;
        if let Some(last) = rows.last() {
            after = last.place();
        }
        records.extend(rows.into_iter().map(RecordBody::from));
        if full {
            return Ok(AuditPage { records, next: Some(after) });
        }
        from_ms = to_ms;
        if began.elapsed() < STRETCH_COST_MAX {
            stretch_ms = stretch_ms.saturating_mul(STRETCH_FACTOR);
        }
        if Instant::now() >= until && from_ms < wanted.to_ms {
            return Ok(AuditPage { records, next: Some(Place::before(from_ms)) });
        }
    }
    Ok(AuditPage { records, next: None })
}

impl Row {
    fn place(&self) -> Place {
        Place {
            at_ms: self.at_ms,
            shard: self.shard_id,
            incarnation: self.incarnation,
            log_index: self.log_index,
            ordinal: self.ordinal,
        }
    }
}

impl From<Row> for RecordBody {
    fn from(row: Row) -> Self {
        let record = format!(
            "shard {} incarnation {} record {}.{}",
            row.shard_id, row.incarnation, row.log_index, row.ordinal
        );
        Self {
            at: text_signed(row.at_ms),
            kind: row.kind,
            status: row.status,
            user: row.subject,
            ip: row.ip,
            event_id: Some(row.event_id).filter(|id| !id.is_empty()),
            hold_id: row.hold_id,
            order_id: row.order_id,
            payment_id: row.payment_id,
            refund_id: row.refund_id,
            seat_id: row.seat_id,
            amount_minor: row.amount_minor,
            record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_accounts_are_looked_up_at_once_and_the_rest_by_stretches() {
        let search = |user: Option<&str>, order: Option<&str>| AuditSearch {
            from_ms: 0,
            to_ms: 1,
            user: user.map(str::to_owned),
            ip: Some("10.0.0.0/8".to_owned()),
            status: None,
            kind: Some("hold_refused".to_owned()),
            event: Some("gala".to_owned()),
            order: order.map(str::to_owned),
            after: Place::before(0),
            limit: 1,
        };
        let account = Some("0190b5a2-7c00-7000-8000-000000000001");
        assert_eq!(search(account, None).first_stretch_ms(), i64::MAX);
        assert_eq!(search(Some("guest"), Some("o1-2")).first_stretch_ms(), i64::MAX);
        for user in [None, Some("guest"), Some("system"), Some("operator")] {
            assert_eq!(search(user, None).first_stretch_ms(), FIRST_STRETCH_MS, "{user:?}");
        }
    }
}
