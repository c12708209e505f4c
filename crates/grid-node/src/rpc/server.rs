//! The answering side: accepts connections, checks their hello, hands each request to the service.
//!
//! Bounded by connections and by requests in flight per connection: a peer over its limit is not
//! read from until answers have gone out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::episodes::Episodes;
use super::frame::{
    self, Frame, FrameError, FrameReader, FrameSender, write_all_queued, write_one,
};
use super::greeting::{self, Refusal};
use super::secured::{self, ReadHalf, WriteHalf};
use crate::platform::{Port, Stream};
use crate::tls::{Caller, Tls};

/// A peer that does not take 64 MiB of answers is not read from until it has.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A peer must prove and introduce itself within this time.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// A hello is a few dozen bytes.
const HELLO_BYTES_MAX: usize = 1024;
/// Pause after a failed accept (out of file descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// An idle peer is asked for life after this time, so that one that vanished is noticed.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// Pause between such questions; three unanswered ones end the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);

/// Sets what all our connections have: no delay of small writes, detection of vanished peers.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// What answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// What a good hello says about the peer.
    type Peer: Send + Sync + 'static;

    /// Checks the first frame against the certificate; returns the peer and what is answered to
    /// it.
    fn greet(&self, hello: Bytes, caller: &Caller) -> Result<(Self::Peer, Bytes), Refusal>;

    /// Takes one request; must not block. The answer goes through `reply`, now or later.
    fn handle(&self, peer: &Arc<Self::Peer>, body: Bytes, reply: Replier);
}

/// Limits of a port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerOptions {
    /// Names the port in log lines.
    pub name: &'static str,
    /// Connections at a time.
    pub connections_max: usize,
    /// Requests of one connection that may wait for answers.
    pub in_flight_max: usize,
    /// Largest request taken.
    pub body_bytes_max: usize,
}

/// Answers one request, once. Dropping it unanswered leaves the caller to its deadline.
pub(crate) struct Replier {
    id: u64,
    queue: FrameSender,
    _in_flight: OwnedSemaphorePermit,
}

impl Replier {
    /// Sends the answer; does nothing when the connection has ended.
    pub fn send(self, body: Bytes) {
        self.queue.send(Frame { id: self.id, body });
    }
}

/// A port at work.
pub(crate) struct Server<S> {
    pub service: Arc<S>,
    pub options: ServerOptions,
    /// Plain TCP without.
    pub tls: Option<Tls>,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}

impl<S: Service> Server<S> {
    /// Accepts until shutdown.
    pub async fn run(self, port: Port) {
        let shutdown = self.shutdown.clone();
        shutdown.run_until_cancelled(self.accept(port)).await;
    }

    async fn accept(&self, mut port: Port) {
        let slots = Arc::new(Semaphore::new(self.options.connections_max));
        let episodes = Arc::new(Episodes::default());
        loop {
            let (stream, addr) = match port.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(port = self.options.name, %error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                tracing::warn!(port = self.options.name, %addr, "refused: too many connections");
                continue;
            };
            let (service, options) = (Arc::clone(&self.service), self.options);
            let tls = self.tls.clone();
            let (shutdown, episodes) = (self.shutdown.clone(), Arc::clone(&episodes));
            self.tasks.spawn(async move {
                let _slot = slot;
                let served = async {
                    let connected = (stream, addr);
                    let admitted = admit(&*service, (options, &episodes), tls, connected).await;
                    if let Some(admitted) = admitted {
                        serve(&*service, options, admitted, addr).await;
                    }
                };
                shutdown.run_until_cancelled(served).await;
            });
        }
    }
}

/// A connection whose peer is known.
struct Admitted<P> {
    peer: Arc<P>,
    reader: FrameReader<ReadHalf>,
    write: WriteHalf,
}

/// Takes TLS handshake and hello, within the time for both; says in the log why not.
async fn admit<S: Service>(
    service: &S,
    (options, episodes): (ServerOptions, &Episodes),
    tls: Option<Tls>,
    (stream, addr): (Stream, SocketAddr),
) -> Option<Admitted<S::Peer>> {
    let introduced = introduce(service, tls, stream);
    match tokio::time::timeout(HELLO_TIMEOUT, introduced).await {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(Stranger::Refused(refusal))) => {
            tracing::warn!(port = options.name, %addr, reason = %refusal, "connection refused");
            None
        }
        Ok(Err(Stranger::Gone(error))) if episodes.begins(addr.ip(), Instant::now()) => {
            tracing::warn!(port = options.name, %addr, %error, "refused: no introduction");
            None
        }
        Err(_) if episodes.begins(addr.ip(), Instant::now()) => {
            tracing::warn!(port = options.name, %addr, "refused: no introduction in time");
            None
        }
        Ok(Err(Stranger::Gone(_))) | Err(_) => {
            tracing::debug!(port = options.name, %addr, "refused again: no introduction");
            None
        }
    }
}

/// Why a connection is not served.
enum Stranger {
    Gone(FrameError),
    Refused(Refusal),
}

impl From<io::Error> for Stranger {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.into())
    }
}

/// The peer, once it has shown its certificate and said who it is; nobody when it left in order.
async fn introduce<S: Service>(
    service: &S,
    tls: Option<Tls>,
    stream: Stream,
) -> Result<Option<Admitted<S::Peer>>, Stranger> {
    let ((read, mut write), caller) = secured::accepted(stream, tls.as_ref()).await?;
    let mut reader = FrameReader::new(read, HELLO_BYTES_MAX);
    let Some(hello) = reader.next().await.map_err(Stranger::Gone)? else { return Ok(None) };
    let (peer, body) = match service.greet(hello.body, &caller) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            if let Some(frame) = greeting::refusal(&refusal) {
                // Whether it was told or not, the connection ends.
                let _ = write_one(&mut write, &frame).await;
            }
            return Err(Stranger::Refused(refusal));
        }
    };
    write_one(&mut write, &greeting::greeting(body)).await?;
    Ok(Some(Admitted { peer: Arc::new(peer), reader, write }))
}

async fn serve<S: Service>(
    service: &S,
    options: ServerOptions,
    admitted: Admitted<S::Peer>,
    addr: SocketAddr,
) {
    let Admitted { peer, mut reader, write } = admitted;
    reader.set_body_bytes_max(options.body_bytes_max);
    let (queue, frames) = frame::queue();
    tokio::select! {
        _ = write_all_queued(write, frames) => {}
        end = dispatch(service, &peer, &mut reader, queue, options.in_flight_max) => {
            match end {
                Ok(()) => {}
                Err(FrameError::Io(error)) => {
                    tracing::debug!(port = options.name, %addr, %error, "connection ended");
                }
                Err(error) => {
                    tracing::warn!(port = options.name, %addr, %error, "connection dropped");
                }
            }
        }
    }
}

async fn dispatch<S: Service, R: tokio::io::AsyncRead + Unpin>(
    service: &S,
    peer: &Arc<S::Peer>,
    reader: &mut FrameReader<R>,
    queue: FrameSender,
    in_flight_max: usize,
) -> Result<(), FrameError> {
    let slots = Arc::new(Semaphore::new(in_flight_max));
    while let Some(frame) = reader.next().await? {
        queue.drained_to(ANSWER_BYTES_MAX).await;
        let Ok(in_flight) = Arc::clone(&slots).acquire_owned().await else {
            return Ok(());
        };
        let reply = Replier { id: frame.id, queue: queue.clone(), _in_flight: in_flight };
        service.handle(peer, frame.body, reply);
    }
    Ok(())
}
