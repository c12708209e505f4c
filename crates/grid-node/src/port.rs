//! The client port: commands, questions, routes, pins and operators' instructions.
//!
//! Commands come in bundles, which go straight into their shard's queue, without a task each;
//! everything else that waits is a task. Answers leave in any order. The port decides nothing: who
//! leads, what is full and what is fresh is the shard's to say. Whoever asks the wrong node, or goes
//! by an older epoch, is told where the shard is. An epoch newer than this node's is served: Raft,
//! not the epoch, fences deposed leaders, and a unit that the meta group cannot reach must not stop
//! selling.

mod admin;
pub(crate) mod protocol;

#[cfg(test)]
mod forms;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::admin::Desk;
use self::protocol::{Answer, Hello, Request};
use crate::batch::Pieces;
use crate::batcher::Waiter;
use crate::codec;
use crate::machine::{QueryError, QueryHandler, StateMachine};
use crate::meta::{MetaCommand, MetaReply};
use crate::node::{Hosted, META, Published, RoutePublisher};
use crate::routes::RoutesKnown;
use crate::rpc::{Refusal, Replier, Service};
use crate::shard::{ReadError, Shard, SubmitError};
use crate::tls::Caller;
use crate::{NodeId, ShardId};

/// What the port serves.
pub(crate) struct ClientService<S: StateMachine> {
    pub cluster_id: u128,
    pub node_id: NodeId,
    pub hosted: Arc<Hosted<S>>,
    pub handler: Arc<dyn QueryHandler<S>>,
    pub desk: Arc<Desk<S>>,
    pub publisher: Arc<RoutePublisher<S>>,
    /// No request waits longer.
    pub budget_max: Duration,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}

impl<S: StateMachine> Service for ClientService<S> {
    type Peer = ();

    fn greet(&self, hello: Bytes, caller: &Caller) -> Result<((), Bytes), Refusal> {
        caller.must_be_of(self.cluster_id).map_err(Refusal::Told)?;
        let protocol = Hello::decode(hello)?;
        Ok(((), protocol::encode_greeting(self.cluster_id, self.node_id, protocol)))
    }

