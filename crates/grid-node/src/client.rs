//! The grid's client: finds the leader of a shard, keeps trying until the deadline, and knows where
//! keys are pinned.
//!
//! One connection per unit, shared by all clones. A command is sent again with the same bytes when
//! its outcome is unknown, so callers put a key inside that makes repetition harmless. Errors say
//! whether nothing happened. While a shard has no leader its requests wait here, bounded; they do
//! not knock at the units' doors.

mod attempts;
mod budget;
mod bundles;
mod config;
mod leaders;
mod parking;
mod routes;
mod units;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use config::{ClientConfig, ReadFrom};

use self::attempts::{Aim, Ask, Patience, Question};
use self::budget::Budget;
use self::leaders::Leaders;
use self::parking::Parking;
use self::units::Units;
use crate::admin::{AdminAnswer, AdminRequest};
use crate::batch::Pieces;
use crate::node::NodeStatus;
use crate::port::protocol::{Answer, Request};
use crate::routes::{Pin, RouteTable, RoutesKnown};
use crate::{NodeId, ShardId, codec};

/// The meta group.
const META: ShardId = 0;
/// So many nodes that do not lead any more are asked for what only the leader can say.
const LEADERS_ASKED_MAX: u32 = 3;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No unit led the shard until the deadline; nothing happened.
    #[error("no unit leads the shard")]
    NoLeader,
    /// The shard, or this client's own limit, refused for load, or there was no time left to ask;
    /// nothing happened.
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
    units: Units,
    leaders: Leaders,
    parking: Parking,
    budget: Budget,
    routes: ArcSwap<RouteTable>,
    /// The grid that the route table came from first.
    cluster_id: OnceLock<u128>,
    /// Held while the table is being changed.
    changing: Mutex<()>,
    closed: CancellationToken,
}

