//! The application's state behind openraft: applies committed entries, freezes, restores.
//!
//! The state lives in memory; snapshots are its only durable form. The stamp that the application
//! sees never decreases, whatever the clocks of successive leaders say: the maximum is taken here,
//! alike on every replica, and travels in snapshots.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, watch};

use super::snapshot_file::SnapshotContent;
use super::snapshots::{SnapshotDir, SnapshotError};
use super::types::{Entry, LogId, Replies, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::machine::{CommittedEntry, Encode, StateMachine};
use crate::{ShardId, batch};

/// A replica's state, shared by the group that applies and everyone who reads.
pub(crate) struct Replica<S> {
    shard: ShardId,
    state: RwLock<Applied<S>>,
    applied: watch::Sender<u64>,
}

struct Applied<S> {
    machine: S,
    last: Option<LogId>,
    membership: StoredMembership,
    at_ms: u64,
}

impl<S: StateMachine> Replica<S> {
    /// The state of the newest sound snapshot, or the empty one.
    ///
    /// # Errors
    /// [`SnapshotError`] when the snapshot cannot be read or does not reach the start of the log.
    pub fn open(
        shard: ShardId,
        dir: &SnapshotDir,
        purged: Option<LogId>,
    ) -> Result<Arc<Self>, SnapshotError> {
        let path = || dir.path().to_owned();
        let newest = dir.newest().map_err(|source| SnapshotError::Io { dir: path(), source })?;
        let reached =
            newest.as_ref().and_then(|(content, _)| content.last_log_id.map(|id| id.index));
        // invariant: I14
        if let Some(purged) = purged.filter(|purged| reached < Some(purged.index)) {
            return Err(SnapshotError::Missing { shard, purged: purged.index, dir: path() });
        }
        let state = match newest {
            None => Applied::empty(shard),
            Some((content, _)) => Applied::restore(shard, &content)
                .map_err(|reason| SnapshotError::Refused { shard, dir: path(), reason })?,
        };
        let applied = watch::Sender::new(state.last.map_or(0, |id| id.index));
        Ok(Arc::new(Self { shard, state: RwLock::new(state), applied }))
    }

    /// Looks at the state; nothing is applied meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.state.read().machine)
    }

    /// The index of the last entry applied, as it changes.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Position of the last entry applied.
    pub fn last_applied(&self) -> Option<LogId> {
        self.state.read().last
    }

    /// The stamp of the last batch applied, milliseconds since 1970.
    pub fn at_ms(&self) -> u64 {
        self.state.read().at_ms
    }

    fn apply(&self, entry: Entry) -> Result<Replies, io::Error> {
        let mut replies = Vec::new();
        let mut state = self.state.write();
        state.last = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Membership(membership) => {
                state.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
            EntryPayload::Normal(batch) => {
                let commands = batch::decode(batch.body).map_err(io::Error::other)?;
                let count = commands.len();
                state.at_ms = state.at_ms.max(batch.at_ms);
                let committed =
                    CommittedEntry { index: entry.log_id.index, at_ms: state.at_ms, commands };
                replies.reserve(count);
                state.machine.apply(&committed, &mut replies);
                if replies.len() != count {
                    let what = format!("{} replies to {count} commands", replies.len());
                    return Err(io::Error::other(what));
                }
            }
        }
        drop(state);
        self.applied.send_replace(entry.log_id.index);
        Ok(replies)
    }

    /// Takes over a snapshot, unless the state is already past it.
    fn install(&self, content: &SnapshotContent) -> Result<(), String> {
        let restored = Applied::restore(self.shard, content)?;
        let mut state = self.state.write();
        if state.last < restored.last {
            *state = restored;
            drop(state);
            self.applied.send_replace(content.last_log_id.map_or(0, |id| id.index));
        }
        Ok(())
    }
}

impl<S: StateMachine> Applied<S> {
    fn empty(shard: ShardId) -> Self {
        let membership = StoredMembership::default();
        Self { machine: S::empty(shard), last: None, membership, at_ms: 0 }
    }

    fn restore(shard: ShardId, content: &SnapshotContent) -> Result<Self, String> {
        Ok(Self {
            machine: S::restore(shard, &mut &content.state[..]).map_err(|e| e.to_string())?,
            last: content.last_log_id,
            membership: content.membership.clone(),
            at_ms: content.at_ms,
        })
    }
}

/// A replica with its snapshot files, as openraft drives it.
pub(crate) struct Machine<S> {
    pub replica: Arc<Replica<S>>,
    pub dir: SnapshotDir,
    pub cluster_id: u128,
    /// Bounds the snapshots that are encoded and written at once on this node.
    pub writers: Arc<Semaphore>,
}

/// A frozen state on its way to a file.
pub(crate) struct Frozen {
    /// Behind a lock only because openraft wants builders to be shareable.
    content: Mutex<Option<FrozenContent>>,
    dir: SnapshotDir,
    writers: Arc<Semaphore>,
}

struct FrozenContent {
    encode: Encode,
    rest: SnapshotContent,
}

impl<S: StateMachine> Machine<S> {
    fn freeze(&self) -> Frozen {
        let state = self.replica.state.read();
        let content = FrozenContent {
            encode: state.machine.freeze(),
            rest: SnapshotContent {
                cluster_id: self.cluster_id,
                group: self.replica.shard,
                last_log_id: state.last,
                membership: state.membership.clone(),
                at_ms: state.at_ms,
                state: Bytes::new(),
            },
        };
        Frozen {
            content: Mutex::new(Some(content)),
            dir: self.dir.clone(),
            writers: Arc::clone(&self.writers),
        }
    }
}

impl RaftSnapshotBuilder<Types> for Frozen {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let FrozenContent { encode, mut rest } = self
            .content
            .get_mut()
            .take()
            .ok_or_else(|| io::Error::other("the frozen state was used before"))?;
        let _writer = self.writers.acquire().await.map_err(io::Error::other)?;
        let dir = self.dir.clone();
        let write = move || {
            let mut state = Vec::new();
            encode(&mut state)?;
            rest.state = state.into();
            let bytes = dir.write(&rest)?;
            Ok::<_, io::Error>(Snapshot { meta: rest.meta(), snapshot: bytes })
        };
        tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
    }
}

impl<S: StateMachine> RaftStateMachine<Types> for Machine<S> {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Frozen;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let state = self.replica.state.read();
        Ok((state.last, state.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> Result<(), io::Error>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let replies = self.replica.apply(entry)?;
            if let Some(responder) = responder {
                responder.send(replies);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Frozen {
        self.freeze()
    }

    async fn install_snapshot(
        &mut self,
        _meta: &SnapshotMeta,
        snapshot: Bytes,
    ) -> Result<(), io::Error> {
        let (dir, replica) = (self.dir.clone(), Arc::clone(&self.replica));
        let install = move || {
            let content = dir.check(snapshot).map_err(io::Error::other)?;
            dir.write(&content)?;
            replica.install(&content).map_err(io::Error::other)
        };
        tokio::task::spawn_blocking(install).await.map_err(io::Error::other)?
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let dir = self.dir.clone();
        let newest = tokio::task::spawn_blocking(move || dir.newest());
        let newest = newest.await.map_err(io::Error::other)??;
        Ok(newest.map(|(content, bytes)| Snapshot { meta: content.meta(), snapshot: bytes }))
    }
}
