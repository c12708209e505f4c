//! What the router tells a page: plain values, already chosen and already public.
//!
//! Nothing here refers to other crates, and nothing here may hold a buyer's name, address or
//! token: pages are the same for every visitor and personal facts are fetched by their scripts.

use crate::Price;

/// A moment, for people in the place where it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// RFC 3339 in UTC, such as `2027-03-05T16:00:00.000Z`; the scripts format this one.
    pub at: String,
    /// IANA name of the venue's zone, such as `Europe/Moscow`.
    pub timezone: String,
    /// The same moment in words, shown as it is where no script runs: `5 March 2027, 19:00 (MSK)`.
    pub text: String,
}

/// Where the sale of an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleState {
    /// Announced; the sale opens at the given moment, if it is known yet.
    Announced(Option<When>),
    /// Seats can be held and bought.
    OnSale,
    /// Stopped for a while by the organiser.
    Paused,
    /// No seat is left; seats may come back.
    SoldOut,
    /// The sale has ended.
    Closed,
    /// The event will not take place.
    Cancelled,
}

impl SaleState {
    /// The word by which scripts and styles know the state.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Announced(_) => "announced",
            Self::OnSale => "on_sale",
            Self::Paused => "paused",
            Self::SoldOut => "sold_out",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the page offers to choose seats. An announced sale does: people look round early,
    /// and the server alone decides when it opens.
    pub(crate) const fn offers_seats(&self) -> bool {
        match self {
            Self::Announced(_) | Self::OnSale | Self::Paused | Self::SoldOut => true,
            Self::Closed | Self::Cancelled => false,
        }
    }

    pub(crate) const fn opens_at(&self) -> Option<&When> {
        match self {
            Self::Announced(opens_at) => opens_at.as_ref(),
            Self::OnSale | Self::Paused | Self::SoldOut | Self::Closed | Self::Cancelled => None,
        }
    }
}

/// An artist's name and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtistLink {
    /// The API's id of the artist.
    pub id: String,
    /// The name.
    pub name: String,
}

/// An artist with what is told about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtistView {
    /// The API's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// What they do; may be empty.
    pub occupation: String,
    /// What they play; may be empty.
    pub genre: String,
    /// A short biography; may be empty.
    pub bio: String,
    /// Their works in the order given.
    pub works: Vec<Work>,
}

/// One work of an artist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Its title.
    pub title: String,
    /// The year, or nothing where it is not known.
    pub year: String,
}

/// What a buyer should know about a sale before choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many seats one hold may take, at least 1.
    pub per_hold: u32,
    /// How many seats one person may have, at least 1.
    pub per_person: u32,
    /// How often a hold may be given more time; 0 when never.
    pub extensions: u32,
}

/// Where people wait for an event's seats. Pages show what is known; the server alone decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Seats that come back after the sell-out are given to a waiting list.
    pub list: bool,
    /// Nobody holds seats without a turn from the waiting room.
    pub room: bool,
}

/// An event as lists show it, and the head of its own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCard {
    /// The API's id of the event.
    pub id: String,
    /// Title.
    pub name: String,
    /// The artists, the headliner first.
    pub artists: Vec<ArtistLink>,
    /// When it starts.
    pub starts: When,
    /// Name of the venue.
    pub venue: String,
    /// City of the venue.
    pub city: String,
    /// The cheapest tier's price, if there is a tier.
    pub from_price: Option<Price>,
    /// Seats free now, if known.
    pub free: Option<u32>,
    /// Where the sale stands.
    pub sale: SaleState,
}

impl EventCard {
    pub(crate) fn artists_text(&self) -> String {
        let names: Vec<&str> = self.artists.iter().map(|artist| artist.name.as_str()).collect();
        names.join(", ")
    }
}

/// A price tier of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The API's id of the tier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its price, all fees included.
    pub price: Price,
    /// Seats of this tier that are free now, if known.
    pub free: Option<u32>,
}

/// A way to pay that the configured provider offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayMethod {
    /// A bank card, on the provider's page.
    BankCard,
    /// The Faster Payments System, by QR or link.
    Sbp,
}

impl PayMethod {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::BankCard => "bank_card",
            Self::Sbp => "sbp",
        }
    }
}

/// With whom, and how, the shop lets people pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The API's name of the provider, such as `sandbox`.
    pub provider: String,
    /// The methods to choose from; the first one is preselected.
    pub methods: Vec<PayMethod>,
}
