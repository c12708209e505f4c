//! Opening the log: lock, replay, and cutting a torn tail.
//!
//! Runs once, before the writer starts. Everything is verified before anything is changed. Only the
//! end of the last segment may be cut, and only if no later record proves that what is bad there
//! had been durable; any other damage refuses the log.

use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, DiskEntry, DiskLock};
use super::error::At as _;
use super::format::{
    self, Behind, Body, END_BYTES, HEADER_BYTES, HeaderRead, Position, SegmentHeader,
};
use super::index::Index;
use super::segments::{self, ActiveSegment, SegmentFiles};
use super::{CutTail, GroupId, Recovered, WalError, WalOptions, notes};

const LOCK_FILE: &str = "lock";
/// What an end marker looks like when the write that replaced it was lost.
const LATER_RECORDS: &str = "later records lie behind the end marker";

/// All that the writer goes on with.
pub(super) struct State {
    pub disk: Arc<dyn Disk>,
    /// Released when the writer ends.
    pub lock: DiskLock,
    pub files: SegmentFiles,
    pub index: Index,
    pub position: Position,
    pub active: ActiveSegment,
}

/// Opens the directory and replays what is in it.
pub(super) fn recover(
    options: &WalOptions,
    disk: Arc<dyn Disk>,
) -> Result<(State, Recovered), WalError> {
    let lock = lock_dir(&*disk, &options.dir)?;
    let entries = disk.list(&options.dir).at("listing", &options.dir)?;
    let numbers = contiguous_segments(options, &entries)?;
    if numbers.is_empty() && notes::was_opened(&entries) {
        // The first segment is durable before the note is written.
        return Err(WalError::MissingSegment {
            dir: options.dir.clone(),
            number: 1,
            reason: "the log was opened before and has no segment at all".to_owned(),
        });
    }
    let same_boot = notes::same_boot(&*disk, &options.dir)?;
    let cut = notes::read_doubt(&*disk, &options.dir)?;
    let mut recovered = Recovered { cut, ..Recovered::default() };
    let mut files = SegmentFiles::new(options, Arc::clone(&disk));

    let (index, position, active) = if let Some(&first) = numbers.first() {
        let mut replay = Replay::new(options, &*disk, first);
        let tail = replay.run(&numbers)?;
        files.adopt_spares(&entries, true)?;
        judge_tail(&tail, same_boot, &mut recovered);
        let active = end_log(options, &*disk, &tail, replay.position, recovered.cut.as_ref())?;
        (replay.index, replay.position, active)
    } else {
        files.adopt_spares(&entries, false)?;
        first_segment(options, &mut files)?
    };
    if !same_boot {
        notes::write_boot(&*disk, &options.dir)?;
    }
    recovered.groups = index.recovered();
    Ok((State { disk, lock, files, index, position, active }, recovered))
}

/// Within one start of the system nothing that was written is lost, so a torn record had never been
/// acknowledged: the mark behind it would say so. After a new start, or in a file shorter than any
/// crash could leave it, nobody can tell.
fn judge_tail(tail: &Tail, same_boot: bool, recovered: &mut Recovered) {
    match &tail.torn {
        Some(torn) if same_boot && tail.whole_file => recovered.unfinished = Some(torn.clone()),
        Some(torn) => recovered.cut = Some(torn.clone()),
        None => {}
    }
}

fn lock_dir(disk: &dyn Disk, dir: &Path) -> Result<DiskLock, WalError> {
    disk.create_dir_all(dir).at("creating", dir)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => dir,
    };
    disk.sync_dir(parent).at("syncing", parent)?;
    let path = dir.join(LOCK_FILE);
    let lock = disk.lock(&path).at("locking", &path)?;
    lock.ok_or_else(|| WalError::Locked { dir: dir.to_owned() })
}

/// Segments are freed from the oldest on, so the numbers never have a hole.
fn contiguous_segments(options: &WalOptions, entries: &[DiskEntry]) -> Result<Vec<u64>, WalError> {
    let numbers = segments::segment_numbers(entries);
    match numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        None => Ok(numbers),
        Some(pair) => Err(WalError::MissingSegment {
            dir: options.dir.clone(),
            number: pair[0] + 1,
            reason: format!("segment {} exists", pair[1]),
        }),
    }
}