    fn handle(&self, _peer: &Arc<()>, body: Bytes, reply: Replier) {
        let request = match Request::decode(body) {
            Ok(request) => request,
            Err(error) => return reply.send(Answer::Malformed(error.to_string()).encode()),
        };
        match request {
            Request::Submit { shard, epoch, budget, commands } => match self.aimed(shard, epoch) {
                Ok(shard) => self.submit(shard, self.deadline(budget), commands, reply),
                Err(moved) => reply.send(moved.encode()),
            },
            Request::Query { shard, epoch, budget, body } => match self.aimed(shard, epoch) {
                // Also an old state must be one that the shard had.
                Ok(shard) if shard.group().has_diverged() => {
                    reply.send(moved(&self.publisher.load(), &shard).encode());
                }
                Ok(shard) => self.query(shard, self.deadline(budget), body, reply),
                Err(moved) => reply.send(moved.encode()),
            },
            Request::Routes { known, wait } => {
                let routes = self.routes_answer(known, self.deadline(wait));
                self.answer_later(routes, reply);
            }
            Request::FreshRoutes { budget, known } => {
                let routes = self.fresh_routes(known, self.deadline(budget));
                self.answer_later(routes, reply);
            }
            Request::Pin { budget, key } => {
                let pin = self.pin(self.deadline(budget), key);
                self.answer_later(pin, reply);
            }
            Request::Admin { budget, body } => {
                let answer = self.admin(body, self.deadline(budget));
                self.answer_later(answer, reply);
            }
            Request::MetaWatch { known, wait } => {
                let news = Arc::clone(&self.desk).meta_watch(known, self.deadline(wait));
                self.answer_later(news, reply);
            }
            Request::WhoLeads { shard } => reply.send(self.where_is(shard).encode()),
            Request::Ping => reply.send(Answer::Ok(Bytes::new()).encode()),
            Request::Status => {
                reply.send(Answer::Ok(codec::encode(&(self.desk.status)())).encode())
            }
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

    /// The replica here that a request is meant for, unless the asker goes by an older epoch.
    fn aimed(&self, shard: ShardId, epoch: u64) -> Result<Arc<Shard<S>>, Answer> {
        let Some(replica) = self.hosted.shard(shard) else { return Err(self.where_is(shard)) };
        let older = epoch != 0 && epoch < self.publisher.load().table.epoch(shard);
        if older { Err(self.where_is(shard)) } else { Ok(replica) }
    }

    /// Where a shard is, as known here.
    fn where_is(&self, shard: ShardId) -> Answer {
        where_is(&self.hosted, &self.publisher.load(), shard)
    }

    fn submit(&self, shard: Arc<Shard<S>>, deadline: Instant, commands: Pieces, reply: Replier) {
        if commands.is_empty() {
            // It would count nothing against the limits of the queue.
            return reply.send(Answer::Malformed("no command".into()).encode());
        }
        let (publisher, asked) = (Arc::clone(&self.publisher), Arc::clone(&shard));
        let answer = move |outcome: Result<Pieces, SubmitError>| {
            let outcome = outcome.map(|replies| replies.encode());
            let answer = answer_of(outcome, || moved(&publisher.load(), &asked));
            reply.send(answer.encode());
        };
        shard.enqueue(commands, deadline, Waiter::Callback(Box::new(answer)));
    }

    fn query(&self, shard: Arc<Shard<S>>, deadline: Instant, body: Bytes, reply: Replier) {
        let publisher = Arc::clone(&self.publisher);
        let question = self.handler.query(Arc::clone(&shard), body, deadline);
        let answer = async move {
            match tokio::time::timeout_at(deadline.into(), question).await {
                Ok(Ok(body)) => Answer::Ok(body),
                Ok(Err(QueryError::NotLeader { .. })) => moved(&publisher.load(), &shard),
                Ok(Err(QueryError::Expired)) | Err(_) => Answer::Expired,
                Ok(Err(QueryError::Stopped)) => Answer::Stopped,
            }
        };
        self.answer_later(answer, reply);
    }

    /// What the client lacks of the routes as known here, once there is something or it is time.
    fn routes_answer(
        &self,
        known: RoutesKnown,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        let mut published = self.publisher.watch();
        async move {
            let news = published.wait_for(|published| published.is_news_to(known));
            if let Ok(Err(_)) = tokio::time::timeout_at(deadline.into(), news).await {
                return Answer::Stopped;
            }
            let published = Arc::clone(&published.borrow());
            Answer::Ok(codec::encode(&published.update_since(known)))
        }
    }

    /// The routes with every pin that was acknowledged before the question.
    fn fresh_routes(
        &self,
        known: RoutesKnown,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        let (meta, publisher) = (self.hosted.meta(), Arc::clone(&self.publisher));
        let elsewhere = self.where_is(0);
        async move {
            let Some(meta) = meta else { return elsewhere };
            match meta.read_fresh(deadline, |_| ()).await {
                Ok(()) => {
                    publisher.look();
                    Answer::Ok(codec::encode(&publisher.load().update_since(known)))
                }
                Err(ReadError::NotLeader { .. }) => moved(&publisher.load(), &meta),
                Err(ReadError::Expired) => Answer::Expired,
                Err(ReadError::Stopped) => Answer::Stopped,
            }
        }
    }

    fn pin(&self, deadline: Instant, key: String) -> impl Future<Output = Answer> + Send + use<S> {
        let (meta, publisher) = (self.hosted.meta(), Arc::clone(&self.publisher));
        let elsewhere = self.where_is(0);
        async move {
            let Some(meta) = meta else { return elsewhere };
            let shards = publisher.load().table.shards;
            let command = codec::encode(&MetaCommand::Pin { key, shards });
            match meta.submit(command, deadline).await {
                Err(error) => answer_of(Err(error), || moved(&publisher.load(), &meta)),
                Ok(reply) => match codec::decode(&reply) {
                    Ok(MetaReply::Pinned(pin)) => Answer::Ok(codec::encode(&pin)),
                    Ok(_) => Answer::Malformed("not a key".into()),
                    Err(error) => Answer::Malformed(error.to_string()),
                },
            }
        }
    }
}

/// Where a shard is, as known here.
fn where_is<S: StateMachine>(hosted: &Hosted<S>, published: &Published, shard: ShardId) -> Answer {
    match (shard, hosted.shard(shard), hosted.meta()) {
        (META, _, Some(meta)) => moved(published, &meta),
        (_, Some(replica), _) => moved(published, &replica),
        _ => Answer::Moved(Box::new(published.hint(shard, false))),
    }
}

/// Where a shard with a replica here is: what was published, and who leads as heard this moment.
fn moved<M: StateMachine>(published: &Published, replica: &Shard<M>) -> Answer {
    let role = replica.group().role();
    let mut hint = published.hint(replica.id(), replica.is_serving());
    (hint.route.term, hint.route.leader) = (role.term, role.leader);
    let leader = role.leader.and_then(|id| Some((id, *published.table.nodes.get(&id)?)));
    hint.nodes.extend(leader);
    Answer::Moved(Box::new(hint))
}

/// The answer to a command; `moved` says where the shard is.
fn answer_of(outcome: Result<Bytes, SubmitError>, moved: impl FnOnce() -> Answer) -> Answer {
    match outcome {
        Ok(reply) => Answer::Ok(reply),
        Err(SubmitError::NotLeader { .. }) => moved(),
        Err(SubmitError::Busy) => Answer::Busy,
        Err(SubmitError::TooLarge) => Answer::TooLarge,
        Err(SubmitError::Expired) => Answer::Expired,
        Err(SubmitError::Unknown) => Answer::Unknown,
        Err(SubmitError::Stopped) => Answer::Stopped,
    }
}
