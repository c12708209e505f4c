//! Forms of a ticket document. A form is a plug-in: it gets a sheet, which says all that a document may
//! say, and makes bytes of it; adding one touches its own file and one line of [`TicketFormats::standard`].
//!
//! In the flow: the office fills a sheet from an order; light forms are made at once, heavy ones by the
//! worker as a job. Pure: the same sheet gives the same bytes, but for the time in a signature. Nothing
//! here knows who bought a ticket, so that no document carries a name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod pdf;
mod plain;
mod wallet;

pub use wallet::{PassKeyError, WalletConfig};

/// All that a document may say about tickets of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketSheet {
    /// The event's name.
    pub event: String,
    /// When it starts, in the venue's time, for people: `21.11.2026, 19:00 (MSK)`.
    pub starts_at: String,
    /// The same as RFC 3339, for programs.
    pub starts_at_utc: String,
    /// The venue's name and city.
    pub venue: String,
    /// Its address.
    pub address: String,
    /// The order that the tickets belong to.
    pub order_id: String,
    /// One for each seat, 1 to 100.
    pub tickets: Vec<SheetTicket>,
}

/// One ticket of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetTicket {
    /// The ticket's id.
    pub id: String,
    /// `<section>-<row>-<number>`.
    pub seat: String,
    /// The section's name.
    pub section: String,
    /// The row's label.
    pub row: String,
    /// The seat's number in its row.
    pub number: String,
    /// Whether it is a place of a standing area, whose row and number say nothing.
    pub area: bool,
    /// What was paid for it, `3500.00 RUB`.
    pub price: String,
    /// The signed code that a door reads.
    pub code: String,
}

/// A document could not be made of a sheet; the same sheet will not do better next time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ticket document cannot be made: {0}")]
pub struct FormatError(pub String);

/// One form of a ticket document.
pub trait TicketFormat: Send + Sync {
    /// What its files end with, without the point.
    fn extension(&self) -> &'static str;
    /// Its media type.
    fn media_type(&self) -> &'static str;
    /// Whether making it is work for the worker (milliseconds of a processor) instead of the request.
    fn is_heavy(&self) -> bool;
    /// Whether it can say these tickets at all.
    fn fits(&self, _: &TicketSheet) -> bool {
        true
    }
    /// Makes the document.
    ///
    /// # Errors
    /// [`FormatError`] when the sheet does not fit the form.
    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError>;
}

/// The forms that a shop offers.
pub struct TicketFormats(Vec<Box<dyn TicketFormat>>);

impl TicketFormats {
    /// PDF, JSON and plain text.
    pub fn standard() -> Self {
        Self(vec![Box::new(pdf::Pdf), Box::new(plain::Json), Box::new(plain::Text)])
    }

    /// The same and passes for wallets, where the shop can sign them.
    ///
    /// # Errors
    /// [`PassKeyError`] when a file of theirs is of no use.
    pub fn with_passes(config: &WalletConfig) -> Result<Self, PassKeyError> {
        let mut formats = Self::standard();
        if let Some(passes) = wallet::Passes::load(config)?.map(Arc::new) {
            formats.0.push(Box::new(wallet::Pass(passes.clone())));
            formats.0.push(Box::new(wallet::Bundle(passes)));
        }
        Ok(formats)
    }

    /// The form whose files end like this.
    pub fn by_extension(&self, extension: &str) -> Option<&dyn TicketFormat> {
        self.0.iter().map(AsRef::as_ref).find(|format| format.extension() == extension)
    }

    /// What files may end with.
    pub fn extensions(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|format| format.extension())
    }
}
