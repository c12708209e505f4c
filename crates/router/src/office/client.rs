//! A pool of kept connections to the office, with a limit on requests at once and a deadline for
//! each. Says of every failure whether the office may have done something.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::RouterConfig;

/// How long opening a connection on the internal network may take.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// Kept connections are given up before the office gives them up (30 s), so that a request is not
/// sent into a closing one.
const IDLE_KEPT: Duration = Duration::from_secs(15);
/// Idle connections kept.
const IDLE_MAX: usize = 64;

/// Why the office gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// Too many requests are there already; this one was not sent.
    #[error("too many requests at the office")]
    Full,
    /// The office cannot be reached; the request was not sent.
    #[error("the office cannot be reached")]
    Away,
    /// The request was sent and no answer came.
    #[error("the office did not answer")]
    Silent,
}

/// The office's client.
pub(crate) struct Office {
    client: Client<HttpConnector, Full<Bytes>>,
    authority: Authority,
    room: Semaphore,
    /// Largest body passed on, in bytes.
    pub(crate) body_bytes_max: usize,
}

impl Office {
    pub(crate) fn new(config: &RouterConfig) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_WITHIN));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_KEPT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self {
            client,
            authority: authority(config.office),
            room: Semaphore::new(config.office_in_flight_max),
            body_bytes_max: config.office_body_bytes_max,
        }
    }

    /// Sends a request, whose address is a path and query, and waits for the head of the answer.
    /// The room is given back with the permit.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<(Response<Incoming>, SemaphorePermit<'_>), Failure> {
        let permit = self.room.try_acquire().map_err(|_| Failure::Full)?;
        *request.uri_mut() = self.address(request.uri());
        match tokio::time::timeout(within, self.client.request(request)).await {
            Ok(Ok(response)) => Ok((response, permit)),
            Ok(Err(error)) => {
                let failure = if error.is_connect() { Failure::Away } else { Failure::Silent };
                tracing::debug!(%error, %failure, "no answer from the office");
                Err(failure)
            }
            Err(_) => Err(Failure::Silent),
        }
    }

    fn address(&self, uri: &Uri) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        let root = || PathAndQuery::from_static("/");
        parts.path_and_query = Some(uri.path_and_query().cloned().unwrap_or_else(root));
        Uri::from_parts(parts).expect("scheme, authority and path make an address")
    }
}

fn authority(address: SocketAddr) -> Authority {
    address.to_string().parse().expect("a socket address is an authority")
}
