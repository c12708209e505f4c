//! A snapshot on its way from another node: pieces appended to a file of its own, which counts for
//! nothing until it is whole, synced and checked.

use std::io;
use std::path::PathBuf;

use super::{PART, SnapshotDir};
use crate::raft::snapshot_file::{FileProblem, SnapshotFile, write_all_at};
use crate::wal::DiskFile;

/// A transfer under way.
pub(crate) struct Incoming {
    dir: SnapshotDir,
    transfer: u64,
    total: u64,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// Bytes that are there.
    have: u64,
}

impl Incoming {
    /// Begins a transfer, or goes on with one that broke off, also before a restart. Any other that
    /// was under way is given up. Blocking.
    pub fn open(dir: &SnapshotDir, transfer: u64, total: u64) -> io::Result<Self> {
        let name = format!("{transfer:016x}-{total}.{PART}");
        let path = dir.dir.join(&name);
        for other in dir.names(PART)?.iter().filter(|other| **other != name) {
            dir.disk.remove(&dir.dir.join(other))?;
        }
        let known = dir.disk.list(&dir.dir)?.into_iter().find(|entry| entry.name == name);
        let (file, have) = match known {
            Some(entry) if entry.len_bytes <= total => (dir.disk.open(&path)?, entry.len_bytes),
            _ => (dir.disk.create(&path)?, 0),
        };
        Ok(Self { dir: dir.clone(), transfer, total, path, file, have })
    }

    /// Whether it is this transfer.
    pub fn is(&self, transfer: u64, total: u64) -> bool {
        (self.transfer, self.total) == (transfer, total)
    }

    /// Bytes that are there.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Appends a piece. Blocking.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_all_at(&*self.file, self.have, bytes)?;
        self.have += bytes.len() as u64;
        self.dir.disk.reached("snapshot.receive.appended");
        Ok(())
    }

    /// Syncs and checks the whole; a file that is not sound is removed, so that the next transfer
    /// begins anew. Blocking.
    pub fn finish(self) -> Result<SnapshotFile, FileProblem> {
        self.dir.disk.reached("snapshot.receive.before_sync");
        self.file.sync_data()?;
        self.dir.disk.reached("snapshot.receive.before_check");
        self.dir.check(&self.path).inspect_err(|_| {
            if let Err(error) = self.dir.disk.remove(&self.path) {
                tracing::warn!(file = %self.path.display(), %error, "damaged transfer not removed");
            }
        })
    }
}
