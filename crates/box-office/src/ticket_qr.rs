//! The picture of a ticket code: a QR as an SVG document for pages, or as its modules for other
//! documents.
//!
//! Knows nothing of tickets beyond the text it draws.

use fast_qr::convert::{Builder, Shape, svg::SvgBuilder};
use fast_qr::{ECL, QRBuilder};

/// The QR of `code` as an SVG document, or `None` when the text does not fit a QR (it always does
/// for ticket codes, whose length is bounded).
pub(crate) fn svg(code: &str) -> Option<String> {
    let qr = QRBuilder::new(code).ecl(ECL::M).build().ok()?;
    Some(SvgBuilder::default().shape(Shape::Square).to_str(&qr))
}

/// The same QR row by row, `true` for dark.
pub(crate) fn modules(code: &str) -> Option<Vec<Vec<bool>>> {
    let qr = QRBuilder::new(code).ecl(ECL::M).build().ok()?;
    let row = |at: usize| qr[at].iter().map(|module| module.value()).collect();
    Some((0..qr.size).map(row).collect())
}
