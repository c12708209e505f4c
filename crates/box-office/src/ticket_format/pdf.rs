//! Tickets as PDF: one A5 page for each, with its place, its price and its QR. The outlines of the signs
//! that occur are embedded, Cyrillic and the sign of the rouble among them, with a table back to
//! Unicode, so that text can be searched and read aloud.

use pdf_writer::{Content, Finish, Name, Pdf as Document, Rect, Ref, Str, TextStr};

use super::{FormatError, SheetTicket, TicketFormat, TicketSheet};
use crate::ticket_qr;
use font::Face;

mod font;

/// A5, points of 1/72 inch.
const PAGE_WIDTH: f32 = 420.0;
const PAGE_HEIGHT: f32 = 595.0;
/// Free room at the edges.
const MARGIN: f32 = 36.0;
/// Width of the QR with the quiet zone that a reader needs.
const QR_WIDTH: f32 = 220.0;
/// White modules around the QR, as its standard asks.
const QR_QUIET: usize = 4;
/// Lines that the event's name may take; a longer one is cut.
const NAME_LINES_MAX: usize = 3;
/// Lines of the smaller texts.
const TEXT_LINES_MAX: usize = 2;

/// The form.
pub(super) struct Pdf;

impl TicketFormat for Pdf {
    fn extension(&self) -> &'static str {
        "pdf"
    }

    fn media_type(&self) -> &'static str {
        "application/pdf"
    }

    fn is_heavy(&self) -> bool {
        true
    }

    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError> {
        let mut faces = Faces { regular: Face::regular()?, bold: Face::bold()? };
        let pages = sheet.tickets.iter().map(|ticket| page(&mut faces, sheet, ticket));
        let pages: Vec<Vec<u8>> = pages.collect::<Result<_, _>>()?;
        assemble(sheet, &faces, &pages)
    }
}

/// The two weights in which tickets are written.
struct Faces {
    regular: Face,
    bold: Face,
}

/// Hands out object numbers.
struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

/// A page that is being written from the top down.
struct Writing<'a> {
    content: Content,
    faces: &'a mut Faces,
    /// Where the next line's foot is, from the lower edge.
    y: f32,
}

/// How a text is set.
#[derive(Clone, Copy)]
struct Style {
    is_bold: bool,
    size: f32,
    /// 0 black to 1 white.
    gray: f32,
    lines_max: usize,
}

const NAME: Style = Style { is_bold: true, size: 20.0, gray: 0.0, lines_max: NAME_LINES_MAX };
const BODY: Style = Style { is_bold: false, size: 11.0, gray: 0.2, lines_max: TEXT_LINES_MAX };
const PLACE: Style = Style { is_bold: true, size: 15.0, gray: 0.0, lines_max: TEXT_LINES_MAX };
const SMALL: Style = Style { is_bold: false, size: 7.0, gray: 0.35, lines_max: 4 };

fn page(
    faces: &mut Faces,
    sheet: &TicketSheet,
    ticket: &SheetTicket,
) -> Result<Vec<u8>, FormatError> {
    let mut page = Writing { content: Content::new(), faces, y: PAGE_HEIGHT - MARGIN };
    page.text(&sheet.event, NAME);
    page.space(4.0);
    page.text(&sheet.starts_at, BODY);
    page.text(&format!("{}, {}", sheet.venue, sheet.address), BODY);
    page.space(12.0);
    page.text(&super::plain::place(ticket), PLACE);
    page.text(&ticket.price, BODY);
    page.space(10.0);
    page.qr(&ticket.code)?;
    page.space(6.0);
    page.text(&ticket.code, SMALL);
    let order = &sheet.order_id;
    page.text(&format!("Заказ / Order {order} · Билет / Ticket {}", ticket.id), SMALL);
    Ok(page.content.finish().into_vec())
}

