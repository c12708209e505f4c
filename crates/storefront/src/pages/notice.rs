//! What a visitor reads when there is no page to show: what happened and what to do.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::Lang;

/// Why there is no page to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// 404: there is nothing at this address.
    NotFound,
    /// 400 or 405: the request makes no sense here.
    BadRequest,
    /// 503: too busy or not ready; trying again soon helps.
    Unavailable,
    /// 500: our own mistake.
    Failed,
}

/// A page that says why there is nothing else.
#[derive(Debug, Clone)]
pub struct NoticePage {
    /// The visitor's language.
    pub lang: Lang,
    /// What happened.
    pub notice: Notice,
    /// The request's id, by which support finds the logs.
    pub request_id: Option<String>,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeTemplate<'a> {
    f: Frame,
    page: &'a NoticePage,
    title: &'static str,
    text: &'static str,
}

impl NoticePage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        let f = Frame::new(self.lang, Some("home.js"));
        let (title, text) = match self.notice {
            Notice::NotFound => (f.t.not_found_title, f.t.not_found_text),
            Notice::BadRequest => (f.t.bad_request_title, f.t.bad_request_text),
            Notice::Unavailable => (f.t.unavailable_title, f.t.unavailable_text),
            Notice::Failed => (f.t.failed_title, f.t.failed_text),
        };
        Ok(NoticeTemplate { f, page: self, title, text }.render()?)
    }
}
