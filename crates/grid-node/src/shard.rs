//! One shard as this node has it: submit commands, read the state, watch who leads.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use crate::batch::Pieces;
use crate::batcher::{Batcher, Waiter};
use crate::machine::StateMachine;
use crate::raft::{Group, ProposeError, RaiseError};
use crate::{NodeId, ShardId};

/// Why a command has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// This node does not lead the shard; nothing happened.
    #[error("this node does not lead the shard")]
    NotLeader {
        /// Who may.
        hint: Option<NodeId>,
    },
    /// The shard's queue is full; nothing happened.
    #[error("the shard is overloaded")]
    Busy,
    /// The command is over the limit; nothing happened.
    #[error("the command is too large")]
    TooLarge,
    /// The deadline passed before it was proposed; nothing happened.
    #[error("the deadline passed before the command was proposed")]
    Expired,
    /// It may have happened, or may yet.
    #[error("the outcome is unknown")]
    Unknown,
    /// The node stops; nothing happened.
    #[error("the node is stopping")]
    Stopped,
}

/// Why a fresh read is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// This node does not lead the shard.
    #[error("this node does not lead the shard")]
    NotLeader {
        /// Who may.
        hint: Option<NodeId>,
    },
    /// The deadline passed.
    #[error("the deadline passed")]
    Expired,
    /// The node stops.
    #[error("the node is stopping")]
    Stopped,
}

/// A shard's replica on this node.
pub struct Shard<S: StateMachine> {
    group: Arc<Group<S>>,
    batcher: Batcher,
}

impl<S: StateMachine> Shard<S> {
    pub(crate) fn new(group: Arc<Group<S>>, batcher: Batcher) -> Self {
        Self { group, batcher }
    }

    pub(crate) fn group(&self) -> &Group<S> {
        &self.group
    }

    pub(crate) fn group_arc(&self) -> Arc<Group<S>> {
        Arc::clone(&self.group)
    }

    /// Its number; 0 is the meta group.
    #[must_use]
    pub fn id(&self) -> ShardId {
        self.group.shard
    }

    /// Commits a command and returns the reply of applying it. Repeating it is the caller's to make
    /// harmless, by a key inside the command.
    ///
    /// # Errors
    /// [`SubmitError`]; all but `Unknown` say that nothing happened.
    pub async fn submit(&self, command: Bytes, deadline: Instant) -> Result<Bytes, SubmitError> {
        if deadline <= Instant::now() {
            return Err(SubmitError::Expired);
        }
        let (sender, outcome) = oneshot::channel();
        self.enqueue([command].iter().collect(), deadline, Waiter::Local(sender));
        match tokio::time::timeout_at(deadline.into(), outcome).await {
            Ok(Ok(Ok(replies))) => replies.shares().next().ok_or(SubmitError::Unknown),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) | Err(_) => Err(SubmitError::Unknown),
        }
    }

    /// As [`Shard::submit`], of a bundle of commands that stay together, for callers that are told
    /// rather than wait.
    pub(crate) fn enqueue(&self, commands: Pieces, deadline: Instant, waiter: Waiter) {
        let role = self.group.role();
        if role.leads {
            self.batcher.submit(commands, deadline, waiter);
        } else {
            waiter.answer(Err(SubmitError::NotLeader { hint: role.leader }));
        }
    }

    /// Looks at this replica's state, however old it is. Nothing is applied meanwhile, so the look
    /// must be short.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.group.replica.read(look)
    }

    /// Looks at the state as of now: all that was acknowledged before the call is in it, and a
    /// deposed leader does not answer (invariant I6). Under the
    /// leader's lease this costs nothing; without it a quorum is asked.
    ///
    /// # Errors
    /// [`ReadError`] when this node does not lead or cannot prove it in time.
    pub async fn read_fresh<R>(
        &self,
        deadline: Instant,
        look: impl FnOnce(&S) -> R,
    ) -> Result<R, ReadError> {
        if self.group.serves() {
            let seen = self.read(look);
            // The lease must still have been alive when the state was looked at.
            return if self.group.serves() { Ok(seen) } else { Err(self.not_leader()) };
        }
        if !self.group.role().leads || self.group.has_diverged() {
            return Err(self.not_leader());
        }
        match tokio::time::timeout_at(deadline.into(), self.group.read_barrier()).await {
            Ok(Ok(())) => Ok(self.read(look)),
            Ok(Err(ProposeError::NotLeader { .. } | ProposeError::Unknown)) => {
                Err(self.not_leader())
            }
            Ok(Err(ProposeError::Stopped)) => Err(ReadError::Stopped),
            Err(_) => Err(ReadError::Expired),
        }
    }

    /// The version that the shard goes by, as applied here.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.group.version()
    }

    /// Lets the shard go by a version, or a newer one, from here on: a barrier in its log. Refused
    /// unless every member of the shard says that it reads the version. This node must lead it.
    ///
    /// # Errors
    /// [`RaiseError`]; all but `Unknown` say that nothing happened.
    pub async fn raise_version(&self, version: u32, deadline: Instant) -> Result<(), RaiseError> {
        let raised = self.group.raise_version(version);
        match tokio::time::timeout_at(deadline.into(), raised).await {
            Ok(raised) => raised,
            Err(_) => Err(RaiseError::Unknown),
        }
    }

    fn not_leader(&self) -> ReadError {
        ReadError::NotLeader { hint: self.leader_hint() }
    }

    /// Whether this node leads the shard and may answer for it now: its lease is alive and it has
    /// all that was ever acknowledged.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.group.serves()
    }

    /// Another node that may lead the shard; `None` when unknown, or when it is this one.
    #[must_use]
    pub fn leader_hint(&self) -> Option<NodeId> {
        self.group.role().leader.filter(|leader| *leader != self.group.node_id)
    }

    /// The index of the last entry applied here, as it changes.
    #[must_use]
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.group.replica.watch_applied()
    }

    /// The index of the last entry applied here.
    #[must_use]
    pub fn applied_index(&self) -> u64 {
        self.group.replica.last_applied().map_or(0, |id| id.index)
    }

    /// Whether this node leads, as it changes: for tasks that only the leader runs. It is no lease;
    /// what such a task proposes is checked again.
    #[must_use]
    pub fn watch_leadership(&self) -> watch::Receiver<bool> {
        self.group.watch_leads()
    }
}

impl<S: StateMachine> std::fmt::Debug for Shard<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id()).finish_non_exhaustive()
    }
}
