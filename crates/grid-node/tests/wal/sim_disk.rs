//! A disk in memory that keeps apart what the page cache shows and what a power cut leaves.
//!
//! It stands below the real log in these tests. It can fail the n-th call, write short, fill up,
//! hold syncs back, lie about them, lose power at a named point, and drop dirty pages at a failed
//! sync as Linux does. It must not be kinder than a real disk: what was not synced survives sector by
//! sector at random.

#[path = "sim_disk/state.rs"]
mod state;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use grid_node::wal::{Disk, DiskEntry, DiskFile, DiskLock, DiskReader};
use parking_lot::{Condvar, Mutex};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use state::{Change, Inode, NameChange, State};

/// How long a test waits for a sync that it holds back.
const PATIENCE: Duration = Duration::from_secs(30);

/// What goes wrong, and when.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Fails call number n (from 1), with this kind of error.
    pub fail_call: Option<(u64, io::ErrorKind)>,
    /// Fails all calls after that one, too.
    pub fail_onwards: bool,
    /// Fails sync number n of a file (from 1); the ones after it succeed and write nothing old.
    pub fail_sync: Option<u64>,
    /// Most bytes that one write takes.
    pub write_bytes_max: Option<usize>,
    /// The n-th call (from 1), if it is a write, takes half of its bytes; the others take all.
    pub short_call: Option<u64>,
    /// From sync number n of a file on (from 1), syncs say yes and do nothing.
    pub lie_from_sync: Option<u64>,
    /// Bytes that writes may still take, on a disk that promises no space ahead. The write that
    /// reaches the end takes what fits, the next one takes nothing.
    pub room_bytes: Option<usize>,
    /// Bytes that all files together may have.
    pub capacity_bytes: Option<usize>,
    /// Power is lost when this point is passed for the n-th time (from 1).
    pub power_off_at: Option<(&'static str, u64)>,
}

/// Handle of a simulated disk; clones share it.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl SimDisk {
    pub fn with_faults(faults: Faults) -> Self {
        let disk = Self::default();
        disk.set_faults(faults);
        disk
    }

    pub fn set_faults(&self, faults: Faults) {
        self.0.state.lock().faults = faults;
    }

    /// The disk as another process finds it after this one was killed: the page cache is intact.
    pub fn after_kill(&self) -> Self {
        let state = self.0.state.lock();
        let (inodes, names) = (state.inodes.clone(), state.names.clone());
        let (durable_names, name_changes) =
            (state.durable_names.clone(), state.name_changes.clone());
        let boot = state.boot;
        Self::from(State { inodes, names, durable_names, name_changes, boot, ..State::default() })
    }

    /// The disk after a power cut: of all that was not synced, a random part is there.
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let state = self.0.state.lock();
        let mut random = StdRng::seed_from_u64(seed);
        // All, nothing and anything in between, since each finds other defects.
        let kept = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
        let mut names = state.durable_names.clone();
        for change in &state.name_changes {
            if random.random_bool(kept) {
                change.apply(&mut names);
            }
        }
        let survive = |inode: &Inode| {
            let mut durable = inode.durable.clone();
            for change in &inode.dirty {
                change.apply_in_part(&mut durable, &mut random, kept);
            }
            Inode { cache: durable.clone(), durable, dirty: Vec::new() }
        };
        let inodes = state.inodes.iter().map(survive).collect();
        let (durable_names, boot) = (names.clone(), state.boot + 1);
        Self::from(State { inodes, names, durable_names, boot, ..State::default() })
    }

    /// The disk after a new start of the system that lost nothing.
    pub fn after_reboot(&self) -> Self {
        let disk = self.after_kill();
        {
            let mut state = disk.0.state.lock();
            state.boot += 1;
            state.durable_names = state.names.clone();
            state.name_changes.clear();
            state.inodes.iter_mut().for_each(Inode::flush);
        }
        disk
    }

    /// Whether power was lost at the point that [`Faults::power_off_at`] names.
    pub fn has_no_power(&self) -> bool {
        self.0.state.lock().power_off
    }

    /// Number of calls so far.
    pub fn calls(&self) -> u64 {
        self.0.state.lock().calls
    }

    /// Number of syncs of files so far.
    pub fn syncs(&self) -> u64 {
        self.0.state.lock().syncs
    }

    /// What is left of [`Faults::room_bytes`].
    pub fn room_left(&self) -> usize {
        self.0.state.lock().faults.room_bytes.unwrap_or(usize::MAX)
    }

    /// How often each point was passed.
    pub fn points(&self) -> BTreeMap<&'static str, u64> {
        self.0.state.lock().points.clone()
    }

    /// From now on syncs wait.
    pub fn hold_syncs(&self) {
        self.0.state.lock().hold_syncs = true;
    }

    /// Waits until one sync is held back.
    pub fn wait_for_held_sync(&self) {
        let mut state = self.0.state.lock();
        while state.syncs_waiting == 0 {
            let waited = self.0.changed.wait_for(&mut state, PATIENCE);
            assert!(!waited.timed_out(), "no sync came");
        }
    }

    /// Lets all syncs go on.
    pub fn release_syncs(&self) {
        self.0.state.lock().hold_syncs = false;
        self.0.changed.notify_all();
    }

    /// File names with their lengths, sorted.
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.0.state.lock();
        let entry = |(path, &inode): (&PathBuf, &usize)| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, state.inodes[inode].cache.len())
        };
        state.names.iter().map(entry).collect()
    }

    /// Changes a file behind the log's back, cache and platter alike.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.state.lock();
        let inode = state.names[path];
        let inode = &mut state.inodes[inode];
        change(&mut inode.cache);
        inode.durable = inode.cache.clone();
        inode.dirty.clear();
    }

    /// A file's bytes.
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.0.state.lock();
        state.inodes[state.names[path]].cache.clone()
    }

    fn from(state: State) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Counts a call and fails it if it is its turn.
    fn call<T>(&self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.state.lock();
        state.enter()?;
        work(&mut state)
    }
}

