//! Snapshot files of one group: written aside, synced, renamed, the newest two kept.
//!
//! The log is purged on the strength of what lies here, so a file counts only once it and its
//! directory are on disk. Blocking; callers are on threads that may block.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::snapshot_file::{self, SnapshotContent};
use super::types::LogId;

/// The newest, and the one before it in case the newest is damaged.
const KEPT: usize = 2;
const SUFFIX: &str = "snapshot";
const ASIDE: &str = "tmp";

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
#[derive(Debug, Clone)]
pub(crate) struct SnapshotDir {
    dir: PathBuf,
    cluster_id: u128,
    group: u32,
}

impl SnapshotDir {
    /// Creates the directory if needed and clears what an interrupted write left.
    pub fn open(root: &Path, cluster_id: u128, group: u32) -> Result<Self, SnapshotError> {
        let this = Self { dir: root.join(format!("{group:05}")), cluster_id, group };
        this.prepare(root).map_err(|source| SnapshotError::Io { dir: this.dir.clone(), source })?;
        Ok(this)
    }

    fn prepare(&self, root: &Path) -> io::Result<()> {
        if !self.dir.is_dir() {
            fs::create_dir_all(&self.dir)?;
            sync_dir(root)?;
        }
        for path in list(&self.dir)? {
            if path.extension().is_some_and(|e| e == ASIDE) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The newest sound snapshot with its file's bytes; damaged ones are named in the log.
    pub fn newest(&self) -> io::Result<Option<(SnapshotContent, Bytes)>> {
        for path in self.files()?.into_iter().rev() {
            let bytes = Bytes::from(fs::read(&path)?);
            match self.check(bytes.clone()) {
                Ok(content) => return Ok(Some((content, bytes))),
                Err(reason) => {
                    let file = path.display();
                    tracing::warn!(%file, %reason, "snapshot is damaged, trying an older one");
                }
            }
        }
        Ok(None)
    }

    /// The content of a file that is meant for this group.
    pub fn check(&self, bytes: Bytes) -> Result<SnapshotContent, String> {
        let content = snapshot_file::decode(bytes).map_err(|e| e.to_string())?;
        if (content.cluster_id, content.group) == (self.cluster_id, self.group) {
            Ok(content)
        } else {
            Err(format!("belongs to group {} of another cluster or shard", content.group))
        }
    }

    /// Writes a snapshot durably and removes those no longer kept. Returns its bytes.
    pub fn write(&self, content: &SnapshotContent) -> io::Result<Bytes> {
        let bytes = snapshot_file::encode(content);
        let name = name(content.last_log_id.as_ref());
        let aside = self.dir.join(format!("{name}.{ASIDE}"));
        let mut file = File::create(&aside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&aside, self.dir.join(format!("{name}.{SUFFIX}")))?;
        sync_dir(&self.dir)?;
        let files = self.files()?;
        for old in files.iter().rev().skip(KEPT) {
            fs::remove_file(old)?;
        }
        Ok(bytes)
    }

    /// The log index of the oldest snapshot kept: entries up to it are needed by none of them.
    /// `None` while there are fewer than are kept.
    pub fn oldest_index(&self) -> io::Result<Option<u64>> {
        let files = self.files()?;
        if files.len() < KEPT {
            return Ok(None);
        }
        let name = files.first().and_then(|path| path.file_stem()?.to_str());
        let entries: Option<u64> = name.and_then(|name| name.split('-').next()?.parse().ok());
        Ok(entries.and_then(|entries| entries.checked_sub(1)))
    }

    /// Snapshot files, oldest first.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = list(&self.dir)?;
        files.retain(|path| path.extension().is_some_and(|e| e == SUFFIX));
        files.sort();
        Ok(files)
    }
}

/// File names sort as positions do: entries covered in fixed width, then term and node.
fn name(last: Option<&LogId>) -> String {
    let entries = last.map_or(0, |id| id.index + 1);
    let (term, node) = last.map_or((0, 0), |id| (id.leader_id.term, id.leader_id.node_id));
    format!("{entries:020}-{term:020}-{node:020}")
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
