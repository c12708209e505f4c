//! Carries out what operators want: one step at a time, from the meta group's state, on whichever
//! node leads the meta group.
//!
//! It remembers nothing that matters: goals and the phases of changes are in the meta group's log,
//! who votes is in each group's own. Every step looks at both, does the next thing and writes down
//! how far it has come; each may be repeated, so whoever takes over goes on. It moves nothing that
//! no operation or switch has asked for.

mod balance;
mod hands;
mod operations;
mod plans;
mod step;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use hands::{Hands, HandsError};

use self::balance::Balance;
use self::plans::Plans;
use self::step::{Step, next_step};
use crate::ShardId;
use crate::admin::{AdminAnswer, AdminRequest, ReplicaReport};
use crate::meta::{MetaCommand, MetaReply, MetaState, MovePhase, ReplicaMove};
use crate::shard::Shard;

/// Pause between looks while something is under way.
const PAUSE_BUSY: Duration = Duration::from_millis(100);
/// Pause between looks otherwise; a change of the meta group's state ends it at once.
const PAUSE_IDLE: Duration = Duration::from_secs(1);
/// Patience with one request to a node or with one command of the meta group.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
/// Changes of replicas under way at once in the whole grid: each may copy a snapshot.
const MOVES_MAX: usize = 2;
/// A change without progress for so long is worth a warning.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// What the controller of one node works with.
pub(crate) struct Controller {
    /// This node's replica of the meta group.
    meta: Arc<Shard<MetaState>>,
    /// Reaches nodes and leaders.
    hands: Arc<dyn Hands>,
    plans: Mutex<Plans>,
}

impl Controller {
    /// A controller beside a replica of the meta group.
    pub fn new(meta: Arc<Shard<MetaState>>, hands: Arc<dyn Hands>) -> Self {
        Self { meta, hands, plans: Mutex::default() }
    }

    /// Works whenever this node leads the meta group; ends with the replica. May be dropped at any
    /// point.
    pub async fn run(self) {
        let mut leads = self.meta.watch_leadership();
        let mut applied = self.meta.watch_applied();
        let mut balance = Balance::default();
        loop {
            if !*leads.borrow_and_update() {
                balance = Balance::default();
                if leads.changed().await.is_err() {
                    return;
                }
                continue;
            }
            applied.borrow_and_update();
            let busy = self.turn(&mut balance).await;
            let pause = if busy { PAUSE_BUSY } else { PAUSE_IDLE };
            let next = Instant::now() + pause;
            if !busy {
                tokio::select! {
                    () = tokio::time::sleep_until(next) => {}
                    changed = applied.changed() => if changed.is_err() { return },
                    changed = leads.changed() => if changed.is_err() { return },
                }
            } else {
                tokio::time::sleep_until(next).await;
            }
        }
    }

    /// One look and what follows from it; whether anything is under way.
    async fn turn(&self, balance: &mut Balance) -> bool {
        let deadline = std::time::Instant::now() + REQUEST_PATIENCE;
        let Ok(state) = self.meta.read_fresh(deadline, Clone::clone).await else {
            return false;
        };
        if !state.is_founded() {
            return false;
        }
        let moving: Vec<(ShardId, ReplicaMove)> =
            state.shards().iter().filter_map(|(s, r)| Some((*s, r.moving?))).collect();
        // Together: one that waits for an answer must not hold up the others.
        let paused = state.switches().moves_paused;
        let going = moving.iter().filter(|_| !paused);
        let moves = going.map(|(shard, moving)| self.advance(&state, *shard, *moving));
        futures_util::future::join_all(moves).await;
        let raising = self.raise_all(&state).await;
        let running = self.pursue(&state, moving.len()).await || raising;
        let balanced = balance.turn(self, &state).await;
        running || balanced || !moving.is_empty()
    }

    /// One step of one change.
    async fn advance(&self, state: &MetaState, shard: ShardId, moving: ReplicaMove) {
        let Some(record) = state.shards().get(&shard) else { return };
        let report = match self.report(shard).await {
            Ok(report) => report,
            Err(error) => {
                tracing::debug!(shard, %error, "no word from the shard's leader");
                return;
            }
        };
        let step = next_step(record, moving, &report);
        let outcome = self.carry_out(shard, moving, step).await;
        if let Err(error) = outcome {
            let age_ms = crate::clock::now_ms().saturating_sub(moving.begun_at_ms);
            if u128::from(age_ms) > STUCK_AFTER.as_millis() {
                tracing::warn!(shard, %error, age_ms, "a change of replicas does not get on");
            } else {
                tracing::debug!(shard, %error, "a change of replicas waits");
            }
        }
    }

    async fn carry_out(
        &self,
        shard: ShardId,
        moving: ReplicaMove,
        step: Step,
    ) -> Result<(), HandsError> {
        match step {
            Step::Wait => Ok(()),
            Step::AddLearner(node) => {
                self.instruct(shard, AdminRequest::AddLearner { shard, node }).await?;
                self.note(shard, moving, MovePhase::Learning).await
            }
            Step::SetVoters { voters, reached } => {
                self.note(shard, moving, reached).await?;
                self.instruct(shard, AdminRequest::SetVoters { shard, voters }).await
            }
            Step::TransferLeader(to) => {
                self.note(shard, moving, MovePhase::Voting).await?;
                self.instruct(shard, AdminRequest::TransferLeader { shard, to }).await
            }
            Step::Publish(replicas) => {
                tracing::info!(shard, ?replicas, "replicas changed");
                metrics::counter!("seatgrid_replica_moves_total").increment(1);
                self.change(MetaCommand::Publish { shard, replicas }).await.map(drop)
            }
        }
    }

    async fn note(
        &self,
        shard: ShardId,
        moving: ReplicaMove,
        phase: MovePhase,
    ) -> Result<(), HandsError> {
        if moving.phase >= phase {
            return Ok(());
        }
        self.change(MetaCommand::AdvanceMove { shard, phase }).await.map(drop)
    }

    /// What a shard's leader knows of its group.
    async fn report(&self, shard: ShardId) -> Result<ReplicaReport, HandsError> {
        match self.hands.ask_leader(shard, AdminRequest::Replica { shard }).await? {
            AdminAnswer::Replica(report) => Ok(*report),
            other => Err(HandsError::unexpected(&other)),
        }
    }

    /// Lets a shard's leader do something.
    async fn instruct(&self, shard: ShardId, request: AdminRequest) -> Result<(), HandsError> {
        match self.hands.ask_leader(shard, request).await? {
            AdminAnswer::Done => Ok(()),
            other => Err(HandsError::unexpected(&other)),
        }
    }

    /// Commits a command of the meta group.
    async fn change(&self, command: MetaCommand) -> Result<MetaReply, HandsError> {
        let deadline = std::time::Instant::now() + REQUEST_PATIENCE;
        let body = crate::codec::encode(&command);
        let reply = self.meta.submit(body, deadline).await?;
        match crate::codec::decode(&reply) {
            Ok(MetaReply::Refused(why)) => Err(HandsError(why.to_string())),
            Ok(reply) => Ok(reply),
            Err(error) => Err(HandsError(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
