//! Changing who belongs to a group: learners in, voters in and out, one change at a time.
//!
//! Every call may be repeated until it is done; a joint configuration that a dead leader left behind
//! is finished by the next call. Whom to add and when is the controller's to decide, but what would
//! leave a group without a leader is refused or done in a safe order here.

use std::collections::BTreeSet;

use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{ChangeMembers, EmptyNode};

use super::{Group, Members, TransferError};
use crate::NodeId;
use crate::machine::StateMachine;
use crate::raft::types::Types;

/// Why the members are not, or not yet, as wanted. All but `Unknown` say that this call changed
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    /// Another node leads, or will in a moment.
    #[error("this node does not lead")]
    NotLeader { hint: Option<NodeId> },
    /// Another change is under way; it must end first.
    #[error("another change of the members is under way")]
    Busy,
    /// It would make no sense: says why.
    #[error("{0}")]
    Refused(String),
    /// It may have happened, or in part.
    #[error("the outcome is unknown")]
    Unknown,
    #[error("the group has stopped")]
    Stopped,
}

type Changed = Result<(), RaftError<Types, ClientWriteError<Types>>>;

impl<S: StateMachine> Group<S> {
    /// Adds a node that gets the log and has no vote. The node must have opened its replica.
    pub async fn add_learner(&self, node: NodeId) -> Result<(), ChangeError> {
        let _one = self.begin_change()?;
        let members = self.members();
        if members.is_voter(node) || members.learners.contains(&node) {
            return Ok(());
        }
        let added = self.raft.add_learner(node, EmptyNode::new(), false).await;
        self.judge(added.map(drop))
    }

    /// Makes these nodes the voters, by way of a joint configuration. New ones must be learners;
    /// learners and former voters that are not among them are no members afterwards. A leader that
    /// is not among them hands over first and answers `NotLeader` with its successor.
    pub async fn set_voters(&self, voters: &BTreeSet<NodeId>) -> Result<Members, ChangeError> {
        let _one = self.begin_change()?;
        let members = self.members();
        self.check_voters(&members, voters)?;
        if !voters.contains(&self.node_id) {
            return Err(self.hand_over_to_one_of(voters).await);
        }
        if !members.are(voters) {
            let change = ChangeMembers::ReplaceAllVoters(voters.clone());
            self.judge(self.raft.change_membership(change, false).await.map(drop))?;
        }
        let idle = self.members().learners;
        if !idle.is_empty() {
            let change = ChangeMembers::RemoveNodes(idle);
            self.judge(self.raft.change_membership(change, false).await.map(drop))?;
        }
        let members = self.members();
        if members.are(voters) { Ok(members) } else { Err(ChangeError::Unknown) }
    }

    /// Takes the right to change the members.
    pub(super) fn begin_change(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, ChangeError> {
        if !self.serves() {
            return Err(ChangeError::NotLeader { hint: self.role().leader });
        }
        self.changing.try_lock().map_err(|_| ChangeError::Busy)
    }

    fn check_voters(
        &self,
        members: &Members,
        voters: &BTreeSet<NodeId>,
    ) -> Result<(), ChangeError> {
        if voters.is_empty() {
            return Err(ChangeError::Refused("a group has at least one voter".into()));
        }
        let known = |node: &&NodeId| members.is_voter(**node) || members.learners.contains(*node);
        match voters.iter().find(|node| !known(node)) {
            Some(stranger) => {
                let shard = self.shard;
                let reason = format!("node {stranger} is no learner of shard {shard} yet");
                Err(ChangeError::Refused(reason))
            }
            None => Ok(()),
        }
    }

    /// Leaves before it is removed: its successor then finishes the change.
    async fn hand_over_to_one_of(&self, voters: &BTreeSet<NodeId>) -> ChangeError {
        let Some(successor) = self.best_successor(voters.iter().copied()) else {
            let reason = "the leader is to go and none of the others can take over now";
            return ChangeError::Refused(reason.into());
        };
        match self.transfer_to(successor).await {
            Ok(_) | Err(TransferError::Unknown) => ChangeError::NotLeader { hint: Some(successor) },
            Err(TransferError::NotLeader { hint }) => ChangeError::NotLeader { hint },
            Err(error @ TransferError::NotReady { .. }) => ChangeError::Refused(error.to_string()),
            Err(TransferError::Stopped) => ChangeError::Stopped,
        }
    }

    fn judge(&self, changed: Changed) -> Result<(), ChangeError> {
        let error = match changed {
            Ok(()) => return Ok(()),
            Err(RaftError::Fatal(_)) => return Err(ChangeError::Stopped),
            Err(RaftError::APIError(error)) => error,
        };
        Err(match error {
            ClientWriteError::ForwardToLeader(forward) => {
                ChangeError::NotLeader { hint: forward.leader_id }
            }
            ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)) => {
                ChangeError::Busy
            }
            ClientWriteError::ChangeMembershipError(error) => {
                ChangeError::Refused(error.to_string())
            }
            other => {
                tracing::debug!(shard = self.shard, error = %other, "change of members not ended");
                ChangeError::Unknown
            }
        })
    }
}
