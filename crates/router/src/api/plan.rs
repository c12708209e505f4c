//! `GET /events/{id}/plan`: geometry and prices, the same for as long as the sale is open.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_api::{Deadline, Id, Problem};

use crate::api::event_map;
use crate::pages::GZIP;
use crate::seatmap::EventMap;
use crate::state::App;
use crate::{etag, gzip};

/// The address does not name the version, so caches ask again after a while; the tag makes it
/// cheap.
const CACHE_SOME_MINUTES: &str = "public, max-age=300, stale-while-revalidate=86400";

/// Answers the plan, or 304 to whoever has it.
#[utoipa::path(get, path = "/api/v1/events/{id}/plan", tag = "shopping",
    params(("id" = String, Path, description = "The event's id")),
    responses(
        (status = 200, description = "Sections, rows and seats in plan order; tiers with prices"),
        (status = 304, description = "Not changed"),
        (status = 404, description = "`event_not_found`")))]
pub(crate) async fn read(
    State(app): State<App>,
    Id(id): Id,
    deadline: Deadline,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let map = event_map(&app, &id, deadline.0).await?;
    let plan = &map.plan;
    let is_packed = gzip::is_accepted(&headers);
    let tag = if is_packed { gzip::tag(&plan.etag) } else { plan.etag.clone() };
    let caching = [
        (ETAG, tag.clone()),
        (CACHE_CONTROL, HeaderValue::from_static(CACHE_SOME_MINUTES)),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
    ];
    if etag::has(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let json = [(CONTENT_TYPE, "application/json")];
    if is_packed {
        return Ok((caching, json, GZIP, Body::from(packed(map).await?)).into_response());
    }
    Ok((caching, json, Body::from(plan.json.clone())).into_response())
}

/// The compressed plan. The first request makes it, away from the threads that answer: a large hall
/// takes tens of milliseconds.
async fn packed(map: Arc<EventMap>) -> Result<Bytes, Problem> {
    if let Some(made) = map.plan.packed.get() {
        return Ok(made.clone());
    }
    let make = move || map.plan.packed().clone();
    tokio::task::spawn_blocking(make).await.map_err(Problem::internal)
}
