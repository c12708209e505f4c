//! The few words of PostgreSQL's protocol that making a test database needs: log in with a clear
//! password over loopback, run one statement, read the first column as text. Not a client for
//! anything else; the product talks to databases through its own library.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Making a database on a busy machine takes up to a second.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Answers here are names and messages; anything longer is not an answer to us.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;

/// Runs a statement and forgets its rows.
pub(super) fn execute(url: &str, sql: &str) -> io::Result<()> {
    query(url, sql).map(|_| ())
}

/// Runs a statement and returns the first column of its rows.
pub(super) fn query(url: &str, sql: &str) -> io::Result<Vec<String>> {
    let target = Target::parse(url).ok_or_else(|| bad("not a URL of ours"))?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, target.port))?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_nodelay(true)?;
    log_in(&mut stream, &target)?;
    send(&mut stream, b'Q', &[sql.as_bytes(), b"\0"].concat())?;
    let rows = read_until_ready(&mut stream, &target)?;
    send(&mut stream, b'X', b"")?;
    Ok(rows)
}

struct Target<'a> {
    user: &'a str,
    password: &'a str,
    port: u16,
    database: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (login, place) = url.strip_prefix("postgres://")?.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (address, database) = place.split_once('/')?;
        let port = address.strip_prefix("127.0.0.1:")?.parse().ok()?;
        Some(Self { user, password, port, database })
    }
}

fn log_in(stream: &mut TcpStream, target: &Target<'_>) -> io::Result<()> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for text in ["user", target.user, "database", target.database, ""] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    stream.write_all(&frame(&body))?;
    read_until_ready(stream, target).map(|_| ())
}

fn frame(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).expect("statements of tests are short");
    [&len.to_be_bytes()[..], body].concat()
}

fn send(stream: &mut TcpStream, kind: u8, body: &[u8]) -> io::Result<()> {
    stream.write_all(&[&[kind][..], &frame(body)].concat())
}

fn read_until_ready(stream: &mut TcpStream, target: &Target<'_>) -> io::Result<Vec<String>> {
    let mut rows = Vec::new();
    let mut failure = None;
    loop {
        let (kind, body) = read_message(stream)?;
        match kind {
            b'Z' => return failure.map_or(Ok(rows), Err),
            b'E' if rows.is_empty() && is_fatal(&body) => return Err(bad(&error_text(&body))),
            b'E' => failure = Some(bad(&error_text(&body))),
            b'R' if body == 3u32.to_be_bytes() => {
                send(stream, b'p', &[target.password.as_bytes(), b"\0"].concat())?;
            }
            b'R' if body != 0u32.to_be_bytes() => return Err(bad("another way to log in")),
            b'D' => rows.extend(first_column(&body)),
            _ => {}
        }
    }
}

fn read_message(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if !(4..=MESSAGE_BYTES_MAX).contains(&len) {
        return Err(bad("a message of unlikely length"));
    }
    let mut body = vec![0; len - 4];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

/// A data row: number of columns (16 bits), then for each its length (32 bits) and bytes.
fn first_column(body: &[u8]) -> Option<String> {
    let len = i32::from_be_bytes(body.get(2..6)?.try_into().ok()?);
    let bytes = body.get(6..6 + usize::try_from(len).ok()?)?;
    String::from_utf8(bytes.to_vec()).ok()
}

fn fields(body: &[u8]) -> impl Iterator<Item = (char, String)> {
    body.split(|byte| *byte == 0).filter_map(|field| {
        let (kind, text) = field.split_first()?;
        Some((char::from(*kind), String::from_utf8_lossy(text).into_owned()))
    })
}

fn error_text(body: &[u8]) -> String {
    fields(body).find(|(kind, _)| *kind == 'M').map_or_else(String::new, |(_, text)| text)
}

/// After a fatal error the server closes the connection without becoming ready.
fn is_fatal(body: &[u8]) -> bool {
    fields(body).any(|(kind, text)| kind == 'S' && (text == "FATAL" || text == "PANIC"))
}

fn bad(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_managed_servers_are_understood() {
        let url = crate::start::url("secret", 12345, "test_x");
        let target = Target::parse(&url).expect("ours");
        assert_eq!((target.user, target.password), ("seatgrid", "secret"));
        assert_eq!((target.port, target.database), (12345, "test_x"));
        assert!(Target::parse("postgres://elsewhere/db").is_none());
    }

    #[test]
    fn error_messages_are_found_in_their_fields() {
        let body = b"SERROR\0VERROR\0C42P07\0Mrelation exists\0\0";
        assert_eq!(error_text(body), "relation exists");
        assert!(!is_fatal(body) && is_fatal(b"SFATAL\0Mx\0\0"));
    }
}
