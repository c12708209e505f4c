//! Pages to look round: what is on, by search, and who plays. All from the office's public catalogue,
//! kept for a moment; filters stand in the address, so that they work without scripts and can be
//! passed on.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http_api::{Code, Id, Problem};
use serde::Deserialize;
use storefront::{ArtistPage, ArtistView, Filters, HomePage, Notice, Work};

use super::{CACHE_A_MOMENT, cards, free_known, is_plain, lang, notice, page};
use crate::office::{ArtistEntry, EventEntry};
use crate::seatmap::EVENT_ID_LEN_MAX;
use crate::state::App;

/// Longest text of a filter, in characters; longer ones are cut, since nothing is called so.
const FILTER_CHARS_MAX: usize = 60;
/// Longest cursor of the office; a longer one is nobody's.
const CURSOR_LEN_MAX: usize = 200;
/// Longest id of an artist.
pub(super) const ARTIST_ID_LEN_MAX: usize = 64;

/// The filters as the address has them; what is not known is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    q: String,
    artist: String,
    city: String,
    genre: String,
    from: String,
    to: String,
    /// Which page of what fits.
    cursor: String,
}

impl Asked {
    fn filters(self) -> Filters {
        let cut = |text: String| text.trim().chars().take(FILTER_CHARS_MAX).collect::<String>();
        // A day that is none would make the office refuse the whole search.
        let day = |text: String| {
            if text.parse::<jiff::civil::Date>().is_ok() { text } else { String::new() }
        };
        Filters {
            q: cut(self.q),
            artist: cut(self.artist),
            city: cut(self.city),
            genre: cut(self.genre),
            from: day(self.from),
            to: day(self.to),
        }
    }
}

/// The first page: all events, or those that fit.
pub(crate) async fn home(
    State(app): State<App>,
    asked: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Response {
    let parts = request.into_parts().0;
    let mut asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let cursor = std::mem::take(&mut asked.cursor);
    if cursor.len() > CURSOR_LEN_MAX {
        return notice(&parts, Notice::BadRequest);
    }
    let filters = asked.filters();
    let Ok(Some(first)) = app.catalogue.list(&app.office, "").await else {
        return notice(&parts, Notice::Unavailable);
    };
    let found = match app.catalogue.list(&app.office, &query(&filters, &cursor)).await {
        Ok(Some(found)) => found,
        Ok(None) => return notice(&parts, Notice::BadRequest),
        Err(_) => return notice(&parts, Notice::Unavailable),
    };
    let artists = app.catalogue.artists(&app.office).await.unwrap_or_default();
    let artists = artists.iter().flat_map(|page| &page.items);
    let cities = first.items.iter().map(|entry| entry.venue.city.clone()).collect();
    let home = HomePage {
        lang: lang(&parts),
        events: found.items.iter().map(|e| cards::card(e, free_known(&app, &e.id))).collect(),
        next: found.next_cursor.as_ref().map(|next| format!("/?{}", query(&filters, next))),
        filters,
        cities: listed(cities),
        genres: listed(artists.filter_map(|artist| artist.genre.clone()).collect()),
    };
    page(&parts, home.render())
}

fn listed(texts: BTreeSet<String>) -> Vec<String> {
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

/// What is looked for, in the parameters that the office and our own page have alike.
fn query(filters: &Filters, cursor: &str) -> String {
    let pairs = [
        ("q", filters.q.as_str()),
        ("artist", &filters.artist),
        ("city", &filters.city),
        ("genre", &filters.genre),
        ("from", &filters.from),
        ("to", &filters.to),
        ("cursor", cursor),
    ];
    let asked = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let texts: Vec<String> =
        asked.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    texts.join("&")
}

/// Percent-encoded but for letters and digits.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// One artist with their events.
pub(crate) async fn artist(State(app): State<App>, Id(id): Id, request: Request) -> Response {
    let parts = request.into_parts().0;
    if !is_plain(&id, ARTIST_ID_LEN_MAX) {
        return notice(&parts, Notice::NotFound);
    }
    let found = match app.catalogue.artist(&app.office, &id).await {
        Ok(Some(found)) => found,
        Ok(None) => return notice(&parts, Notice::NotFound),
        Err(_) => return notice(&parts, Notice::Unavailable),
    };
    let question = format!("artist={}", encoded(&id));
    let Ok(Some(events)) = app.catalogue.list(&app.office, &question).await else {
        return notice(&parts, Notice::Unavailable);
    };
    // The office also finds whose name has the id in it.
    let plays = |event: &&EventEntry| event.artists.iter().any(|artist| artist.id == id);
    let own = events.items.iter().filter(plays);
    let events = own.map(|e| cards::card(e, free_known(&app, &e.id))).collect();
    page(&parts, ArtistPage { lang: lang(&parts), artist: view(&found), events }.render())
}

fn view(artist: &ArtistEntry) -> ArtistView {
    let works = artist.works.iter().map(|work| Work {
        title: work.title.clone(),
        year: work.year.map(|year| year.to_string()).unwrap_or_default(),
    });
    ArtistView {
        id: artist.id.clone(),
        name: artist.name.clone(),
        occupation: artist.occupation.clone().unwrap_or_default(),
        genre: artist.genre.clone().unwrap_or_default(),
        bio: artist.bio.clone().unwrap_or_default(),
        works: works.collect(),
    }
}

/// The event for one's own calendar.
pub(crate) async fn calendar(State(app): State<App>, Id(id): Id) -> Response {
    if !is_plain(&id, EVENT_ID_LEN_MAX) {
        return Problem::new(Code::EventNotFound).into_response();
    }
    let found = match app.catalogue.event(&app.office, &id).await {
        Ok(found) => found,
        Err(_) => return Problem::new(Code::Overloaded).into_response(),
    };
    let file = found.and_then(|entry| storefront::calendar(&cards::card(&entry, None)));
    let Some(file) = file else { return Problem::new(Code::EventNotFound).into_response() };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static(CACHE_A_MOMENT)),
    ];
    (headers, file).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_the_offices_question() {
        let asked = Asked {
            q: "  джаз & blues ".to_owned(),
            city: "a=b".to_owned(),
            from: "2027-02-30".to_owned(),
            to: "2027-03-01".to_owned(),
            genre: "rock".to_owned(),
            ..Asked::default()
        };
        let filters = asked.filters();
        assert_eq!(filters.from, "", "no such day");
        assert!(filters.any());
        assert_eq!(
            query(&filters, "a_b-1"),
            "q=%D0%B4%D0%B6%D0%B0%D0%B7%20%26%20blues&city=a%3Db&genre=rock&to=2027%2D03%2D01\
                &cursor=a%5Fb%2D1"
        );
        assert_eq!(query(&Filters::default(), ""), "");
        let long = Asked { q: "ж".repeat(500), ..Asked::default() }.filters();
        assert_eq!(long.q.chars().count(), FILTER_CHARS_MAX);
    }
}