fn first_segment(
    options: &WalOptions,
    files: &mut SegmentFiles,
) -> Result<(Index, Position, ActiveSegment), WalError> {
    let position = Position { sequence: 1, chain: 0 };
    let mut index = Index::new(1);
    index.add_segment();
    let active = files.activate(options, 1, position)?;
    Ok((index, position, active))
}

/// Opens the last segment for appending; what was recovered from it is durable afterwards. A torn
/// tail goes away, so that nothing of it can come back behind new records.
fn end_log(
    options: &WalOptions,
    disk: &dyn Disk,
    tail: &Tail,
    position: Position,
    doubt: Option<&CutTail>,
) -> Result<ActiveSegment, WalError> {
    let path = options.dir.join(segments::segment_name(tail.number));
    let file = disk.open(&path).at("opening", &path)?;
    let offset_bytes = tail.offset_bytes;
    if tail.torn.is_some() {
        disk.reached("wal.cut.before_doubt");
        if let Some(doubt) = doubt {
            // On record first: a power cut in between must not leave a log that looks whole.
            notes::write_doubt(disk, &options.dir, doubt)?;
        }
        disk.reached("wal.cut.before_truncate");
        file.truncate(offset_bytes).at("truncating", &path)?;
        let len_bytes = options.segment_bytes.max(offset_bytes + END_BYTES as u64);
        file.preallocate(len_bytes).at("preallocating", &path)?;
        let marker = position.end_marker(tail.number);
        segments::write_all_at(&*file, &path, offset_bytes, &marker)?;
        disk.reached("wal.cut.before_sync");
    }
    file.sync_data().at("syncing", &path)?;
    Ok(ActiveSegment { file, path, number: tail.number, offset_bytes })
}

/// Where the last segment ends.
struct Tail {
    number: u64,
    offset_bytes: u64,
    /// What lies there if it is no end marker.
    torn: Option<CutTail>,
    /// Whether the file is as long as it was made; no crash makes it shorter.
    whole_file: bool,
    /// Whether another segment must follow.
    sealed: bool,
}

/// Reads the segments in order and rebuilds the index.
struct Replay<'a> {
    options: &'a WalOptions,
    disk: &'a dyn Disk,
    first: u64,
    index: Index,
    position: Position,
}

impl<'a> Replay<'a> {
    fn new(options: &'a WalOptions, disk: &'a dyn Disk, first: u64) -> Self {
        let position = Position { sequence: 1, chain: 0 };
        Self { options, disk, first, index: Index::new(first), position }
    }

    fn run(&mut self, numbers: &[u64]) -> Result<Tail, WalError> {
        let Some((&last, sealed)) = numbers.split_last() else { unreachable!("there is a first") };
        for &number in sealed {
            self.segment(number, false)?;
        }
        let tail = self.segment(last, true)?;
        if tail.sealed {
            return Err(WalError::MissingSegment {
                dir: self.options.dir.clone(),
                number: last + 1,
                reason: format!("segment {last} says that it follows"),
            });
        }
        match self.index.first_missing() {
            None => Ok(tail),
            Some((group, index)) => Err(WalError::MissingSegment {
                dir: self.options.dir.clone(),
                number: self.first - 1,
                reason: format!("entry {index} of group {group} is nowhere else"),
            }),
        }
    }

    fn segment(&mut self, number: u64, last: bool) -> Result<Tail, WalError> {
        let file = segments::segment_name(number);
        let path = self.options.dir.join(&file);
        let bytes = self.disk.read(&path).at("reading", &path)?;
        let made_bytes = self.header(&path, &bytes, number)?;
        self.index.add_segment();
        let mut offset = HEADER_BYTES;
        let torn = loop {
            let rest = bytes.get(offset..).unwrap_or_default();
            match self.record(rest, number, offset == HEADER_BYTES) {
                Ok(Some(bytes)) => offset += bytes,
                Ok(None) if !last => break None,
                Ok(None) => match format::behind(rest, number, self.position.sequence) {
                    Behind::Nothing => break None,
                    Behind::Unknown => break Some(LATER_RECORDS),
                    Behind::Durable => return Err(corrupt(&path, offset, LATER_RECORDS)),
                },
                Err(Bad::Content(reason)) => return Err(corrupt(&path, offset, &reason)),
                Err(Bad::Frame(reason)) => {
                    let sequence = self.position.sequence;
                    if !last || format::behind(rest, number, sequence) == Behind::Durable {
                        return Err(corrupt(&path, offset, reason));
                    }
                    break Some(reason);
                }
            }
        };
        if offset == HEADER_BYTES && number == self.first && number > 1 {
            // The segments before were freed on the strength of its checkpoint.
            return Err(corrupt(&path, offset, torn.unwrap_or("the checkpoint is missing")));
        }
        let (offset_bytes, whole_file) = (offset as u64, bytes.len() as u64 >= made_bytes);
        let sealed = torn.is_none() && self.sealed(bytes.get(offset + END_BYTES..), number);
        let torn = torn.map(|reason| CutTail { file, offset_bytes, reason: reason.to_owned() });
        Ok(Tail { number, offset_bytes, torn, whole_file, sealed })
    }

