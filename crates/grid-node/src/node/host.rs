//! Makes the replicas on this node match the shard table: opens what is missing, drops what has
//! moved away, tells groups who should lead.
//!
//! What it opens at run time is empty and learns from the group's leader. It drops only on the word
//! of the meta group's leader: an old view must never cost a replica.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::StartError;
use super::hosted::{Hosted, META, Replica};
use super::membership::Membership;
use crate::batcher::Batcher;
use crate::config::BatchConfig;
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::raft::{Group, GroupOptions, GroupParts, OpenError, Origin, forget_files};
use crate::shard::Shard;
use crate::wal::{Presence, RecoveredGroup};
use crate::{NodeId, ShardId};

/// Pause before what could not be done is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// Patience with the meta group's leader.
const FRESH_PATIENCE: Duration = Duration::from_secs(5);

/// The keeper of a node's replicas.
pub(super) struct Host<S: StateMachine> {
    pub parts: Arc<GroupParts>,
    pub batch: BatchConfig,
    pub hosted: Arc<Hosted<S>>,
    /// The threads of consensus.
    pub runtime: Handle,
    /// What groups that left have to remember.
    pub left: Mutex<BTreeMap<ShardId, RecoveredGroup>>,
}

impl<S: StateMachine> Host<S> {
    /// Opens the groups that the log knows and those that this node founds, all at once.
    ///
    /// # Errors
    /// The first group's that cannot be opened.
    pub async fn recover(
        self: &Arc<Self>,
        groups: BTreeMap<ShardId, RecoveredGroup>,
        founds: &BTreeSet<ShardId>,
        preference: impl Fn(ShardId) -> Vec<NodeId>,
    ) -> Result<(), StartError> {
        let mut opening = tokio::task::JoinSet::new();
        let mut groups = groups;
        for shard in founds {
            groups.entry(*shard).or_default();
        }
        for (shard, recovered) in groups {
            if recovered.presence == Presence::Dropped {
                // A crash may have come between the record and the removal of the files.
                forget_files(&self.parts, shard).await?;
                self.left.lock().insert(shard, recovered);
                continue;
            }
            let origin = if founds.contains(&shard) { Origin::Founder } else { Origin::Joiner };
            let preference = preference(shard);
            let options = GroupOptions { shard, origin, preference, recovered };
            let this = Arc::clone(self);
            opening.spawn_on(async move { this.open(options).await }, &self.runtime);
        }
        while let Some(opened) = opening.join_next().await {
            match opened {
                Ok(replica) => self.hosted.add(replica?),
                Err(panic) => {
                    let source = std::io::Error::other(panic);
                    return Err(StartError::Io { what: "opening a group".into(), source });
                }
            }
        }
        Ok(())
    }

    /// Opens one group; runs on the threads of consensus.
    async fn open(&self, options: GroupOptions) -> Result<Replica<S>, OpenError> {
        if options.shard == META {
            Ok(Replica::Meta(self.shard(Group::open(&self.parts, options).await?)))
        } else {
            Ok(Replica::Data(self.shard(Group::open(&self.parts, options).await?)))
        }
    }

    fn shard<M: StateMachine>(&self, group: Arc<Group<M>>) -> Arc<Shard<M>> {
        let (batcher, task) = Batcher::new(Arc::clone(&group), self.batch.clone());
        self.parts.tasks.spawn_on(task.run(group.ended()), &self.runtime);
        Arc::new(Shard::new(group, batcher))
    }

    /// Follows the shard table as long as the node runs.
    pub async fn run(self: Arc<Self>, membership: Arc<Membership<S>>) {
        let mut revision = membership.view.watch();
        loop {
            revision.borrow_and_update();
            let settled = match membership.view.get() {
                Some(state) => self.follow(&state, &membership).await,
                None => true,
            };
            let again = async {
                if settled {
                    std::future::pending().await
                } else {
                    tokio::time::sleep(AGAIN).await;
                }
            };
            tokio::select! {
                changed = revision.changed() => if changed.is_err() { return },
                () = again => {}
            }
        }
    }

