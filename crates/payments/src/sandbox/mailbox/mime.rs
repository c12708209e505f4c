//! The readable part of an e-mail: subject, text, and what files came along.
//!
//! Understands headers with folds and RFC 2047 words, multipart bodies, base64 and
//! quoted-printable, UTF-8 and Latin-1. It is lenient: whatever it does not understand is shown as
//! it came.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::ring::{Attachment, Message};

/// Deepest nesting of multipart bodies that is followed.
const DEPTH_MAX: usize = 5;
/// Most parts of one message that are looked at.
const PARTS_MAX: usize = 50;
/// Longest text that is kept, bytes.
const TEXT_BYTES_MAX: usize = 256 * 1_024;

/// A parsed message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    subject: String,
    plain: Option<String>,
    html: Option<String>,
    attachments: Vec<Attachment>,
    parts: usize,
}

impl Parsed {
    /// The message as listed for one recipient.
    pub fn to(&self, to: &str) -> Message {
        let text = self.plain.as_ref().or(self.html.as_ref()).cloned().unwrap_or_default();
        let mut message = Message::now(to, self.subject.clone(), text);
        message.attachments.clone_from(&self.attachments);
        message
    }

    fn part(&mut self, raw: &[u8], depth: usize) {
        self.parts += 1;
        if depth > DEPTH_MAX || self.parts > PARTS_MAX {
            return;
        }
        let (headers, body) = split(raw);
        let kind = header(&headers, "content-type").unwrap_or("text/plain").to_owned();
        let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if let (true, Some(boundary)) =
            (media.starts_with("multipart/"), parameter(&kind, "boundary"))
        {
            return parts(body, &boundary).into_iter().for_each(|part| self.part(part, depth + 1));
        }
        let decoded = decode(body, header(&headers, "content-transfer-encoding"));
        let disposition = header(&headers, "content-disposition").unwrap_or_default();
        let is_file = disposition.to_ascii_lowercase().starts_with("attachment");
        match media.as_str() {
            "text/plain" if !is_file && self.plain.is_none() => {
                self.plain = Some(text(&decoded, &kind));
            }
            "text/html" if !is_file && self.html.is_none() => {
                self.html = Some(text(&decoded, &kind));
            }
            _ => {
                let name = parameter(disposition, "filename").or_else(|| parameter(&kind, "name"));
                let name = words(&name.unwrap_or_default());
                let bytes = decoded.len();
                self.attachments.push(Attachment { name, content_type: media, bytes });
            }
        }
    }
}

/// Reads a message.
pub fn parse(raw: &[u8]) -> Parsed {
    let (headers, _) = split(raw);
    let subject = header(&headers, "subject").map(words).unwrap_or_default();
    let mut parsed = Parsed { subject, ..Parsed::default() };
    parsed.part(raw, 0);
    parsed
}

/// Headers with their folds undone, names in small letters; and the body.
fn split(raw: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), headers.last_mut()) {
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    (headers, rest)
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// A parameter such as `charset` of a structured header, without quotes.
fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"').to_owned();
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The parts between the boundary's lines.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let (open, close) = (format!("--{boundary}"), format!("--{boundary}--"));
    let (mut parts, mut start, mut offset) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        if text == open.as_bytes() || text == close.as_bytes() {
            parts.extend(start.map(|start: usize| &body[start..offset]));
            start = (text == open.as_bytes()).then_some(offset + line.len());
        }
        offset += line.len();
    }
    parts.extend(start.map(|start| &body[start..]));
    parts
}

fn decode(body: &[u8], encoding: Option<&str>) -> Vec<u8> {
    match encoding.unwrap_or_default().to_ascii_lowercase().as_str() {
        "base64" => {
            let compact: Vec<u8> =
                body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            STANDARD.decode(compact).unwrap_or_else(|_| body.to_vec())
        }
        "quoted-printable" => quoted_printable(body),
        _ => body.to_vec(),
    }
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]) => rest = after,
            (b'=', [high, low, after @ ..]) if hex(*high, *low).is_some() => {
                decoded.extend(hex(*high, *low));
                rest = after;
            }
            (plain, _) => decoded.push(*plain),
        }
    }
    decoded
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

fn text(bytes: &[u8], content_type: &str) -> String {
    let charset = parameter(content_type, "charset").unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
    in_charset(bytes, &charset).replace("\r\n", "\n").trim_end().to_owned()
}

fn in_charset(bytes: &[u8], charset: &str) -> String {
    match charset.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "latin1" => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// RFC 2047: `=?charset?B|Q?text?=`, and nothing between two such words.
fn words(value: &str) -> String {
    let (mut decoded, mut rest, mut after_word) = (String::new(), value, false);
    while let Some(at) = rest.find("=?") {
        let (before, candidate) = rest.split_at(at);
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        match word(candidate) {
            Some((text, after)) => {
                decoded.push_str(&text);
                (rest, after_word) = (after, true);
            }
            None => {
                decoded.push_str("=?");
                (rest, after_word) = (&candidate[2..], false);
            }
        }
    }
    decoded + rest
}

fn word(candidate: &str) -> Option<(String, &str)> {
    let (charset, rest) = candidate.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        "Q" | "q" => quoted_printable(encoded.replace('_', " ").as_bytes()),
        _ => return None,
    };
    Some((in_charset(&bytes, charset), after))
}
