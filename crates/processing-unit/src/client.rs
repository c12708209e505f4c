//! The typed client of the grid: commands and questions by event, over `grid_node::GridClient`.
//!
//! Every command carries its idempotency key, so retries across a leader change are safe and happen
//! inside, until the caller's deadline.

mod database;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_node::tls::{TlsConfig, TlsError};
use grid_node::{ClientConfig, ClientError, GridClient, Pin, ReadFrom, RouteTable, ShardId};
use inventory::{
    Acknowledge, Actor, Command, Envelope, EventNo, FeedPosition, HoldId, OrderId, PaymentId,
    Reply, WaitId, codec,
};
use serde::{Deserialize, Serialize};

use crate::machine::NOT_ACTIVE;
use crate::query::{
    Answer, CheckedEvent, Feed, HoldAnswer, OrderAnswer, PaymentAnswer, PendingMoney, PlanAnswer,
    Query, SeatMap, ShardSummary, WaitAnswer,
};

mod queue;
mod staff;

/// How long a command that the shard's version does not have is tried again inside.
const NOT_ACTIVE_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between such attempts.
const NOT_ACTIVE_PAUSE: Duration = Duration::from_millis(100);

/// Where the units are, and how to be known there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridConfig {
    /// Client addresses of all units.
    pub units: Vec<SocketAddr>,
    /// This client's certificate. Default: none on loopback, refused elsewhere.
    #[serde(default)]
    pub tls: TlsConfig,
}

impl GridConfig {
    /// Units on this machine, without certificates.
    #[must_use]
    pub fn new(units: Vec<SocketAddr>) -> Self {
        Self { units, tls: TlsConfig::default() }
    }

    /// Checks that certificates are given when a unit is on another machine, and can be used.
    ///
    /// # Errors
    /// [`TlsError`], which says what to write.
    pub fn check_tls(&self) -> Result<(), TlsError> {
        self.tls.check(self.units.iter().copied())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// No unit led the shard until the deadline; nothing happened.
    #[error("no unit leads the shard")]
    NoLeader,
    /// The shard refused for load; nothing happened.
    #[error("the shard is overloaded")]
    Overloaded,
    /// The command may or may not have happened; the same key resolves it.
    #[error("the outcome is unknown")]
    Unknown,
    /// The command is larger than the grid takes; nothing happened.
    #[error("the command is too large")]
    TooLarge,
    /// The event, hold, order or payment is not in the grid.
    #[error("not found")]
    NotFound,
    /// The shard goes by an older version, which does not have this command; nothing happened.
    #[error("the grid's active version does not have this command yet")]
    NotActive,
    /// A unit answered what this client cannot read.
    #[error("a unit answered nonsense: {0}")]
    Protocol(String),
}

impl From<ClientError> for GridError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoLeader => Self::NoLeader,
            ClientError::Busy => Self::Overloaded,
            ClientError::Unknown => Self::Unknown,
            ClientError::TooLarge => Self::TooLarge,
            ClientError::Protocol(what) => Self::Protocol(what),
        }
    }
}

/// A question has no outcome that could be unknown: whoever was asked fell silent, and nobody else led
/// the shard until the deadline.
fn unanswered(error: ClientError) -> GridError {
    match error {
        ClientError::Unknown => GridError::NoLeader,
        other => other.into(),
    }
}

/// A connection to the whole grid; cheap to clone.
#[derive(Clone)]
pub struct Grid {
    client: GridClient,
}

impl Grid {
    /// Starts connecting in the background; never waits.
    pub fn connect(config: &GridConfig) -> Self {
        let mut client = ClientConfig::new(config.units.clone());
        client.tls = config.tls.clone();
        Self { client: GridClient::new(client) }
    }

    /// Over a connection that there is already.
    pub fn over(client: GridClient) -> Self {
        Self { client }
    }

    /// The route table as known now.
    pub fn routes(&self) -> Arc<RouteTable> {
        self.client.routes()
    }

    /// Asks for the newest route table.
    pub async fn refresh_routes(&self, deadline: Instant) -> Result<Arc<RouteTable>, GridError> {
        Ok(self.client.refresh_routes(deadline).await?)
    }

    /// The event's pin: from the known route table, else from a fresh one.
    pub async fn route(&self, event_id: &str, deadline: Instant) -> Result<Pin, GridError> {
        if let Some(pin) = self.client.routes().pins.get(event_id) {
            return Ok(*pin);
        }
        let routes = self.client.refresh_routes(deadline).await?;
        routes.pins.get(event_id).copied().ok_or(GridError::NotFound)
    }

