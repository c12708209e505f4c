//! Raising the version that a group goes by: a barrier in its log, once every member can read what
//! comes after it.

use std::time::Duration;

use openraft::errors::{ClientWriteError, RaftError};

use super::{ChangeError, Group};
use crate::NodeId;
use crate::clock;
use crate::machine::StateMachine;
use crate::raft::types::{Batch, Content};
use crate::version::Versions;

/// Patience with the question which versions a member reads.
const ASK_PATIENCE: Duration = Duration::from_millis(1000);

/// Why a shard does not go by a version. All but `Unknown` say that nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RaiseError {
    /// This node does not lead the shard.
    #[error("this node does not lead the shard")]
    NotLeader {
        /// Who may.
        hint: Option<NodeId>,
    },
    /// A member cannot read the version, or cannot say so now; or members are being changed.
    #[error("{0}")]
    Refused(String),
    /// It may have happened; repeating it is harmless.
    #[error("the outcome is unknown")]
    Unknown,
    /// The node stops.
    #[error("the node is stopping")]
    Stopped,
}

impl<S: StateMachine> Group<S> {
    /// The version that the group goes by, as applied here.
    pub fn version(&self) -> u32 {
        self.replica.version()
    }

    /// Lets the group go by a version, or a newer one, from here on. Its leader only.
    pub async fn raise_version(&self, version: u32) -> Result<(), RaiseError> {
        // Nobody becomes a member between the question and the barrier.
        let _one = self.begin_change().map_err(|error| match error {
            ChangeError::NotLeader { hint } => RaiseError::NotLeader { hint },
            other => RaiseError::Refused(other.to_string()),
        })?;
        if self.version() >= version {
            return Ok(());
        }
        let shard = self.shard;
        let versions = self.parts.versions;
        versions.read(shard, version).map_err(|e| RaiseError::Refused(e.to_string()))?;
        self.ask_members(version).await?;
        tracing::info!(shard, version, "raising the version");
        let at_ms = clock::now_ms().max(self.newest_stamp_ms());
        let written =
            self.raft.client_write(Batch { at_ms, content: Content::Barrier(version) }).await;
        match written {
            Ok(_) => Ok(()),
            Err(RaftError::Fatal(_)) => Err(RaiseError::Stopped),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(RaiseError::NotLeader { hint: forward.leader_id })
            }
            Err(RaftError::APIError(_)) => Err(RaiseError::Unknown),
        }
    }

    /// That every other member says that it reads a version.
    async fn ask_members(&self, version: u32) -> Result<(), RaiseError> {
        let members = self.members();
        let others = members.voters().into_iter().chain(members.learners);
        let answers = others.filter(|node| *node != self.node_id).map(|node| async move {
            (node, self.parts.peers.versions(node, self.shard, ASK_PATIENCE).await)
        });
        for (node, answer) in futures_util::future::join_all(answers).await {
            match answer {
                Some(reads) if reads.contain(version) => {}
                Some(Versions { oldest, newest }) => {
                    return Err(RaiseError::Refused(format!(
                        "node {node} reads versions {oldest} to {newest}: upgrade it first"
                    )));
                }
                None => {
                    return Err(RaiseError::Refused(format!(
                        "node {node} does not say which versions it reads"
                    )));
                }
            }
        }
        Ok(())
    }
}
