//! The client port: commands, questions, routes and pins from routers and services.
//!
//! Commands go straight into their shard's queue, without a task each; everything else that waits
//! is a task. Answers leave in any order. The port decides nothing: who leads, what is full and
//! what is fresh is the shard's to say.

pub(crate) mod protocol;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::protocol::{Answer, Hello, Request, RoutesKnown};
use crate::batcher::Waiter;
use crate::codec;
use crate::machine::{QueryError, QueryHandler, StateMachine};
use crate::meta::{MetaCommand, MetaReply, MetaState};
use crate::node::{Hosted, NodeStatus, Shards};
use crate::routes::RouteTable;
use crate::rpc::{Refusal, Replier, Service};
use crate::shard::{ReadError, Shard, SubmitError};
use crate::tls::Caller;
use crate::{NodeId, ShardId};

/// What the port serves.
pub(crate) struct ClientService<S: StateMachine> {
    pub cluster_id: u128,
    pub node_id: NodeId,
    pub shard_count: u32,
    pub hosted: Arc<Hosted<S>>,
    pub handler: Arc<dyn QueryHandler<S>>,
    pub status: Arc<dyn Fn() -> NodeStatus + Send + Sync>,
    pub leaders_epoch: watch::Receiver<u64>,
    /// No request waits longer.
    pub budget_max: Duration,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}

impl<S: StateMachine> Service for ClientService<S> {
    type Peer = ();

    fn greet(&self, hello: Bytes, caller: &Caller) -> Result<((), Bytes), Refusal> {
        caller.must_be_of(self.cluster_id).map_err(Refusal)?;
        Hello::decode(hello).map_err(|e| Refusal(e.to_string()))?;
        Ok(((), protocol::encode_greeting(self.cluster_id, self.node_id)))
    }

    fn handle(&self, _peer: &Arc<()>, body: Bytes, reply: Replier) {
        let request = match Request::decode(body) {
            Ok(request) => request,
            Err(error) => return reply.send(Answer::Malformed(error.to_string()).encode()),
        };
        match request {
            Request::Submit { shard, budget, command } => {
                self.submit(shard, self.deadline(budget), command, reply);
            }
            Request::Query { shard, budget, body } => {
                self.query(shard, self.deadline(budget), body, reply);
            }
            Request::Routes { known, wait } => {
                let routes = self.routes_answer(known, self.deadline(wait));
                self.answer_later(routes, reply);
            }
            Request::FreshRoutes { budget } => {
                let routes = self.fresh_routes(self.deadline(budget));
                self.answer_later(routes, reply);
            }
            Request::Pin { budget, key } => {
                let pin = self.pin(self.deadline(budget), key);
                self.answer_later(pin, reply);
            }
            Request::Ping => reply.send(Answer::Ok(Bytes::new()).encode()),
            Request::Status => reply.send(Answer::Ok(codec::encode(&(self.status)())).encode()),
        }
    }
}

impl<S: StateMachine> ClientService<S> {
    fn deadline(&self, budget: Duration) -> Instant {
        Instant::now() + budget.min(self.budget_max)
    }

