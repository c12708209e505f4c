//! The calling side: one connection to one address, dialled when first needed and again after it
//! broke, shared by all callers.
//!
//! A call that never left says so ([`CallError::NotSent`]); after it left, an end of the
//! connection or the deadline means that it may have happened.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::frame::{
    self, Frame, FrameError, FrameReader, FrameSender, write_all_queued, write_one,
};
use super::greeting::{self, Greeted};
use super::secured;
use crate::platform::Network;
use crate::tls::Dial;

/// First pause after a failed dial; doubles up to the maximum.
const REDIAL_MIN: Duration = Duration::from_millis(50);
/// The longest pause between dials: a restarted node is found within it.
const REDIAL_MAX: Duration = Duration::from_millis(1000);
/// 64 MiB and one request may wait to be written.
const QUEUED_BYTES_MAX: usize = 64 << 20;
/// A connection without any answer for so long while calls time out is dropped and dialled anew.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// It never left: no connection, or too many calls in flight. Nothing happened.
    #[error("not sent: no connection")]
    NotSent,
    /// As [`CallError::NotSent`], because of the limit of calls in flight.
    #[error("not sent: too many calls in flight")]
    Full,
    /// It left, and the connection ended. It may have happened.
    #[error("the connection ended before the answer")]
    Lost,
    /// It left, and the deadline passed. It may have happened.
    #[error("no answer before the deadline")]
    TimedOut,
}

/// How a link dials.
#[derive(Clone)]
pub(crate) struct LinkOptions {
    /// What it dials on.
    pub network: Arc<dyn Network>,
    /// With TLS, and with whom; plain TCP without.
    pub tls: Option<Dial>,
    /// Sent first; the other side decides by it.
    pub hello: Bytes,
    /// Looks at the answer to it.
    pub on_greeting: Option<Arc<dyn Greeted>>,
    /// Time for dial and handshake.
    pub connect_timeout: Duration,
    /// Largest answer taken.
    pub body_bytes_max: usize,
    /// Calls that may wait for answers.
    pub in_flight_max: usize,
}

/// A connection to one address that comes back by itself.
pub(crate) struct Link {
    addr: SocketAddr,
    options: LinkOptions,
    live: Mutex<Option<Arc<Connection>>>,
    dialling: tokio::sync::Mutex<Redial>,
    /// What the other side answered to the last good hello.
    greeting: Mutex<Option<Bytes>>,
}

struct Redial {
    next_at: Instant,
    pause: Duration,
}

impl Link {
    pub fn new(addr: SocketAddr, options: LinkOptions) -> Self {
        let dialling = Redial { next_at: Instant::now(), pause: REDIAL_MIN };
        Self {
            addr,
            options,
            live: Mutex::new(None),
            dialling: tokio::sync::Mutex::new(dialling),
            greeting: Mutex::new(None),
        }
    }

    /// Where it leads.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the other side said of itself when last connected.
    pub fn greeting(&self) -> Option<Bytes> {
        self.greeting.lock().clone()
    }

    /// Sends a request and waits for its answer.
    pub async fn call(&self, body: Bytes, deadline: Instant) -> Result<Bytes, CallError> {
        let connection = match self.live() {
            Some(connection) => connection,
            None => tokio::time::timeout_at(deadline.into(), self.dial())
                .await
                .map_err(|_| CallError::NotSent)??,
        };
        connection.call(body, deadline, self.options.in_flight_max).await
    }

    fn live(&self) -> Option<Arc<Connection>> {
        self.live.lock().as_ref().filter(|c| !c.ended.is_cancelled()).cloned()
    }

    /// One dial at a time; callers that come during the pause after a failure fail at once.
    async fn dial(&self) -> Result<Arc<Connection>, CallError> {
        let mut redial = self.dialling.lock().await;
        if let Some(connection) = self.live() {
            return Ok(connection);
        }
        if Instant::now() < redial.next_at {
            return Err(CallError::NotSent);
        }
        let attempt = tokio::time::timeout(self.options.connect_timeout, self.open()).await;
        match attempt.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(connection) => {
                redial.pause = REDIAL_MIN;
                *self.live.lock() = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(error) => {
                self.tell(&error, redial.pause == REDIAL_MIN);
                redial.next_at = Instant::now() + redial.pause;
                redial.pause = (redial.pause * 2).min(REDIAL_MAX);
                Err(CallError::NotSent)
            }
        }
    }

