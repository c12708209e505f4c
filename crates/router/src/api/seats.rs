//! `GET /events/{id}/seats`: every seat's status, as JSON or as two bits a seat.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, StatusCode};
use http_api::{Deadline, GRID_VERSION, Id, Params, Problem};

use crate::api::{Freshness, accept, event_map, read_map};
use crate::etag;
use crate::state::App;

/// The media type of the two-bit form.
const BITMAP: &str = "application/vnd.seatgrid.bitmap";

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Bitmap,
}

impl Form {
    fn asked(headers: &HeaderMap) -> Self {
        if accept::prefers(headers, BITMAP) { Self::Bitmap } else { Self::Json }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Bitmap => BITMAP,
        }
    }

    /// Keeps the tags of the forms apart.
    fn letter(self) -> char {
        match self {
            Self::Json => 'j',
            Self::Bitmap => 'b',
        }
    }
}

/// Answers the seats, or 304 to whoever has this version.
#[utoipa::path(get, path = "/api/v1/events/{id}/seats", tag = "shopping",
    params(("id" = String, Path, description = "The event's id"), Freshness),
    responses(
        (status = 200, description = "`application/json`: version and seats. \
            `application/vnd.seatgrid.bitmap`: two bits a seat in plan order (00 free, 01 held, \
            10 sold, 11 blocked), seat i in byte i/4 from bit (i mod 4)*2, version in \
            Grid-Version"),
        (status = 304, description = "Not changed"),
        (status = 404, description = "`event_not_found`"),
        (status = 503, description = "`no_leader`, `overloaded`")))]
pub(crate) async fn read(
    State(app): State<App>,
    Id(id): Id,
    Params(freshness): Params<Freshness>,
    deadline: Deadline,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let map = event_map(&app, &id, deadline.0).await?;
    let view = read_map(&map, freshness, deadline.0).await?.view;
    let form = Form::asked(&headers);
    let tag = view.etag(form.letter());
    let version = [(GRID_VERSION, view.version.to_string())];
    let caching = [(CACHE_CONTROL, "no-cache"), (VARY, "Accept")];
    if etag::has(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, version, caching, [(ETAG, tag)]).into_response());
    }
    let bytes = match form {
        Form::Json => view.json(&map.plan),
        Form::Bitmap => view.bits.clone(),
    };
    let kind = [(CONTENT_TYPE, form.content_type())];
    Ok((version, caching, [(ETAG, tag)], kind, Body::from(bytes)).into_response())
}
