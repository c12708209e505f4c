//! Which groups of the node still have a doubtful log end after a cut; the log is told when none
//! has any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::ShardId;
use crate::wal::Wal;

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
