//! A process killed, or a machine without power, at every step of writing and of taking in.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::wal::{DiskEntry, DiskFile, DiskLock};

/// What a machine without power still has of a file, and of the directory.
#[derive(Default)]
struct Kept {
    /// Content of each name's file as last synced, and as written.
    files: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// Names as of the last sync of the directory.
    durable: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
}

#[derive(Default)]
struct Content {
    written: Vec<u8>,
    synced: Vec<u8>,
}

/// The real disk; ends the process, so to speak, when the counter reaches zero.
#[derive(Clone, Default)]
struct CrashDisk {
    steps_left: Arc<AtomicUsize>,
    kept: Arc<Mutex<Kept>>,
}

impl CrashDisk {
    fn new(steps: usize) -> Self {
        Self { steps_left: Arc::new(AtomicUsize::new(steps)), kept: Arc::default() }
    }

    fn step(&self) {
        let left = self.steps_left.load(Ordering::SeqCst);
        assert!(left > 0, "killed");
        self.steps_left.store(left - 1, Ordering::SeqCst);
    }

    fn content(&self, path: &Path) -> Arc<Mutex<Content>> {
        let mut kept = self.kept.lock();
        let known = kept.files.entry(path.to_owned()).or_insert_with(|| {
            let bytes = fs::read(path).unwrap_or_default();
            Arc::new(Mutex::new(Content { written: bytes.clone(), synced: bytes }))
        });
        Arc::clone(known)
    }

    /// Leaves in `dir` what is sure to be there after the power came back.
    fn cut_power(&self, dir: &Path) {
        for entry in RealDisk.list(dir).expect("readable") {
            fs::remove_file(dir.join(entry.name)).expect("removable");
        }
        for (path, content) in &self.kept.lock().durable {
            fs::write(path, &content.lock().synced).expect("writable");
        }
    }
}

struct CrashFile {
    file: Box<dyn DiskFile>,
    content: Arc<Mutex<Content>>,
    disk: CrashDisk,
}

impl DiskFile for CrashFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.disk.step();
        let mut content = self.content.lock();
        let end = offset as usize + bytes.len();
        let len = content.written.len().max(end);
        content.written.resize(len, 0);
        content.written[offset as usize..end].copy_from_slice(bytes);
        self.file.write_at(offset, bytes)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.disk.step();
        let mut content = self.content.lock();
        content.synced = content.written.clone();
        self.file.sync_data()
    }
    fn preallocate(&self, len_bytes: u64) -> io::Result<()> {
        self.file.preallocate(len_bytes)
    }
    fn truncate(&self, len_bytes: u64) -> io::Result<()> {
        self.file.truncate(len_bytes)
    }
}

