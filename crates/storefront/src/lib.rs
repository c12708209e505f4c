//! The shop's pages: HTML templates, scripts, styles and texts, all embedded in the binary.
//!
//! The router asks this crate for a page ([`HomePage`], [`EventPage`], [`ArtistPage`], [`OrderPage`],
//! [`TicketPage`], [`AppPage`], [`NoticePage`]) or for a file ([`asset`]) and serves what it gets. Everything
//! that a page shows comes in through plain view structs; everything that changes while a page is
//! open is fetched by its scripts from the public HTTP API.
//!
//! This crate must never do I/O, read a clock, or know the seat inventory, the database or the
//! HTTP framework. Scripts and styles are never written into a page, so that
//! [`CONTENT_SECURITY_POLICY`] can stay strict.

mod assets;
mod calendar;
mod imports;
mod lang;
mod pages;
mod policy;
mod poster;
mod price;
mod texts;
mod view;

pub use assets::{Asset, asset, asset_url};
pub use calendar::calendar;
pub use lang::{LANG_COOKIE, Lang, negotiate};
pub use pages::{
    AppPage, AppView, ArtistPage, CONSENT_VERSION, ConsentPage, EventPage, Filters, HomePage,
    Notice, NoticePage, OrderPage, RenderError, TicketPage,
};
pub use policy::{
    CONTENT_SECURITY_POLICY, PERMISSIONS_OF_THE_DOOR, POLICY_OF_A_PICTURE, SECURITY_HEADERS,
};
pub use poster::Poster;
pub use price::Price;
pub use view::{
    ArtistLink, ArtistView, EventCard, PayMethod, Payment, Rules, SaleState, Tier, Waiting, When,
    Work,
};
