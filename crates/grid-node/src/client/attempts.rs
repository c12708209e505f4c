//! Trying until a leader answers, the deadline passes, or the answer is a refusal.
//!
//! A request goes to the leader of its shard. When that one fails, the request is parked until
//! another is known, and then sent again with the same payload. Sending it to the same leader again
//! is a retry, which costs credit and a pause. The state of a call is small: who was asked last, and
//! whether some attempt may have happened; that decides what the error says. What a call seldom comes to
//! is boxed, so that the future of every call stays small.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::leaders::{Leader, Place};
use super::{ClientError, Inner};
use crate::port::protocol::{Answer, Request};
use crate::rpc::CallError;
use crate::{NodeId, ShardId};

/// The first pause before a retry; doubles up to the longest, a part of it at random.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// An answer of a leader that was deposed meanwhile is waited for so long: it is on its way or never
/// comes.
const DEPOSED_GRACE: Duration = Duration::from_millis(50);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub shard: ShardId,
    pub patience: Patience,
    /// Bytes that the request keeps in memory while it is parked.
    pub bytes: usize,
}

/// Patience with one unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// The configured time per attempt.
    PerAttempt,
    /// All that is left, for questions that may wait, as long as the unit shows that it lives.
    WhileAlive,
}

/// The question itself.
pub(super) enum Question<'a> {
    /// A command, which may be sent together with others.
    Command(Bytes),
    /// Anything else, made anew with the aim of each attempt.
    Other(&'a (dyn Fn(Aim) -> Request + Send + Sync)),
}

/// What an attempt says beside the question itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    /// The epoch of the shard's replicas as known here.
    pub epoch: u64,
    /// The time it may take.
    pub budget: Duration,
}

struct Attempts {
    /// Who was asked last, and under which epoch.
    last: Option<(Leader, u64)>,
    pause: Duration,
    /// Whether some attempt may have happened.
    maybe: bool,
    /// Whether the last refusal was for load, or nobody was asked or looked for yet.
    loaded: bool,
}

impl Inner {
    /// Asks a shard's leader.
    pub(super) async fn ask(
        self: &Arc<Self>,
        ask: Ask,
        question: Question<'_>,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        let place = self.leaders.place(ask.shard);
        let mut attempts = Attempts { last: None, pause: PAUSE_MIN, maybe: false, loaded: true };
        self.budget.first();
        while Instant::now() < deadline {
            let Some(leader) = place.leader() else {
                attempts.loaded = false;
                let Some(_parked) = self.parking.enter(ask.bytes) else {
                    return Err(attempts.give_up_for_load());
                };
                Box::pin(self.wait_for_leader(ask.shard, &place, deadline)).await;
                continue;
            };
            let epoch = self.routes.load().epoch(ask.shard);
            if attempts.last == Some((leader, epoch)) {
                attempts.last = None;
                Box::pin(self.budget.retry(deadline)).await;
                Box::pin(attempts.rest(deadline)).await;
                continue;
            }
            attempts.last = Some((leader, epoch));
            let now = Instant::now();
            let until = match ask.patience {
                Patience::PerAttempt => deadline.min(now + self.config.attempt_timeout),
                Patience::WhileAlive => deadline,
            };
            let aim = Aim { epoch, budget: until.saturating_duration_since(now) };
            let answer = match &question {
                Question::Command(command) => {
                    let to = (ask.shard, &place);
                    self.send_together(to, leader, (aim, until), command.clone()).await
                }
                Question::Other(request) => {
                    Box::pin(self.attempt(&ask, &place, leader, (request(aim), until))).await
                }
            };
            if let Some(result) = self.judge(&ask, &place, &mut attempts, (leader, answer)) {
                return result;
            }
        }
        Err(attempts.give_up())
    }

    /// One attempt at one leader.
    pub(super) async fn attempt(
        &self,
        ask: &Ask,
        place: &Place,
        leader: Leader,
        (request, until): (Request, Instant),
    ) -> Result<Answer, CallError> {
        let link = self.units.link(leader.address);
        let given_up = async {
            tokio::select! {
                () = place.superseded(leader) => tokio::time::sleep(DEPOSED_GRACE).await,
                () = self.falls_silent(leader.address, ask.patience) => {}
            }
        };
        let answer = tokio::select! {
            biased;
            answer = link.call(request.encode(), until) => answer?,
            () = given_up => return Err(CallError::Lost),
        };
        Ok(Answer::decode(answer).unwrap_or_else(|e| Answer::Malformed(e.to_string())))
    }

