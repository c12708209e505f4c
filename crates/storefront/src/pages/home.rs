//! `/`: what is on, one card per event, and the filters that stand in the address.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::{EventCard, Lang, SaleState};

/// The first page of the shop.
#[derive(Debug, Clone)]
pub struct HomePage {
    /// The visitor's language.
    pub lang: Lang,
    /// The events in the order to show them.
    pub events: Vec<EventCard>,
    /// What was asked for.
    pub filters: Filters,
    /// Cities to choose from.
    pub cities: Vec<String>,
    /// Genres to choose from.
    pub genres: Vec<String>,
    /// The address of the next page of what fits.
    pub next: Option<String>,
}

/// What a visitor looks for, as the address says it; an empty text asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Words.
    pub q: String,
    /// A part of an artist's name.
    pub artist: String,
    /// A city's name.
    pub city: String,
    /// A genre.
    pub genre: String,
    /// The first day, `2027-03-05`.
    pub from: String,
    /// The last day.
    pub to: String,
}

impl Filters {
    /// Whether anything is asked for.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    f: Frame,
    page: &'a HomePage,
}

impl HomePage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        Ok(HomeTemplate { f: Frame::new(self.lang, Some("home.js")), page: self }.render()?)
    }
}
