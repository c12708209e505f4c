//! What auditors and accountants ask: the ledger by time, person, address and status; sales in figures.
//! From the replica where there is a recent one, always with the moment up to which it is complete.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::{Code, Id, Params, Problem};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Office;
use super::super::answer::{complete_up_to, private};
use super::super::audit::{self, AuditSearch, Place};
use super::super::bodies::audit::{AuditBody, EventReportBody, ReconciliationBody};
use super::super::reports;
use super::Staff;
use crate::clock::{now_ms, rfc3339_ms};

/// What is looked at without `from`: the last day.
const WITHOUT_FROM_MS: i64 = 24 * 3_600_000;
/// Records of a page.
const LIMIT_MAX: i64 = 1_000;
/// The same when nobody says.
const LIMIT_DEFAULT: i64 = 100;
/// Longest text that is compared, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// The filters as they stand in the address.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct Filters {
    /// Records at or after this moment, RFC 3339; a day before `to` when absent.
    from: Option<String>,
    /// Records before this moment, RFC 3339; now when absent.
    to: Option<String>,
    /// `guest`, `system`, `operator` or an account's id.
    user: Option<String>,
    /// An address, or a network as in `192.0.2.0/24`.
    ip: Option<String>,
    /// What the thing became, or why it was refused.
    status: Option<String>,
    /// As in `hold_refused`.
    kind: Option<String>,
    /// Of one event.
    event: Option<String>,
    /// Of one order.
    order: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// Records of a page, 1 to 1,000; 100 when absent.
    limit: Option<String>,
}

/// The ledger: every purchase operation and every refusal, oldest first.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "staff", params(Filters), responses(
    (status = 200, description = "A page of records", body = AuditBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn ledger(
    State(office): State<Arc<Office>>,
    _staff: Staff,
    Params(filters): Params<Filters>,
) -> Result<Response, Problem> {
    let wanted = filters.search(now_ms().cast_signed())?;
    let told = office.history.read(|pool| audit::search(pool, wanted.clone())).await?;
    let body = AuditBody {
        items: told.what.records,
        next_cursor: told.what.next.map(cursor),
        complete_up_to: told.complete_up_to_ms.map(rfc3339_ms),
    };
    Ok(complete_up_to(private(StatusCode::OK, None, body), told.complete_up_to_ms))
}

/// Which sales are compared.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in crate::office) struct Compared {
    /// One event alone, whose seats are then compared one by one: seats, orders and ledger.
    event: Option<String>,
}

/// Every event in figures, seats with two owners, and how far each shard is in the tables; one event
/// seat by seat.
#[utoipa::path(get, path = "/api/v1/admin/reconciliation", tag = "staff", params(Compared), responses(
    (status = 200, description = "The tables about all sales", body = ReconciliationBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn reconciliation(
    State(office): State<Arc<Office>>,
    _staff: Staff,
    Params(compared): Params<Compared>,
) -> Result<Response, Problem> {
    let event = text("event", compared.event.as_deref())?;
    let told = office.history.read(|pool| reports::reconciliation(pool, event.clone())).await?;
    Ok(complete_up_to(private(StatusCode::OK, None, told.what), told.complete_up_to_ms))
}

/// One event in figures, tier by tier.
#[utoipa::path(get, path = "/api/v1/admin/events/{id}/report", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "The event in figures", body = EventReportBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`: nothing of it was written yet"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn event(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    _staff: Staff,
) -> Result<Response, Problem> {
    let read = async |pool: sqlx::PgPool| {
        let mut all = reports::reconciliation(pool.clone(), Some(id.clone())).await?;
        let Some(sales) = all.events.pop() else { return Ok(None) };
        let tiers = reports::tiers(pool, id.clone()).await?;
        Ok(Some(EventReportBody { sales, tiers }))
    };
    let told = office.history.read(read).await?;
    let report = told.what.ok_or_else(|| Problem::new(Code::EventNotFound))?;
    Ok(complete_up_to(private(StatusCode::OK, None, report), told.complete_up_to_ms))
}

