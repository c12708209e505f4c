//! A machine's disk: what the log's own tests use, with time taken by syncs, and its pieces of bad
//! luck.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use grid_node::wal::{Disk, DiskEntry, DiskFile, DiskLock, DiskReader};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

pub use crate::sim_disk::{Faults, SimDisk};

/// A quick disk's write and sync.
const QUICK: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(4));
/// A disk that stalls.
const SLOW: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(400));

/// A disk in a machine.
pub struct Drive {
    pub disk: SimDisk,
    log_dir: PathBuf,
    pace: Arc<Mutex<Pace>>,
}

struct Pace {
    random: StdRng,
    slow: bool,
}

impl Drive {
    /// A new disk; the log will be in `log_dir`.
    pub fn new(seed: u64, log_dir: PathBuf) -> Self {
        let pace = Pace { random: StdRng::seed_from_u64(seed), slow: false };
        Self { disk: SimDisk::default(), log_dir, pace: Arc::new(Mutex::new(pace)) }
    }

    /// As a process opens it.
    pub fn mounted(&self) -> Arc<dyn Disk> {
        Arc::new(Mounted { disk: self.disk.clone(), pace: Arc::clone(&self.pace) })
    }

    pub fn set_slow(&self, slow: bool) {
        self.pace.lock().slow = slow;
    }

    /// The next sync fails.
    pub fn fail_next_sync(&self) {
        let fail_sync = Some(self.disk.syncs() + 1);
        self.disk.set_faults(Faults { fail_sync, ..Faults::default() });
    }

    /// Power is lost when the log passes this point for the n-th time from now.
    pub fn power_off_at(&self, point: &'static str, times: u64) {
        let passed = self.disk.points().get(point).copied().unwrap_or(0);
        let power_off_at = Some((point, passed + times));
        self.disk.set_faults(Faults { power_off_at, ..Faults::default() });
    }

    /// Nothing more goes wrong.
    pub fn mend(&self) {
        self.set_slow(false);
        self.disk.set_faults(Faults::default());
    }

    /// Flips one bit of some file of the log, while nobody has it open; says where.
    pub fn flip(&self, random: &mut StdRng) -> Option<(PathBuf, usize)> {
        let dir = &*self.log_dir;
        let mut files = self.disk.list(dir).ok()?;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files.retain(|file| file.len_bytes > 0);
        if files.is_empty() {
            return None;
        }
        let path = dir.join(&files[random.random_range(0..files.len())].name);
        let mut at = 0;
        self.disk.tamper(&path, |bytes| {
            at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        });
        Some((path, at))
    }

    /// What the next process finds.
    pub fn after_kill(&mut self) {
        self.disk = self.disk.after_kill();
    }

    /// What is left when the power comes back.
    pub fn after_power_cut(&mut self, seed: u64) {
        self.disk = self.disk.after_power_cut(seed);
    }
}

struct Mounted {
    disk: SimDisk,
    pace: Arc<Mutex<Pace>>,
}

impl Disk for Mounted {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DiskEntry>> {
        self.disk.list(dir)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(path)
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskReader>> {
        self.disk.open_to_read(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        self.disk.lock(path)
    }

    fn boot_id(&self) -> Option<String> {
        self.disk.boot_id()
    }

    fn delay(&self) -> Duration {
        let mut pace = self.pace.lock();
        let (least, most) = if pace.slow { SLOW } else { QUICK };
        pace.random.random_range(least..=most)
    }

    fn reached(&self, point: &'static str) {
        self.disk.reached(point);
    }
}
