//! Events as pages show them, read from the office's public answers and kept for a moment; while
//! the office is away the last known ones are shown. Prices and seats on pages are hints: what
//! counts is what a hold answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use http_api::Money;
use http_body_util::{BodyExt, Limited};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, Office};
use crate::api::proxy::no_body;

/// How long the office may take for a page.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// Largest answer taken, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long the last known answer is shown while the office is away.
const STALE_MAX: Duration = Duration::from_secs(3_600);
/// Answers kept; beyond it all are forgotten, which only costs questions.
const KEPT_MAX: usize = 512;
/// Events of a page.
const EVENTS_PATH: &str = "/api/v1/events?limit=100";
/// Some of who plays.
const ARTISTS_PATH: &str = "/api/v1/artists?limit=100";
/// Pages of artists that are read; who stands further behind is found by name, not by the list of
/// genres.
const ARTIST_PAGES_MAX: usize = 20;

/// A page of the office's list of events.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventList {
    pub(crate) items: Vec<EventEntry>,
    /// Asks for the next page.
    #[serde(default)]
    pub(crate) next_cursor: Option<String>,
}

/// An event of the catalogue, as far as pages need it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) artists: Vec<ArtistEntry>,
    #[serde(default)]
    pub(crate) venue: VenueEntry,
    pub(crate) starts_at: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tiers: Vec<TierEntry>,
    #[serde(default)]
    pub(crate) sale: SaleEntry,
    #[serde(default)]
    pub(crate) limits: LimitsEntry,
    #[serde(default)]
    pub(crate) hold_ttl_s: u32,
    /// Whether seats that come back go to a waiting list.
    #[serde(default)]
    pub(crate) waiting_list: bool,
}

/// An artist. An event's bill says id and name alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ArtistEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) occupation: Option<String>,
    pub(crate) genre: Option<String>,
    pub(crate) bio: Option<String>,
    pub(crate) works: Vec<WorkEntry>,
}

/// A work of an artist.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorkEntry {
    pub(crate) title: String,
    pub(crate) year: Option<i32>,
}

/// A page of the office's list of artists.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ArtistList {
    pub(crate) items: Vec<ArtistEntry>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Where it happens.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VenueEntry {
    pub(crate) name: String,
    pub(crate) city: String,
    pub(crate) timezone: String,
}

/// A tier with its price.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TierEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) price: Money,
    /// What is paid on top for each seat.
    #[serde(default)]
    pub(crate) fee: Option<Money>,
}

impl TierEntry {
    /// What a seat costs in full; the price alone where an amount cannot be read.
    pub(crate) fn full_price(&self) -> Money {
        let Some(fee) = &self.fee else { return self.price.clone() };
        match (self.price.minor(), fee.minor(), <[u8; 3]>::try_from(self.price.currency.as_bytes()))
        {
            (Ok(price), Ok(fee), Ok(currency)) => Money::from_minor(price + fee, currency),
            _ => self.price.clone(),
        }
    }
}

/// When it is sold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SaleEntry {
    pub(crate) opens_at: Option<String>,
    pub(crate) closes_at: Option<String>,
}

/// How many seats one hold may have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LimitsEntry {
    pub(crate) per_hold: Option<u32>,
    pub(crate) per_person: Option<u32>,
    pub(crate) extensions: u32,
}

/// An answer and when it was read; `None` means that the office knows no such thing.
#[derive(Debug, Clone)]
struct Kept<T> {
    read_at: Instant,
    value: Option<Arc<T>>,
}

type Shelf<T> = Mutex<HashMap<String, Kept<T>>>;

/// What pages know of the catalogue.
pub(crate) struct Catalogue {
    age_max: Duration,
    lists: Shelf<EventList>,
    events: Shelf<EventEntry>,
    artist_lists: Shelf<ArtistList>,
    artists: Shelf<ArtistEntry>,
    /// Held while one question is under way, so that a crowd at a page asks once.
    asking: tokio::sync::Mutex<()>,
}

