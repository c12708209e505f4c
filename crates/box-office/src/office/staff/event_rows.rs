//! Rows of events with their bills, inside one transaction.

use http_api::{Problem, read_document};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::entries::{self, Fault};
use super::event_form::{EventForm, KIND, of_row};
use crate::catalogue::{EventRecord, StoredPlan};

/// An event as its row and its bill have it.
pub(super) struct Stored {
    pub(super) id: String,
    /// `draft` or `published`.
    pub(super) status: String,
    pub(super) revision: i64,
    pub(super) form: EventForm,
    /// The row without its plan, to be written down beside a change.
    pub(super) row: Value,
}

impl Stored {
    /// Whether shoppers see it.
    pub(super) fn is_published(&self) -> bool {
        self.status == "published"
    }
}

/// Reads an event.
pub(super) async fn read(db: &mut PgConnection, id: &str) -> Result<Stored, Fault> {
    let row = entries::read(db, KIND, id).await?;
    with_bill(db, row).await
}

/// Reads an event and keeps others from changing it until the transaction ends.
pub(super) async fn take(db: &mut PgConnection, id: &str) -> Result<Stored, Fault> {
    let row = entries::take(db, KIND, id).await?;
    with_bill(db, row).await
}

/// Events by id, after this one, as their forms.
pub(super) async fn list(
    db: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<Stored>, Fault> {
    let mut all = Vec::new();
    for row in entries::list(db, KIND, after, limit).await? {
        all.push(with_bill(db, row).await?);
    }
    Ok(all)
}

async fn with_bill(db: &mut PgConnection, mut row: Value) -> Result<Stored, Fault> {
    let id = row["id"].as_str().unwrap_or_default().to_owned();
    let bill: Vec<String> = sqlx::query_scalar(
        "select artist_id from office.event_artist where event_id = $1 order by position",
    )
    .bind(&id)
    .fetch_all(db)
    .await?;
    if let Some(columns) = row.as_object_mut() {
        columns.remove("plan");
    }
    Ok(Stored {
        status: row["status"].as_str().unwrap_or_default().to_owned(),
        revision: entries::revision(&row),
        form: read_document(of_row(&row, &bill))?,
        id,
        row,
    })
}

/// Writes the bill anew.
pub(super) async fn set_bill(
    db: &mut PgConnection,
    id: &str,
    artist_ids: &[String],
) -> Result<(), Fault> {
    sqlx::query("delete from office.event_artist where event_id = $1")
        .bind(id)
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "insert into office.event_artist (event_id, artist_id, position)
         select $1, artist_id, position - 1
         from unnest($2::text[]) with ordinality as bill (artist_id, position)",
    )
    .bind(id)
    .bind(artist_ids)
    .execute(db)
    .await?;
    Ok(())
}

/// Checks that what the event names is there; the plan to copy where one is to be copied.
pub(super) async fn referred(
    db: &mut PgConnection,
    form: &EventForm,
    (event, copies): (&EventRecord, bool),
) -> Result<Option<StoredPlan>, Fault> {
    let known: Vec<String> =
        sqlx::query_scalar("select id from office.artist where id = any($1) for share")
            .bind(&form.artist_ids)
            .fetch_all(&mut *db)
            .await?;
    if let Some(at) = form.artist_ids.iter().position(|id| !known.contains(id)) {
        let pointer = format!("/artist_ids/{at}");
        return Err(Problem::invalid_at(pointer, "there is no such artist").into());
    }
    let venue: Option<String> =
        sqlx::query_scalar("select id from office.venue where id = $1 for share")
            .bind(&form.venue_id)
            .fetch_optional(&mut *db)
            .await?;
    if venue.is_none() {
        return Err(Problem::invalid_at("/venue_id", "there is no such venue").into());
    }
    match &form.plan_id {
        Some(id) if copies => Ok(Some(plan(db, id, event).await?)),
        Some(_) | None => Ok(None),
    }
}

/// A plan that fits the event's venue and tiers.
async fn plan(db: &mut PgConnection, id: &str, event: &EventRecord) -> Result<StoredPlan, Fault> {
    let found: Option<(String, Json<StoredPlan>)> =
        sqlx::query_as("select venue_id, plan from office.plan where id = $1 for share")
            .bind(id)
            .fetch_optional(db)
            .await?;
    let no = |detail: String| Problem::invalid_at("/plan_id", detail);
    let (venue, Json(plan)) = found.ok_or_else(|| no("there is no such plan".into()))?;
    if venue != event.venue {
        return Err(no("the plan is of another venue".into()).into());
    }
    let fits = plan.to_plan(&event.tiers).map_err(|error| error.to_string());
    match fits.and_then(|plan| plan.check().map_err(|fault| fault.to_string())) {
        Ok(()) => Ok(plan),
        Err(reason) => Err(Problem::invalid_at("/tiers", reason).into()),
    }
}

/// Checks that the plan which an event has fits its tiers.
pub(super) async fn check_own_plan(
    db: &mut PgConnection,
    id: &str,
    event: &EventRecord,
) -> Result<(), Fault> {
    let Json(plan): Json<StoredPlan> =
        sqlx::query_scalar("select plan from office.event where id = $1")
            .bind(id)
            .fetch_one(db)
            .await?;
    let fits = plan.to_plan(&event.tiers).map_err(|error| error.to_string());
    let checked = fits.and_then(|plan| plan.check().map_err(|fault| fault.to_string()));
    checked.map_err(|reason| Problem::invalid_at("/tiers", reason).into())
}