    /// Pins an event to a shard; repeating it answers the same.
    pub async fn pin(&self, event_id: &str, deadline: Instant) -> Result<Pin, GridError> {
        Ok(self.client.pin(event_id, deadline).await?)
    }

    /// The shard of an event, by number.
    pub async fn shard_of(&self, event: EventNo, deadline: Instant) -> Result<ShardId, GridError> {
        let find = |routes: &RouteTable| routes.shard_of(event.0);
        if let Some(shard) = find(&self.client.routes()) {
            return Ok(shard);
        }
        // Seldom, hence boxed: the future of every command stays small.
        let routes = Box::pin(self.client.refresh_routes(deadline)).await?;
        find(&routes).ok_or(GridError::NotFound)
    }

    /// Whether a leader of the event's shard is known here, which may be wrong a moment later.
    pub fn is_led(&self, event: EventNo) -> bool {
        let shard = self.client.routes().shard_of(event.0);
        shard.is_some_and(|shard| self.client.is_led(shard))
    }

    /// Commits a command of an event.
    pub async fn command(
        &self,
        event: EventNo,
        envelope: &Envelope,
        deadline: Instant,
    ) -> Result<Reply, GridError> {
        let shard = self.shard_of(event, deadline).await?;
        self.shard_command(shard, envelope, deadline).await
    }

    /// Commits a command of a shard.
    pub async fn shard_command(
        &self,
        shard: ShardId,
        envelope: &Envelope,
        deadline: Instant,
    ) -> Result<Reply, GridError> {
        let bytes = Bytes::from(codec::encode_envelope(envelope));
        // A new grid's shards are raised to its version in the first moments.
        let patience = deadline.min(Instant::now() + NOT_ACTIVE_PATIENCE);
        loop {
            let reply = self.client.submit(shard, bytes.clone(), deadline).await?;
            match read_reply(&reply) {
                Err(GridError::NotActive) if Instant::now() + NOT_ACTIVE_PAUSE < patience => {}
                reply => return reply,
            }
            tokio::time::sleep(NOT_ACTIVE_PAUSE).await;
        }
    }

    /// Commits commands of a shard as one bundle: for callers that have many at hand. All are
    /// committed or none; the replies come in the order of the commands. Where one of them is not
    /// active yet, those beside it that are have been carried out: their keys tell.
    pub async fn shard_commands(
        &self,
        shard: ShardId,
        envelopes: &[Envelope],
        deadline: Instant,
    ) -> Result<Vec<Reply>, GridError> {
        let commands = envelopes.iter().map(codec::encode_envelope).collect();
        let replies = self.client.submit_all(shard, commands, deadline).await?;
        replies.iter().map(read_reply).collect()
    }

    /// Tells a shard what PostgreSQL has.
    pub async fn acknowledge(
        &self,
        shard: ShardId,
        up_to: FeedPosition,
        deadline: Instant,
    ) -> Result<(), GridError> {
        let command = Command::Acknowledge(Acknowledge { up_to });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        self.shard_command(shard, &envelope, deadline).await.map(drop)
    }

    /// Asks a shard.
    pub async fn query(
        &self,
        shard: ShardId,
        query: &Query,
        deadline: Instant,
    ) -> Result<Answer, GridError> {
        let from = match query {
            Query::Plan { .. } => ReadFrom::Any,
            Query::SeatMap { .. }
            | Query::Hold(_)
            | Query::Order(_)
            | Query::Payment(_)
            | Query::Feed { .. }
            | Query::PendingMoney { .. }
            | Query::Shard
            | Query::Check { .. }
            | Query::WaitEntry(_)
            | Query::Sale { .. }
            | Query::Codes { .. }
            | Query::Turns { .. }
            | Query::QueuePlace(_)
            | Query::Draw { .. }
            | Query::Beside { .. }
            | Query::Expiries { .. } => ReadFrom::Leader,
        };
        let bytes = Bytes::from(codec::encode(query));
        let answer = self.client.query(shard, bytes, from, deadline).await.map_err(unanswered)?;
        match codec::decode(&answer).map_err(|e| GridError::Protocol(e.to_string()))? {
            Answer::NotFound => Err(GridError::NotFound),
            Answer::Invalid => {
                Err(GridError::Protocol("the unit did not know the question".into()))
            }
            answer => Ok(answer),
        }
    }

    async fn ask(
        &self,
        event: EventNo,
        query: Query,
        deadline: Instant,
    ) -> Result<Answer, GridError> {
        let shard = self.shard_of(event, deadline).await?;
        self.query(shard, &query, deadline).await
    }