impl Writing<'_> {
    fn space(&mut self, height: f32) {
        self.y -= height;
    }

    fn text(&mut self, text: &str, style: Style) {
        let (face, name): (&mut Face, &[u8]) = match style.is_bold {
            true => (&mut self.faces.bold, b"B"),
            false => (&mut self.faces.regular, b"R"),
        };
        for line in face.lines(text, style.size, PAGE_WIDTH - 2.0 * MARGIN, style.lines_max) {
            self.y -= style.size * 1.3;
            self.content.set_fill_gray(style.gray).begin_text().set_font(Name(name), style.size);
            self.content.next_line(MARGIN, self.y).show(Str(&face.encode(&line))).end_text();
        }
    }

    fn qr(&mut self, code: &str) -> Result<(), FormatError> {
        let qr = ticket_qr::modules(code).ok_or_else(|| FormatError("code too long".into()))?;
        let module = QR_WIDTH / (qr.len() + 2 * QR_QUIET) as f32;
        let (left, top) = ((PAGE_WIDTH - QR_WIDTH) / 2.0, self.y);
        self.content.set_fill_gray(0.0);
        for (row, modules) in (1..).zip(&qr) {
            for (column, _) in (0..).zip(modules).filter(|(_, is_dark)| **is_dark) {
                let x = left + (column + QR_QUIET) as f32 * module;
                let y = top - (row + QR_QUIET) as f32 * module;
                self.content.rect(x, y, module, module);
            }
        }
        self.content.fill_nonzero();
        self.y -= QR_WIDTH;
        Ok(())
    }
}

fn assemble(sheet: &TicketSheet, faces: &Faces, pages: &[Vec<u8>]) -> Result<Vec<u8>, FormatError> {
    let (mut document, mut numbers) = (Document::new(), Numbers(0));
    let (catalogue, tree, about) = (numbers.next(), numbers.next(), numbers.next());
    let (regular, bold) = (numbers.next(), numbers.next());
    let kids: Vec<(Ref, Ref)> = pages.iter().map(|_| (numbers.next(), numbers.next())).collect();
    let mut root = document.catalog(catalogue);
    root.pages(tree).lang(TextStr("ru"));
    root.finish();
    let title = format!("{} — {}", sheet.event, sheet.order_id);
    document.document_info(about).title(TextStr(&title)).creator(TextStr("seatgrid"));
    document.pages(tree).kids(kids.iter().map(|(page, _)| *page)).count(pages.len() as i32);
    for ((id, content), bytes) in kids.iter().zip(pages) {
        let mut page = document.page(*id);
        page.media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT));
        page.parent(tree).contents(*content);
        page.resources().fonts().pair(Name(b"R"), regular).pair(Name(b"B"), bold);
        page.finish();
        document.stream(*content, bytes);
    }
    faces.regular.embed(&mut document, regular, || numbers.next())?;
    faces.bold.embed(&mut document, bold, || numbers.next())?;
    Ok(document.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(tickets: usize) -> TicketSheet {
        let ticket = |n: usize| SheetTicket {
            id: format!("t1-5-{n}"),
            seat: format!("A-1-{n}"),
            section: "Партер".into(),
            row: "1".into(),
            number: n.to_string(),
            area: false,
            price: "3 500,00 ₽".into(),
            code: format!("SG1:t1-5-{n}:gala:A-1-{n}:{}", "s".repeat(86)),
        };
        TicketSheet {
            event: "Большой гала-концерт симфонического оркестра под открытым небом".into(),
            starts_at: "21.11.2026, 19:00".into(),
            starts_at_utc: "2026-11-21T16:00:00.000Z".into(),
            venue: "Зал «Ёлка», Москва".into(),
            address: "ул. Щукина, 7".into(),
            order_id: "o1-5".into(),
            tickets: (1..=tickets).map(ticket).collect(),
        }
    }

    #[test]
    fn a_page_for_each_ticket_with_the_signs_it_needs_and_no_more() {
        let one = Pdf.make(&sheet(1)).expect("a document");
        assert!(one.starts_with(b"%PDF-"), "{:?}", &one[..8]);
        assert_eq!(one, Pdf.make(&sheet(1)).expect("a document"), "the same sheet, the same bytes");
        assert!((5_000..120_000).contains(&one.len()), "{} bytes", one.len());
        let text = String::from_utf8_lossy(&one);
        assert_eq!(text.matches("/ToUnicode").count(), 2, "both faces are searchable");
        assert!(text.contains("<0429>"), "the letter of the street is in a table to Unicode");
        assert!(text.contains("<20BD>"), "and the rouble's sign");
        let three = Pdf.make(&sheet(3)).expect("a document");
        assert!(String::from_utf8_lossy(&three).contains("/Count 3"));
    }

    #[test]
    fn a_name_of_any_length_stays_on_its_page() {
        let mut long = sheet(1);
        long.event = "Очень длинное название ".repeat(40);
        long.address = "Безпробельныйадрес".repeat(30);
        assert!(Pdf.make(&long).is_ok());
    }

    #[test]
    fn a_code_beyond_any_qr_is_refused() {
        let mut wrong = sheet(1);
        wrong.tickets[0].code = "x".repeat(4_000);
        assert!(Pdf.make(&wrong).is_err());
    }
}
