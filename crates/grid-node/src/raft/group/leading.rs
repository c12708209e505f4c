//! What a replica does while it leads: proposing, answering for the group, giving leadership away.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::{Instant as _, ReadPolicy};

use super::{Group, Members, Proposal, ProposeError};
use crate::NodeId;
use crate::batch::Replies;
use crate::machine::StateMachine;
use crate::raft::types::{Batch, Content, LogId, Membership};

/// A follower that lags by more entries does not take over yet.
const HANDOVER_LAG_MAX: u64 = 64;
/// So many lease lengths are left to a hand-over before it counts as failed.
const HANDOVER_LEASES: u32 = 3;

/// Why leadership was not given away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransferError {
    /// Nothing happened.
    #[error("this node does not lead")]
    NotLeader { hint: Option<NodeId> },
    /// Nothing happened: the other node is silent, far behind or has no vote.
    #[error("node {node} cannot lead now: {reason}")]
    NotReady { node: NodeId, reason: &'static str },
    /// This node leads no more, and who does is not known in time.
    #[error("the successor was not heard of in time")]
    Unknown,
    #[error("the group has stopped")]
    Stopped,
}

impl<S: StateMachine> Group<S> {
    /// Hands over a batch to be appended, in the order of calls; the returned future gives one
    /// reply per command once the batch is committed and applied.
    pub async fn propose(
        &self,
        proposal: Proposal,
    ) -> Result<impl Future<Output = Result<Replies, ProposeError>> + Send + use<S>, ProposeError>
    {
        let Proposal { at_ms, commands, body } = proposal;
        self.commands.fetch_add(commands, Ordering::Relaxed);
        let (responder, answered) = ProgressResponder::complete_only();
        let batch = Batch { at_ms, content: Content::Commands(body) };
        if self.raft.client_write_ff(batch, Some(responder)).await.is_err() {
            return Err(ProposeError::Stopped);
        }
        Ok(async move {
            match answered.await {
                Ok(Ok(response)) => Ok(response.data),
                Ok(Err(ClientWriteError::ForwardToLeader(forward))) => {
                    Err(ProposeError::NotLeader { hint: forward.leader_id })
                }
                Ok(Err(_)) | Err(_) => Err(ProposeError::Unknown),
            }
        })
    }

    /// Whether this node leads, has applied an entry of its own term, and a quorum has heard it
    /// within the lease: then its state has all that was ever acknowledged.
    pub fn serves(&self) -> bool {
        let (vote, acked, applied, alone) = {
            let metrics = self.raft.metrics();
            // Copied at once: a held reference would hold up the group's core task.
            let metrics = metrics.borrow_watched();
            if !metrics.state.is_leader() {
                return false;
            }
            let acked = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
            let alone = is_alone(metrics.membership_config.membership(), self.node_id);
            (metrics.vote, acked, metrics.last_applied, alone)
        };
        let own_term = applied.is_some_and(|id: LogId| id.leader_id == vote.leader_id);
        let alive = alone || acked.is_some_and(|age| age < self.lease);
        let keeps = !self.hands_over(vote.leader_id.term) && !self.has_diverged();
        own_term && alive && keeps && vote.leader_id.node_id == self.node_id
    }

    /// Whether it makes sense to propose: this node leads, hands leadership to nobody, and a quorum
    /// has heard it within the lease, or, in a new term, may be about to hear it for the first time.
    /// Unlike [`Group::serves`] it says nothing about the state.
    pub fn keeps_lease(&self, led_since: Instant) -> bool {
        self.heard_term(led_since).is_some_and(|term| !self.hands_over(term))
    }

    /// Whether this node leads on only until its successor does: nothing is proposed any more, but
    /// what is in the log is still committed, and its replies are on their way.
    pub fn awaits_successor(&self, led_since: Instant) -> bool {
        self.heard_term(led_since).is_some_and(|term| self.hands_over(term))
    }

    fn hands_over(&self, term: u64) -> bool {
        term <= self.handed_over_term.load(Ordering::SeqCst)
    }

    /// The term that this node leads in, if its state is right and a quorum has heard it within the
    /// lease or may be about to hear it for the first time.
    fn heard_term(&self, led_since: Instant) -> Option<u64> {
        if self.has_diverged() {
            return None;
        }
        let (term, acked, alone) = {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            if !metrics.state.is_leader() {
                return None;
            }
            let acked = metrics.last_quorum_acked.as_ref().map(|at| at.elapsed());
            let alone = is_alone(metrics.membership_config.membership(), self.node_id);
            (metrics.vote.leader_id.term, acked, alone)
        };
        let age = acked.unwrap_or_else(|| led_since.elapsed());
        (alone || age < self.lease).then_some(term)
    }

