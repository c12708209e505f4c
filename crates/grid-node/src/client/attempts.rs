//! Trying units until one answers, the deadline passes, or the answer is a refusal.
//!
//! The state of a call is small: which unit is next, how long to pause, and whether some attempt
//! may have happened. The last decides what the error says.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{ClientError, Inner, ReadFrom};
use crate::port::protocol::{Answer, Request};
use crate::rpc::CallError;
use crate::{NodeId, ShardId};

/// The first pause between attempts; doubles up to the longest, a part of it at random.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause: a new leader is found within it.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Where a request goes and how long one unit may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub shard: ShardId,
    pub from: ReadFrom,
    pub patience: Patience,
}

/// Patience with one unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// The configured time per attempt.
    PerAttempt,
    /// All that is left, for questions that may wait, as long as the unit shows that it lives.
    WhileAlive,
}

struct Attempts {
    unit: usize,
    pause: Duration,
    /// Whether some attempt may have happened.
    maybe: bool,
    /// Whether the last refusal was for load.
    loaded: bool,
    /// Hints followed without a pause in between.
    hops: usize,
}

/// What follows an attempt.
enum Next {
    Done(Result<Bytes, ClientError>),
    /// At once, to this unit.
    Hop(usize),
    /// After a pause, to the same unit.
    Again,
    /// After a pause, to the next unit.
    Elsewhere,
}

impl Inner {
    /// Sends `request`, made anew with the budget of each attempt.
    pub(super) async fn ask(
        &self,
        ask: Ask,
        request: impl Fn(Duration) -> Request,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        if self.units.is_empty() {
            return Err(ClientError::NoLeader);
        }
        let hinted = match ask.from {
            ReadFrom::Leader => self.leaders.read().get(&ask.shard).copied(),
            ReadFrom::Any => None,
        };
        let mut attempts = Attempts {
            unit: hinted.unwrap_or_else(|| self.any_unit()),
            pause: PAUSE_MIN,
            maybe: false,
            loaded: false,
            hops: 0,
        };
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err(attempts.give_up());
            }
            let until = match ask.patience {
                Patience::PerAttempt => deadline.min(now + self.config.attempt_timeout),
                Patience::WhileAlive => deadline,
            };
            let body = request(until - now).encode();
            let unit = attempts.unit;
            let answer = match ask.patience {
                Patience::PerAttempt => self.units[unit].call(body, until).await,
                Patience::WhileAlive => tokio::select! {
                    answer = self.units[unit].call(body, until) => answer,
                    () = self.falls_silent(unit) => Err(CallError::TimedOut),
                },
            };
            match self.judge(&ask, &mut attempts, answer) {
                Next::Done(result) => return result,
                Next::Hop(unit) => attempts.unit = unit,
                Next::Again => attempts.rest(deadline).await,
                Next::Elsewhere => {
                    attempts.unit = (attempts.unit + 1) % self.units.len();
                    attempts.rest(deadline).await;
                }
            }
        }
    }

    /// Resolves once a unit leaves a ping unanswered.
    async fn falls_silent(&self, unit: usize) {
        let patience = self.config.attempt_timeout;
        loop {
            tokio::time::sleep(patience).await;
            let ping = Request::Ping.encode();
            if self.units[unit].call(ping, Instant::now() + patience).await.is_err() {
                return;
            }
        }
    }

    fn judge(&self, ask: &Ask, attempts: &mut Attempts, answer: Result<Bytes, CallError>) -> Next {
        let answer = match answer {
            Ok(answer) => answer,
            Err(CallError::NotSent) => return self.elsewhere(ask),
            Err(CallError::Full) if attempts.maybe => return Next::Again,
            Err(CallError::Full) => return Next::Done(Err(ClientError::Busy)),
            Err(CallError::Lost | CallError::TimedOut) => {
                attempts.maybe = true;
                return self.elsewhere(ask);
            }
        };
        attempts.loaded = false;
        match Answer::decode(answer) {
            Ok(Answer::Ok(body)) => {
                self.remember(ask, attempts.unit);
                Next::Done(Ok(body))
            }
            Ok(Answer::NotLeader { hint }) => self.follow(ask, attempts, hint),
            Ok(Answer::Busy) if attempts.maybe => Next::Again,
            Ok(Answer::Busy) => Next::Done(Err(ClientError::Busy)),
            Ok(Answer::TooLarge) => Next::Done(Err(ClientError::TooLarge)),
            Ok(Answer::Expired) => {
                attempts.loaded = true;
                Next::Again
            }
            Ok(Answer::Unknown) => {
                attempts.maybe = true;
                self.elsewhere(ask)
            }
            Ok(Answer::Stopped) => self.elsewhere(ask),
            Ok(Answer::Malformed(reason)) => Next::Done(Err(ClientError::Protocol(reason))),
            Err(error) => Next::Done(Err(ClientError::Protocol(error.to_string()))),
        }
    }

    /// Goes where a unit pointed, unless that leads around in a circle.
    fn follow(&self, ask: &Ask, attempts: &mut Attempts, hint: Option<NodeId>) -> Next {
        let unit = hint.and_then(|node| self.unit_of(node)).filter(|unit| *unit != attempts.unit);
        match unit {
            Some(unit) if attempts.hops < self.units.len() => {
                attempts.hops += 1;
                Next::Hop(unit)
            }
            _ => {
                attempts.hops = 0;
                self.elsewhere(ask)
            }
        }
    }

    fn elsewhere(&self, ask: &Ask) -> Next {
        if ask.from == ReadFrom::Leader {
            self.leaders.write().remove(&ask.shard);
        }
        Next::Elsewhere
    }

    fn remember(&self, ask: &Ask, unit: usize) {
        if ask.from == ReadFrom::Any || self.leaders.read().get(&ask.shard) == Some(&unit) {
            return;
        }
        self.leaders.write().insert(ask.shard, unit);
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

    async fn rest(&mut self, deadline: Instant) {
        let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        tokio::time::sleep_until((Instant::now() + pause).min(deadline).into()).await;
    }
}
