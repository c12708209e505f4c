//! The picture of a ticket code: a QR as an SVG document, shown by pages and printed on tickets.
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