    /// Whether this replica is known to differ from the others: it must answer nobody.
    pub fn has_diverged(&self) -> bool {
        self.gate.has_diverged()
    }

    /// Waits until a read of the local state is as fresh as the moment of the call.
    pub async fn read_barrier(&self) -> Result<(), ProposeError> {
        match self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(error)) => {
                let forward: Option<&openraft::errors::ForwardToLeader<super::Types>> =
                    openraft::TryAsRef::try_as_ref(&error);
                Err(ProposeError::NotLeader { hint: forward.and_then(|f| f.leader_id) })
            }
            Err(RaftError::Fatal(_)) => Err(ProposeError::Stopped),
        }
    }

    /// Gives leadership to another voter that is alive and nearly up to date, and waits until that
    /// one is known to lead. Returns how long nobody did, as seen from here.
    pub async fn transfer_to(&self, node: NodeId) -> Result<Duration, TransferError> {
        if !self.serves() {
            return Err(TransferError::NotLeader { hint: self.role().leader });
        }
        self.check_successor(node)?;
        let mut role = self.watch_role();
        let began = Instant::now();
        self.begin_transfer(node).await?;
        let taken_over = role.wait_for(|role| role.leader == Some(node) && !role.leads);
        let patience = self.lease * HANDOVER_LEASES;
        match tokio::time::timeout(patience, taken_over).await {
            Ok(Ok(_)) => Ok(began.elapsed()),
            Ok(Err(_)) => Err(TransferError::Stopped),
            Err(_) => Err(TransferError::Unknown),
        }
    }

    /// The voter that is fit to lead and has most of the log, this node aside.
    pub fn best_successor(&self, among: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        let fit = among.filter(|node| self.check_successor(*node).is_ok());
        fit.max_by_key(|node| self.follower(*node).map(|(matched, _)| matched))
    }

    /// Whether a node could take over now.
    pub(in crate::raft) fn check_successor(&self, node: NodeId) -> Result<(), TransferError> {
        let not_ready = |reason| Err(TransferError::NotReady { node, reason });
        if self.gate.is_odd(node) {
            return not_ready("its state differs from that of the others");
        }
        if node == self.node_id || !self.members().is_voter(node) {
            return not_ready("it is no other voter");
        }
        let Some((matched, heard)) = self.follower(node) else {
            return not_ready("it has not been heard of");
        };
        if heard >= self.lease / 2 {
            return not_ready("it is silent");
        }
        let last = self.log.last_log_id().map_or(0, |id| id.index);
        if matched.map_or(0, |id| id.index) + HANDOVER_LAG_MAX < last {
            return not_ready("it is far behind");
        }
        Ok(())
    }

    /// Gives leadership away without having served to the end: this replica must not. Without a
    /// successor it keeps silent after a lease, so that the others elect.
    pub async fn step_aside(&self) {
        self.raft.runtime_config().elect(false);
        if !self.role().leads {
            return;
        }
        let shard = self.shard;
        match self.best_successor(self.members().voters().into_iter()) {
            Some(successor) => {
                let begun = self.begin_transfer(successor).await;
                tracing::info!(shard, to = successor, ?begun, "stepping aside");
            }
            None => tracing::warn!(shard, "no other replica can take over now"),
        }
    }

    /// Stands for election again like any other voter.
    pub fn stand_again(&self) {
        self.raft.runtime_config().elect(true);
    }

    /// Stops serving, before the successor can know, and asks it to take over.
    async fn begin_transfer(&self, node: NodeId) -> Result<(), TransferError> {
        let term = self.raft.metrics().borrow_watched().vote.leader_id.term;
        self.handed_over_term.store(term, Ordering::SeqCst);
        self.raft.trigger().transfer_leader(node).await.map_err(|_| TransferError::Stopped)
    }

    /// The position that a follower is known to have, and how long ago it was heard.
    pub(super) fn follower(&self, node: NodeId) -> Option<(Option<LogId>, Duration)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let matched = *metrics.replication.as_ref()?.get(&node)?;
        let heard = metrics.heartbeat.as_ref()?.get(&node)?.as_ref()?.elapsed();
        Some((matched, heard))
    }

    /// The members as the newest entry says that has any, committed or not.
    pub fn members(&self) -> Members {
        let metrics = self.raft.metrics();
        let stored = std::sync::Arc::clone(&metrics.borrow_watched().membership_config);
        Members::of(stored.membership())
    }
}

/// Whether a node decides everything alone.
fn is_alone(membership: &Membership, node: NodeId) -> bool {
    let alone = |config: &BTreeSet<NodeId>| config.len() == 1 && config.contains(&node);
    membership.get_joint_config().iter().all(alone)
}
