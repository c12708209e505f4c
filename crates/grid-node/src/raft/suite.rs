//! openraft's own checks of a store, run on ours over a real log in a temporary directory.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use super::log_store::LogStore;
use super::snapshots::SnapshotDir;
use super::state_machine::{Machine, Replica};
use super::types::Types;
use crate::ShardId;
use crate::batch::Replies;
use crate::machine::{CommittedEntry, Encode, RestoreError, StateMachine};
use crate::version::Versions;
use crate::wal::{RealDisk, RecoveredGroup, Wal, WalOptions};

const SHARD: ShardId = 1;

/// Counts entries.
struct Counter(u8);

impl StateMachine for Counter {
    fn empty(_shard: ShardId) -> Self {
        Self(0)
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        self.0 = self.0.wrapping_add(1);
        for _ in entry.commands.iter() {
            replies.push(&[]);
        }
    }

    fn freeze(&self) -> Encode {
        let count = self.0;
        Box::new(move |out| out.write_all(&[count]))
    }

    fn digest(&self) -> u64 {
        u64::from(self.0)
    }

    fn restore(_shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        let mut count = [0];
        from.read_exact(&mut count).map_err(|e| RestoreError::new(e.to_string()))?;
        Ok(Self(count[0]))
    }
}

/// Each store is a group of its own in one log, and a replica of the same shard.
struct Builder {
    dir: tempfile::TempDir,
    wal: Wal,
    next_group: AtomicU32,
}

impl Builder {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = WalOptions::new(dir.path().join("log"), 1, 1);
        let (wal, _) = Wal::open(options, Arc::new(RealDisk)).expect("a new log");
        Self { dir, wal, next_group: AtomicU32::new(1) }
    }
}

impl StoreBuilder<Types, LogStore, Machine<Counter>> for Builder {
    async fn build(&self) -> Result<((), LogStore, Machine<Counter>), StorageError<Types>> {
        let group = self.next_group.fetch_add(1, Ordering::Relaxed);
        let wal = self.wal.clone();
        let log = LogStore::new(group, wal, RecoveredGroup::default()).expect("an empty log");
        let root = self.dir.path().join(format!("replica-{group}"));
        std::fs::create_dir_all(&root).expect("a directory");
        let dir = SnapshotDir::open(Arc::new(RealDisk), &root, 1, SHARD).expect("a new directory");
        let replica = Replica::open((SHARD, 0), Versions { oldest: 1, newest: 1 }, &dir, None)
            .expect("no snapshot");
        Ok(((), log, Machine { replica, dir, cluster_id: 1 }))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_does_what_openraft_expects() {
    let checked = Suite::test_all(Builder::new()).await;
    checked.expect("all checks pass");
}
