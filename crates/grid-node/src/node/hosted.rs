//! The replicas that live on this node, as they come and go: the one table that ports, probes and
//! the application look things up in.
//!
//! Reads take no lock. Only the host task changes it. A shard that was taken out keeps answering its
//! holders, with refusals.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use crate::ShardId;
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::shard::Shard;

/// Data shards by number.
pub(crate) type Shards<S> = BTreeMap<ShardId, Arc<Shard<S>>>;

/// The replicas of a node.
pub(crate) struct Hosted<S: StateMachine> {
    shards: ArcSwap<Shards<S>>,
    meta: ArcSwapOption<Shard<MetaState>>,
    changes: watch::Sender<u64>,
}

impl<S: StateMachine> Hosted<S> {
    pub fn new(shards: Shards<S>, meta: Option<Arc<Shard<MetaState>>>) -> Arc<Self> {
        Arc::new(Self {
            shards: ArcSwap::from_pointee(shards),
            meta: ArcSwapOption::new(meta),
            changes: watch::Sender::new(0),
        })
    }

    /// A data shard, if a replica of it lives here.
    pub fn shard(&self, shard: ShardId) -> Option<Arc<Shard<S>>> {
        self.shards.load().get(&shard).cloned()
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
