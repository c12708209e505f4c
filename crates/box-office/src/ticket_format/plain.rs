//! Tickets as JSON for programs and as plain text for people: light, made at once.

use std::fmt::Write;

use super::{FormatError, SheetTicket, TicketFormat, TicketSheet};

/// The sheet as it is.
pub(super) struct Json;

/// A page of text, in both languages.
pub(super) struct Text;

impl TicketFormat for Json {
    fn extension(&self) -> &'static str {
        "json"
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn is_heavy(&self) -> bool {
        false
    }

    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError> {
        serde_json::to_vec(sheet).map_err(|error| FormatError(error.to_string()))
    }
}

impl TicketFormat for Text {
    fn extension(&self) -> &'static str {
        "txt"
    }

    fn media_type(&self) -> &'static str {
        "text/plain; charset=utf-8"
    }

    fn is_heavy(&self) -> bool {
        false
    }

    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError> {
        let mut text = format!(
            "{}\n{}\n{}, {}\nЗаказ / Order {}\n",
            sheet.event, sheet.starts_at, sheet.venue, sheet.address, sheet.order_id
        );
        for ticket in &sheet.tickets {
            let (place, price, code) = (place(ticket), &ticket.price, &ticket.code);
            write!(text, "\n{place}\n{price}\n{code}\n")
                .map_err(|error| FormatError(error.to_string()))?;
        }
        Ok(text.into_bytes())
    }
}

/// Where the seat is, for people.
pub(super) fn place(ticket: &SheetTicket) -> String {
    match ticket.area {
        true => ticket.section.clone(),
        false => {
            format!("{}, ряд / row {}, место / seat {}", ticket.section, ticket.row, ticket.number)
        }
    }
}
