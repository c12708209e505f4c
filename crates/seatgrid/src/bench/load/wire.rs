//! One HTTP/1.1 connection, kept alive, one request at a time, on bytes.
//!
//! A load shares the processors with what it measures, so it must cost little: no connection task, no
//! channel, no header map; one write and one read for a usual answer. It reads what this project's
//! servers and their rivals send: a length or chunks. It must never be used for anything but loads.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for one read; most answers come in one.
const READ_BYTES: usize = 16 * 1024;
/// Largest answer: the seats of the largest hall as JSON are some 25 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection that is opened again after a fault.
pub struct Wire {
    address: String,
    limit: Duration,
    stream: Option<TcpStream>,
    /// The bytes of the answer, head and body.
    buffer: Vec<u8>,
    /// Request bytes, kept to be used again.
    request: Vec<u8>,
}

/// A request; `path` begins with `/`.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'static str,
    pub path: &'a str,
    pub headers: &'a [(&'static str, &'a str)],
    /// JSON; empty for none.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A question without a body.
    pub fn get(path: &'a str, headers: &'a [(&'static str, &'a str)]) -> Self {
        Self { method: "GET", path, headers, body: &[] }
    }
}

/// A whole answer, borrowed from its connection.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: u16,
    head: &'a [u8],
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// The stable code of a problem, or the status.
    pub fn code(&self) -> String {
        let told = self.header("x-problem-code");
        told.map_or_else(|| self.status.to_string(), str::to_owned)
    }
}

impl Wire {
    /// Not connected yet; each request ends within the limit.
    pub fn new(address: &str, limit: Duration) -> Self {
        let (buffer, request) = (Vec::with_capacity(READ_BYTES), Vec::with_capacity(1_024));
        Self { address: address.to_owned(), limit, stream: None, buffer, request }
    }

    /// Opens the connection unless it is open.
    pub async fn connect(&mut self) -> Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = tokio::time::timeout(self.limit, TcpStream::connect(&self.address));
            let stream = stream.await.context("no connection in time")??;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.stream.as_mut().context("a connection")
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is none within the limit; it may have been carried out all the same.
    pub async fn ask(&mut self, request: Request<'_>) -> Result<Answer<'_>> {
        self.compose(request)?;
        let asked = tokio::time::timeout(self.limit, self.exchange()).await;
        let told = asked.unwrap_or_else(|_| bail!("no answer in time"));
        if told.is_err() {
            // What might still come would be taken for the answer to the next request.
            self.stream = None;
        }
        let Told { status, head, closes } = told?;
        if closes {
            self.stream = None;
        }
        let (head, body) = self.buffer.split_at(head);
        Ok(Answer { status, head, body })
    }

    fn compose(&mut self, request: Request<'_>) -> Result<()> {
        use std::io::Write as _;
        let bytes = &mut self.request;
        bytes.clear();
        let Request { method, path, headers, body } = request;
        write!(bytes, "{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address)?;
        for (name, value) in headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        if !body.is_empty() {
            let length = body.len();
            write!(bytes, "content-type: application/json\r\ncontent-length: {length}\r\n")?;
        } else if method != "GET" {
            bytes.extend_from_slice(b"content-length: 0\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        Ok(())
    }

    async fn exchange(&mut self) -> Result<Told> {
        self.connect().await?;
        let Self { stream, buffer, request, .. } = self;
        let stream = stream.as_mut().context("a connection")?;
        stream.write_all(request).await?;
        buffer.clear();
        let head = loop {
            more(stream, buffer).await?;
            if let Some(end) = find(buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = &buffer[..head];
        let status = status(text)?;
        let closes = header(text, "connection").is_some_and(|value| value == "close");
        if matches!(status, 204 | 304) {
            ensure!(buffer.len() == head, "more came than was asked for");
        } else if let Some(length) = header(text, "content-length") {
            let whole = head + length.parse::<usize>().context("a length")?;
            while buffer.len() < whole {
                more(stream, buffer).await?;
            }
            ensure!(buffer.len() == whole, "more came than was asked for");
        } else {
            unchunk(stream, buffer, head).await?;
        }
        Ok(Told { status, head, closes })
    }
}

/// What the head of an answer says.
struct Told {
    status: u16,
    /// Its length.
    head: usize,
    closes: bool,
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    ensure!(buffer.len() <= ANSWER_BYTES_MAX, "an answer without an end");
    buffer.reserve(READ_BYTES);
    ensure!(stream.read_buf(buffer).await? > 0, "the service closed the connection");
    Ok(())
}

/// Reads chunks to the last one, and leaves only what is in them behind the head.
async fn unchunk(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: usize) -> Result<()> {
    let (mut from, mut to) = (head, head);
    loop {
        let line = loop {
            if let Some(line) = find(&buffer[from..], b"\r\n") {
                break from + line;
            }
            more(stream, buffer).await?;
        };
        let size = std::str::from_utf8(&buffer[from..line])?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        let end = line + 2 + size;
        while buffer.len() < end + 2 {
            more(stream, buffer).await?;
        }
        buffer.copy_within(line + 2..end, to);
        (from, to) = (end + 2, to + size);
        if size == 0 {
            buffer.truncate(to);
            return Ok(());
        }
    }
}

fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).context("a status")?;
    std::str::from_utf8(digits)?.parse().context("a status")
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each request with the next of these pieces, byte strings sent one after the other.
    async fn server(answers: Vec<Vec<&'static [u8]>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4_096];
                while stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
                    let Some(pieces) = answers.next() else { return };
                    for piece in pieces {
                        stream.write_all(piece).await.expect("somebody listens");
                        stream.flush().await.expect("somebody listens");
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_of_all_forms_are_read_over_one_connection() {
        let address = server(vec![
            vec![b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"x\"\r\n\r\nab", b"cd"],
            vec![b"HTTP/1.1 304 Not Modified\r\n\r\n"],
            vec![
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
                b"3\r\ncde\r\n0\r\n\r\n",
            ],
            vec![b"HTTP/1.1 503 Busy\r\nx-problem-code: overloaded\r\ncontent-length: 2\r\n\r\n{}"],
        ])
        .await;
        let mut wire = Wire::new(&address, Duration::from_secs(20));
        let get = Request::get("/x", &[]);
        let answer = wire.ask(get).await.expect("an answer");
        assert_eq!((answer.status, answer.body), (200, &b"abcd"[..]));
        assert_eq!(answer.header("etag"), Some("\"x\""));
        let answer = wire.ask(get).await.expect("an answer");
        assert_eq!((answer.status, answer.body.len()), (304, 0));
        let answer = wire.ask(get).await.expect("an answer");
        assert_eq!(answer.body, b"abcde");
        let answer = wire.ask(get).await.expect("an answer");
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    }

    #[tokio::test]
    async fn a_silent_service_costs_the_limit_and_the_connection() {
        let address = server(vec![]).await;
        let mut wire = Wire::new(&address, Duration::from_millis(50));
        assert!(wire.ask(Request::get("/x", &[])).await.is_err());
        assert!(wire.stream.is_none());
    }
}