impl Filters {
    fn search(&self, now_ms: i64) -> Result<AuditSearch, Problem> {
        let to_ms = moment("to", self.to.as_deref())?.unwrap_or(now_ms.saturating_add(1));
        let from_ms = moment("from", self.from.as_deref())?;
        let from_ms = from_ms.unwrap_or(to_ms.saturating_sub(WITHOUT_FROM_MS)).max(0);
        let after = match self.cursor.as_deref() {
            Some(cursor) => read_cursor(cursor).ok_or_else(|| {
                Problem::invalid_parameter("cursor", "must come from next_cursor")
            })?,
            None => Place::before(from_ms),
        };
        if self.ip.as_deref().is_some_and(|ip| !is_network(ip)) {
            return Err(Problem::invalid_parameter("ip", "must be an address or a network"));
        }
        Ok(AuditSearch {
            from_ms,
            to_ms,
            user: text("user", self.user.as_deref())?,
            ip: self.ip.clone(),
            status: text("status", self.status.as_deref())?,
            kind: text("kind", self.kind.as_deref())?,
            event: text("event", self.event.as_deref())?,
            order: text("order", self.order.as_deref())?,
            after,
            limit: limit(self.limit.as_deref())?,
        })
    }
}

/// Whether it is an address, or one with the length of its network's prefix.
fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|length| length <= bits))
}

fn moment(parameter: &'static str, given: Option<&str>) -> Result<Option<i64>, Problem> {
    let parsed = given.map(|text| text.parse::<Timestamp>().map(Timestamp::as_millisecond));
    parsed
        .transpose()
        .map_err(|_| Problem::invalid_parameter(parameter, "must be an RFC 3339 time"))
}

fn text(parameter: &'static str, given: Option<&str>) -> Result<Option<String>, Problem> {
    match given {
        // PostgreSQL's texts have no zero byte.
        Some(text) if text.len() > TEXT_BYTES_MAX || text.contains('\0') => {
            Err(Problem::invalid_parameter(parameter, "must be at most 200 bytes of text"))
        }
        given => Ok(given.map(str::to_owned)),
    }
}

fn limit(given: Option<&str>) -> Result<i64, Problem> {
    let Some(given) = given else { return Ok(LIMIT_DEFAULT) };
    let limit = given.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| Problem::invalid_parameter("limit", "must be 1 to 1000"))
}

fn cursor(place: Place) -> String {
    let Place { at_ms, shard, incarnation, log_index, ordinal } = place;
    URL_SAFE_NO_PAD.encode(format!("{at_ms}:{shard}:{incarnation}:{log_index}:{ordinal}"))
}

fn read_cursor(cursor: &str) -> Option<Place> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let parts: Vec<&str> = text.split(':').collect();
    let [at_ms, shard, incarnation, log_index, ordinal] = parts[..] else { return None };
    Some(Place {
        at_ms: at_ms.parse().ok().filter(|at_ms| *at_ms >= 0)?,
        shard: shard.parse().ok()?,
        incarnation: incarnation.parse().ok()?,
        log_index: log_index.parse().ok()?,
        ordinal: ordinal.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        let place =
            Place { at_ms: 1_795_255_200_123, shard: 7, incarnation: 2, log_index: 99, ordinal: 3 };
        assert_eq!(read_cursor(&cursor(place)), Some(place));
        for wrong in ["", "x", "MTox", "-", &URL_SAFE_NO_PAD.encode("-1:0:0:0:0")] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn filters_have_limits() {
        let of = |set: fn(&mut Filters)| {
            let mut filters = Filters::default();
            set(&mut filters);
            filters.search(1_000_000_000)
        };
        let day = of(|_| {}).expect("all of the last day");
        assert_eq!((day.to_ms - day.from_ms, day.limit), (WITHOUT_FROM_MS, LIMIT_DEFAULT));
        assert!(of(|f| f.ip = Some("192.0.2.0/24".into())).is_ok());
        let wrong: [fn(&mut Filters); 6] = [
            |f| f.from = Some("yesterday".into()),
            |f| f.ip = Some("192.0.2.0/33".into()),
            |f| f.limit = Some("0".into()),
            |f| f.limit = Some("1001".into()),
            |f| f.cursor = Some("x".into()),
            |f| f.user = Some("x".repeat(201)),
        ];
        for set in wrong {
            assert!(of(set).is_err());
        }
    }
}