    /// An event's terms and plan. A replica that has not applied the opening yet is not believed
    /// when it says there is no such event: the leader is asked then.
    pub async fn plan(&self, event: EventNo, deadline: Instant) -> Result<PlanAnswer, GridError> {
        let answer = match self.ask(event, Query::Plan { event }, deadline).await {
            Err(GridError::NotFound) => {
                let shard = self.shard_of(event, deadline).await?;
                let bytes = Bytes::from(codec::encode(&Query::Plan { event }));
                let answer = self.client.query(shard, bytes, ReadFrom::Leader, deadline).await;
                let answer = answer.map_err(unanswered)?;
                codec::decode(&answer).map_err(|e| GridError::Protocol(e.to_string()))?
            }
            other => other?,
        };
        match answer {
            Answer::Plan(plan) => Ok(plan),
            Answer::NotFound => Err(GridError::NotFound),
            other => Err(unexpected(&other)),
        }
    }

    /// An event's seats: all, or what changed since `known`, waiting up to `wait` for a change.
    pub async fn seat_map(
        &self,
        event: EventNo,
        known: Option<u64>,
        wait: Duration,
        deadline: Instant,
    ) -> Result<SeatMap, GridError> {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        match self.ask(event, Query::SeatMap { event, known, wait_ms }, deadline).await? {
            Answer::SeatMap(map) => Ok(map),
            other => Err(unexpected(&other)),
        }
    }

    /// One hold.
    pub async fn hold(&self, id: HoldId, deadline: Instant) -> Result<HoldAnswer, GridError> {
        match self.ask(id.event, Query::Hold(id), deadline).await? {
            Answer::Hold(hold) => Ok(hold),
            other => Err(unexpected(&other)),
        }
    }

    /// One order.
    pub async fn order(&self, id: OrderId, deadline: Instant) -> Result<OrderAnswer, GridError> {
        match self.ask(id.event, Query::Order(id), deadline).await? {
            Answer::Order(order) => Ok(*order),
            other => Err(unexpected(&other)),
        }
    }

    /// One payment.
    pub async fn payment(
        &self,
        id: PaymentId,
        deadline: Instant,
    ) -> Result<PaymentAnswer, GridError> {
        match self.ask(id.event, Query::Payment(id), deadline).await? {
            Answer::Payment(payment) => Ok(payment),
            other => Err(unexpected(&other)),
        }
    }

    /// One place in a waiting list; what was served and ended, or left, is not found.
    pub async fn wait_entry(&self, id: WaitId, deadline: Instant) -> Result<WaitAnswer, GridError> {
        match self.ask(id.event, Query::WaitEntry(id), deadline).await? {
            Answer::WaitEntry(place) => Ok(*place),
            other => Err(unexpected(&other)),
        }
    }

    /// One event whole, for comparison with the tables.
    pub async fn check(
        &self,
        event: EventNo,
        deadline: Instant,
    ) -> Result<CheckedEvent, GridError> {
        match self.ask(event, Query::Check { event }, deadline).await? {
            Answer::Check(event) => Ok(*event),
            other => Err(unexpected(&other)),
        }
    }

    /// A piece of a shard's change feed.
    pub async fn feed(
        &self,
        shard: ShardId,
        after: FeedPosition,
        limits: (u32, Duration),
        deadline: Instant,
    ) -> Result<Feed, GridError> {
        let (rows_max, wait) = limits;
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        match self.query(shard, &Query::Feed { after, rows_max, wait_ms }, deadline).await? {
            Answer::Feed(feed) => Ok(feed),
            other => Err(unexpected(&other)),
        }
    }

    /// A shard's payments and refunds whose end is not known.
    pub async fn pending_money(
        &self,
        shard: ShardId,
        limit: u32,
        deadline: Instant,
    ) -> Result<PendingMoney, GridError> {
        match self.query(shard, &Query::PendingMoney { limit }, deadline).await? {
            Answer::PendingMoney(pending) => Ok(pending),
            other => Err(unexpected(&other)),
        }
    }

    /// What a shard holds.
    pub async fn shard(
        &self,
        shard: ShardId,
        deadline: Instant,
    ) -> Result<ShardSummary, GridError> {
        match self.query(shard, &Query::Shard, deadline).await? {
            Answer::Shard(summary) => Ok(summary),
            other => Err(unexpected(&other)),
        }
    }
}

fn read_reply(reply: &[u8]) -> Result<Reply, GridError> {
    // No bytes at all come from a unit of a release that does not know the form.
    if reply.is_empty() || reply == NOT_ACTIVE {
        return Err(GridError::NotActive);
    }
    codec::decode(reply).map_err(|e| GridError::Protocol(e.to_string()))
}

fn unexpected(answer: &Answer) -> GridError {
    let name = format!("{answer:?}").chars().take_while(|c| c.is_alphanumeric()).collect();
    GridError::Protocol(name)
}
