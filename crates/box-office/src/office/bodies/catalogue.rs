//! The catalogue's documents: events, artists, venues.

use serde::Serialize;
use utoipa::ToSchema;

use super::Price;
use crate::catalogue::{ArtistRecord, Catalogue, EventRecord, VenueRecord, Work};
use crate::clock::text_signed;

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ListBody<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// Asks for the next page; absent on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// A name that leads somewhere.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NamedBody {
    id: String,
    name: String,
}

/// A venue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct VenueBody {
    id: String,
    name: String,
    city: String,
    address: String,
    /// IANA name; times at the door are told in it.
    timezone: String,
}

/// A price tier.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TierBody {
    id: String,
    name: String,
    /// What a seat costs before its fee.
    price: Price,
    /// What is paid on top for each seat; absent where there is no fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Price>,
}

/// When tickets are sold.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SaleBody {
    opens_at: String,
    closes_at: String,
}

/// How many seats one may take.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LimitsBody {
    per_person: i32,
    per_hold: i32,
    /// How often a hold may be given more time; 0 when never.
    extensions: u8,
}

/// What is added to each seat's price; the answer to a hold says how much it came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FeeBody {
    per_seat: Price,
    /// A part of the price in hundredths of a percent.
    basis_points: u16,
}

/// An event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EventBody {
    id: String,
    name: String,
    description: String,
    artists: Vec<NamedBody>,
    venue: Option<VenueBody>,
    starts_at: String,
    /// `published`.
    status: &'static str,
    currency: String,
    tiers: Vec<TierBody>,
    sale: SaleBody,
    limits: LimitsBody,
    fee: FeeBody,
    /// Whether one can wait for seats that come back.
    waiting_list: bool,
    hold_ttl_s: i32,
    /// The poster that the shop draws for it, an SVG of 3 to 4, below the shop's own address.
    #[schema(example = "/events/demo-hall/poster.svg")]
    poster_url: String,
}

/// An artist.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ArtistBody {
    id: String,
    name: String,
    occupation: Option<String>,
    genre: Option<String>,
    bio: Option<String>,
    works: Vec<Work>,
    /// The poster that the shop draws for them, an SVG of 3 to 4, below the shop's own address.
    #[schema(example = "/artists/demo-quartet/poster.svg")]
    poster_url: String,
}

pub(crate) fn event(catalogue: &Catalogue, event: &EventRecord) -> EventBody {
    let artists = catalogue.artists_of(event);
    let tier = |tier: &crate::catalogue::TierRecord| TierBody {
        id: tier.id.clone(),
        name: tier.name.clone(),
        price: Price::new(tier.price_minor, &event.currency),
        fee: fee_on(event, tier.price_minor),
    };
    EventBody {
        id: event.id.clone(),
        name: event.name.clone(),
        description: event.description.clone(),
        artists: artists.map(|a| NamedBody { id: a.id.clone(), name: a.name.clone() }).collect(),
        venue: catalogue.venues.get(&event.venue).map(venue),
        starts_at: text_signed(event.starts_at_ms),
        status: "published",
        currency: event.currency.clone(),
        tiers: event.tiers.iter().map(tier).collect(),
        sale: SaleBody {
            opens_at: text_signed(event.opens_at_ms),
            closes_at: text_signed(event.closes_at_ms),
        },
        limits: LimitsBody {
            per_person: event.per_person_max,
            per_hold: event.per_hold_max,
            extensions: event.rules.extension.map_or(0, |of| of.times_max),
        },
        fee: FeeBody {
            per_seat: Price::new(event.rules.fee.per_seat_minor, &event.currency),
            basis_points: event.rules.fee.basis_points,
        },
        waiting_list: event.rules.waitlist_ttl_s.is_some(),
        hold_ttl_s: event.hold_ttl_s,
        poster_url: format!("/events/{}/poster.svg", event.id),
    }
}

pub(crate) fn venue(venue: &VenueRecord) -> VenueBody {
    VenueBody {
        id: venue.id.clone(),
        name: venue.name.clone(),
        city: venue.city.clone(),
        address: venue.address.clone(),
        timezone: venue.timezone.clone(),
    }
}

pub(crate) fn artist(artist: &ArtistRecord) -> ArtistBody {
    ArtistBody {
        id: artist.id.clone(),
        name: artist.name.clone(),
        occupation: artist.occupation.clone(),
        genre: artist.genre.clone(),
        bio: artist.bio.clone(),
        works: artist.works.clone(),
        poster_url: format!("/artists/{}/poster.svg", artist.id),
    }
}

fn fee_on(event: &EventRecord, price_minor: i64) -> Option<Price> {
    let fee = event.rules.fee.fee().on(price_minor);
    (fee != 0).then(|| Price::new(fee, &event.currency))
}
