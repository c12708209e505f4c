//! One frame: reading with a size limit, writing many at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

/// Length and request id in front of each body.
const HEADER_BYTES: usize = 12;
/// What one read takes at most when frames are small.
const READ_BYTES: usize = 64 << 10;
/// Frames gathered into one write.
const WRITE_FRAMES_MAX: usize = 512;
/// Bytes gathered into one write; a larger body is written by itself without a copy.
const WRITE_BYTES: usize = 256 << 10;
/// A peer that takes nothing for so long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// A body and the request it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub id: u64,
    pub body: Bytes,
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {len_bytes} bytes is over the limit of {max_bytes}")]
    TooLarge { len_bytes: usize, max_bytes: usize },
    #[error("the connection ended inside a frame")]
    Cut,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads frames; keeps what came too early.
pub(crate) struct FrameReader<R> {
    read: R,
    buffer: BytesMut,
    body_bytes_max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(read: R, body_bytes_max: usize) -> Self {
        Self { read, buffer: BytesMut::new(), body_bytes_max }
    }

    /// Changes the limit, once the peer is known.
    pub fn set_body_bytes_max(&mut self, body_bytes_max: usize) {
        self.body_bytes_max = body_bytes_max;
    }

    /// The next frame; `None` when the other side has closed in order.
    pub async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = self.parse()? {
                return Ok(Some(frame));
            }
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Cut) };
            }
        }
    }

    /// A frame from the buffer; without a whole one, makes room for what is missing.
    fn parse(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.buffer.len() < HEADER_BYTES {
            self.buffer.reserve(READ_BYTES);
            return Ok(None);
        }
        let mut header = &self.buffer[..HEADER_BYTES];
        let len = header.get_u32_le() as usize;
        if len > self.body_bytes_max {
            return Err(FrameError::TooLarge { len_bytes: len, max_bytes: self.body_bytes_max });
        }
        let id = header.get_u64_le();
        if self.buffer.len() < HEADER_BYTES + len {
            self.buffer.reserve((HEADER_BYTES + len - self.buffer.len()).max(READ_BYTES));
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        Ok(Some(Frame { id, body: self.buffer.split_to(len).freeze() }))
    }
}

/// The entrance of a connection's queue of frames, which counts the bytes that wait.
#[derive(Clone)]
pub(crate) struct FrameSender {
    frames: mpsc::UnboundedSender<Frame>,
    load: Arc<Load>,
}

/// The other end, for [`write_all_queued`].
pub(crate) struct FrameReceiver {
    frames: mpsc::UnboundedReceiver<Frame>,
    load: Arc<Load>,
}

#[derive(Default)]
struct Load {
    bytes: AtomicUsize,
    written: Notify,
}

/// A queue of frames. It has no limit of its own: callers bound the number of frames and look at
/// the bytes before they add to them.
pub(crate) fn queue() -> (FrameSender, FrameReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let load = Arc::new(Load::default());
    let entrance = FrameSender { frames: sender, load: Arc::clone(&load) };
    (entrance, FrameReceiver { frames: receiver, load })
}

impl FrameSender {
    /// Adds a frame; whether the connection still lives.
    pub fn send(&self, frame: Frame) -> bool {
        self.load.bytes.fetch_add(frame.body.len(), Ordering::Relaxed);
        self.frames.send(frame).is_ok()
    }

    /// Bytes that wait to be written.
    pub fn bytes(&self) -> usize {
        self.load.bytes.load(Ordering::Relaxed)
    }

    /// Waits until at most so many bytes wait.
    pub async fn drained_to(&self, bytes: usize) {
        loop {
            let written = self.load.written.notified();
            if self.bytes() <= bytes {
                return;
            }
            written.await;
        }
    }
}

/// Writes queued frames, all that wait in one go, until the queue closes.
pub(crate) async fn write_all_queued<W: AsyncWrite + Unpin>(
    mut write: W,
    mut queue: FrameReceiver,
) -> io::Result<()> {
    let mut frames = Vec::with_capacity(WRITE_FRAMES_MAX);
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    while queue.frames.recv_many(&mut frames, WRITE_FRAMES_MAX).await > 0 {
        let taken: usize = frames.iter().map(|frame| frame.body.len()).sum();
        for frame in frames.drain(..) {
            buffer.put_u32_le(crate::wire::len_u32(frame.body.len()));
            buffer.put_u64_le(frame.id);
            if buffer.len() + frame.body.len() <= WRITE_BYTES {
                buffer.put_slice(&frame.body);
            } else {
                flush(&mut write, &buffer).await?;
                buffer.clear();
                flush(&mut write, &frame.body).await?;
            }
        }
        flush(&mut write, &buffer).await?;
        buffer.clear();
        queue.load.bytes.fetch_sub(taken, Ordering::Relaxed);
        queue.load.written.notify_one();
    }
    write.shutdown().await
}

async fn flush<W: AsyncWrite + Unpin>(write: &mut W, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match tokio::time::timeout(WRITE_TIMEOUT, write.write(bytes)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Ok(written)) => bytes = &bytes[written..],
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    // TLS may still hold the end of what it took.
    match tokio::time::timeout(WRITE_TIMEOUT, write.flush()).await {
        Ok(flushed) => flushed,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Sends one frame before the queue is used, for handshakes.
pub(crate) async fn write_one<W: AsyncWrite + Unpin>(
    write: &mut W,
    frame: &Frame,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(HEADER_BYTES + frame.body.len());
    buffer.put_u32_le(crate::wire::len_u32(frame.body.len()));
    buffer.put_u64_le(frame.id);
    buffer.put_slice(&frame.body);
    flush(write, &buffer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_round_trip_and_oversized_ones_are_refused() {
        let (near, far) = tokio::io::duplex(64);
        let (sender, frames) = queue();
        let sent = [1, 200_000, 0, 70].map(|len| Bytes::from(vec![len as u8; len]));
        for (id, body) in sent.iter().cloned().enumerate() {
            assert!(sender.send(Frame { id: id as u64, body }), "the receiver is below");
        }
        assert_eq!(sender.bytes(), 200_071);
        let writing = tokio::spawn(write_all_queued(near, frames));
        let mut reader = FrameReader::new(far, 200_000);
        for (id, body) in sent.into_iter().enumerate() {
            let frame = reader.next().await.expect("a sound frame").expect("more frames");
            assert_eq!(frame, Frame { id: id as u64, body });
        }
        sender.drained_to(0).await;
        drop(sender);
        assert!(reader.next().await.expect("a sound end").is_none());
        writing.await.expect("no panic").expect("written");
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_is_refused_by_its_header_alone() {
        let mut bytes: &[u8] = &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut reader = FrameReader::new(&mut bytes, 4);
        let error = reader.next().await.expect_err("5 bytes are over the limit of 4");
        assert!(matches!(error, FrameError::TooLarge { len_bytes: 5, max_bytes: 4 }));
    }

    #[tokio::test]
    async fn a_connection_that_ends_inside_a_frame_is_an_error() {
        let mut bytes: &[u8] = &[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let mut reader = FrameReader::new(&mut bytes, 10);
        assert!(matches!(reader.next().await, Err(FrameError::Cut)));
    }
}
