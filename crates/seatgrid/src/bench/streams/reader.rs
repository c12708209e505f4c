//! One live stream as bytes on a connection: opened, read to the end, every version that it tells
//! noted with its moment. Ten thousand of them must fit one process, so nothing is kept of what was
//! read but that.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Bytes read at a time; a change of one seat is some hundred.
const READ_BYTES: usize = 2_048;
/// Longest head of an answer, and longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What one stream was told.
#[derive(Debug, Default)]
pub struct Told {
    /// Versions in the order of their coming.
    pub seen: Vec<(u64, Instant)>,
    /// How often it was sent to the snapshot.
    pub resyncs: u64,
}

impl Told {
    /// When the first message came that has a version or a later one.
    pub fn first_with(&self, version: u64) -> Option<Instant> {
        let at = self.seen.partition_point(|(seen, _)| *seen < version);
        self.seen.get(at).map(|(_, at)| *at)
    }
}

/// An open stream and the task that reads it.
pub struct Stream {
    newest: watch::Receiver<u64>,
    reading: JoinHandle<Result<Told>>,
}

impl Stream {
    /// Opens a stream and begins to read it.
    pub async fn open(
        address: SocketAddr,
        host: &str,
        event: &str,
        stop: CancellationToken,
    ) -> Result<Self> {
        let mut connection = TcpStream::connect(address).await.context("connecting a stream")?;
        let request = format!(
            "GET /api/v1/events/{event}/seats/stream HTTP/1.1\r\nHost: {host}\r\n\
             Accept: text/event-stream\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.context("asking for a stream")?;
        let rest = read_head(&mut connection).await?;
        let (told, newest) = watch::channel(0);
        let reading = tokio::spawn(read(connection, rest, told, stop));
        Ok(Self { newest, reading })
    }

    /// Waits until the stream has told a version; for ever when it ended before.
    pub async fn reaches(&self, version: u64) {
        let mut newest = self.newest.clone();
        if newest.wait_for(|newest| *newest >= version).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What it told, once it was stopped.
    pub async fn end(self) -> Result<Told> {
        self.reading.await.context("a stream's task failed")?
    }
}

/// Reads the head of the answer; gives what came behind it.
async fn read_head(connection: &mut TcpStream) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let end = find(&bytes, b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let first = head.lines().next().unwrap_or_default();
            ensure!(first.starts_with("HTTP/1.1 200"), "a stream was refused: {first}");
            return Ok(bytes.split_off(end + 4));
        }
        ensure!(bytes.len() < MESSAGE_BYTES_MAX, "the head of an answer does not end");
        let mut piece = [0; READ_BYTES];
        let read = connection.read(&mut piece).await.context("reading the head of a stream")?;
        ensure!(read > 0, "a stream ended in its head");
        bytes.extend_from_slice(&piece[..read]);
    }
}

async fn read(
    mut connection: TcpStream,
    mut bytes: Vec<u8>,
    newest: watch::Sender<u64>,
    stop: CancellationToken,
) -> Result<Told> {
    let mut told = Told::default();
    loop {
        take_messages(&mut bytes, &mut told);
        if let Some((version, _)) = told.seen.last() {
            newest.send_replace(*version);
        }
        ensure!(bytes.len() < MESSAGE_BYTES_MAX, "a message does not end");
        let mut piece = [0; READ_BYTES];
        let read = tokio::select! {
            () = stop.cancelled() => return Ok(told),
            read = connection.read(&mut piece) => read.context("reading a stream")?,
        };
        ensure!(read > 0, "the service ended a stream");
        bytes.extend_from_slice(&piece[..read]);
        if bytes.len() == read {
            bytes.shrink_to_fit();
        }
    }
}

/// Notes every whole message and keeps the rest. The lengths of chunks between messages are no
/// fields of any, so they are looked past.
fn take_messages(bytes: &mut Vec<u8>, told: &mut Told) {
    let now = Instant::now();
    let mut from = 0;
    while let Some(length) = find(&bytes[from..], b"\n\n") {
        let message = &bytes[from..from + length];
        if find(message, b"event: resync").is_some() {
            told.resyncs += 1;
        } else if let Some(version) = version_of(message) {
            told.seen.push((version, now));
        }
        from += length + 2;
    }
    bytes.drain(..from);
}

/// The version in `id: 184475` of a change; other messages have none that counts.
fn version_of(message: &[u8]) -> Option<u64> {
    const MARK: &[u8] = b"id: ";
    find(message, b"event: delta")?;
    let from = find(message, MARK)? + MARK.len();
    let digits = message[from..].iter().take_while(|byte| byte.is_ascii_digit());
    let digits: Vec<u8> = digits.copied().collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_out_of_chunks_in_any_pieces() {
        let stream = b"15\r\nretry: 2000\nid: 6\n\n\r\n2d\r\nid: 7\nevent: delta\n\
            data: {\"v\":7,\"s\":[[\"A-1-1\",\"h\"]]}\n\n\r\n9\r\n: quiet\n\n\r\n\
            20\r\nevent: resync\ndata: {\"snapshot\":\"/x\"}\n\n\r\n\
            1f\r\nid: 12\nevent: delta\ndata: {\"v\":12}\n\n\r\n";
        for piece in [1, 7, stream.len()] {
            let (mut bytes, mut told) = (Vec::new(), Told::default());
            for part in stream.chunks(piece) {
                bytes.extend_from_slice(part);
                take_messages(&mut bytes, &mut told);
            }
            let seen: Vec<u64> = told.seen.iter().map(|(version, _)| *version).collect();
            assert_eq!((seen, told.resyncs), (vec![7, 12], 1), "in pieces of {piece}");
            assert!(told.first_with(8).is_some() && told.first_with(13).is_none());
        }
    }
}
