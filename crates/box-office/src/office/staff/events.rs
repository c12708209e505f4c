//! Events, as staff keeps them: drafts that change freely, published ones whose words and window do.
//! What is on sale keeps its prices and limits: people bought under them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, NoBody, OptionalKey, Params, Problem, Strict, read_document};
use inventory::EventNo;
use serde_json::{Value, json};

use super::super::Office;
use super::super::answer::replayed;
use super::super::bodies::staff::StaffEventBody;
use super::event_form::{Demands, EventForm, KIND, is_over};
use super::event_rows::{self as rows, Stored};
use super::shelf::{PageParams, listed, tagged};
use super::{Staff, entries};

/// Pause between two looks whether a sale is open in the grid already.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Left of the caller's time for the answer itself.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// All events, drafts too, by id.
#[utoipa::path(get, path = "/api/v1/admin/events", tag = "staff", params(PageParams), responses(
    (status = 200, description = "A page: `{\"items\":[…],\"next_cursor\":…}`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _: Staff,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let page = params.checked()?;
    let mut work = office.database.begin().await?;
    let found = rows::list(work.db(), page.after(), page.wanted() as i64).await?;
    Ok(listed(&page, found.iter().map(brief).collect()))
}

fn brief(stored: &Stored) -> Value {
    let mut told = json!(stored.form);
    told["id"] = json!(stored.id);
    told["status"] = json!(stored.status);
    told["revision"] = json!(stored.revision);
    told
}

