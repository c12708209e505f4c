//! The smallest possible HTTP client, for probes and operator calls. One request per connection,
//! bounded in time and size; anything richer belongs to a real client.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A living process answers in milliseconds, an operator's order within an election.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Dialing a process that lives.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// A probe of a stopped process must not hold up the others.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// A status page of many shards is some tens of kilobytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// For `Authorization: Bearer`.
    pub token: Option<&'a str>,
    /// JSON; empty for none.
    pub body: &'a str,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody got the request.
    #[error("{0}")]
    NotSent(io::Error),
    /// Somebody may have acted on it.
    #[error("no answer: {0}")]
    Lost(io::Error),
}

/// Status and body of `GET path` at `address`.
///
/// # Errors
/// When there is no answer in 5 s, or it is not HTTP.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let call = Call { method: "GET", path, token: None, body: "" };
    let answer = tokio::time::timeout(PROBE_MAX, send(address, call)).await;
    let answer = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    answer.map_err(|error| match error {
        CallError::NotSent(error) | CallError::Lost(error) => error,
    })
}

/// Status and body of `POST path` with JSON at `address`.
///
/// # Errors
/// When there is no answer in 15 s, or it is not HTTP. The order may have been carried out.
pub async fn post(address: SocketAddr, path: &str, body: &str) -> io::Result<(u16, String)> {
    let call = Call { method: "POST", path, token: None, body };
    send(address, call).await.map_err(|error| match error {
        CallError::NotSent(error) | CallError::Lost(error) => error,
    })
}

/// Status and body of the answer to a call.
///
/// # Errors
/// [`CallError`], which says whether somebody may have acted on it.
pub async fn send(address: SocketAddr, call: Call<'_>) -> Result<(u16, String), CallError> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let dialed = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(address)).await;
    let stream = dialed.map_err(late).and_then(|stream| stream).map_err(CallError::NotSent)?;
    let answer = tokio::time::timeout(ANSWER_MAX, exchange(stream, address, call)).await;
    answer.map_err(late).and_then(|answer| answer).map_err(CallError::Lost)
}

async fn exchange(
    mut stream: TcpStream,
    address: SocketAddr,
    call: Call<'_>,
) -> io::Result<(u16, String)> {
    let Call { method, path, token, body } = call;
    // Version 1.0: the answer ends with the connection and is never chunked.
    let mut request =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(token) = token {
        request += &format!("Authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        let length = body.len();
        request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    parse(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(parse(answer), Some((503, "no".to_owned())));
        assert_eq!(parse("SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(parse(""), None);
    }
}
