//! The question "which events": filters, order, pages. Pure, over the copy in memory.
//!
//! Events come by start, then by id; a cursor names the last one seen, so pages stay right when
//! events are added between two requests.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Catalogue, EventRecord};

/// Events of a page when the request names no limit.
const LIMIT_DEFAULT: usize = 50;
/// Most events of a page.
const LIMIT_MAX: usize = 100;
/// Longest text of a filter, in bytes.
const TEXT_BYTES_MAX: usize = 200;

/// The filters as they stand in the address.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// An artist's id, or a part of a name.
    artist: Option<String>,
    /// A part of the city's name.
    city: Option<String>,
    /// The genre of one of its artists, whole.
    genre: Option<String>,
    /// Starts at or after: RFC 3339, or a date (UTC).
    from: Option<String>,
    /// Starts before: RFC 3339, or a date, which is included (UTC).
    to: Option<String>,
    /// Words that all occur in name, description, artists, venue or city.
    q: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// Events of a page, 1 to 100; 50 when absent.
    limit: Option<String>,
}

/// A filter that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchError {
    /// The parameter.
    pub(crate) parameter: &'static str,
    /// What is expected.
    pub(crate) detail: &'static str,
}

/// A page of events.
pub(crate) struct Page {
    pub(crate) events: Vec<Arc<EventRecord>>,
    pub(crate) next_cursor: Option<String>,
}

struct Wanted {
    artist: Option<String>,
    city: Option<String>,
    genre: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    words: Vec<String>,
    after: Option<(i64, String)>,
    limit: usize,
}

impl Search {
    /// The page that the filters ask for.
    pub(crate) fn page(&self, catalogue: &Catalogue) -> Result<Page, SearchError> {
        let wanted = self.wanted()?;
        let mut fitting = catalogue.events.iter().filter(|event| wanted.fits(catalogue, event));
        let events: Vec<_> = fitting.by_ref().take(wanted.limit).cloned().collect();
        let more = fitting.next().is_some();
        let next_cursor = events.last().filter(|_| more).map(|last| cursor(last));
        Ok(Page { events, next_cursor })
    }

    fn wanted(&self) -> Result<Wanted, SearchError> {
        let words = text("q", &self.q)?.unwrap_or_default();
        Ok(Wanted {
            artist: text("artist", &self.artist)?,
            city: text("city", &self.city)?,
            genre: text("genre", &self.genre)?,
            from_ms: moment("from", &self.from, false)?,
            to_ms: moment("to", &self.to, true)?,
            words: words.split_whitespace().map(str::to_owned).collect(),
            after: self.cursor.as_deref().map(read_cursor).transpose()?,
            limit: limit(self.limit.as_deref())?,
        })
    }
}

impl Wanted {
    fn fits(&self, catalogue: &Catalogue, event: &EventRecord) -> bool {
        let starts = event.starts_at_ms;
        let after = |(last, id): &(i64, String)| (starts, &event.id) > (*last, id);
        self.after.as_ref().is_none_or(after)
            && self.from_ms.is_none_or(|from| starts >= from)
            && self.to_ms.is_none_or(|to| starts < to)
            && self.fits_artist(catalogue, event)
            && self.fits_city(catalogue, event)
            && self.fits_genre(catalogue, event)
            && self.fits_words(catalogue, event)
    }

    fn fits_artist(&self, catalogue: &Catalogue, event: &EventRecord) -> bool {
        self.artist.as_ref().is_none_or(|wanted| {
            catalogue
                .artists_of(event)
                .any(|artist| artist.id == *wanted || contains(&artist.name, wanted))
        })
    }

    fn fits_city(&self, catalogue: &Catalogue, event: &EventRecord) -> bool {
        let venue = catalogue.venues.get(&event.venue);
        self.city
            .as_ref()
            .is_none_or(|wanted| venue.is_some_and(|venue| contains(&venue.city, wanted)))
    }

    fn fits_genre(&self, catalogue: &Catalogue, event: &EventRecord) -> bool {
        let plays = |wanted: &String| {
            let mut genres = catalogue.artists_of(event).filter_map(|a| a.genre.as_deref());
            genres.any(|genre| genre.trim().to_lowercase() == *wanted)
        };
        self.genre.as_ref().is_none_or(plays)
    }

    fn fits_words(&self, catalogue: &Catalogue, event: &EventRecord) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut text = format!("{}\n{}\n", event.name, event.description);
        for artist in catalogue.artists_of(event) {
            text.push_str(&artist.name);
            text.push('\n');
        }
        if let Some(venue) = catalogue.venues.get(&event.venue) {
            text.push_str(&format!("{}\n{}", venue.name, venue.city));
        }
        let text = text.to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// `wanted` is in lower case already.
fn contains(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(wanted)
}

fn text(parameter: &'static str, given: &Option<String>) -> Result<Option<String>, SearchError> {
    let given = given.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if given.is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(SearchError { parameter, detail: "must have at most 200 bytes" });
    }
    Ok(given.map(str::to_lowercase))
}

