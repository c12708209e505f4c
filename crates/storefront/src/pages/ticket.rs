//! `/orders/{order_id}/tickets/{ticket_id}`: one ticket alone, for the door and for paper.
//!
//! As with the order, the ticket itself comes through the script, with the buyer's token.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::Lang;

/// The page of one ticket.
#[derive(Debug, Clone)]
pub struct TicketPage {
    /// The visitor's language.
    pub lang: Lang,
    /// The order's id out of the address; need not exist.
    pub order_id: String,
    /// The ticket's id out of the address; need not exist.
    pub ticket_id: String,
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketTemplate<'a> {
    f: Frame,
    page: &'a TicketPage,
}

impl TicketPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        Ok(TicketTemplate { f: Frame::new(self.lang, Some("ticket.js")), page: self }.render()?)
    }
}
