//! The catalogue as shoppers read it: events, artists and venues, from memory.
//!
//! In the flow: a background task copies PostgreSQL's tables here whenever their revision grows;
//! requests and the publisher read this copy only, so both go on while PostgreSQL is away. Nothing
//! here writes.

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use cache::CatalogueCache;
pub(crate) use plan_form::{StoredArea, StoredPlan, StoredRow, StoredSeat, StoredSection};
pub(crate) use rules_form::{
    BudgetRecord, CodeRecord, CodeWord, ExtensionRecord, FeeRecord, Guests, RulesRecord, is_void,
    void,
};
pub(crate) use search::Search;

mod cache;
mod plan_form;
mod rules_form;
mod search;
pub(crate) mod store;

/// Everything, as of one revision.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    /// Grows with every change in PostgreSQL.
    pub(crate) revision: i64,
    /// Published events by (start, id).
    pub(crate) events: Vec<Arc<EventRecord>>,
    /// Artists by id.
    pub(crate) artists: BTreeMap<String, ArtistRecord>,
    /// Venues by id.
    pub(crate) venues: BTreeMap<String, VenueRecord>,
}

/// An event without its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Ids in the order of the bill.
    pub(crate) artists: Vec<String>,
    pub(crate) venue: String,
    pub(crate) starts_at_ms: i64,
    /// ISO 4217 letters.
    pub(crate) currency: String,
    pub(crate) tiers: Vec<TierRecord>,
    pub(crate) opens_at_ms: i64,
    pub(crate) closes_at_ms: i64,
    pub(crate) per_person_max: i32,
    pub(crate) per_hold_max: i32,
    pub(crate) hold_ttl_s: i32,
    pub(crate) rules: RulesRecord,
    pub(crate) codes: Vec<CodeRecord>,
}

/// A price tier.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) price_minor: i64,
}

/// An artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArtistRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) occupation: Option<String>,
    pub(crate) genre: Option<String>,
    pub(crate) bio: Option<String>,
    pub(crate) works: Vec<Work>,
}

/// A recording, a book, a role.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct Work {
    /// Its title.
    pub(crate) title: String,
    /// The year it came out.
    pub(crate) year: i32,
}

/// A venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VenueRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) city: String,
    pub(crate) address: String,
    /// IANA name.
    pub(crate) timezone: String,
}

impl Catalogue {
    /// A published event.
    pub(crate) fn event(&self, id: &str) -> Option<&Arc<EventRecord>> {
        self.events.iter().find(|event| event.id == id)
    }

    /// A published event with where it takes place.
    pub(crate) fn event_and_venue(
        &self,
        id: &str,
    ) -> Option<(&Arc<EventRecord>, Option<&VenueRecord>)> {
        let event = self.event(id)?;
        Some((event, self.venues.get(&event.venue)))
    }

    /// The artists of an event in the order of the bill.
    pub(crate) fn artists_of<'a>(
        &'a self,
        event: &'a EventRecord,
    ) -> impl Iterator<Item = &'a ArtistRecord> {
        event.artists.iter().filter_map(|id| self.artists.get(id))
    }
}
