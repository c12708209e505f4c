//! The pages themselves: one public struct per page, filled by the router, rendered to HTML.
//!
//! Rendering is pure: the same struct gives the same bytes in every router. Templates escape all
//! that they insert; none may mark a value as safe.

mod app;
mod artist;
mod consent;
mod event;
mod frame;
mod home;
mod notice;
mod order;
mod ticket;

pub use app::{AppPage, AppView};
pub use artist::ArtistPage;
pub use consent::{CONSENT_VERSION, ConsentPage};
pub use event::EventPage;
pub use home::{Filters, HomePage};
pub use notice::{Notice, NoticePage};
pub use order::OrderPage;
pub use ticket::TicketPage;

/// A page could not be rendered: a template and its values do not fit, which is our own mistake.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be rendered")]
pub struct RenderError(#[from] askama::Error);
