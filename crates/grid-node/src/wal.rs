//! The node's write-ahead log: one log on disk shared by all groups of a node, bytes in, bytes out.
//!
//! Flow: a caller queues records with [`Wal::append`]; one writer thread takes all that waits,
//! writes once, calls fdatasync once if any of it must be durable, then completes the callbacks in
//! order. [`Wal::open`] replays what is on disk and hands it back; afterwards nothing is read from
//! disk, so callers keep live entries in memory (the log shares the same reference-counted bytes).
//!
//! The log must never acknowledge before fdatasync (invariant I4), never retry a failed fdatasync,
//! never hand back content that a checksum does not cover, and never knows what its payloads mean.

mod disk;
mod driver;
mod error;
mod format;
mod index;
mod notes;
mod options;
mod queue;
mod recovery;
mod segments;
mod stats;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

pub use disk::{Disk, DiskEntry, DiskFile, DiskLock, DiskReader, DiskSpace, RealDisk};
pub use error::{FileError, WalError, WalFailure};
pub use index::Gap;
pub use options::WalOptions;
pub use stats::WalStats;

use driver::{Driver, Run};
use queue::{Job, Queue};
use stats::StatsCell;

/// Names one group of the node; 0 is the meta group.
pub type GroupId = u32;

/// Called once when the records of one [`Wal::append`] are on disk (or will never be).
///
/// It runs on the writer thread and must be short: while it runs nothing is written.
pub type Done = Box<dyn FnOnce(Result<(), WalFailure>) + Send>;

/// One record of the log. Payloads are encoded by the caller and opaque here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A log entry. Its index is the one after the group's last; an index that is still in the log
    /// replaces that entry and drops all after it.
    Entry {
        /// Position in the group's log.
        index: u64,
        /// The entry as the caller encoded it, term included.
        payload: Bytes,
    },
    /// The group's vote; the last one wins.
    Vote(Bytes),
    /// The group's commit position; the last one wins.
    Committed(Bytes),
    /// Drops the entries with an index above the given one; all of them for `None`.
    TruncateAfter {
        /// The last index that stays.
        index: Option<u64>,
    },
    /// Entries up to and including `index` are no longer needed. A lower index than before is
    /// ignored.
    Purge {
        /// The last index that goes.
        index: u64,
        /// The caller's own form of the purged position, handed back at recovery.
        state: Bytes,
    },
    /// Whether the group lives on this node; the last one wins. [`Presence::Dropped`] forgets all
    /// of the group but its vote.
    Presence(Presence),
}

/// Whether and how a group lives on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It lives here, with all that it ever acknowledged. What holds without any record.
    #[default]
    Here,
    /// It was opened empty and has not yet caught up with what an earlier life of it on this node
    /// may have acknowledged.
    Joining,
    /// It does not live here any more. Only its vote is kept: a promise outlives the group.
    Dropped,
}

/// Whether the caller waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// `done` is called after fdatasync covered the records.
    Durable,
    /// `done` is called after the write; a later fdatasync covers the records. A power cut before
    /// it may lose them, together with all that was queued after them.
    Lazy,
}

/// What the log held when it was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// State of each group that ever wrote.
    pub groups: BTreeMap<GroupId, RecoveredGroup>,
    /// Set when a torn tail was cut now, or at an earlier start and [`Wal::clear_doubt`] was not
    /// called since. A damaged last record that had been acknowledged looks just like a torn one,
    /// so the node must neither vote nor lead before a leader has brought it past the cut.
    pub cut: Option<CutTail>,
    /// Set when the write that a killed process left unfinished was removed. The system has run on
    /// since, so that all that was ever acknowledged would have been found; there is no doubt.
    pub unfinished: Option<CutTail>,
}

/// One group's recovered state.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RecoveredGroup {
    /// The last vote written.
    pub vote: Option<Bytes>,
    /// The last commit position written.
    pub committed: Option<Bytes>,
    /// The last purge: index and the caller's state.
    pub purged: Option<(u64, Bytes)>,
    /// Live entries, contiguous; the first follows the purged index if there is one.
    pub entries: VecDeque<(u64, Bytes)>,
    /// Whether the group lives here. Of a dropped one there is only the vote.
    pub presence: Presence,
}

/// Where and why the end of the log was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutTail {
    /// Name of the segment file inside the log's directory.
    pub file: String,
    /// Offset of the first byte that was cut.
    pub offset_bytes: u64,
    /// What was wrong there.
    pub reason: String,
}

/// Handle of an open log; cheap to clone. The log closes when [`Wal::shutdown`] is called or the
/// last handle is dropped; what was queued by then is still written.
#[derive(Clone)]
pub struct Wal {
    owner: Arc<Owner>,
}