impl GridClient {
    /// A client that begins with these units. Connects in the background and never waits; call it on
    /// a tokio runtime, which its background tasks run on.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        let closed = CancellationToken::new();
        let inner = Arc::new(Inner {
            units: Units::new(&config),
            leaders: Leaders::default(),
            parking: Parking::new(config.parked_max, config.parked_bytes_max),
            budget: Budget::new(),
            routes: ArcSwap::default(),
            cluster_id: OnceLock::new(),
            changing: Mutex::new(()),
            closed: closed.clone(),
            config,
        });
        let watching = Arc::clone(&inner);
        let until = closed.clone();
        tokio::spawn(async move { until.run_until_cancelled(routes::watch(&watching)).await });
        Self { inner, _close: Arc::new(closed.drop_guard()) }
    }

    /// Whether a leader of the shard is known here, which may be wrong a moment later.
    #[must_use]
    pub fn is_led(&self, shard: ShardId) -> bool {
        self.inner.leaders.place(shard).leader().is_some()
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
        let ask = Ask { shard, patience: Patience::PerAttempt, bytes: command.len() };
        self.inner.ask(ask, Question::Command(command), deadline).await
    }

    /// Commits commands of a shard as one bundle and returns their replies: for generators and jobs
    /// that have many at hand. They stay together in one log entry; an error is that of all.
    ///
    /// # Errors
    /// As [`GridClient::submit`]; together they must not be larger than the largest command.
    pub async fn submit_all(
        &self,
        shard: ShardId,
        commands: Pieces,
        deadline: Instant,
    ) -> Result<Pieces, ClientError> {
        if commands.bytes() > self.inner.config.command_bytes_max {
            return Err(ClientError::TooLarge);
        }
        let request = |Aim { epoch, budget }| Request::Submit {
            shard,
            epoch,
            budget,
            commands: commands.clone(),
        };
        let ask = Ask { shard, patience: Patience::PerAttempt, bytes: commands.bytes() };
        let replies = self.inner.ask(ask, Question::Other(&request), deadline).await?;
        let replies = Pieces::decode(replies).map_err(|e| ClientError::Protocol(e.to_string()))?;
        if replies.len() == commands.len() {
            Ok(replies)
        } else {
            Err(ClientError::Protocol("replies of other commands".into()))
        }
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
        let answered = match from {
            ReadFrom::Leader => {
                let request = |Aim { epoch, budget }| Request::Query {
                    shard,
                    epoch,
                    budget,
                    body: body.clone(),
                };
                let ask = Ask { shard, patience: Patience::WhileAlive, bytes: body.len() };
                self.inner.ask(ask, Question::Other(&request), deadline).await
            }
            ReadFrom::Any => {
                let request =
                    |budget| Request::Query { shard, epoch: 0, budget, body: body.clone() };
                self.inner.ask_any(shard, request, deadline).await
            }
        };
        read_only(answered)
    }

    /// Pins a key to the least loaded shard; repeating it answers the same.
    ///
    /// # Errors
    /// [`ClientError`]; repeating it after `Unknown` is harmless.
    pub async fn pin(&self, key: &str, deadline: Instant) -> Result<Pin, ClientError> {
        let request = |aim: Aim| Request::Pin { budget: aim.budget, key: key.to_owned() };
        let ask = Ask { shard: META, patience: Patience::PerAttempt, bytes: key.len() };
        decoded(&self.inner.ask(ask, Question::Other(&request), deadline).await?)
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
        let revision = self.inner.routes.load().revision;
        let known = RoutesKnown { revision, topology: 0 };
        let request = |aim: Aim| Request::FreshRoutes { budget: aim.budget, known };
        let ask = Ask { shard: META, patience: Patience::PerAttempt, bytes: 0 };
        let update =
            decoded(&read_only(self.inner.ask(ask, Question::Other(&request), deadline).await)?)?;
        self.inner.take_update(update);
        Ok(self.routes())
    }

    /// Asks one node, or lets it carry something out.
    ///
    /// # Errors
    /// [`ClientError`]: `NoLeader` when the node is not known or cannot be reached in time, `Unknown`
    /// when it was reached and did not answer; repeating it then is harmless.
    pub async fn admin(
        &self,
        node: NodeId,
        request: &AdminRequest,
        deadline: Instant,
    ) -> Result<AdminAnswer, ClientError> {
        let body = codec::encode(request);
        let request = |budget| Request::Admin { budget, body: body.clone() };
        let answer = self.inner.ask_node(node, request, deadline).await?;
        match answer {
            Answer::Ok(body) => decoded(&body),
            Answer::Moved(hint) => Ok(AdminAnswer::NotLeader { hint: hint.route.leader }),
            Answer::Malformed(reason) => Err(ClientError::Protocol(reason)),
            Answer::Stopped => Err(ClientError::NoLeader),
            Answer::Busy | Answer::Expired => Err(ClientError::Busy),
            Answer::TooLarge => Err(ClientError::TooLarge),
            Answer::Unknown => Err(ClientError::Unknown),
        }
    }

    /// Asks the leader of a shard (0 is the meta group), whoever that is, or lets it carry something
    /// out.
    ///
    /// # Errors
    /// [`ClientError`]; repeating it after `Unknown` is harmless.
    pub async fn admin_leader(
        &self,
        shard: ShardId,
        request: &AdminRequest,
        deadline: Instant,
    ) -> Result<AdminAnswer, ClientError> {
        let body = codec::encode(request);
        let ask = Ask { shard, patience: Patience::WhileAlive, bytes: body.len() };
        let request = |aim: Aim| Request::Admin { budget: aim.budget, body: body.clone() };
        let place = self.inner.leaders.place(shard);
        let mut asked = 0;
        loop {
            let known = place.leader();
            let answer = self.inner.ask(ask, Question::Other(&request), deadline).await?;
            let answer: AdminAnswer = decoded(&answer)?;
            asked += 1;
            if asked == LEADERS_ASKED_MAX || !answer.is_of_another_than_the_leader() {
                return Ok(answer);
            }
            // It led when this client last heard of it, and answers for itself alone.
            if let Some(leader) = known.or_else(|| place.leader()) {
                place.doubt(leader);
            }
        }
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
        let address = *self.inner.config.units.get(unit).ok_or(ClientError::NoLeader)?;
        let link = self.inner.units.link(address);
        let answer = link.call(Request::Status.encode(), deadline).await;
        match answer.map(Answer::decode) {
            Ok(Ok(Answer::Ok(body))) => decoded(&body),
            Ok(other) => Err(ClientError::Protocol(format!("{other:?}"))),
            Err(_) => Err(ClientError::NoLeader),
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