fn moment(
    parameter: &'static str,
    given: &Option<String>,
    whole_day: bool,
) -> Result<Option<i64>, SearchError> {
    let Some(given) = given.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    if let Ok(moment) = given.parse::<Timestamp>() {
        return Ok(Some(moment.as_millisecond()));
    }
    let wrong = || SearchError { parameter, detail: "must be an RFC 3339 time or a date" };
    let date: Date = given.parse().map_err(|_| wrong())?;
    let date = if whole_day { date.tomorrow().map_err(|_| wrong())? } else { date };
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Some(start.timestamp().as_millisecond()))
}

fn limit(given: Option<&str>) -> Result<usize, SearchError> {
    let Some(given) = given else { return Ok(LIMIT_DEFAULT) };
    let limit = given.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or(SearchError { parameter: "limit", detail: "must be 1 to 100" })
}

fn cursor(last: &EventRecord) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{}", last.starts_at_ms, last.id))
}

fn read_cursor(cursor: &str) -> Result<(i64, String), SearchError> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (starts, id) = text.split_once(':')?;
        Some((starts.parse().ok()?, id.to_owned()))
    };
    read().ok_or(SearchError { parameter: "cursor", detail: "must come from next_cursor" })
}

#[cfg(test)]
mod tests {
    use super::super::{ArtistRecord, VenueRecord};
    use super::*;

    fn event(id: &str, starts: &str, artist: &str, venue: &str) -> Arc<EventRecord> {
        Arc::new(EventRecord {
            id: id.into(),
            name: format!("Вечер {id}"),
            description: "Камерная музыка".into(),
            artists: vec![artist.into()],
            venue: venue.into(),
            starts_at_ms: starts.parse::<Timestamp>().unwrap().as_millisecond(),
            currency: "RUB".into(),
            tiers: Vec::new(),
            opens_at_ms: 0,
            closes_at_ms: 1,
            per_person_max: 6,
            per_hold_max: 6,
            hold_ttl_s: 300,
            rules: crate::catalogue::RulesRecord::default(),
            codes: Vec::new(),
        })
    }

    fn catalogue() -> Catalogue {
        let artist = |id: &str, name: &str| ArtistRecord {
            id: id.into(),
            name: name.into(),
            occupation: None,
            genre: (id == "wind").then(|| "Джаз".into()),
            bio: None,
            works: Vec::new(),
        };
        let venue = |id: &str, city: &str| VenueRecord {
            id: id.into(),
            name: format!("Зал {id}"),
            city: city.into(),
            address: String::new(),
            timezone: "Europe/Moscow".into(),
        };
        Catalogue {
            revision: 1,
            events: vec![
                event("a", "2027-01-10T16:00:00Z", "wind", "hall"),
                event("b", "2027-02-10T16:00:00Z", "moon", "club"),
                event("c", "2027-02-10T16:00:00Z", "wind", "hall"),
            ],
            artists: [artist("wind", "Северный Ветер"), artist("moon", "Moon")]
                .into_iter()
                .map(|a| (a.id.clone(), a))
                .collect(),
            venues: [venue("hall", "Москва"), venue("club", "Санкт-Петербург")]
                .into_iter()
                .map(|v| (v.id.clone(), v))
                .collect(),
        }
    }

    fn check(search: Search, expected: &str) {
        let page = search.page(&catalogue()).unwrap();
        let found: Vec<_> = page.events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{search:?}");
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn filters() {
        check(Search::default(), "a b c");
        check(Search { artist: some("wind"), ..Search::default() }, "a c");
        check(Search { artist: some("северный"), ..Search::default() }, "a c");
        check(Search { city: some("москва"), ..Search::default() }, "a c");
        check(Search { city: some("ПЕТЕРБУРГ"), ..Search::default() }, "b");
        check(Search { genre: some("джаз"), ..Search::default() }, "a c");
        check(Search { genre: some("джа"), ..Search::default() }, "");
        check(Search { q: some("камерная moon"), ..Search::default() }, "b");
        check(Search { q: some("нет такого"), ..Search::default() }, "");
        check(Search { from: some("2027-01-11"), ..Search::default() }, "b c");
        check(Search { to: some("2027-01-10"), ..Search::default() }, "a");
        check(Search { to: some("2027-01-10T16:00:00Z"), ..Search::default() }, "");
        check(Search { from: some("2027-01-10T19:00:00+03:00"), ..Search::default() }, "a b c");
    }

    #[test]
    fn pages_join_without_gap_or_repeat() {
        let (mut search, mut found) = (Search { limit: some("1"), ..Search::default() }, vec![]);
        loop {
            let page = search.page(&catalogue()).unwrap();
            found.extend(page.events.iter().map(|event| event.id.clone()));
            match page.next_cursor {
                Some(cursor) => search.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(found, ["a", "b", "c"]);
    }

    #[test]
    fn nonsense_names_its_parameter() {
        let wrong = |search: Search| search.page(&catalogue()).err().map(|e| e.parameter);
        assert_eq!(wrong(Search { from: some("soon"), ..Search::default() }), Some("from"));
        assert_eq!(wrong(Search { to: some("2027-13-01"), ..Search::default() }), Some("to"));
        for limit in ["0", "-1", "101", "x", "99999999999999999999"] {
            assert_eq!(wrong(Search { limit: some(limit), ..Search::default() }), Some("limit"));
        }
        assert_eq!(wrong(Search { cursor: some("%"), ..Search::default() }), Some("cursor"));
        assert_eq!(wrong(Search { q: Some("я".repeat(101)), ..Search::default() }), Some("q"));
    }
}