    /// Resolves once a unit that may take its time leaves a ping unanswered.
    pub(super) async fn falls_silent(&self, address: SocketAddr, patience: Patience) {
        if matches!(patience, Patience::PerAttempt) {
            return std::future::pending().await;
        }
        let patience = self.config.attempt_timeout;
        loop {
            tokio::time::sleep(patience).await;
            let ping = Request::Ping.encode();
            if self.units.link(address).call(ping, Instant::now() + patience).await.is_err() {
                return;
            }
        }
    }

    /// What an attempt came to: the call's result, or `None` to go on.
    fn judge(
        &self,
        ask: &Ask,
        place: &Place,
        attempts: &mut Attempts,
        (leader, answer): (Leader, Result<Answer, CallError>),
    ) -> Option<Result<Bytes, ClientError>> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(CallError::Full) if attempts.maybe => return None,
            Err(CallError::Full) => return Some(Err(ClientError::Busy)),
            Err(failed) => {
                attempts.loaded = false;
                attempts.maybe |= failed != CallError::NotSent;
                place.doubt(leader);
                return None;
            }
        };
        attempts.loaded = false;
        match answer {
            Answer::Ok(body) => return Some(Ok(body)),
            Answer::Moved(hint) => {
                if !hint.serving {
                    place.doubt(leader);
                }
                self.take_hint(ask.shard, &hint, leader.address);
            }
            Answer::Busy if attempts.maybe => {}
            Answer::Busy => return Some(Err(ClientError::Busy)),
            Answer::TooLarge => return Some(Err(ClientError::TooLarge)),
            Answer::Expired => attempts.loaded = true,
            Answer::Unknown => {
                attempts.maybe = true;
                place.doubt(leader);
            }
            Answer::Stopped => place.doubt(leader),
            Answer::Malformed(reason) => return Some(Err(ClientError::Protocol(reason))),
        }
        None
    }

    /// Asks any replica of a shard, the connected ones first.
    pub(super) async fn ask_any(
        &self,
        shard: ShardId,
        request: impl Fn(Duration) -> Request,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        self.budget.first();
        let mut pause = PAUSE_MIN;
        loop {
            for address in self.addresses(shard, false) {
                let now = Instant::now();
                if now >= deadline {
                    return Err(ClientError::NoLeader);
                }
                let until = deadline.min(now + self.config.attempt_timeout);
                let link = self.units.link(address);
                match link.call(request(until - now).encode(), until).await.map(Answer::decode) {
                    Ok(Ok(Answer::Ok(body))) => return Ok(body),
                    Ok(Ok(Answer::Malformed(why))) => return Err(ClientError::Protocol(why)),
                    Ok(Ok(Answer::Moved(hint))) => {
                        self.take_hint(shard, &hint, address);
                    }
                    // Costs nobody anything.
                    Err(CallError::NotSent) => continue,
                    Ok(_) | Err(_) => self.budget.retry(deadline).await,
                }
            }
            tokio::time::sleep_until((Instant::now() + pause).min(deadline).into()).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

impl Inner {
    /// Asks one node, waiting until its address is known and it can be reached.
    pub(super) async fn ask_node(
        &self,
        node: NodeId,
        request: impl Fn(Duration) -> Request,
        deadline: Instant,
    ) -> Result<Answer, ClientError> {
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err(ClientError::NoLeader);
            }
            let address = self.routes.load().nodes.get(&node).copied();
            if let Some(address) = address {
                let link = self.units.link(address);
                match link.call(request(deadline - now).encode(), deadline).await {
                    Ok(answer) => {
                        let answer = Answer::decode(answer);
                        return answer.map_err(|e| ClientError::Protocol(e.to_string()));
                    }
                    Err(CallError::NotSent) => {}
                    Err(CallError::Full) => return Err(ClientError::Busy),
                    Err(CallError::Lost | CallError::TimedOut) => return Err(ClientError::Unknown),
                }
            }
            tokio::time::sleep_until((now + PAUSE_MAX).min(deadline).into()).await;
        }
    }
}

impl Attempts {
    fn give_up(&self) -> ClientError {
        match (self.maybe, self.loaded) {
            (true, _) => ClientError::Unknown,
            (false, true) => ClientError::Busy,
            (false, false) => ClientError::NoLeader,
        }
    }

    fn give_up_for_load(&self) -> ClientError {
        if self.maybe { ClientError::Unknown } else { ClientError::Busy }
    }

    async fn rest(&mut self, deadline: Instant) {
        let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        tokio::time::sleep_until((Instant::now() + pause).min(deadline).into()).await;
    }
}
