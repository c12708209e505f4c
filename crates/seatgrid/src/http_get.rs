//! The smallest possible HTTP client, for probes and operator calls on loopback. One request per
//! connection, bounded in time and size; anything richer belongs to a real client.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A local process answers in milliseconds; a stopped one never does.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// An order is carried out before it is answered.
const ORDER_MAX: Duration = Duration::from_secs(15);
/// A status page of many shards is some tens of kilobytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Status and body of `GET path` at `address`.
///
/// # Errors
/// When there is no answer in 5 s, or it is not HTTP.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    exchange(address, format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"), ANSWER_MAX).await
}

/// Status and body of `POST path` with JSON at `address`.
///
/// # Errors
/// When there is no answer in 15 s, or it is not HTTP. The order may have been carried out.
pub async fn post(address: SocketAddr, path: &str, json: &str) -> io::Result<(u16, String)> {
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{json}"
    );
    exchange(address, request, ORDER_MAX).await
}

async fn exchange(
    address: SocketAddr,
    request: String,
    within: Duration,
) -> io::Result<(u16, String)> {
    let answer = tokio::time::timeout(within, ask(address, request)).await;
    answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Version 1.0: the answer ends with the connection and is never chunked.
async fn ask(address: SocketAddr, request: String) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
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
