//! The replicas that live on this node, as they come and go: the one table that ports, probes and
//! the application look things up in.
//!
//! Reads take no lock. Only the host task changes it. A shard that was taken out keeps answering its
//! holders, with refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use crate::ShardId;
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::raft::Control;
use crate::shard::Shard;

/// Data shards by number.
pub(crate) type Shards<S> = BTreeMap<ShardId, Arc<Shard<S>>>;

/// The meta group.
pub(crate) const META: ShardId = 0;

/// One replica.
pub(crate) enum Replica<S: StateMachine> {
    /// Of the meta group.
    Meta(Arc<Shard<MetaState>>),
    /// Of a data shard.
    Data(Arc<Shard<S>>),
}

/// The replicas of a node.
pub(crate) struct Hosted<S: StateMachine> {
    shards: ArcSwap<Shards<S>>,
    meta: ArcSwapOption<Shard<MetaState>>,
    changes: watch::Sender<u64>,
}

/// A look at the data shards with a replica on a node, as they come and go; cheap to clone.
pub struct Replicas<S: StateMachine>(Arc<Hosted<S>>);

impl<S: StateMachine> Replicas<S> {
    pub(super) fn new(hosted: Arc<Hosted<S>>) -> Self {
        Self(hosted)
    }

    /// All of them now.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Shard<S>>> {
        self.0.shards().values().cloned().collect()
    }

    /// Counts their changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.watch()
    }
}

impl<S: StateMachine> Clone for Replicas<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: StateMachine> std::fmt::Debug for Replicas<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.ids()).finish()
    }
}

impl<S: StateMachine> Hosted<S> {
    /// An empty table.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: ArcSwap::from_pointee(Shards::new()),
            meta: ArcSwapOption::empty(),
            changes: watch::Sender::new(0),
        })
    }

    /// A data shard, if a replica of it lives here.
    pub fn shard(&self, shard: ShardId) -> Option<Arc<Shard<S>>> {
        self.shards.load().get(&shard).cloned()
    }

    /// A group with a replica here, the meta group included, for operators.
    pub fn control(&self, shard: ShardId) -> Option<Arc<dyn Control>> {
        if shard == META {
            return self.meta().map(|meta| meta.group_arc() as Arc<dyn Control>);
        }
        self.shard(shard).map(|shard| shard.group_arc() as Arc<dyn Control>)
    }

    /// All groups with a replica here.
    pub fn ids(&self) -> BTreeSet<ShardId> {
        let meta = self.meta().map(|_| META);
        meta.into_iter().chain(self.shards().keys().copied()).collect()
    }

    /// Puts a replica into the table.
    pub fn add(&self, replica: Replica<S>) {
        match replica {
            Replica::Meta(meta) => self.meta.store(Some(meta)),
            Replica::Data(shard) => {
                self.shards.rcu(|shards| {
                    let mut shards = Shards::clone(shards);
                    shards.insert(shard.id(), Arc::clone(&shard));
                    shards
                });
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Takes a replica out of the table.
    pub fn take(&self, shard: ShardId) -> Option<Replica<S>> {
        let taken = if shard == META {
            self.meta.swap(None).map(Replica::Meta)
        } else {
            let taken = self.shard(shard);
            self.shards.rcu(|shards| {
                let mut shards = Shards::clone(shards);
                shards.remove(&shard);
                shards
            });
            taken.map(Replica::Data)
        };
        self.changes.send_modify(|count| *count += 1);
        taken
    }

    /// All data shards with a replica here.
    pub fn shards(&self) -> Arc<Shards<S>> {
        self.shards.load_full()
    }

    /// The meta group, if a replica of it lives here.
    pub fn meta(&self) -> Option<Arc<Shard<MetaState>>> {
        self.meta.load_full()
    }

    /// Counts the changes of the table.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