    /// A peer that is down comes back by itself; a certificate or a release that does not fit needs
    /// a person, who is told once in a row.
    fn tell(&self, error: &io::Error, is_first: bool) {
        match error.kind() {
            io::ErrorKind::InvalidData if is_first => {
                tracing::warn!(addr = %self.addr, %error, "no connection under TLS");
            }
            io::ErrorKind::PermissionDenied if is_first => {
                tracing::warn!(addr = %self.addr, reason = %error, "refused by the other side");
            }
            _ => tracing::debug!(addr = %self.addr, %error, "not connected"),
        }
    }

    async fn open(&self) -> io::Result<Arc<Connection>> {
        let stream = self.options.network.dial(self.addr).await?;
        let (read, mut write) = secured::dialled(stream, self.options.tls.as_ref()).await?;
        write_one(&mut write, &Frame { id: 0, body: self.options.hello.clone() }).await?;
        let mut reader = FrameReader::new(read, self.options.body_bytes_max);
        let greeting = match reader.next().await {
            Ok(Some(frame)) => greeting::judge(frame, self.options.on_greeting.as_deref())?,
            Ok(None) => return Err(io::ErrorKind::ConnectionRefused.into()),
            Err(FrameError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        *self.greeting.lock() = Some(greeting);
        let (queue, frames) = frame::queue();
        let ended = CancellationToken::new();
        let connection = Arc::new(Connection {
            queue,
            waiting: Arc::new(Mutex::new(Waiting {
                calls: HashMap::new(),
                heard_at: Instant::now(),
            })),
            next_id: AtomicU64::new(1),
            ended: ended.clone(),
            _end_on_drop: ended.clone().drop_guard(),
        });
        let waiting = Arc::clone(&connection.waiting);
        tokio::spawn(async move {
            let alive = ended.clone();
            alive
                .run_until_cancelled(async {
                    tokio::select! {
                        _ = write_all_queued(write, frames) => {}
                        () = deliver(reader, &waiting) => {}
                    }
                })
                .await;
            ended.cancel();
            // Dropping the senders tells the callers that the connection is lost.
            waiting.lock().calls.clear();
        });
        Ok(connection)
    }
}

/// Hands answers to their callers until the connection ends.
async fn deliver<R: tokio::io::AsyncRead + Unpin>(
    mut reader: FrameReader<R>,
    waiting: &Mutex<Waiting>,
) {
    loop {
        match reader.next().await {
            Ok(Some(frame)) => {
                let call = {
                    let mut waiting = waiting.lock();
                    waiting.heard_at = Instant::now();
                    waiting.calls.remove(&frame.id)
                };
                if let Some(call) = call {
                    // The caller may have given up meanwhile.
                    let _ = call.send(frame.body);
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "connection ended");
                return;
            }
        }
    }
}

struct Connection {
    queue: FrameSender,
    waiting: Arc<Mutex<Waiting>>,
    next_id: AtomicU64,
    ended: CancellationToken,
    _end_on_drop: DropGuard,
}

struct Waiting {
    calls: HashMap<u64, oneshot::Sender<Bytes>>,
    heard_at: Instant,
}

impl Connection {
    async fn call(
        &self,
        body: Bytes,
        deadline: Instant,
        in_flight_max: usize,
    ) -> Result<Bytes, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock();
            // Checked under the lock that the end of the connection clears the table under.
            if self.ended.is_cancelled() {
                return Err(CallError::NotSent);
            }
            // A caller that gave up leaves its frame behind, so bytes are looked at as well.
            if waiting.calls.len() >= in_flight_max || self.queue.bytes() > QUEUED_BYTES_MAX {
                return Err(CallError::Full);
            }
            waiting.calls.insert(id, answer);
        }
        let forget = Forget { connection: self, id };
        if !self.queue.send(Frame { id, body }) {
            return Err(CallError::NotSent);
        }
        let result = match tokio::time::timeout_at(deadline.into(), answered).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) => Err(CallError::Lost),
            Err(_) => Err(CallError::TimedOut),
        };
        drop(forget);
        if result == Err(CallError::TimedOut) {
            self.suspect();
        }
        result
    }

    /// Gives up a connection on which nothing is heard any more.
    fn suspect(&self) {
        if self.waiting.lock().heard_at.elapsed() > SILENCE_MAX {
            self.ended.cancel();
        }
    }
}

/// Takes a call out of the table when its caller goes away, however it does.
struct Forget<'a> {
    connection: &'a Connection,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.connection.waiting.lock().calls.remove(&self.id);
    }
}