struct Owner {
    queue: Arc<Queue>,
    stats: Arc<StatsCell>,
    failure: watch::Receiver<Option<WalFailure>>,
    driver: Mutex<Option<Driver>>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Wal {
    /// Opens or creates the log in `options.dir`, replays it and starts the writer thread.
    /// Blocking.
    ///
    /// # Errors [`WalError`] when the options contradict each other, another process holds the
    /// directory, the log belongs to another node, cluster or newer release, anything but the very
    /// end is damaged, or the disk fails. Nothing of a refused log is changed.
    pub fn open(options: WalOptions, disk: Arc<dyn Disk>) -> Result<(Self, Recovered), WalError> {
        let queue = Queue::new(options.queue_len_max, options.queue_bytes_max);
        Self::open_with(options, disk, queue, Driver::thread)
    }

    /// As [`Wal::open`], with the writer as a task of the present runtime instead of a thread: for
    /// simulations, whose runtimes have one thread. What is queued when the runtime is dropped is
    /// not written.
    ///
    /// # Errors
    /// As [`Wal::open`].
    pub fn open_in_task(
        options: WalOptions,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, Recovered), WalError> {
        let queue = Queue::for_task(options.queue_len_max, options.queue_bytes_max);
        Self::open_with(options, disk, queue, |run| Ok(Driver::task(run)))
    }

    fn open_with(
        options: WalOptions,
        disk: Arc<dyn Disk>,
        queue: Queue,
        drive: impl FnOnce(Run) -> Result<Driver, WalError>,
    ) -> Result<(Self, Recovered), WalError> {
        options.validate()?;
        let (state, recovered) = recovery::recover(&options, Arc::clone(&disk))?;
        let (queue, stats) = (Arc::new(queue), Arc::new(StatsCell::default()));
        let (failed, failure) = watch::channel(None);
        let writer = writer::Writer::start(&options, state, Arc::clone(&stats))?;
        let driver = drive(Run { writer, queue: Arc::clone(&queue), failed })?;
        let (driver, dir) = (Mutex::new(Some(driver)), options.dir);
        let owner = Owner { queue, stats, failure, driver, disk, dir };
        Ok((Self { owner: Arc::new(owner) }, recovered))
    }

    /// Queues `records` of `group`; `done` is called on the writer thread once they are written,
    /// and synced if `sync` says so. Order of calls = order on disk = order of completions. Never
    /// waits for I/O.
    ///
    /// When the log has failed or is closed, `done` is called with the reason, on this thread. A
    /// call that finds the queue full ([`WalOptions::queue_len_max`]) stops the log with
    /// [`WalFailure::Backlog`]: a dropped record would leave a hole, so callers bound themselves.
    pub fn append(&self, group: GroupId, records: Vec<Record>, sync: Sync, done: Option<Done>) {
        self.owner.queue.push(Job::append(group, records, sync, done));
    }

    /// Forgets the cut reported in [`Recovered::cut`], after all that was queued before is durable.
    pub fn clear_doubt(&self) {
        self.owner.queue.push(Job::clear_doubt());
    }

    /// Counters and sizes as of the last batch.
    #[must_use]
    pub fn stats(&self) -> WalStats {
        self.owner.stats.read(self.owner.queue.size())
    }

    /// Room of the log's file system; `None` where it cannot be told. A full disk stops the log, so
    /// somebody should be warned before.
    #[must_use]
    pub fn disk_space(&self) -> Option<DiskSpace> {
        self.owner.disk.space(&self.owner.dir).ok()
    }

    /// Holds the reason once the log has stopped for good. The process must end then: nothing is
    /// acknowledged any more, and only a restart re-reads what the disk really has. After an
    /// orderly end it stays empty and its sender is gone.
    #[must_use]
    pub fn failure(&self) -> watch::Receiver<Option<WalFailure>> {
        self.owner.failure.clone()
    }

    /// Writes and syncs what is queued, ends the writer thread and releases the directory. Blocks
    /// until the thread has ended, so it must not be called from a callback. Later calls on other
    /// clones are answered [`WalFailure::Closed`].
    ///
    /// # Errors
    /// The failure that stopped the log, if it did not end in order.
    pub fn shutdown(self) -> Result<(), WalFailure> {
        self.owner.queue.close();
        let driver = self.owner.driver.lock().take();
        if let Some(driver) = driver {
            driver.finish();
        }
        match self.owner.failure.borrow().clone() {
            None => Ok(()),
            Some(failure) => Err(failure),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl std::fmt::Debug for Wal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wal").field("queue", &self.owner.queue.size()).finish_non_exhaustive()
    }
}