impl Disk for SimDisk {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.call(|_| Ok(()))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DiskEntry>> {
        self.call(|state| {
            let of_dir = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
            let entry = |(path, &inode): (&PathBuf, &usize)| DiskEntry {
                name: path.file_name().expect("a file has a name").to_string_lossy().into_owned(),
                len_bytes: state.inodes[inode].cache.len() as u64,
            };
            Ok(of_dir.map(entry).collect())
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.call(|state| {
            let inode = state.inode(path)?;
            if state.faults.lie_from_sync.is_some() {
                return Ok(state.inodes[inode].cache.clone());
            }
            let inode = &mut state.inodes[inode];
            inode.flush();
            inode.cache = inode.durable.clone();
            Ok(inode.cache.clone())
        })
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|state| {
            let inode = match state.names.get(path) {
                Some(&inode) => inode,
                None => {
                    state.inodes.push(Inode::default());
                    let inode = state.inodes.len() - 1;
                    state.change_name(NameChange::Link(path.to_owned(), inode));
                    inode
                }
            };
            state.inodes[inode].change(Change::SetLen(0));
            Ok(Box::new(SimFile { disk: self.clone(), inode }) as Box<dyn DiskFile>)
        })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|state| {
            let inode = state.inode(path)?;
            Ok(Box::new(SimFile { disk: self.clone(), inode }) as Box<dyn DiskFile>)
        })
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskReader>> {
        self.call(|state| {
            let inode = state.inode(path)?;
            Ok(Arc::new(SimReader { disk: self.clone(), inode }) as Arc<dyn DiskReader>)
        })
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.call(|state| {
            let inside = |path: &&PathBuf| path.starts_with(dir);
            let gone: Vec<PathBuf> = state.names.keys().filter(inside).cloned().collect();
            gone.into_iter().for_each(|path| state.change_name(NameChange::Unlink(path)));
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|state| {
            state.inode(from)?;
            state.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|state| {
            state.inode(path)?;
            state.change_name(NameChange::Unlink(path.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.call(|state| {
            state.durable_names = state.names.clone();
            state.name_changes.clear();
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        self.call(|state| {
            if !state.locks.insert(path.to_owned()) {
                return Ok(None);
            }
            let lock = SimLock { disk: self.clone(), path: path.to_owned() };
            Ok(Some(Box::new(lock) as DiskLock))
        })
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("boot {}", self.0.state.lock().boot))
    }

    fn reached(&self, point: &'static str) {
        let mut state = self.0.state.lock();
        let times = state.points.entry(point).or_default();
        *times += 1;
        let now = Some((point, *times));
        state.power_off |= state.faults.power_off_at == now;
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.0.state.lock().locks.remove(&self.path);
    }
}

struct SimReader {
    disk: SimDisk,
    inode: usize,
}

impl std::fmt::Debug for SimReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimReader").field("inode", &self.inode).finish_non_exhaustive()
    }
}

impl DiskReader for SimReader {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.disk.call(|state| {
            let cache = &state.inodes[self.inode].cache;
            let rest = cache.get(offset as usize..).unwrap_or_default();
            let read = rest.len().min(out.len());
            out[..read].copy_from_slice(&rest[..read]);
            Ok(read)
        })
    }

    fn len_bytes(&self) -> io::Result<u64> {
        self.disk.call(|state| Ok(state.inodes[self.inode].cache.len() as u64))
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl DiskFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.disk.call(|state| {
            let taken = state.taken(bytes.len())?;
            let end = offset as usize + taken;
            state.reserve(end.saturating_sub(state.inodes[self.inode].cache.len()))?;
            let change = Change::Write(offset as usize, bytes[..taken].to_vec());
            state.inodes[self.inode].change(change);
            Ok(taken)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.state.lock();
        state.syncs_waiting += 1;
        self.disk.0.changed.notify_all();
        while state.hold_syncs {
            self.disk.0.changed.wait(&mut state);
        }
        state.syncs_waiting -= 1;
        state.syncs += 1;
        let fails = state.faults.fail_sync == Some(state.syncs);
        let fails = if fails { Err(io::Error::other("input/output error")) } else { Ok(()) };
        if let Err(error) = state.enter().and(fails) {
            // As Linux does: the pages count as clean now, and no later sync writes them.
            state.inodes[self.inode].dirty.clear();
            return Err(error);
        }
        if state.faults.lie_from_sync.is_none_or(|first| state.syncs < first) {
            state.inodes[self.inode].flush();
        }
        Ok(())
    }

    fn preallocate(&self, len_bytes: u64) -> io::Result<()> {
        self.disk.call(|state| {
            let len = state.inodes[self.inode].cache.len();
            if (len as u64) < len_bytes {
                state.reserve(len_bytes as usize - len)?;
                state.inodes[self.inode].change(Change::SetLen(len_bytes as usize));
            }
            Ok(())
        })
    }

    fn truncate(&self, len_bytes: u64) -> io::Result<()> {
        self.disk.call(|state| {
            state.inodes[self.inode].change(Change::SetLen(len_bytes as usize));
            Ok(())
        })
    }
}