    /// Answers when the answer is there; a node that stops says so at once.
    fn answer_later(&self, answer: impl Future<Output = Answer> + Send + 'static, reply: Replier) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            let answer = shutdown.run_until_cancelled(answer).await;
            reply.send(answer.unwrap_or(Answer::Stopped).encode());
        });
    }

    fn submit(&self, shard: ShardId, deadline: Instant, command: Bytes, reply: Replier) {
        let Some(shard) = self.hosted.shard(shard) else {
            return reply.send(Answer::NotLeader { hint: None }.encode());
        };
        let answer = move |outcome| reply.send(Answer::from(outcome).encode());
        shard.enqueue(command, deadline, Waiter::Callback(Box::new(answer)));
    }

    fn query(&self, shard: ShardId, deadline: Instant, body: Bytes, reply: Replier) {
        let Some(shard) = self.hosted.shard(shard) else {
            return reply.send(Answer::NotLeader { hint: None }.encode());
        };
        let question = self.handler.query(shard, body, deadline);
        let answer = async move {
            match tokio::time::timeout_at(deadline.into(), question).await {
                Ok(Ok(body)) => Answer::Ok(body),
                Ok(Err(QueryError::NotLeader { hint })) => Answer::NotLeader { hint },
                Ok(Err(QueryError::Expired)) | Err(_) => Answer::Expired,
                Ok(Err(QueryError::Stopped)) => Answer::Stopped,
            }
        };
        self.answer_later(answer, reply);
    }

    /// The routes as known here, once they differ from what the client knows or it is time.
    fn routes_answer(
        &self,
        known: RoutesKnown,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        let (hosted, count) = (Arc::clone(&self.hosted), self.shard_count);
        let mut leaders_epoch = self.leaders_epoch.clone();
        async move {
            let Some(meta) = hosted.meta() else { return Answer::NotLeader { hint: None } };
            let mut applied = meta.watch_applied();
            loop {
                applied.borrow_and_update();
                leaders_epoch.borrow_and_update();
                let table = route_table(&meta, &hosted.shards(), count);
                if RoutesKnown::of(&table) != known || Instant::now() >= deadline {
                    return Answer::Ok(codec::encode(&table));
                }
                let changed = tokio::select! {
                    changed = applied.changed() => changed,
                    changed = leaders_epoch.changed() => changed,
                    () = tokio::time::sleep_until(deadline.into()) => Ok(()),
                };
                if changed.is_err() {
                    return Answer::Stopped;
                }
            }
        }
    }

    /// The routes with every pin that was acknowledged before the question.
    fn fresh_routes(&self, deadline: Instant) -> impl Future<Output = Answer> + Send + use<S> {
        let (hosted, count) = (Arc::clone(&self.hosted), self.shard_count);
        async move {
            let Some(meta) = hosted.meta() else { return Answer::NotLeader { hint: None } };
            match meta.read_fresh(deadline, |_| ()).await {
                Ok(()) => Answer::Ok(codec::encode(&route_table(&meta, &hosted.shards(), count))),
                Err(ReadError::NotLeader { hint }) => Answer::NotLeader { hint },
                Err(ReadError::Expired) => Answer::Expired,
                Err(ReadError::Stopped) => Answer::Stopped,
            }
        }
    }

    fn pin(&self, deadline: Instant, key: String) -> impl Future<Output = Answer> + Send + use<S> {
        let (meta, shards) = (self.hosted.meta(), self.shard_count);
        async move {
            let Some(meta) = meta else { return Answer::NotLeader { hint: None } };
            let command = codec::encode(&MetaCommand::Pin { key, shards });
            match meta.submit(command, deadline).await {
                Err(error) => Answer::from(Err(error)),
                Ok(reply) => match codec::decode(&reply) {
                    Ok(MetaReply::Pinned(pin)) => Answer::Ok(codec::encode(&pin)),
                    Ok(_) => Answer::Malformed("not a key".into()),
                    Err(error) => Answer::Malformed(error.to_string()),
                },
            }
        }
    }
}

/// Pins as applied here and leaders as heard of here.
pub(crate) fn route_table<S: StateMachine>(
    meta: &Shard<MetaState>,
    shards: &Shards<S>,
    shard_count: u32,
) -> RouteTable {
    let (revision, pins) = meta.read(|state| {
        let pins = state.pins().map(|(key, pin)| (key.to_owned(), pin));
        (state.revision(), pins.collect::<BTreeMap<_, _>>())
    });
    let leader = |shard: ShardId, leader: Option<NodeId>| leader.map(|leader| (shard, leader));
    let leaders = shards
        .values()
        .filter_map(|shard| leader(shard.id(), shard.group().role().leader))
        .chain(leader(0, meta.group().role().leader))
        .collect();
    RouteTable::new(revision, shard_count, pins, leaders)
}

impl From<Result<Bytes, SubmitError>> for Answer {
    fn from(outcome: Result<Bytes, SubmitError>) -> Self {
        match outcome {
            Ok(reply) => Self::Ok(reply),
            Err(SubmitError::NotLeader { hint }) => Self::NotLeader { hint },
            Err(SubmitError::Busy) => Self::Busy,
            Err(SubmitError::TooLarge) => Self::TooLarge,
            Err(SubmitError::Expired) => Self::Expired,
            Err(SubmitError::Unknown) => Self::Unknown,
            Err(SubmitError::Stopped) => Self::Stopped,
        }
    }
}
