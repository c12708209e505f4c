//! Snapshot files of one group: written aside, synced, renamed, the newest two kept.
//!
//! The log is purged on the strength of what lies here, so a file counts only once it and its
//! directory are on disk. The newest sound one is kept open: openraft asks for it while nothing is
//! applied, and must not wait for a disk. Blocking; callers are on threads that may block.

mod incoming;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

pub(crate) use incoming::Incoming;

use super::snapshot_file::{self, FileProblem, SnapshotFile, SnapshotHeader};
use super::types::LogId;
use crate::machine::Encode;
use crate::wal::Disk;

/// The newest, and the one before it in case the newest is damaged.
const KEPT: usize = 2;
const SUFFIX: &str = "snapshot";
/// A file that this node writes.
const ASIDE: &str = "tmp";
/// A file that comes from another node; what is there of it outlives a restart.
const PART: &str = "part";

/// Why a group's snapshots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("snapshot directory {dir}: {source}", dir = .dir.display())]
    Io {
        /// The group's directory.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The log starts after the newest sound snapshot.
    #[error(
        "the log of shard {shard} starts after index {purged}, and no sound snapshot in {dir} \
         reaches that far; replace this node under a new node id",
        dir = .dir.display()
    )]
    Missing {
        /// The shard.
        shard: u32,
        /// The last index that the log no longer has.
        purged: u64,
        /// The group's directory.
        dir: PathBuf,
    },
    /// The application does not take a sound file.
    #[error("snapshot of shard {shard} in {dir}: {reason}", dir = .dir.display())]
    Refused {
        /// The shard.
        shard: u32,
        /// The group's directory.
        dir: PathBuf,
        /// The application's reason.
        reason: String,
    },
}

/// The directory of one group's snapshots.
#[derive(Clone)]
pub(crate) struct SnapshotDir {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    cluster_id: u128,
    group: u32,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The newest one found sound.
    newest: Mutex<Option<SnapshotFile>>,
    /// Set when the newest turned out to be damaged after all.
    wanted: AtomicBool,
}

impl Shared {
    /// A file that ends later than the newest known takes its place.
    fn newer(&self, file: &SnapshotFile) {
        let mut newest = self.newest.lock();
        let end = |file: &SnapshotFile| file.header().last_log_id;
        if newest.as_ref().is_none_or(|known| end(known) <= end(file)) {
            *newest = Some(file.clone());
        }
    }
}

impl SnapshotDir {
    /// Creates the directory if needed, clears what an interrupted write left, finds the newest
    /// sound snapshot. Damaged ones are named in the log.
    pub fn open(
        disk: Arc<dyn Disk>,
        root: &Path,
        cluster_id: u128,
        group: u32,
    ) -> Result<Self, SnapshotError> {
        let dir = root.join(format!("{group:05}"));
        let this = Self { disk, dir, cluster_id, group, shared: Arc::default() };
        let prepared = this.prepare(root).and_then(|()| this.find_newest());
        let newest =
            prepared.map_err(|source| SnapshotError::Io { dir: this.dir.clone(), source })?;
        *this.shared.newest.lock() = newest;
        Ok(this)
    }

