//! The accept loop: HTTP/1.1 with every limit in our hands.
//!
//! One task accepts, one task per connection serves. A connection over the cap waits in the
//! kernel's queue; a slow head or an idle connection is closed; at shutdown nothing new is accepted
//! and what is under way may finish until the drain deadline.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::host;

/// Largest head and read buffer of a connection.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most header lines of a request.
const HEADERS_MAX: usize = 64;
/// Pause after a failed accept (such as: no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long sent bytes may stay unacknowledged or a full window closed, in milliseconds.
const UNREAD_WITHIN_MS: u32 = 60_000;

/// Open files beside public connections: connections to units and office, logs, ports.
const FILES_BESIDE: u64 = 512;

/// Limits of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Open connections at most.
    pub connections_max: usize,
    /// How long the head of a request may take, and how long a kept connection may idle.
    pub head_within: Duration,
    /// How long requests under way may take to finish after shutdown begins.
    pub drain_within: Duration,
}

impl Default for ServerLimits {
    /// 10,000 connections, 30 s, 10 s.
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_within: Duration::from_secs(30),
            drain_within: Duration::from_secs(10),
        }
    }
}

/// The other end of the connection, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What answers requests: routes, or what is quicker and stands before them.
pub trait Answers: Clone + Send + Sync + 'static {
    /// Answers one request of a peer; failures are answers too.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response> + Send;
}

impl Answers for Router {
    async fn answer(&self, mut request: Request<Incoming>, peer: Peer) -> Response {
        request.extensions_mut().insert(peer);
        let Ok(response) = self.clone().oneshot(request).await;
        response
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why not.
    pub source: std::io::Error,
}

/// Listens on an address; port 0 means any free one.
///
/// # Errors
/// When the port is in use or the address is not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Lets this process have as many open files as connections need, up to what the system allows.
/// Answers how many connections fit then; fewer than wanted is worth a warning.
pub fn allow_connections(wanted: usize) -> usize {
    let needed = wanted as u64 + FILES_BESIDE;
    let mut limit = getrlimit(Resource::Nofile);
    // `None` means no limit.
    let most = limit.maximum.map_or(needed, |most| most.min(needed));
    if limit.current.is_some_and(|current| current < most) {
        limit.current = Some(most);
        // Refused, the old limit stays and is what is answered.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(needed);
    usize::try_from(current.saturating_sub(FILES_BESIDE)).unwrap_or(wanted).min(wanted)
}

/// Serves until `shutdown`, then drains. What reaches routes carries [`Peer`] in its extensions.
pub async fn serve(
    listener: TcpListener,
    answers: impl Answers,
    limits: ServerLimits,
    shutdown: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(limits.connections_max));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &room) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let connection = http1_builder(limits).serve_connection(
            TokioIo::new(stream),
            service_fn({
                let answers = answers.clone();
                move |request| {
                    let answers = answers.clone();
                    async move { Ok::<_, Infallible>(answer(&answers, request, Peer(peer)).await) }
                }
            }),
        );
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // Resets and half requests are the client's affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    // Whoever is not done by then is cut off with the set.
    let _ = tokio::time::timeout(limits.drain_within, graceful.shutdown()).await;
}

async fn answer(answers: &impl Answers, request: Request<Incoming>, peer: Peer) -> Response {
    match host::refused(&request).await {
        Some(refused) => refused,
        None => answers.answer(request, peer).await,
    }
}

fn http1_builder(limits: ServerLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// The next connection once there is room for one; `None` when accepting failed.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    // The semaphore is never closed.
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            tune(&stream);
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Failing to set either only costs time or memory, never a wrong answer.
fn tune(stream: &TcpStream) {
    // Small answers do not wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    // A client that stops reading a stream, or vanished, does not keep its connection for ever.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNREAD_WITHIN_MS);
}
