//! The catalogue's SQL: the whole of it into memory, one plan, and the revision that says whether
//! anything changed. Times travel as milliseconds since 1970.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Connection, FromRow, PgConnection, PgPool};

use super::{ArtistRecord, Catalogue, CodeRecord, EventRecord, StoredPlan, VenueRecord, Work};
use crate::database::own_connection;

/// Most events, artists or venues that are read; bounds memory.
const ROWS_MAX: i64 = 100_000;

#[derive(FromRow)]
struct EventRow {
    id: String,
    name: String,
    description: String,
    venue_id: String,
    starts_at_ms: i64,
    currency: String,
    tiers: Json<Value>,
    opens_at_ms: i64,
    closes_at_ms: i64,
    per_person_max: i32,
    per_hold_max: i32,
    hold_ttl_s: i32,
    rules: Json<Value>,
    codes: Json<Value>,
}

#[derive(FromRow)]
struct ArtistRow {
    id: String,
    name: String,
    occupation: Option<String>,
    genre: Option<String>,
    bio: Option<String>,
    works: Json<Vec<Work>>,
}

#[derive(FromRow)]
struct VenueRow {
    id: String,
    name: String,
    city: String,
    address: String,
    timezone: String,
}

/// The revision now.
pub(crate) async fn revision(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select revision from office.catalogue_revision").fetch_one(pool).await
}

/// Everything that is published, as of one moment.
pub(crate) async fn load(pool: &PgPool) -> Result<Catalogue, sqlx::Error> {
    let mut own = own_connection(pool).await?;
    let mut snapshot = own.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(&mut *snapshot)
        .await?;
    let revision = sqlx::query_scalar("select revision from office.catalogue_revision")
        .fetch_one(&mut *snapshot)
        .await?;
    let artists: Vec<ArtistRow> = sqlx::query_as(
        "select id, name, occupation, genre, bio, works from office.artist order by id limit $1",
    )
    .bind(ROWS_MAX)
    .fetch_all(&mut *snapshot)
    .await?;
    let venues: Vec<VenueRow> = sqlx::query_as(
        "select id, name, city, address, timezone from office.venue order by id limit $1",
    )
    .bind(ROWS_MAX)
    .fetch_all(&mut *snapshot)
    .await?;
    let bills: Vec<(String, String)> = sqlx::query_as(
        "select event_id, artist_id from office.event_artist order by event_id, position limit $1",
    )
    .bind(ROWS_MAX)
    .fetch_all(&mut *snapshot)
    .await?;
    let events: Vec<EventRow> = sqlx::query_as(
        "select id, name, description, venue_id,
                (extract(epoch from starts_at) * 1000)::bigint as starts_at_ms,
                currency, tiers,
                (extract(epoch from sale_opens_at) * 1000)::bigint as opens_at_ms,
                (extract(epoch from sale_closes_at) * 1000)::bigint as closes_at_ms,
                per_person_max, per_hold_max, hold_ttl_s, rules, codes
         from office.event where status = 'published' order by starts_at, id limit $1",
    )
    .bind(ROWS_MAX)
    .fetch_all(&mut *snapshot)
    .await?;
    snapshot.commit().await?;
    Ok(assemble(revision, artists, venues, with_bills(events, bills)))
}

/// The event with the window and the codes that its row has now. The row stays so until the
/// transaction ends; `None` when it is published no more.
pub(crate) async fn kept(
    db: &mut PgConnection,
    event: &EventRecord,
) -> Result<Option<EventRecord>, sqlx::Error> {
    let row: Option<(i64, i64, Json<Vec<CodeRecord>>)> = sqlx::query_as(
        "select (extract(epoch from sale_opens_at) * 1000)::bigint,
                (extract(epoch from sale_closes_at) * 1000)::bigint, codes
         from office.event where id = $1 and status = 'published' for share",
    )
    .bind(&event.id)
    .fetch_optional(db)
    .await?;
    Ok(row.map(|(opens_at_ms, closes_at_ms, Json(codes))| EventRecord {
        opens_at_ms,
        closes_at_ms,
        codes,
        ..event.clone()
    }))
}

/// The plan of an event.
pub(crate) async fn plan(pool: &PgPool, event: &str) -> Result<Option<StoredPlan>, sqlx::Error> {
    let plan: Option<Json<StoredPlan>> =
        sqlx::query_scalar("select plan from office.event where id = $1")
            .bind(event)
            .fetch_optional(pool)
            .await?;
    Ok(plan.map(|Json(plan)| plan))
}

fn with_bills(events: Vec<EventRow>, bills: Vec<(String, String)>) -> Vec<EventRecord> {
    let mut by_event = BTreeMap::<String, Vec<String>>::new();
    for (event, artist) in bills {
        by_event.entry(event).or_default().push(artist);
    }
    let mut malformed = 0;
    let events = events.into_iter().filter_map(|row| {
        let (id, bill) = (row.id.clone(), by_event.remove(&row.id).unwrap_or_default());
        let read = event(row, bill);
        if let Err(error) = &read {
            malformed += 1;
            tracing::error!(event = id, %error, "an event is left out of the catalogue");
        }
        read.ok()
    });
    let events: Vec<EventRecord> = events.collect();
    metrics::gauge!("seatgrid_office_events_malformed").set(f64::from(malformed));
    events
}

/// One event; its documents are written by others, and a malformed one concerns nobody else.
fn event(row: EventRow, artists: Vec<String>) -> Result<EventRecord, String> {
    Ok(EventRecord {
        artists,
        id: row.id,
        name: row.name,
        description: row.description,
        venue: row.venue_id,
        starts_at_ms: row.starts_at_ms,
        currency: row.currency,
        tiers: document("tiers", row.tiers)?,
        opens_at_ms: row.opens_at_ms,
        closes_at_ms: row.closes_at_ms,
        per_person_max: row.per_person_max,
        per_hold_max: row.per_hold_max,
        hold_ttl_s: row.hold_ttl_s,
        rules: document("rules", row.rules)?,
        codes: document("codes", row.codes)?,
    })
}

fn document<T: DeserializeOwned>(name: &str, Json(value): Json<Value>) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("{name}: {error}"))
}

fn assemble(
    revision: i64,
    artists: Vec<ArtistRow>,
    venues: Vec<VenueRow>,
    events: Vec<EventRecord>,
) -> Catalogue {
    let artists = artists.into_iter().map(|row| ArtistRecord {
        id: row.id,
        name: row.name,
        occupation: row.occupation,
        genre: row.genre,
        bio: row.bio,
        works: row.works.0,
    });
    let venues = venues.into_iter().map(|row| VenueRecord {
        id: row.id,
        name: row.name,
        city: row.city,
        address: row.address,
        timezone: row.timezone,
    });
    Catalogue {
        revision,
        events: events.into_iter().map(Arc::new).collect(),
        artists: artists.map(|artist| (artist.id.clone(), artist)).collect(),
        venues: venues.map(|venue| (venue.id.clone(), venue)).collect(),
    }
}