    /// Verifies the header and says how long the file was made.
    fn header(&mut self, path: &Path, bytes: &[u8], number: u64) -> Result<u64, WalError> {
        let header = match SegmentHeader::decode(bytes) {
            HeaderRead::Good(header) => header,
            HeaderRead::Bad(reason) => return Err(corrupt(path, 0, reason)),
            HeaderRead::Newer(found) => {
                let supported = format::FORMAT_VERSION;
                return Err(WalError::NewerFormat { file: path.to_owned(), found, supported });
            }
        };
        let SegmentHeader { cluster_id: found_cluster, node_id: found_node, .. } = header;
        let (cluster, node) = (self.options.cluster_id, self.options.node_id);
        // invariant: I5
        if (found_cluster, found_node) != (cluster, node) {
            let file = path.to_owned();
            return Err(WalError::Foreign { file, cluster, node, found_cluster, found_node });
        }
        let start = Position { sequence: header.first_sequence, chain: header.chain };
        if header.number != number {
            return Err(corrupt(path, 0, &format!("the header is of segment {}", header.number)));
        }
        if number == self.first {
            self.position = start;
        } else if start != self.position {
            return Err(corrupt(path, 0, "it does not follow the segment before it"));
        }
        Ok(header.segment_bytes)
    }

    /// Whether a seal of this segment stands here, behind the end marker.
    fn sealed(&self, bytes: Option<&[u8]>, number: u64) -> bool {
        let Some(Ok(frame)) = bytes.map(format::decode) else { return false };
        frame.stamp == self.position.stamp(number, frame.stamp.durable)
            && Body::decode(frame.kind, frame.body) == Some(Body::Seal)
    }

    /// Verifies and applies the record at the start of `rest`; `None` at the end marker.
    fn record(&mut self, rest: &[u8], segment: u64, first: bool) -> Result<Option<usize>, Bad> {
        let frame = format::decode(rest).map_err(Bad::Frame)?;
        let stamp = self.position.stamp(segment, frame.stamp.durable);
        if frame.stamp != stamp {
            return Err(Bad::Frame("a record does not follow the one before it"));
        }
        let Some(body) = Body::decode(frame.kind, frame.body) else {
            return Err(Bad::Content(format!("a record of unknown kind {}", frame.kind)));
        };
        match body {
            Body::End => return Ok(None),
            Body::Seal => return Err(Bad::Content("a seal amid a segment".to_owned())),
            _ => {}
        }
        self.apply(frame.group, body, segment, first)?;
        self.position = self.position.after(frame.crc);
        Ok(Some(frame.bytes))
    }

    fn apply(&mut self, group: GroupId, body: Body, segment: u64, first: bool) -> Result<(), Bad> {
        match body {
            Body::Checkpoint(groups) if first && segment == self.first => {
                self.index.restore(groups);
                Ok(())
            }
            Body::Checkpoint(groups) if first => {
                if groups == self.index.checkpoint() {
                    return Ok(());
                }
                Err(Bad::Content("the checkpoint differs from the records before it".to_owned()))
            }
            Body::Checkpoint(_) => Err(Bad::Content("a checkpoint amid a segment".to_owned())),
            _ if first => Err(Bad::Content("a segment without a checkpoint".to_owned())),
            body => self.index.apply(group, body).map_err(|gap| Bad::Content(gap.to_string())),
        }
    }
}

/// What is wrong with a record.
enum Bad {
    /// Its frame does not verify: torn, or damaged.
    Frame(&'static str),
    /// Its frame verifies and it still makes no sense: never a crash.
    Content(String),
}

fn corrupt(path: &Path, offset: usize, reason: &str) -> WalError {
    WalError::Corrupt {
        file: path.to_owned(),
        offset_bytes: offset as u64,
        reason: reason.to_owned(),
    }
}
