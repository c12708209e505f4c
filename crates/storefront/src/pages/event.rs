//! `/events/{id}`: the event, its prices and its seats; the page where seats are held and orders
//! are placed.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::{EventCard, Lang, Payment, Rules, SaleState, Tier, Waiting};

/// The page of one event.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The visitor's language.
    pub lang: Lang,
    /// Title, artists, time and place.
    pub event: EventCard,
    /// Free words about the event; may be empty.
    pub description: String,
    /// Price tiers in the order of the plan, which is also the order of their colours.
    pub tiers: Vec<Tier>,
    /// What a buyer should know before choosing.
    pub rules: Rules,
    /// How long a hold lasts, in seconds.
    pub hold_ttl_s: u32,
    /// How people can pay.
    pub payment: Payment,
    /// What stands between a visitor and seats.
    pub waiting: Waiting,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventTemplate<'a> {
    f: Frame,
    page: &'a EventPage,
}

impl EventPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        Ok(EventTemplate { f: Frame::new(self.lang, Some("event.js")), page: self }.render()?)
    }
}