    /// One look at the table; whether everything is as it says.
    async fn follow(self: &Arc<Self>, state: &MetaState, membership: &Membership<S>) -> bool {
        self.prefer(state);
        let wanted: BTreeSet<ShardId> = state.shards_of(self.parts.node_id).into_iter().collect();
        let here = self.hosted.ids();
        let mut settled = true;
        for shard in wanted.difference(&here) {
            settled &= self.join(*shard, state).await;
        }
        if here.is_subset(&wanted) {
            return settled;
        }
        let deadline = Instant::now() + FRESH_PATIENCE;
        let addresses: BTreeSet<SocketAddr> = membership.addresses();
        let Some(fresh) = membership.asker.fresh(&addresses, deadline).await else {
            return false;
        };
        let wanted: BTreeSet<ShardId> = fresh.shards_of(self.parts.node_id).into_iter().collect();
        // A leader that knows less than this node has seen has nothing to say about it.
        let newer = fresh.revision() >= state.revision();
        membership.view.offer(fresh);
        for shard in here.difference(&wanted).filter(|_| newer) {
            settled &= self.leave(*shard).await;
        }
        settled && newer
    }

    fn prefer(&self, state: &MetaState) {
        let preferred = |shard: ShardId| state.shards().get(&shard).map(|shard| &shard.replicas);
        if let (Some(meta), Some(replicas)) = (self.hosted.meta(), preferred(META)) {
            meta.group().prefer(replicas);
        }
        for (id, shard) in self.hosted.shards().iter() {
            if let Some(replicas) = preferred(*id) {
                shard.group().prefer(replicas);
            }
        }
    }

    /// Opens a replica that the group's leader will fill.
    async fn join(self: &Arc<Self>, shard: ShardId, state: &MetaState) -> bool {
        let left = self.left.lock().get(&shard).cloned();
        let preference = state.shards().get(&shard).map(|shard| shard.replicas.clone());
        let preference = preference.unwrap_or_default();
        // A voter that never was here and never left has lost its log, or nobody has founded yet.
        // What once left may be founded anew here.
        let founds = left.is_none() || state.founded_anew(shard, self.parts.node_id);
        let votes = founds && preference.contains(&self.parts.node_id);
        let origin = if votes { Origin::Founder } else { Origin::Joiner };
        let recovered = left.unwrap_or_default();
        let options = GroupOptions { shard, origin, preference, recovered };
        let this = Arc::clone(self);
        let opened = self.runtime.spawn(async move { this.open(options).await }).await;
        match opened {
            Ok(Ok(replica)) => {
                tracing::info!(shard, "a replica was opened");
                self.left.lock().remove(&shard);
                self.hosted.add(replica);
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(shard, %error, "the replica was not opened, trying again");
                false
            }
            Err(error) => {
                tracing::warn!(shard, %error, "the replica was not opened, trying again");
                false
            }
        }
    }

    /// Drops a replica that has moved away.
    async fn leave(&self, shard: ShardId) -> bool {
        let left = match self.hosted.take(shard) {
            Some(Replica::Meta(meta)) => meta.group().drop_for_good(&self.parts).await,
            Some(Replica::Data(shard)) => shard.group().drop_for_good(&self.parts).await,
            None => return true,
        };
        match left {
            Ok(left) => {
                tracing::info!(shard, "the replica was dropped");
                self.left.lock().insert(shard, left);
                true
            }
            Err(error) => {
                tracing::warn!(shard, %error, "the replica was not dropped in order");
                false
            }
        }
    }

    /// Gives every leadership away that somebody can take, and ends all groups.
    pub async fn stop(&self, patience: Duration) {
        let shards = self.hosted.shards();
        let meta = self.hosted.meta();
        let resign = async {
            let data = shards.values().map(|shard| shard.group().resign());
            let root = async {
                if let Some(meta) = &meta {
                    meta.group().resign().await;
                }
            };
            tokio::join!(futures_util::future::join_all(data), root);
        };
        if tokio::time::timeout(patience, resign).await.is_err() {
            tracing::info!("not every leadership was handed over in time");
        }
        futures_util::future::join_all(shards.values().map(|shard| shard.group().stop())).await;
        if let Some(meta) = &meta {
            meta.group().stop().await;
        }
    }
}
