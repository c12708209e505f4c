//! Opening logs in tests, a naive model of what they hold, and a generator of legal records.
//!
//! The oracle: a log is one ordered list of records, so whatever happens, a restart must find the
//! state after some prefix of what was appended, and the prefix covers all that was acknowledged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use grid_node::wal::{
    Disk, GroupId, Presence, Record, Recovered, RecoveredGroup, Sync, Wal, WalError, WalFailure,
    WalOptions,
};
use rand::Rng as _;
use rand::rngs::StdRng;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const CLUSTER: u128 = 0xfeed_0000_0000_0000_0000_0000_0000_beef;
pub const NODE: u64 = 7;

/// The directory used on simulated disks.
pub fn dir() -> PathBuf {
    PathBuf::from("/data/wal")
}

/// Path of a segment on a simulated disk.
pub fn segment(number: u64) -> PathBuf {
    dir().join(format!("segment-{number:016x}.wal"))
}

/// Options with segments of 8 KiB, so that a few records fill one.
pub fn small() -> WalOptions {
    WalOptions { segment_bytes: 8192, ..WalOptions::new(dir(), CLUSTER, NODE) }
}

pub fn open(options: &WalOptions, disk: &impl AsDisk) -> Result<(Wal, Recovered), WalError> {
    Wal::open(options.clone(), disk.as_disk())
}

/// Lets tests pass a disk by reference.
pub trait AsDisk {
    fn as_disk(&self) -> Arc<dyn Disk>;
}

impl<D: Disk + Clone> AsDisk for D {
    fn as_disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
}

pub fn entry(index: u64, payload: &str) -> Record {
    Record::Entry { index, payload: Bytes::copy_from_slice(payload.as_bytes()) }
}

pub fn purge(index: u64) -> Record {
    Record::Purge { index, state: Bytes::from(format!("purged {index}")) }
}

/// Appends and waits for the answer.
pub fn put(wal: &Wal, group: GroupId, records: Vec<Record>, sync: Sync) -> Result<(), WalFailure> {
    let (answer, answered) = mpsc::channel();
    let done = Box::new(move |result| answer.send(result).expect("the test waits"));
    wal.append(group, records, sync, Some(done));
    answered.recv_timeout(PATIENCE).expect("an answer in time")
}

/// Appends durably and expects success.
pub fn put_durable(wal: &Wal, group: GroupId, records: Vec<Record>) {
    put(wal, group, records, Sync::Durable).expect("the disk is healthy");
}

/// State of all groups.
pub type Groups = BTreeMap<GroupId, RecoveredGroup>;

/// Applies one record the naive way.
pub fn model(groups: &mut Groups, group: GroupId, record: &Record) {
    let state = groups.entry(group).or_default();
    match record.clone() {
        Record::Entry { index, payload } => {
            state.entries.retain(|(i, _)| *i < index);
            state.entries.push_back((index, payload));
        }
        Record::Vote(vote) => state.vote = Some(vote),
        Record::Committed(committed) => state.committed = Some(committed),
        Record::TruncateAfter { index } => {
            state.entries.retain(|(i, _)| index.is_some_and(|index| *i <= index));
        }
        Record::Purge { index, state: purged } => {
            if state.purged.as_ref().is_none_or(|(before, _)| *before <= index) {
                state.purged = Some((index, purged));
                state.entries.retain(|(i, _)| *i > index);
            }
        }
        Record::Presence(presence) => {
            state.presence = presence;
            if presence == Presence::Dropped {
                (state.committed, state.purged) = (None, None);
                state.entries.clear();
            }
        }
    }
}

/// All that was appended, in order.
#[derive(Default, Clone)]
pub struct History {
    pub records: Vec<(GroupId, Record)>,
    /// State after all of it.
    pub groups: Groups,
}

