//! `/orders/{id}`: an order from payment to tickets, as the server tells it.
//!
//! The page is the same for everybody: the order itself is personal, so the script fetches it with
//! the token that only the buyer's browser has.

use askama::Template;

use super::RenderError;
use super::frame::Frame;
use crate::{Lang, Payment};

/// The page of one order.
#[derive(Debug, Clone)]
pub struct OrderPage {
    /// The visitor's language.
    pub lang: Lang,
    /// The order's id out of the address; need not exist.
    pub order_id: String,
    /// How people can pay, should the order still wait for its payment.
    pub payment: Payment,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderTemplate<'a> {
    f: Frame,
    page: &'a OrderPage,
}

impl OrderPage {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, RenderError> {
        Ok(OrderTemplate { f: Frame::new(self.lang, Some("order.js")), page: self }.render()?)
    }
}