    /// Removes a group's directory with all that is in it; one that is not there is fine.
    pub fn remove(disk: &dyn Disk, root: &Path, group: u32) -> Result<(), SnapshotError> {
        let dir = root.join(format!("{group:05}"));
        let durably = || match disk.remove_dir_all(&dir) {
            Ok(()) => disk.sync_dir(root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        durably().map_err(|source| SnapshotError::Io { dir: dir.clone(), source })
    }

    fn prepare(&self, root: &Path) -> io::Result<()> {
        self.disk.create_dir_all(&self.dir)?;
        self.disk.sync_dir(root)?;
        self.remove_all(ASIDE)
    }

    fn find_newest(&self) -> io::Result<Option<SnapshotFile>> {
        for name in self.names(SUFFIX)?.into_iter().rev() {
            let path = self.dir.join(name);
            match self.check(&path) {
                Ok(file) => return Ok(Some(file)),
                Err(FileProblem::Io(error)) => return Err(error),
                Err(FileProblem::Malformed(reason)) => {
                    let file = path.display();
                    tracing::warn!(%file, %reason, "snapshot is damaged, trying an older one");
                }
            }
        }
        Ok(None)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The newest sound snapshot. Does not block.
    pub fn newest(&self) -> Option<SnapshotFile> {
        self.shared.newest.lock().clone()
    }

    /// A sound file that is meant for this group.
    fn check(&self, path: &Path) -> Result<SnapshotFile, FileProblem> {
        let file = SnapshotFile::open(&self.disk, path)?;
        let header = file.header();
        if (header.cluster_id, header.group) == (self.cluster_id, self.group) {
            Ok(file)
        } else {
            Err(crate::wire::Malformed("it belongs to another cluster or shard").into())
        }
    }

    /// Writes a snapshot durably and removes those no longer kept.
    pub fn write(
        &self,
        header: SnapshotHeader,
        encode: Encode,
    ) -> Result<SnapshotFile, FileProblem> {
        let name = name(header.last_log_id.as_ref());
        let aside = self.dir.join(format!("{name}.{ASIDE}"));
        let file = self.disk.create(&aside)?;
        self.disk.reached("snapshot.write.created");
        snapshot_file::write(&*file, &header, encode)?;
        self.disk.reached("snapshot.write.before_sync");
        file.sync_data()?;
        self.disk.reached("snapshot.write.before_rename");
        // Read back once: what is written is about to replace the log that it was made from.
        let written = self.check(&aside)?;
        self.publish(written)
    }

    /// Gives a synced file its name, makes it the newest, and removes what it replaces.
    fn publish(&self, file: SnapshotFile) -> Result<SnapshotFile, FileProblem> {
        let name = name(file.header().last_log_id.as_ref());
        let path = self.dir.join(format!("{name}.{SUFFIX}"));
        self.disk.rename(file.path(), &path)?;
        self.disk.reached("snapshot.publish.before_sync_dir");
        self.disk.sync_dir(&self.dir)?;
        self.disk.reached("snapshot.publish.before_removal");
        let file = file.renamed(path);
        self.shared.newer(&file);
        for old in self.names(SUFFIX)?.iter().rev().skip(KEPT) {
            self.disk.remove(&self.dir.join(old))?;
        }
        self.remove_all(PART)?;
        self.disk.reached("snapshot.publish.done");
        Ok(file)
    }

    /// Takes over a file that came whole from another node and that the application accepts.
    pub fn adopt(&self, file: SnapshotFile) -> Result<SnapshotFile, FileProblem> {
        // A repeated last piece, or openraft's own at the start.
        if let Some(newest) = self.newest().filter(|n| n.transfer_id() == file.transfer_id()) {
            if file.path() != newest.path() {
                self.remove_all(PART)?;
            }
            return Ok(newest);
        }
        self.disk.reached("snapshot.install.before_rename");
        self.publish(file)
    }

    /// Asks for a new snapshot: the newest is damaged, or an operator wants one.
    pub fn want_another(&self) {
        self.shared.wanted.store(true, Ordering::SeqCst);
    }

    /// Whether a new one was asked for since the last call.
    pub fn take_wanted(&self) -> bool {
        self.shared.wanted.swap(false, Ordering::SeqCst)
    }

    /// The log index of the oldest snapshot kept: entries up to it are needed by none of them.
    /// `None` while there are fewer than are kept.
    pub fn oldest_index(&self) -> io::Result<Option<u64>> {
        let files = self.names(SUFFIX)?;
        if files.len() < KEPT {
            return Ok(None);
        }
        let name = files.first().and_then(|name| name.split('-').next());
        let entries: Option<u64> = name.and_then(|entries| entries.parse().ok());
        Ok(entries.and_then(|entries| entries.checked_sub(1)))
    }

    /// Names with this suffix, sorted: of snapshots the oldest first.
    fn names(&self, suffix: &str) -> io::Result<Vec<String>> {
        let entries = self.disk.list(&self.dir)?.into_iter().map(|entry| entry.name);
        let has = |name: &String| Path::new(name).extension().is_some_and(|e| e == suffix);
        let mut names: Vec<String> = entries.filter(has).collect();
        names.sort();
        Ok(names)
    }

    fn remove_all(&self, suffix: &str) -> io::Result<()> {
        self.names(suffix)?.iter().try_for_each(|name| self.disk.remove(&self.dir.join(name)))
    }
}

/// File names sort as positions do: entries covered in fixed width, then term and node.
fn name(last: Option<&LogId>) -> String {
    let entries = last.map_or(0, |id| id.index + 1);
    let (term, node) = last.map_or((0, 0), |id| (id.leader_id.term, id.leader_id.node_id));
    format!("{entries:020}-{term:020}-{node:020}")
}

#[cfg(test)]
mod tests;