impl History {
    pub fn push(&mut self, group: GroupId, record: Record) {
        model(&mut self.groups, group, &record);
        self.records.push((group, record));
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The longest prefix whose state is `found`; none is a failure of the log.
    pub fn prefix_of(&self, found: &Groups) -> Option<usize> {
        let mut groups = Groups::new();
        let mut longest = (groups == *found).then_some(0);
        for (at, (group, record)) in self.records.iter().enumerate() {
            model(&mut groups, *group, record);
            if groups == *found {
                longest = Some(at + 1);
            }
        }
        longest
    }

    /// Checks that all up to `acknowledged` was found and drops what was not found.
    pub fn keep_found(&mut self, found: &Groups, acknowledged: usize, context: &str) {
        let prefix = self.prefix_of(found);
        let prefix = prefix.unwrap_or_else(|| panic!("{context}: no prefix gives {found:#?}"));
        assert!(prefix >= acknowledged, "{context}: {prefix} found, {acknowledged} acknowledged");
        self.records.truncate(prefix);
        self.groups = found.clone();
    }

    /// A record that a correct caller could append now.
    pub fn next(&self, random: &mut StdRng) -> (GroupId, Record) {
        let group = random.random_range(0..4);
        let state = self.groups.get(&group);
        let first = state.and_then(|s| s.entries.front()).map(|e| e.0);
        let last = state.and_then(|s| s.entries.back()).map(|e| e.0);
        let purged = state.and_then(|s| s.purged.as_ref()).map(|p| p.0);
        let next = last.or(purged).map_or(random.random_range(0..5), |last| last + 1);
        let choice = random.random_range(0..100);
        // Group 3 is cold: it hardly ever purges, so that it pins segments.
        let record = match (choice, first) {
            (0..60, _) => Record::Entry { index: next, payload: payload(random) },
            (60..70, _) => Record::Vote(payload(random)),
            (70..85, _) => Record::Committed(payload(random)),
            (_, None) => Record::Entry { index: next, payload: payload(random) },
            (85..88, Some(first)) => {
                let index = random.random_range(first..=next);
                Record::Entry { index, payload: payload(random) }
            }
            (88..89, Some(_)) => Record::TruncateAfter { index: None },
            (89..92, Some(first)) => {
                Record::TruncateAfter { index: Some(random.random_range(first..=next)) }
            }
            (92..94, Some(_)) => Record::Presence(match choice {
                92 => Presence::Dropped,
                _ => Presence::Joining,
            }),
            (_, Some(_)) if group == 3 && choice < 99 => Record::Vote(payload(random)),
            (_, Some(first)) => purge(random.random_range(first..=next + 2)),
        };
        (group, record)
    }
}

fn payload(random: &mut StdRng) -> Bytes {
    let len = match random.random_range(0..20) {
        0 => 0,
        1 => 3000,
        _ => random.random_range(0..300),
    };
    (0..len).map(|_| random.random::<u8>()).collect()
}

/// Set by `cargo xtask long wal`: every case instead of a sample.
const EXHAUSTIVE: &str = "SEATGRID_WAL_EXHAUSTIVE";

/// The step between cases: 1 in the long form, else `sample`. A prime meets every position of bits
/// and bytes in turn.
pub fn step(sample: usize) -> usize {
    if std::env::var_os(EXHAUSTIVE).is_some() { 1 } else { sample }
}

/// Offsets of the records of a segment, checkpoint included, and last that of its end marker.
pub fn record_offsets(bytes: &[u8]) -> Vec<usize> {
    const END: u8 = 8;
    let mut offsets = vec![4096];
    loop {
        let at = offsets[offsets.len() - 1];
        if bytes[at + 40] == END {
            return offsets;
        }
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        offsets.push(at + 48 + (len as usize).next_multiple_of(8));
    }
}

/// Opens, hands back what was found, and closes again.
pub fn reopen(options: &WalOptions, disk: &impl AsDisk) -> Result<Recovered, WalError> {
    let (wal, recovered) = open(options, disk)?;
    wal.shutdown()?;
    Ok(recovered)
}

/// A directory of the real file system, removed at the end.
pub struct RealDir(PathBuf);

impl RealDir {
    pub fn new(name: &str) -> Self {
        let unique = format!("wal-{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        // A run that was killed may have left one.
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RealDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
