//! Reading the catalogue: events, artists, venues. From memory alone.

use std::ops::Bound;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http_api::{Code, Id, Params, Problem};

use super::Office;
use super::answer::public;
use super::bodies::catalogue::{ArtistBody, EventBody, ListBody, VenueBody, artist, event, venue};
use super::paging::PageParams;
use crate::catalogue::{Catalogue, Search};

/// Published events, by start.
#[utoipa::path(get, path = "/api/v1/events", tag = "catalogue", params(Search), responses(
    (status = 200, description = "A page of events", body = ListBody<EventBody>),
    (status = 400, description = "`invalid_request`"),
    (status = 503, description = "`database_unavailable`: the catalogue was never read yet"),
))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    Params(search): Params<Search>,
) -> Result<Response, Problem> {
    let catalogue = office.catalogue()?;
    let page = search.page(&catalogue);
    let page = page.map_err(|error| Problem::invalid_parameter(error.parameter, error.detail))?;
    let items: Vec<EventBody> = page.events.iter().map(|e| event(&catalogue, e)).collect();
    Ok(public(ListBody { items, next_cursor: page.next_cursor }))
}

/// One event.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "catalogue",
    params(("id" = String, Path, description = "The event")), responses(
    (status = 200, description = "The event", body = EventBody),
    (status = 404, description = "`event_not_found`"),
))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let catalogue = office.catalogue()?;
    let found = catalogue.event(&id).ok_or_else(|| Problem::new(Code::EventNotFound))?;
    Ok(public(event(&catalogue, found)))
}

/// All artists, by id.
#[utoipa::path(get, path = "/api/v1/artists", tag = "catalogue", params(PageParams), responses(
    (status = 200, description = "A page of artists", body = ListBody<ArtistBody>),
    (status = 400, description = "`invalid_request`"),
))]
pub(super) async fn artists(
    State(office): State<Arc<Office>>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let page = params.checked()?;
    let catalogue = office.catalogue()?;
    let rest = (Bound::Excluded(page.after()), Bound::Unbounded);
    let found = catalogue.artists.range::<str, _>(rest).map(|(_, found)| found);
    let (found, next_cursor) = page.cut(found.take(page.wanted()).collect(), |found| &found.id);
    let items: Vec<ArtistBody> = found.into_iter().map(artist).collect();
    Ok(public(ListBody { items, next_cursor }))
}

/// One artist.
#[utoipa::path(get, path = "/api/v1/artists/{id}", tag = "catalogue",
    params(("id" = String, Path, description = "The artist")), responses(
    (status = 200, description = "The artist", body = ArtistBody),
    (status = 404, description = "`artist_not_found`"),
))]
pub(super) async fn read_artist(
    State(office): State<Arc<Office>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let catalogue = office.catalogue()?;
    let found = catalogue.artists.get(&id).ok_or_else(|| Problem::new(Code::ArtistNotFound))?;
    Ok(public(artist(found)))
}

/// One venue.
#[utoipa::path(get, path = "/api/v1/venues/{id}", tag = "catalogue",
    params(("id" = String, Path, description = "The venue")), responses(
    (status = 200, description = "The venue", body = VenueBody),
    (status = 404, description = "`venue_not_found`"),
))]
pub(super) async fn read_venue(
    State(office): State<Arc<Office>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let catalogue = office.catalogue()?;
    let found = catalogue.venues.get(&id).ok_or_else(|| Problem::new(Code::VenueNotFound))?;
    Ok(public(venue(found)))
}

impl Office {
    fn catalogue(&self) -> Result<Arc<Catalogue>, Problem> {
        self.catalogue.get().ok_or_else(|| Problem::new(Code::DatabaseUnavailable))
    }
}
