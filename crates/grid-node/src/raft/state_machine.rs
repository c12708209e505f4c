//! The application's state behind openraft: applies committed entries, freezes, restores.
//!
//! The state lives in memory; snapshots are its only durable form. The stamp that the application
//! sees never decreases, whatever the clocks of successive leaders say: the maximum is taken here,
//! alike on every replica, and travels in snapshots.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::checks::Checks;
use super::members::Members;
use super::snapshot_file::{SnapshotFile, SnapshotHeader};
use super::snapshots::{SnapshotDir, SnapshotError};
use super::types::{Batch, Content, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::ShardId;
use crate::batch::{Pieces, Replies};
use crate::machine::{CommittedEntry, Encode, StateMachine};
use crate::version::{self, Versions};

/// A replica's state, shared by the group that applies and everyone who reads.
pub(crate) struct Replica<S> {
    shard: ShardId,
    versions: Versions,
    state: RwLock<Applied<S>>,
    applied: watch::Sender<u64>,
    checks: Checks,
}

struct Applied<S> {
    machine: S,
    last: Option<LogId>,
    membership: StoredMembership,
    at_ms: u64,
    version: u32,
}

impl<S: StateMachine> Replica<S> {
    /// The state of the newest sound snapshot, or the empty one. Its fingerprint is taken each
    /// `check_ms` of the log's time; 0 never does.
    ///
    /// # Errors
    /// [`SnapshotError`] when the snapshot cannot be read or does not reach the start of the log.
    pub fn open(
        (shard, check_ms): (ShardId, u64),
        versions: Versions,
        dir: &SnapshotDir,
        purged: Option<LogId>,
    ) -> Result<Arc<Self>, SnapshotError> {
        let path = || dir.path().to_owned();
        let newest = dir.newest();
        let reached = newest.as_ref().and_then(|file| file.header().last_log_id);
        let reached = reached.map(|id| id.index);
        // invariant: I14
        if let Some(purged) = purged.filter(|purged| reached < Some(purged.index)) {
            return Err(SnapshotError::Missing { shard, purged: purged.index, dir: path() });
        }
        let state = match newest {
            None => Applied::empty(shard),
            Some(file) => Applied::restore(shard, versions, &file)
                .map_err(|reason| SnapshotError::Refused { shard, dir: path(), reason })?,
        };
        let applied = watch::Sender::new(state.last.map_or(0, |id| id.index));
        let checks = Checks::new(shard, check_ms);
        Ok(Arc::new(Self { shard, versions, state: RwLock::new(state), applied, checks }))
    }

    /// The index of the last entry applied and a fingerprint of the state there.
    pub fn digest(&self) -> (u64, u64) {
        let state = self.state.read();
        (state.last.map_or(0, |id| id.index), state.machine.digest())
    }

    /// Fingerprints at moments that are the same for all replicas.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// The group it is a replica of.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Looks at the state; nothing is applied meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.state.read().machine)
    }

    /// The members as applied.
    pub fn members(&self) -> Members {
        Members::of(self.state.read().membership.membership())
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

    /// The version that the state goes by.
    pub fn version(&self) -> u32 {
        self.state.read().version
    }

    /// Applies an entry; `wanted` tells whether somebody here waits for the replies.
    fn apply(&self, entry: Entry, wanted: bool) -> Result<Replies, io::Error> {
        let log_id = entry.log_id;
        let mut state = self.state.write();
        let before_ms = state.at_ms;
        let replies = state.apply((self.shard, self.versions), entry, wanted)?;
        // invariant: I3
        if self.checks.is_due(before_ms, state.at_ms) {
            self.checks.offer(log_id.index, state.machine.freeze());
        }
        drop(state);
        self.applied.send_replace(log_id.index);
        Ok(replies)
    }

    /// Takes over a restored state, unless the present one is already past it.
    fn replace(&self, mut restored: Applied<S>) {
        let mut state = self.state.write();
        if state.last < restored.last {
            std::mem::swap(&mut *state, &mut restored);
            let last = state.last.map_or(0, |id| id.index);
            drop(state);
            self.applied.send_replace(last);
        }
        // What was there before is freed here, after others may read again.
    }
}

impl<S: StateMachine> Applied<S> {
    fn empty(shard: ShardId) -> Self {
        let membership = StoredMembership::default();
        let version = version::FIRST;
        Self { machine: S::empty(shard), last: None, membership, at_ms: 0, version }
    }

    fn apply(
        &mut self,
        (shard, versions): (ShardId, Versions),
        entry: Entry,
        wanted: bool,
    ) -> Result<Replies, io::Error> {
        let none = || Replies::new(0, wanted);
        let replies = match entry.payload {
            EntryPayload::Blank => none(),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
                none()
            }
            EntryPayload::Normal(Batch { at_ms, content: Content::Barrier(version) }) => {
                let raised = version.max(self.version);
                // invariant: I15
                versions.read(shard, raised).map_err(io::Error::other)?;
                self.at_ms = self.at_ms.max(at_ms);
                self.version = raised;
                none()
            }
            EntryPayload::Normal(Batch { at_ms, content: Content::Commands(body) }) => {
                // invariant: I15
                versions.read(shard, self.version).map_err(io::Error::other)?;
                let commands = Pieces::decode(body).map_err(io::Error::other)?;
                self.at_ms = self.at_ms.max(at_ms);
                self.execute(entry.log_id.index, commands, wanted)?
            }
        };
        self.last = Some(entry.log_id);
        Ok(replies)
    }

    fn execute(
        &mut self,
        index: u64,
        commands: Pieces,
        wanted: bool,
    ) -> Result<Replies, io::Error> {
        let count = commands.len();
        let committed =
            CommittedEntry { index, at_ms: self.at_ms, version: self.version, commands };
        let mut replies = Replies::new(count, wanted);
        self.machine.apply(&committed, &mut replies);
        if replies.len() != count {
            let what = format!("{} replies to {count} commands", replies.len());
            return Err(io::Error::other(what));
        }
        Ok(replies)
    }

    /// Reads the state from a file. Blocking.
    fn restore(shard: ShardId, versions: Versions, file: &SnapshotFile) -> Result<Self, String> {
        let header = file.header();
        // invariant: I15
        versions.read(shard, header.version).map_err(|e| e.to_string())?;
        Ok(Self {
            machine: S::restore(shard, &mut file.state()).map_err(|e| e.to_string())?,
            last: header.last_log_id,
            membership: header.membership.clone(),
            at_ms: header.at_ms,
            version: header.version,
        })
    }
}

