//! One direction of a connection.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{HostId, World};
use crate::trace::Trace;

/// A writer waits when so much of what it wrote was not read.
const BUFFER_BYTES_MAX: usize = 1 << 20;
/// Largest piece that travels at once.
const SEGMENT_BYTES_MAX: usize = 64 << 10;

/// One direction of a connection, as the network holds it.
pub(super) struct Pipe {
    pub connection: u64,
    pub from: HostId,
    pub to: HostId,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// On the way, in order; nothing overtakes.
    flying: VecDeque<(Instant, Segment)>,
    arrived: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
    reset: bool,
    /// One end has lost its power: nobody will ever read or write there.
    silent: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

enum Segment {
    Bytes(Bytes),
    End,
}

impl Pipe {
    pub fn new(connection: u64, from: HostId, to: HostId) -> Self {
        Self { connection, from, to, inner: Arc::default() }
    }

    /// Whether nothing can happen on it any more.
    pub fn is_over(&self) -> bool {
        let inner = self.inner.lock();
        inner.reset || Arc::strong_count(&self.inner) == 1
    }

    pub fn is_silent(&self) -> bool {
        self.inner.lock().silent
    }

    /// Both ends find the connection broken.
    pub fn reset(&mut self) {
        let mut inner = self.inner.lock();
        inner.reset = true;
        inner.wake();
    }

    /// The process at one end is gone.
    pub fn end(&mut self, with_power: bool) {
        let mut inner = self.inner.lock();
        if with_power {
            inner.reset = true;
        } else {
            inner.silent = true;
            inner.flying.clear();
        }
        inner.wake();
    }

    /// Moves what is due to the reader.
    pub fn deliver(&mut self, now: Instant, trace: &Trace) {
        let mut inner = self.inner.lock();
        let mut any = false;
        while inner.flying.front().is_some_and(|(at, _)| *at <= now) {
            any = true;
            match inner.flying.pop_front() {
                Some((_, Segment::Bytes(bytes))) => {
                    trace.segment((self.from, self.to), &bytes);
                    inner.arrived.push_back(bytes);
                }
                Some((_, Segment::End)) => inner.ended = true,
                None => {}
            }
        }
        if any && let Some(reader) = inner.reader.take() {
            reader.wake();
        }
    }
}

impl Inner {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// The end that reads.
pub(super) struct Reader(Arc<Mutex<Inner>>);

impl Reader {
    pub fn new(pipe: &Pipe) -> Self {
        Self(Arc::clone(&pipe.inner))
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        if inner.reset {
            return Poll::Ready(Err(broken()));
        }
        let Some(mut bytes) = inner.arrived.pop_front() else {
            if inner.ended {
                return Poll::Ready(Ok(()));
            }
            inner.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        let taken = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..taken]);
        bytes.advance(taken);
        if !bytes.is_empty() {
            inner.arrived.push_front(bytes);
        }
        inner.bytes -= taken;
        if let Some(writer) = inner.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        // Who lost its power tells nobody.
        inner.reader_gone = !inner.silent;
        inner.wake();
    }
}

/// The end that writes.
pub(super) struct Writer {
    world: World,
    inner: Arc<Mutex<Inner>>,
}

impl Writer {
    pub fn new(world: World, pipe: &Pipe) -> Self {
        Self { world, inner: Arc::clone(&pipe.inner) }
    }

    fn send(&self, at: Instant, segment: Segment) {
        let mut inner = self.inner.lock();
        let at = inner.flying.back().map_or(at, |(last, _)| at.max(*last));
        inner.flying.push_back((at, segment));
    }

    /// May be called while the network is held, so it asks nothing of it.
    fn end(&self) {
        self.send(Instant::now(), Segment::End);
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = bytes.len().min(SEGMENT_BYTES_MAX);
        {
            let mut inner = self.inner.lock();
            if inner.reset || inner.reader_gone {
                return Poll::Ready(Err(broken()));
            }
            if inner.bytes > BUFFER_BYTES_MAX {
                inner.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            inner.bytes += taken;
            if inner.silent {
                return Poll::Ready(Ok(taken));
            }
        }
        let at = self.world.0.lock().arrival();
        self.send(at, Segment::Bytes(Bytes::copy_from_slice(&bytes[..taken])));
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.inner.lock().silent {
            self.end();
        }
    }
}
