//! The form of a letter on the wire (RFC 5322, MIME): plain text in base64, so that no line is too
//! long and no dot begins one; headers that cannot be opened by what stands in them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::messages::Letter;

/// Characters of base64 in one line.
const LINE_CHARS: usize = 76;
/// Bytes of text in one encoded word, of 75 characters at most (RFC 2047).
const WORD_BYTES: usize = 42;

/// The letter with its headers. The same message has the same id however often it is sent.
pub(super) fn text(from: &str, to: &str, letter: &Letter, id: i64) -> String {
    let domain = from.split_once('@').map_or("localhost", |(_, domain)| domain);
    let date = jiff::fmt::rfc2822::to_string(&Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC));
    let date = date.unwrap_or_default();
    let subject = encoded_words(&letter.subject);
    let body = lines(&STANDARD.encode(letter.text.replace('\n', "\r\n")));
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: {date}\r\n\
         Message-ID: <seatgrid-{id}@{domain}>\r\nAuto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{body}"
    )
}

/// Encoded words, one a line; each has whole characters.
fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = vec![String::new()];
    for sign in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        let last = words.last_mut().expect("there is always one");
        if last.len() + sign.len_utf8() > WORD_BYTES {
            words.push(sign.to_string());
        } else {
            last.push(sign);
        }
    }
    let word = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

fn lines(base64: &str) -> String {
    let mut out = String::with_capacity(base64.len() + base64.len() / LINE_CHARS * 2 + 2);
    for line in base64.as_bytes().chunks(LINE_CHARS) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_stay_headers_and_lines_stay_short() {
        let letter = Letter {
            to: "anna@example.org".into(),
            subject: format!("Код\r\nBcc: eve@example.org {}", "я".repeat(60)),
            text: ".\nДобрый день!\n".repeat(20),
        };
        let text = text("shop@example.org", &letter.to, &letter, 7);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(!head.to_lowercase().contains("bcc"), "{head}");
        assert!(head.contains("Message-ID: <seatgrid-7@example.org>\r\n"), "{head}");
        assert!(text.split("\r\n").all(|line| line.len() <= 100 && !line.starts_with('.')));
        let body = STANDARD.decode(body.replace("\r\n", "")).expect("base64");
        assert_eq!(String::from_utf8(body).expect("text"), letter.text.replace('\n', "\r\n"));
        let words = head.split("=?utf-8?B?").skip(1).map(|word| {
            let word = word.split("?=").next().expect("an end");
            String::from_utf8(STANDARD.decode(word).expect("base64")).expect("whole characters")
        });
        assert_eq!(words.collect::<String>(), letter.subject.replace(['\r', '\n'], " "));
    }
}
