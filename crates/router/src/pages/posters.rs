//! Posters of events and artists, drawn by the shop from what the catalogue says. The same for all
//! visitors; nothing in them is personal, and nothing is fetched for them but the catalogue.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http_api::{Code, Id, Problem};
use storefront::Poster;

use super::browse::ARTIST_ID_LEN_MAX;
use super::{cards, is_plain};
use crate::seatmap::EVENT_ID_LEN_MAX;
use crate::state::App;

/// A poster changes with the event's name, time and place alone.
const CACHE_A_POSTER: &str = "public, max-age=300";

/// The event's poster.
pub(crate) async fn event(State(app): State<App>, Id(id): Id) -> Response {
    if !is_plain(&id, EVENT_ID_LEN_MAX) {
        return Problem::new(Code::EventNotFound).into_response();
    }
    match app.catalogue.event(&app.office, &id).await {
        Ok(Some(entry)) => {
            let card = cards::card(&entry, None);
            let place = format!("{}, {}", card.venue, card.city);
            let lines = [card.starts.text.as_str(), place.as_str()];
            picture(&Poster { id: &id, title: &card.name, lines })
        }
        Ok(None) => Problem::new(Code::EventNotFound).into_response(),
        Err(_) => Problem::new(Code::Overloaded).into_response(),
    }
}

/// The artist's poster.
pub(crate) async fn artist(State(app): State<App>, Id(id): Id) -> Response {
    if !is_plain(&id, ARTIST_ID_LEN_MAX) {
        return Problem::new(Code::ArtistNotFound).into_response();
    }
    match app.catalogue.artist(&app.office, &id).await {
        Ok(Some(artist)) => {
            let text = |of: &Option<String>| of.clone().unwrap_or_default();
            let (occupation, genre) = (text(&artist.occupation), text(&artist.genre));
            picture(&Poster { id: &id, title: &artist.name, lines: [&occupation, &genre] })
        }
        Ok(None) => Problem::new(Code::ArtistNotFound).into_response(),
        Err(_) => Problem::new(Code::Overloaded).into_response(),
    }
}

fn picture(poster: &Poster<'_>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (CACHE_CONTROL, HeaderValue::from_static(CACHE_A_POSTER)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(storefront::POLICY_OF_A_PICTURE)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, poster.svg()).into_response()
}
