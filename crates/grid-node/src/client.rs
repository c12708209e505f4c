//! The grid's client: finds the leader of a shard, keeps trying until the deadline, and knows where
//! keys are pinned.
//!
//! One connection per unit, shared by all clones. A command is sent again with the same bytes when
//! its outcome is unknown, so callers put a key inside that makes repetition harmless. Errors say
//! whether nothing happened.

mod attempts;
mod config;
mod routes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::RwLock;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use config::{ClientConfig, ReadFrom};

use self::attempts::{Ask, Patience};
use crate::node::NodeStatus;
use crate::port::protocol::{self, Answer, Hello, Request};
use crate::routes::{Pin, RouteTable};
use crate::rpc::{Link, LinkOptions};
use crate::tls::{Callee, Dial};
use crate::{NodeId, ShardId, codec};

/// The meta group.
const META: ShardId = 0;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No unit led the shard until the deadline; nothing happened.
    #[error("no unit leads the shard")]
    NoLeader,
    /// The shard, or this client's own limit, refused for load; nothing happened.
    #[error("the shard is overloaded")]
    Busy,
    /// It may or may not have happened.
    #[error("the outcome is unknown")]
    Unknown,
    /// The command is larger than the grid takes; nothing happened.
    #[error("the command is too large")]
    TooLarge,
    /// A unit answered what this client cannot read, or refused the request as senseless.
    #[error("a unit answered nonsense: {0}")]
    Protocol(String),
}

/// A connection to the whole grid; cheap to clone. The last clone to go closes it.
#[derive(Clone)]
pub struct GridClient {
    inner: Arc<Inner>,
    _close: Arc<DropGuard>,
}

struct Inner {
    config: ClientConfig,
    units: Vec<Link>,
    /// Unit that last answered as leader of a shard.
    leaders: RwLock<HashMap<ShardId, usize>>,
    routes: ArcSwap<RouteTable>,
    next_unit: AtomicUsize,
}

impl GridClient {
    /// A client of these units. Connects in the background and never waits; call it on a tokio
    /// runtime, which its background task runs on.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        let options = LinkOptions {
            tls: config.tls.tls().map(|tls| Dial { tls, callee: Callee::AnyUnit }),
            hello: Hello::encode(),
            connect_timeout: config.connect_timeout,
            body_bytes_max: config.answer_bytes_max,
            in_flight_max: config.in_flight_max,
        };
        let inner = Arc::new(Inner {
            units: config.units.iter().map(|addr| Link::new(*addr, options.clone())).collect(),
            config,
            leaders: RwLock::default(),
            routes: ArcSwap::default(),
            next_unit: AtomicUsize::new(rand::random_range(0..1024)),
        });
        let closed = CancellationToken::new();
        let watching = Arc::clone(&inner);
        let until = closed.clone();
        tokio::spawn(async move { until.run_until_cancelled(routes::watch(&watching)).await });
        Self { inner, _close: Arc::new(closed.drop_guard()) }
    }

    /// Commits a command of a shard and returns its reply.
    ///
    /// # Errors
    /// [`ClientError`]; all but `Unknown` and `Protocol` say that nothing happened.
    pub async fn submit(
        &self,
        shard: ShardId,
        command: Bytes,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        if command.len() > self.inner.config.command_bytes_max {
            return Err(ClientError::TooLarge);
        }
        let request = |budget| Request::Submit { shard, budget, command: command.clone() };
        let ask = Ask { shard, from: ReadFrom::Leader, patience: Patience::PerAttempt };
        self.inner.ask(ask, request, deadline).await
    }

    /// Asks a shard. Nothing is changed, so `Unknown` does not occur.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query(
        &self,
        shard: ShardId,
        body: Bytes,
        from: ReadFrom,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        let request = |budget| Request::Query { shard, budget, body: body.clone() };
        let ask = Ask { shard, from, patience: Patience::WhileAlive };
        read_only(self.inner.ask(ask, request, deadline).await)
    }

    /// Pins a key to the least loaded shard; repeating it answers the same.
    ///
    /// # Errors
    /// [`ClientError`]; repeating it after `Unknown` is harmless.
    pub async fn pin(&self, key: &str, deadline: Instant) -> Result<Pin, ClientError> {
        let request = |budget| Request::Pin { budget, key: key.to_owned() };
        let ask = Ask { shard: META, from: ReadFrom::Leader, patience: Patience::PerAttempt };
        decoded(&self.inner.ask(ask, request, deadline).await?)
    }

    /// The route table as known now; refreshed in the background.
    #[must_use]
    pub fn routes(&self) -> Arc<RouteTable> {
        self.inner.routes.load_full()
    }

    /// Asks for the route table with every pin acknowledged so far.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn refresh_routes(&self, deadline: Instant) -> Result<Arc<RouteTable>, ClientError> {
        let request = |budget| Request::FreshRoutes { budget };
        let ask = Ask { shard: META, from: ReadFrom::Leader, patience: Patience::PerAttempt };
        let table = decoded(&read_only(self.inner.ask(ask, request, deadline).await)?)?;
        self.inner.take_routes(table);
        Ok(self.routes())
    }

    /// The figures of one unit, by its place in the configuration.
    ///
    /// # Errors
    /// [`ClientError::NoLeader`] when it cannot be reached in time.
    pub async fn node_status(
        &self,
        unit: usize,
        deadline: Instant,
    ) -> Result<NodeStatus, ClientError> {
        let link = self.inner.units.get(unit).ok_or(ClientError::NoLeader)?;
        let answer = link.call(Request::Status.encode(), deadline).await;
        match answer.map(Answer::decode) {
            Ok(Ok(Answer::Ok(body))) => decoded(&body),
            Ok(other) => Err(ClientError::Protocol(format!("{other:?}"))),
            Err(_) => Err(ClientError::NoLeader),
        }
    }
}

impl Inner {
    /// The unit that is a node, if it was ever connected.
    fn unit_of(&self, node: NodeId) -> Option<usize> {
        self.units.iter().position(|link| {
            link.greeting()
                .and_then(|greeting| protocol::decode_greeting(greeting).ok())
                .is_some_and(|(_, id)| id == node)
        })
    }

    /// Any unit, another one each time.
    fn any_unit(&self) -> usize {
        self.next_unit.fetch_add(1, Ordering::Relaxed) % self.units.len().max(1)
    }

    /// Takes over a table unless its pins are older than the known ones.
    fn take_routes(&self, table: RouteTable) {
        let table = Arc::new(table);
        self.routes.rcu(|known| {
            if table.revision >= known.revision { Arc::clone(&table) } else { Arc::clone(known) }
        });
        let mut leaders = self.leaders.write();
        for (shard, node) in &table.leaders {
            if let Some(unit) = self.unit_of(*node) {
                leaders.insert(*shard, unit);
            }
        }
    }
}

/// A question that may or may not have been answered has changed nothing either way.
fn read_only(result: Result<Bytes, ClientError>) -> Result<Bytes, ClientError> {
    result.map_err(|e| if e == ClientError::Unknown { ClientError::NoLeader } else { e })
}

fn decoded<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    codec::decode(bytes).map_err(|e| ClientError::Protocol(e.to_string()))
}

impl std::fmt::Debug for GridClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GridClient").field("units", &self.inner.config.units).finish()
    }
}
