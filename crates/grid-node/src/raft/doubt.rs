//! The end of doubt: which groups of the node still have a doubtful log end after a cut, and what
//! happens once a replica lacks nothing any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::group::Group;
use crate::ShardId;
use crate::machine::StateMachine;
use crate::wal::Wal;

/// A replica again has all that was ever committed, or has nobody to ask.
pub(super) fn end<S: StateMachine>(group: &Group<S>, doubts: &Doubts) {
    if !group.gate.made_good() {
        return;
    }
    doubts.made_good(group.shard);
    if group.log.joined() {
        tracing::info!(shard = group.shard, "the replica has caught up");
        group.raft.runtime_config().elect(true);
    }
}

/// The doubtful groups of a node.
pub(crate) struct Doubts {
    groups: Mutex<BTreeSet<ShardId>>,
    wal: Wal,
}

impl Doubts {
    pub fn new(wal: Wal, groups: BTreeSet<ShardId>) -> Arc<Self> {
        Arc::new(Self { groups: Mutex::new(groups), wal })
    }

    /// Whether a group's log end is in doubt.
    pub fn contains(&self, shard: ShardId) -> bool {
        self.groups.lock().contains(&shard)
    }

    /// A group is whole again.
    pub fn made_good(&self, shard: ShardId) {
        let mut groups = self.groups.lock();
        if groups.remove(&shard) && groups.is_empty() {
            tracing::info!("all shards are past the cut end of the log again");
            self.wal.clear_doubt();
        }
    }
}