impl Catalogue {
    pub(crate) fn new(age_max: Duration) -> Self {
        Self {
            age_max,
            lists: Mutex::default(),
            events: Mutex::default(),
            artist_lists: Mutex::default(),
            artists: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// A page of published events that fit a search; `query` is made of the office's own parameters,
    /// and empty for all of them. `None` when the office has no such page.
    pub(crate) async fn list(
        &self,
        office: &Office,
        query: &str,
    ) -> Result<Option<Arc<EventList>>, Failure> {
        let path = match query {
            "" => EVENTS_PATH.to_owned(),
            query => format!("{EVENTS_PATH}&{query}"),
        };
        self.read(office, &path, &self.lists).await
    }

    /// Who plays, in pages as the office has them.
    pub(crate) async fn artists(&self, office: &Office) -> Result<Vec<Arc<ArtistList>>, Failure> {
        let (mut pages, mut path) = (Vec::new(), ARTISTS_PATH.to_owned());
        while pages.len() < ARTIST_PAGES_MAX {
            let Some(page) = self.read(office, &path, &self.artist_lists).await? else { break };
            let next =
                page.next_cursor.as_ref().map(|next| format!("{ARTISTS_PATH}&cursor={next}"));
            pages.push(page);
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        Ok(pages)
    }

    /// One artist; `None` when there is none.
    pub(crate) async fn artist(
        &self,
        office: &Office,
        id: &str,
    ) -> Result<Option<Arc<ArtistEntry>>, Failure> {
        self.read(office, &format!("/api/v1/artists/{id}"), &self.artists).await
    }

    /// One event; `None` when there is none.
    pub(crate) async fn event(
        &self,
        office: &Office,
        id: &str,
    ) -> Result<Option<Arc<EventEntry>>, Failure> {
        self.read(office, &format!("/api/v1/events/{id}"), &self.events).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        office: &Office,
        path: &str,
        shelf: &Shelf<T>,
    ) -> Result<Option<Arc<T>>, Failure> {
        if let Some(kept) = young(shelf, path, self.age_max) {
            return Ok(kept);
        }
        let turn = tokio::time::timeout(READ_WITHIN, self.asking.lock()).await;
        let _turn = turn.map_err(|_| Failure::Silent)?;
        if let Some(kept) = young(shelf, path, self.age_max) {
            return Ok(kept);
        }
        match ask(office, path).await {
            Ok(Asked::Refused) => Ok(None),
            Ok(Asked::Told(value)) => {
                keep(shelf, path, value.clone());
                Ok(value)
            }
            Err(failure) => young(shelf, path, STALE_MAX).ok_or(failure),
        }
    }
}

/// What is kept under the path, if it is young enough.
fn young<T>(shelf: &Shelf<T>, path: &str, age_max: Duration) -> Option<Option<Arc<T>>> {
    let shelf = shelf.lock();
    let kept = shelf.get(path)?;
    (kept.read_at.elapsed() < age_max).then(|| kept.value.clone())
}

fn keep<T>(shelf: &Shelf<T>, path: &str, value: Option<Arc<T>>) {
    let mut shelf = shelf.lock();
    if shelf.len() >= KEPT_MAX {
        shelf.clear();
    }
    shelf.insert(path.to_owned(), Kept { read_at: Instant::now(), value });
}

/// What the office answered.
enum Asked<T> {
    /// The thing, or that there is none.
    Told(Option<Arc<T>>),
    /// That the question is none; kept, such questions would drive out what others ask.
    Refused,
}

async fn ask<T: DeserializeOwned>(office: &Office, path: &str) -> Result<Asked<T>, Failure> {
    let request = Request::get(path).body(no_body()).map_err(|_| Failure::Away)?;
    let (response, _permit) = office.send(request, READ_WITHIN).await?;
    match response.status() {
        http::StatusCode::NOT_FOUND => return Ok(Asked::Told(None)),
        http::StatusCode::BAD_REQUEST => return Ok(Asked::Refused),
        _ => {}
    }
    if !response.status().is_success() {
        return Err(Failure::Silent);
    }
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let body = tokio::time::timeout(READ_WITHIN, body.collect()).await;
    let bytes = body.map_err(|_| Failure::Silent)?.map_err(|_| Failure::Silent)?.to_bytes();
    let value = serde_json::from_slice(&bytes).map_err(|error| {
        tracing::warn!(path, %error, "the office's answer is not understood");
        Failure::Silent
    })?;
    Ok(Asked::Told(Some(Arc::new(value))))
}
