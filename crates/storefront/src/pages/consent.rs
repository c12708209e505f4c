//! `/consent/{kind}`: what one agrees to, each text on a page of its own with its version.
//!
//! A text must never change without another version: consents are kept with the version that stood
//! here when they were given.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::Lang;

/// The version of both texts, as it is kept with each consent.
pub const CONSENT_VERSION: &str = "2026-11";

/// The page of one text.
#[derive(Debug, Clone)]
pub struct ConsentPage {
    /// The visitor's language.
    pub lang: Lang,
    /// Whether it is the text about letters with news; else the one about personal data.
    pub marketing: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentTemplate {
    f: Frame,
    title: &'static str,
    paragraphs: &'static [&'static str],
    version: &'static str,
}

impl ConsentPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        let f = Frame::new(self.lang, Some("home.js"));
        let app = f.t.app;
        let (title, paragraphs) = if self.marketing {
            (app.consent_marketing_title, app.consent_marketing_text)
        } else {
            (app.consent_data_title, app.consent_data_text)
        };
        Ok(ConsentTemplate { f, title, paragraphs, version: CONSENT_VERSION }.render()?)
    }
}