/// A replica with its snapshot files, as openraft drives it.
pub(crate) struct Machine<S> {
    pub replica: Arc<Replica<S>>,
    pub dir: SnapshotDir,
    pub cluster_id: u128,
}

/// A frozen state on its way to a file.
pub(crate) struct Frozen {
    /// Behind a lock only because openraft wants builders to be shareable.
    content: Mutex<Option<FrozenContent>>,
    dir: SnapshotDir,
}

struct FrozenContent {
    encode: Encode,
    header: SnapshotHeader,
}

impl<S: StateMachine> Machine<S> {
    fn freeze(&self) -> Frozen {
        let began = Instant::now();
        let state = self.replica.state.read();
        let content = FrozenContent {
            encode: state.machine.freeze(),
            header: SnapshotHeader {
                cluster_id: self.cluster_id,
                group: self.replica.shard,
                last_log_id: state.last,
                membership: state.membership.clone(),
                at_ms: state.at_ms,
                version: state.version,
            },
        };
        drop(state);
        metrics::histogram!("seatgrid_snapshot_freeze_seconds").record(began.elapsed());
        Frozen { content: Mutex::new(Some(content)), dir: self.dir.clone() }
    }
}

impl RaftSnapshotBuilder<Types> for Frozen {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let FrozenContent { encode, header } = self
            .content
            .get_mut()
            .take()
            .ok_or_else(|| io::Error::other("the frozen state was used before"))?;
        let dir = self.dir.clone();
        let write = move || {
            let began = Instant::now();
            let file = dir.write(header, encode).map_err(io::Error::other)?;
            metrics::histogram!("seatgrid_snapshot_write_seconds").record(began.elapsed());
            Ok::<_, io::Error>(Snapshot { meta: file.meta(), snapshot: file })
        };
        crate::platform::blocking(write).await.map_err(io::Error::other)?
    }
}

impl<S: StateMachine> RaftStateMachine<Types> for Machine<S> {
    type SnapshotData = SnapshotFile;
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
            let replies = self.replica.apply(entry, responder.is_some())?;
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
        snapshot: SnapshotFile,
    ) -> Result<(), io::Error> {
        let (dir, replica) = (self.dir.clone(), Arc::clone(&self.replica));
        let install = move || {
            let restored = Applied::restore(replica.shard, replica.versions, &snapshot)
                .map_err(io::Error::other)?;
            // The name comes before the state: the log is purged on the strength of the file.
            dir.adopt(snapshot).map_err(io::Error::other)?;
            replica.replace(restored);
            Ok(())
        };
        crate::platform::blocking(install).await.map_err(io::Error::other)?
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let newest = self.dir.newest();
        Ok(newest.map(|file| Snapshot { meta: file.meta(), snapshot: file }))
    }
}
