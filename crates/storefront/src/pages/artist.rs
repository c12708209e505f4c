//! `/artists/{id}`: who plays, what they made, where to hear them.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::{ArtistView, EventCard, Lang, SaleState};

/// The page of one artist.
#[derive(Debug, Clone)]
pub struct ArtistPage {
    /// The visitor's language.
    pub lang: Lang,
    /// What is told about the artist.
    pub artist: ArtistView,
    /// The artist's events in the order to show them.
    pub events: Vec<EventCard>,
}

#[derive(Template)]
#[template(path = "artist.html")]
struct ArtistTemplate<'a> {
    f: Frame,
    page: &'a ArtistPage,
}

impl ArtistPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        Ok(ArtistTemplate { f: Frame::new(self.lang, Some("home.js")), page: self }.render()?)
    }
}
