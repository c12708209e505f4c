//! What a simulated disk knows: names and content, each as the cache shows it and as it is durable.
//!
//! Used by the disk's calls under its lock; decides what a power cut leaves of changes not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use rand::Rng as _;
use rand::rngs::StdRng;

use super::Faults;

const SECTOR_BYTES: usize = 512;

/// All of a disk, also what goes wrong with it.
#[derive(Default, Clone)]
pub(super) struct State {
    pub(super) inodes: Vec<Inode>,
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    pub(super) name_changes: Vec<NameChange>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) faults: Faults,
    pub(super) calls: u64,
    pub(super) syncs: u64,
    pub(super) syncs_waiting: u64,
    pub(super) hold_syncs: bool,
    pub(super) power_off: bool,
    pub(super) points: BTreeMap<&'static str, u64>,
    pub(super) boot: u64,
}

/// A file's content, and the changes that are in the cache only.
#[derive(Default, Clone)]
pub(super) struct Inode {
    pub(super) cache: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) dirty: Vec<Change>,
}

/// A change of content.
#[derive(Clone)]
pub(super) enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// A change of a directory.
#[derive(Clone)]
pub(super) enum NameChange {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl State {
    pub(super) fn enter(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.power_off {
            return Err(io::Error::other("no power"));
        }
        match self.faults.fail_call {
            Some((n, kind)) if self.calls == n || (self.calls > n && self.faults.fail_onwards) => {
                Err(kind.into())
            }
            _ => Ok(()),
        }
    }

    /// How many of so many bytes the present write takes.
    pub(super) fn taken(&mut self, bytes: usize) -> io::Result<usize> {
        let mut taken = bytes.min(self.faults.write_bytes_max.unwrap_or(usize::MAX));
        if self.faults.short_call == Some(self.calls) {
            taken = taken.div_ceil(2);
        }
        if let Some(room) = &mut self.faults.room_bytes {
            if *room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            taken = taken.min(*room);
            *room -= taken;
        }
        Ok(taken)
    }

    pub(super) fn inode(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    pub(super) fn reserve(&self, more: usize) -> io::Result<()> {
        let used: usize = self.names.values().map(|&inode| self.inodes[inode].cache.len()).sum();
        match self.faults.capacity_bytes {
            Some(capacity) if used + more > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Unlink(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => write(bytes, *offset, data),
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }

    pub(super) fn apply_in_part(&self, bytes: &mut Vec<u8>, random: &mut StdRng, kept: f64) {
        match self {
            Self::SetLen(len) if random.random_bool(kept) => bytes.resize(*len, 0),
            Self::SetLen(_) => {}
            Self::Write(offset, data) => {
                let mut at = 0;
                while at < data.len() {
                    // Sectors are where the disk has them, not where the write begins.
                    let sector = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
                    let end = data.len().min(at + sector);
                    if random.random_bool(kept) {
                        write(bytes, offset + at, &data[at..end]);
                    }
                    at = end;
                }
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Inode {
    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.cache);
        self.dirty.push(change);
    }

    pub(super) fn flush(&mut self) {
        for change in std::mem::take(&mut self.dirty) {
            change.apply(&mut self.durable);
        }
    }
}