/// A new event, a draft until it is published. It takes a copy of its plan.
#[utoipa::path(post, path = "/api/v1/admin/events", tag = "staff", request_body = EventForm,
params(("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred")),
responses(
    (status = 201, description = "The event with its id", body = StaffEventBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn create(
    State(office): State<Arc<Office>>,
    key: OptionalKey,
    staff: Staff,
    Strict { body: form, hash }: Strict<EventForm>,
) -> Result<Response, Problem> {
    let event = form.checked(&Demands { notice: true })?;
    if form.plan_id.is_none() {
        return Err(Problem::invalid_at("/plan_id", "is required"));
    }
    let mut work = office.database.begin().await?;
    let plan = rows::referred(work.db(), &form, (&event, true)).await?;
    let mut record = form.record(&event, plan.as_ref());
    record["status"] = json!("draft");
    let made = entries::insert(work.db(), KIND, key.of(hash), &record).await?;
    if !made.replayed {
        rows::set_bill(work.db(), &made.id, &form.artist_ids).await?;
        let row = rows::read(work.db(), &made.id).await?.row;
        entries::note(work.db(), (KIND, &made.id), (&staff, "created"), &row).await?;
    }
    work.commit().await?;
    let mut answer = office.staff_event(&made.id, &staff).await?;
    *answer.status_mut() = StatusCode::CREATED;
    Ok(replayed(answer, made.replayed))
}

/// Edits an event: members that are given replace, null clears (RFC 7396). A published event changes
/// its name, description, bill and window; what is held or sold stays so.
#[utoipa::path(patch, path = "/api/v1/admin/events/{id}", tag = "staff", request_body = EventForm,
params(
    ("id" = String, Path, description = "The event"),
    ("If-Match" = String, Header, description = "The `ETag` that the edit is based on"),
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The event as it is now", body = StaffEventBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`event_state`: a published event keeps what it names; \
        `event_cancelled`"),
    (status = 412, description = "`version_mismatch`: somebody else edited it meanwhile"),
    (status = 428, description = "`precondition_required`: without If-Match"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: OptionalKey,
    staff: Staff,
    Strict { body: patch, hash }: Strict<Value>,
) -> Result<Response, Problem> {
    let revision = staff.if_match()?;
    let mut work = office.database.begin().await?;
    let known = rows::take(work.db(), &id).await?;
    let form = edited(&known.form, patch)?;
    let notice =
        form.sale.opens_at != known.form.sale.opens_at || form.starts_at != known.form.starts_at;
    let event = form.checked(&Demands { notice })?;
    if known.is_published() {
        check_published(&known.form, &form)?;
    }
    if known.revision != revision {
        return Err(Problem::new(Code::VersionMismatch));
    }
    let copies = !known.is_published() && form.plan_id != known.form.plan_id;
    let plan = rows::referred(work.db(), &form, (&event, copies)).await?;
    if plan.is_none() {
        rows::check_own_plan(work.db(), &id, &event).await?;
    }
    let record = form.record(&event, plan.as_ref());
    entries::update(work.db(), KIND, &id, &record).await?;
    rows::set_bill(work.db(), &id, &form.artist_ids).await?;
    let row = rows::read(work.db(), &id).await?.row;
    entries::note(work.db(), (KIND, &id), (&staff, "edited"), &row).await?;
    work.commit().await?;
    office.tell_window(&id, key.of(hash), &staff).await?;
    office.staff_event(&id, &staff).await
}

/// The form with a patch on it. A reason belongs to the window that it was given for.
fn edited(known: &EventForm, patch: Value) -> Result<EventForm, Problem> {
    let mut document = json!(known);
    let moves = |name: &str| patch["sale"].get(name).is_some();
    if moves("opens_at") && !moves("short_notice_reason") {
        document["sale"]["short_notice_reason"] = Value::Null;
    }
    let until_start = known.sale.closes_at.as_ref() == Some(&known.starts_at);
    if until_start && patch.get("starts_at").is_some() && !moves("closes_at") {
        // A sale that ends with the beginning goes on doing so.
        document["sale"]["closes_at"] = Value::Null;
    }
    entries::merge(&mut document, patch);
    let form: EventForm = read_document(document)?;
    let same = form.sale.opens_at == known.sale.opens_at && form.starts_at == known.starts_at;
    let reason = known.sale.short_notice_reason.clone();
    let kept = form.sale.short_notice_reason.clone().or_else(|| reason.filter(|_| same));
    let sale = super::event_form::WindowForm { short_notice_reason: kept, ..form.sale.clone() };
    Ok(EventForm { sale, ..form })
}

/// Refuses what a published event keeps.
fn check_published(known: &EventForm, form: &EventForm) -> Result<(), Problem> {
    let (before, after) = (json!(known), json!(form));
    let kept =
        ["venue_id", "plan_id", "starts_at", "currency", "tiers", "limits", "hold_ttl_s", "rules"];
    let Some(member) = kept.iter().find(|member| before[**member] != after[**member]) else {
        return Ok(());
    };
    let detail = match *member {
        "venue_id" | "starts_at" => "a published event is moved by POST …/move",
        "tiers" | "plan_id" => "a published event gets another plan by PUT …/plan",
        _ => "people bought under these terms; they stay as they were",
    };
    Err(Problem::new(Code::EventState).detail(detail).fact("member", *member))
}

/// Removes a draft.
#[utoipa::path(delete, path = "/api/v1/admin/events/{id}", tag = "staff",
params(("id" = String, Path, description = "The event")), responses(
    (status = 204, description = "Gone; what was changed stays on record"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`refused_unsafe`: it is published; cancel it instead"),
))]
pub(in crate::office) async fn remove(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<StatusCode, Problem> {
    let mut work = office.database.begin().await?;
    let known = rows::take(work.db(), &id).await?;
    if known.is_published() {
        let detail = "It is published and people may have bought: cancel it instead";
        return Err(Problem::new(Code::RefusedUnsafe).detail(detail));
    }
    entries::delete(work.db(), KIND, &id).await?;
    entries::note(work.db(), (KIND, &id), (&staff, "deleted"), &known.row).await?;
    work.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a draft to shoppers and opens its sale in the grid; holds begin with its window. Repeating
/// it is harmless.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/publish", tag = "staff", params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The event; `grid` is absent as long as its sale waits to be \
        opened, which goes on by itself", body = StaffEventBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`"),
    (status = 409, description = "`event_state`: its window is over"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn publish(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
    NoBody { .. }: NoBody,
) -> Result<Response, Problem> {
    let mut work = office.database.begin().await?;
    let known = rows::take(work.db(), &id).await?;
    if !known.is_published() {
        let event = known.form.checked(&Demands { notice: true })?;
        if is_over(&event) {
            let detail = "its sale would be over already: move the window first";
            return Err(Problem::new(Code::EventState).detail(detail));
        }
        rows::referred(work.db(), &known.form, (&event, false)).await?;
        rows::check_own_plan(work.db(), &id, &event).await?;
        entries::update(work.db(), KIND, &id, &json!({"status": "published"})).await?;
        let row = rows::read(work.db(), &id).await?.row;
        entries::note(work.db(), (KIND, &id), (&staff, "published"), &row).await?;
    }
    work.commit().await?;
    office.until_open(&id, staff.deadline).await;
    office.staff_event(&id, &staff).await
}

impl Office {
    /// Waits until shoppers can find the event, as long as the caller does.
    async fn until_open(&self, id: &str, deadline: Instant) {
        let give_up = deadline.checked_sub(ANSWER_WITHIN).unwrap_or(deadline);
        while Instant::now() < give_up {
            let shown = self.catalogue.get().is_some_and(|all| all.event(id).is_some());
            if shown && self.is_open(id, give_up).await {
                return;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn is_open(&self, id: &str, deadline: Instant) -> bool {
        let Ok(pin) = self.grid.route(id, deadline).await else { return false };
        self.grid.sale(EventNo(pin.number), deadline).await.is_ok()
    }

    /// An event as the catalogue and the grid have it, with its revision as the `ETag`.
    pub(super) async fn staff_event(&self, id: &str, staff: &Staff) -> Result<Response, Problem> {
        let mut work = self.database.begin().await?;
        let Stored { id, status, revision, form, .. } = rows::read(work.db(), id).await?;
        drop(work);
        let grid = self.sale_of(&id, staff).await?;
        let version = grid.as_ref().map(|sale| sale.version);
        let document = StaffEventBody { id, status, revision, form, grid };
        Ok(tagged(super::super::answer::private(StatusCode::OK, version, document), revision))
    }
}
