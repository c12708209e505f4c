//! An event as a calendar file (RFC 5545), for the visitor's own calendar.
//!
//! Pure, as the pages are: an event that did not change gives the same bytes, which is why its own
//! start stands where the standard asks for the moment of writing.

use crate::EventCard;

/// Longest line in bytes without its end, as the standard has it.
const LINE_BYTES_MAX: usize = 75;

/// The event as `text/calendar`; `None` when its start is no moment in UTC.
pub fn calendar(event: &EventCard) -> Option<String> {
    let start = moment(&event.starts.at)?;
    let place = [event.venue.as_str(), event.city.as_str()].join(", ");
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//seatgrid//shop//EN".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}@seatgrid", escaped(&event.id)),
        format!("DTSTAMP:{start}"),
        format!("DTSTART:{start}"),
        format!("SUMMARY:{}", escaped(&event.name)),
        format!("LOCATION:{}", escaped(&place)),
        format!("DESCRIPTION:{}", escaped(&event.artists_text())),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    Some(lines.iter().map(|line| folded(line)).collect())
}

/// `2027-03-05T16:00:00.000Z` as `20270305T160000Z`.
fn moment(at: &str) -> Option<String> {
    let (whole, _) = at.strip_suffix('Z')?.split_once('.').unwrap_or((at.strip_suffix('Z')?, ""));
    let text: String = whole.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let (date, time) = text.split_once('T')?;
    let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    (digits(date, 8) && digits(time, 6)).then(|| format!("{text}Z"))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The line with its end, broken where it is too long, never inside a character.
fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, folded, moment};

    #[test]
    fn moments_texts_and_lines_are_as_the_standard_wants_them() {
        assert_eq!(moment("2027-03-05T16:00:00.000Z").as_deref(), Some("20270305T160000Z"));
        assert_eq!(moment("2027-03-05T16:00:00Z").as_deref(), Some("20270305T160000Z"));
        assert_eq!(moment("2027-03-05T16:00:00+03:00"), None);
        assert_eq!(moment("x"), None);
        assert_eq!(escaped("a, b; c\\d\r\ne"), "a\\, b\\; c\\\\d\\ne");
        let long = "й".repeat(80);
        for line in folded(&long).split("\r\n") {
            assert!(line.len() <= 75, "{}", line.len());
        }
        assert_eq!(folded(&long).replace("\r\n ", ""), format!("{long}\r\n"));
    }
}
