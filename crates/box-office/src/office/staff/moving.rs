//! A published event takes another time or place. Whoever has an order is told by the worker, which
//! goes on until all orders of before are told, also after a restart.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http_api::{Code, Id, OptionalKey, Problem, Strict};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::super::Office;
use super::super::bodies::staff::StaffEventBody;
use super::entries::Fault;
use super::event_form::{Demands, EventForm, KIND};
use super::event_rows as rows;
use super::{Staff, entries};

/// Where and when an event happens now; what is left out stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct MoveForm {
    /// RFC 3339.
    #[serde(default)]
    starts_at: Option<String>,
    /// A venue with the same seats; another plan is put apart.
    #[serde(default)]
    venue_id: Option<String>,
    /// Needed when the sale then opens less than 60 days before the event.
    #[serde(default)]
    short_notice_reason: Option<String>,
}

/// Moves a published event. Tickets stay valid; owners are told. A sale that ended with the beginning
/// of the event still does.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/move", tag = "staff",
request_body = MoveForm, params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The event as it is now", body = StaffEventBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`event_state`: a draft is edited, not moved; `event_cancelled`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn carry_out(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: OptionalKey,
    staff: Staff,
    Strict { body, hash }: Strict<MoveForm>,
) -> Result<Response, Problem> {
    let sale = office.sale_of(&id, &staff).await?;
    if sale.is_some_and(|sale| sale.cancel.is_some()) {
        return Err(Problem::new(Code::EventCancelled));
    }
    let mut work = office.database.begin().await?;
    let known = rows::take(work.db(), &id).await?;
    if !known.is_published() {
        let detail = "a draft is edited, not moved";
        return Err(Problem::new(Code::EventState).detail(detail));
    }
    let form = body.on(&known.form);
    let event = form.checked(&Demands { notice: form.starts_at != known.form.starts_at })?;
    rows::referred(work.db(), &form, (&event, false)).await?;
    let facts = json!({"from": place(&known.form), "to": place(&form)});
    // A repeated call finds the event there already, and tells nobody again.
    if facts["from"] != facts["to"] {
        entries::update(work.db(), KIND, &id, &form.record(&event, None)).await?;
        begin_telling(work.db(), &id, &facts).await?;
        let row = rows::read(work.db(), &id).await?.row;
        entries::note(work.db(), (KIND, &id), (&staff, "moved"), &row).await?;
    }
    work.commit().await?;
    office.tell_window(&id, key.of(hash), &staff).await?;
    office.staff_event(&id, &staff).await
}

impl MoveForm {
    fn on(self, known: &EventForm) -> EventForm {
        let mut form = known.clone();
        let until_start = known.sale.closes_at.as_ref() == Some(&known.starts_at);
        if let Some(starts_at) = self.starts_at {
            // The same moment in other words is no other time.
            form.starts_at = match (moment(&starts_at), moment(&known.starts_at)) {
                (Some(new), Some(old)) if new == old => known.starts_at.clone(),
                _ => starts_at,
            };
        }
        if until_start {
            form.sale.closes_at = None;
        }
        if let Some(venue_id) = self.venue_id {
            form.venue_id = venue_id;
        }
        // A reason belongs to the time that it was given for.
        let kept = form.sale.short_notice_reason.filter(|_| form.starts_at == known.starts_at);
        form.sale.short_notice_reason = self.short_notice_reason.or(kept);
        form
    }
}

fn moment(text: &str) -> Option<u64> {
    http_api::time::parse_rfc3339_ms(text)
}

fn place(form: &EventForm) -> Value {
    json!({"starts_at": form.starts_at, "venue_id": form.venue_id})
}

/// From now on the worker tells owners.
async fn begin_telling(db: &mut PgConnection, id: &str, facts: &Value) -> Result<(), Fault> {
    sqlx::query("insert into office.event_move (event_id, facts) values ($1, $2)")
        .bind(id)
        .bind(Json(facts))
        .execute(db)
        .await?;
    Ok(())
}
