//! `/`: what is on, one card per event.

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
