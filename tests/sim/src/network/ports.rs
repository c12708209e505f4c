//! Open ports and the connections that are on their way to them.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use futures_util::future::BoxFuture;
use grid_node::platform::{Accept, Stream};
use tokio::sync::{mpsc, oneshot};

use super::HostId;

/// Connections that may wait to be accepted.
const BACKLOG: usize = 1024;

/// A connection before it is accepted.
pub(super) struct Arriving {
    pub far: Stream,
    pub from: SocketAddr,
    pub near: Stream,
    pub answer: oneshot::Sender<io::Result<Stream>>,
}

/// An open port.
pub(super) struct Port {
    pub host: HostId,
    waiting: mpsc::Sender<(Stream, SocketAddr)>,
    arriving: Vec<(Instant, Arriving)>,
}

impl Port {
    pub fn open(host: HostId) -> (Self, Accepting) {
        let (waiting, accepted) = mpsc::channel(BACKLOG);
        (Self { host, waiting, arriving: Vec::new() }, Accepting(accepted))
    }

    pub fn arrive(&mut self, at: Instant, arriving: Arriving) {
        self.arriving.push((at, arriving));
    }

    /// Hands over what is due; refuses when nobody accepts.
    pub fn deliver(&mut self, now: Instant) {
        for (_, Arriving { far, from, near, answer }) in
            self.arriving.extract_if(.., |(at, _)| *at <= now)
        {
            let taken = self.waiting.try_send((far, from));
            let refused = || io::ErrorKind::ConnectionRefused.into();
            let _ = answer.send(taken.map(|()| near).map_err(|_| refused()));
        }
    }
}

/// The accepting side of a port.
pub(super) struct Accepting(mpsc::Receiver<(Stream, SocketAddr)>);

impl Accept for Accepting {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(accepted) => Ok(accepted),
                None => std::future::pending().await,
            }
        })
    }
}
