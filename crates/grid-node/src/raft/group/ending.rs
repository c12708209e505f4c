//! The end of a replica: when its node stops, and when the group leaves the node for good.

use super::super::entry::encode_vote;
use super::super::presence;
use super::{Group, GroupParts, OpenError, Role};
use crate::machine::StateMachine;
use crate::wal::{Presence, RecoveredGroup};

impl<S: StateMachine> Group<S> {
    /// Ends the group's tasks and its core.
    pub async fn stop(&self) {
        self.ended.cancel();
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(shard = self.shard, %error, "the group did not stop in order");
        }
        let role = Role { term: self.role().term, ..Role::default() };
        self.role.send_replace(role);
        self.leads.send_if_modified(|leads| std::mem::replace(leads, false));
    }

    /// Gives leadership away, if there is any and somebody can take it.
    pub async fn resign(&self) {
        let Some(successor) = self.best_successor(self.members().voters().into_iter()) else {
            return;
        };
        if self.serves()
            && let Err(error) = self.transfer_to(successor).await
        {
            tracing::debug!(shard = self.shard, %error, "leadership was not handed over");
        }
    }

    /// Ends the replica and forgets its log and snapshots, all but the vote. The caller has made
    /// sure that the group no longer counts on this node. Returns what a later life of the group on
    /// this node must know.
    ///
    /// # Errors
    /// [`OpenError`] when the log refuses; the node cannot go on then.
    pub async fn drop_for_good(&self, parts: &GroupParts) -> Result<RecoveredGroup, OpenError> {
        let shard = self.shard;
        parts.registry.remove(shard);
        self.stop().await;
        let recorded = presence::record(&parts.wal, shard, Presence::Dropped).await;
        recorded.map_err(|e| OpenError::Log { shard, reason: e.to_string() })?;
        parts.doubts.made_good(shard);
        if let Err(error) = presence::forget_files(parts, shard).await {
            tracing::warn!(shard, %error, "snapshots of a dropped group are removed at the next start");
        }
        parts.leaders_epoch.send_modify(|epoch| *epoch += 1);
        let vote = self.log.vote().map(|vote| encode_vote(&vote));
        let presence = Presence::Dropped;
        Ok(RecoveredGroup { vote, presence, ..RecoveredGroup::default() })
    }
}
