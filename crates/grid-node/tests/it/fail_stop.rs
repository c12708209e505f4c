//! A node whose disk fails stops, says why, and acknowledges nothing more.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use grid_node::wal::{Disk, DiskEntry, DiskFile, DiskLock, RealDisk};

use crate::grid::{Grid, PATIENCE, soon, wait_for};
use crate::toy::command;

/// The real disk, until every sync fails: when it is told, or after so many.
#[derive(Clone)]
pub struct FailingDisk {
    syncs_left: Arc<AtomicU32>,
}

struct FailingFile {
    file: Box<dyn DiskFile>,
    syncs_left: Arc<AtomicU32>,
}

impl FailingDisk {
    /// A disk that works for so many syncs.
    pub fn that_fails_after(syncs: u32) -> Self {
        Self { syncs_left: Arc::new(AtomicU32::new(syncs)) }
    }

    fn fail_now(&self) {
        self.syncs_left.store(0, Ordering::SeqCst);
    }

    fn wrap(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FailingFile { file, syncs_left: Arc::clone(&self.syncs_left) })
    }
}

impl Disk for FailingDisk {
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
        RealDisk.create(path).map(|file| self.wrap(file))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.open(path).map(|file| self.wrap(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        RealDisk.lock(path)
    }
    fn boot_id(&self) -> Option<String> {
        RealDisk.boot_id()
    }
}

impl DiskFile for FailingFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(offset, bytes)
    }
    fn sync_data(&self) -> io::Result<()> {
        let one_less = |left: u32| left.checked_sub(1);
        if self.syncs_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return Err(io::Error::other("the device is gone"));
        }
        self.file.sync_data()
    }
    fn preallocate(&self, len_bytes: u64) -> io::Result<()> {
        self.file.preallocate(len_bytes)
    }
    fn truncate(&self, len_bytes: u64) -> io::Result<()> {
        self.file.truncate(len_bytes)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_disk_fails_says_so_and_the_others_go_on() {
    let mut grid = Grid::prepare(3, |_| {});
    let disk = FailingDisk::that_fails_after(u32::MAX);
    // Node 2 is the preferred leader of shard 1.
    grid.try_start_on(2, Arc::new(disk.clone())).await.expect("starts");
    grid.start_node(1).await;
    grid.start_node(3).await;
    let client = grid.client();
    client.submit(1, command(1, "before"), soon()).await.expect("committed");
    assert_eq!(grid.leader(1).await, 2);
    let failed = grid.nodes[&2].failed();
    disk.fail_now();
    client.submit(1, command(2, "after"), soon()).await.expect("committed by the others");
    let reason = tokio::time::timeout(PATIENCE, failed).await.expect("the node gives up");
    assert!(reason.contains("the device is gone"), "{reason}");
    // Its process exits and is started again; the disk works again.
    grid.kill_node(2);
    grid.start_node(2).await;
    wait_for("the node to catch up", || (grid.words(2, 1).len() == 2).then_some(())).await;
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_and_directories_in_use_are_named() {
    let mut grid = Grid::start(1).await;
    let own = grid.client_address(1);
    let error = grid.try_start(1).await.expect_err("it runs already").to_string();
    assert!(error.contains("cannot listen"), "{error}");
    let other = Grid::prepare(1, |_| {});
    let mut config = grid.config(1).clone();
    config.peers.get_mut(&1).expect("itself").raft = other.raft_address(1);
    config.peers.get_mut(&1).expect("itself").client = other.client_address(1);
    let started = grid_node::GridNode::start(config, Arc::new(crate::toy::Reader)).await;
    let error = started.expect_err("the directory is in use").to_string();
    assert!(error.contains("in use by another process"), "{error}");
    assert_eq!(grid.client_address(1), own);
    grid.stop().await;
}