impl Disk for CrashDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DiskEntry>> {
        RealDisk.list(dir)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.step();
        let file = RealDisk.create(path)?;
        self.kept.lock().files.insert(path.to_owned(), Arc::default());
        Ok(Box::new(CrashFile { file, content: self.content(path), disk: self.clone() }))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = RealDisk.open(path)?;
        Ok(Box::new(CrashFile { file, content: self.content(path), disk: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step();
        let content = self.content(from);
        let mut kept = self.kept.lock();
        kept.files.remove(from);
        kept.files.insert(to.to_owned(), content);
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step();
        self.kept.lock().files.remove(path);
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step();
        // What lay there before the first step is durable.
        for entry in RealDisk.list(dir)? {
            self.content(&dir.join(entry.name));
        }
        let mut kept = self.kept.lock();
        kept.durable = kept.files.clone();
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        RealDisk.lock(path)
    }
    fn boot_id(&self) -> Option<String> {
        RealDisk.boot_id()
    }
    fn reached(&self, _point: &'static str) {
        self.step();
    }
}

/// A directory with the old snapshot, opened on a disk that dies after so many steps.
fn dying(root: &Path, steps: usize) -> (SnapshotDir, CrashDisk) {
    open(root).write(header(10), encode(OLD)).expect("written");
    let disk = CrashDisk::new(usize::MAX);
    let dir = SnapshotDir::open(Arc::new(disk.clone()), root, 5, 4).expect("opens");
    disk.sync_dir(dir.path()).expect("synced");
    disk.steps_left.store(steps, Ordering::SeqCst);
    (dir, disk)
}

/// Runs `work` with every number of steps until it gets through; after each crash the directory
/// opens with the old or the new snapshot, and with the new one once `work` had ended.
fn at_every_step(power_cut: bool, work: impl Fn(&SnapshotDir)) -> usize {
    for steps in 0.. {
        let root = tempfile::tempdir().expect("a directory");
        let (dir, disk) = dying(root.path(), steps);
        let through = catch_unwind(AssertUnwindSafe(|| work(&dir))).is_ok();
        let path = dir.path().to_owned();
        drop(dir);
        if power_cut {
            disk.cut_power(&path);
        }
        let again = open(root.path());
        let found = newest(&again).unwrap_or_else(|| panic!("nothing left after {steps} steps"));
        let old = (10, OLD.to_vec());
        let new = (20, NEW.to_vec());
        assert!(found == new || (found == old && !through), "after {steps} steps: {found:?}");
        // The log is purged up to the older of two: never on the strength of one alone.
        assert!(again.oldest_index().expect("readable").is_none_or(|index| index == 10));
        assert!(again.names(ASIDE).expect("readable").is_empty(), "halves are cleared");
        if through {
            return steps;
        }
    }
    unreachable!("work ends")
}

fn write(dir: &SnapshotDir) {
    dir.write(header(20), encode(NEW)).expect("written");
}

/// The new snapshot's file as another node has it.
fn sent() -> SnapshotFile {
    let root = tempfile::tempdir().expect("a directory");
    open(root.path()).write(header(20), encode(NEW)).expect("written")
}

/// Takes the file in by small pieces, from where an earlier attempt came to.
fn receive(dir: &SnapshotDir, file: &SnapshotFile) {
    let mut incoming = Incoming::open(dir, file.transfer_id(), file.len()).expect("opens");
    while incoming.have() < file.len() {
        let piece = file.piece(incoming.have(), 60).expect("readable");
        incoming.append(&piece).expect("appended");
    }
    dir.adopt(incoming.finish().expect("sound")).expect("adopted");
}

#[test]
fn a_kill_or_power_cut_at_any_step_of_writing_leaves_a_sound_snapshot() {
    for power_cut in [false, true] {
        let steps = at_every_step(power_cut, write);
        assert!(steps > 8, "only {steps} steps");
    }
}

#[test]
fn a_kill_or_power_cut_at_any_step_of_taking_in_leaves_a_sound_snapshot() {
    let file = sent();
    for power_cut in [false, true] {
        let steps = at_every_step(power_cut, |dir| receive(dir, &file));
        assert!(steps > 12, "only {steps} steps");
    }
}

#[test]
fn a_transfer_goes_on_after_a_kill_and_begins_anew_when_what_was_there_is_damaged() {
    let file = sent();
    let mut resumed = 0;
    for steps in 0..40 {
        let root = tempfile::tempdir().expect("a directory");
        let (dir, _disk) = dying(root.path(), steps);
        let through = catch_unwind(AssertUnwindSafe(|| receive(&dir, &file))).is_ok();
        drop(dir);
        let again = open(root.path());
        let there = Incoming::open(&again, file.transfer_id(), file.len()).expect("opens").have();
        resumed += usize::from(there > 0 && !through);
        receive(&again, &file);
        assert_eq!(newest(&again), Some((20, NEW.to_vec())), "after {steps} steps");
        assert!(again.names(PART).expect("readable").is_empty());
    }
    assert!(resumed > 3, "some went on where they were");

    let root = tempfile::tempdir().expect("a directory");
    let dir = open(root.path());
    let mut incoming = Incoming::open(&dir, file.transfer_id(), file.len()).expect("opens");
    incoming.append(&vec![0; usize::try_from(file.len()).expect("small")]).expect("appended");
    assert!(incoming.finish().is_err(), "not what was sent");
    let again = Incoming::open(&dir, file.transfer_id(), file.len()).expect("opens");
    assert_eq!(again.have(), 0);
}
