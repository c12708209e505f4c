//! The log's files: names, creation, reuse and removal of segments.
//!
//! A segment comes to its name only with a whole, synced header in it, and the directory is synced
//! before anything is appended; so a file with a segment's name and a bad header is damage, never a
//! crash. Freed segments become spares. Decides nothing about what is needed.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WalOptions;
use super::disk::{Disk, DiskEntry, DiskFile};
use super::error::{At as _, FileError};
use super::format::{HEADER_BYTES, Position, SegmentHeader};

const SEGMENT_PREFIX: &str = "segment-";
const SPARE_PREFIX: &str = "spare-";
const SUFFIX: &str = ".wal";
/// The one spare that was never a segment; the others carry the number they had.
const FRESH_SPARE: &str = "spare-fresh.wal";

/// Interruptions of one write in a row before it counts as failed: no signal comes so often.
const INTERRUPTS_MAX: u32 = 1_000;

/// The directory with its segments and spares.
pub(super) struct SegmentFiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    spares_max: usize,
    /// Names of files ready for reuse, each exactly `segment_bytes` long.
    spares: VecDeque<String>,
}

/// The segment that is appended to.
pub(super) struct ActiveSegment {
    pub file: Box<dyn DiskFile>,
    pub path: PathBuf,
    pub number: u64,
    /// Where the next record goes; the end marker lies there now.
    pub offset_bytes: u64,
}

/// Name of a segment file.
pub(super) fn segment_name(number: u64) -> String {
    format!("{SEGMENT_PREFIX}{number:016x}{SUFFIX}")
}

/// Numbers of the segments among `entries`, ascending.
pub(super) fn segment_numbers(entries: &[DiskEntry]) -> Vec<u64> {
    let number = |entry: &DiskEntry| {
        let digits = entry.name.strip_prefix(SEGMENT_PREFIX)?.strip_suffix(SUFFIX)?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        // A name we would write ourselves, not merely one that parses.
        (segment_name(number) == entry.name).then_some(number)
    };
    let mut numbers: Vec<u64> = entries.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

impl SegmentFiles {
    /// The files of a log without its spares, see [`SegmentFiles::adopt_spares`].
    pub fn new(options: &WalOptions, disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            dir: options.dir.clone(),
            segment_bytes: options.segment_bytes,
            spares_max: options.spare_segments_max,
            spares: VecDeque::new(),
        }
    }

    /// Takes over the spare files found in the directory and removes those that do not fit. A log
    /// without segments starts without spares: they are from another one.
    pub fn adopt_spares(
        &mut self,
        entries: &[DiskEntry],
        any_segment: bool,
    ) -> Result<(), FileError> {
        let spare = |e: &&DiskEntry| e.name.starts_with(SPARE_PREFIX) && e.name.ends_with(SUFFIX);
        for entry in entries.iter().filter(spare) {
            let fits = entry.len_bytes == self.segment_bytes;
            if any_segment && fits && self.spares.len() < self.spares_max {
                self.spares.push_back(entry.name.clone());
            } else {
                let path = self.dir.join(&entry.name);
                self.disk.remove(&path).at("removing", &path)?;
            }
        }
        Ok(())
    }

    /// Makes segment `number`, starting at `position`, from a spare or a new file; opens it when it
    /// is durable under its name. Its end marker is written with the header, so that an empty
    /// segment does not look torn.
    pub fn activate(
        &mut self,
        options: &WalOptions,
        number: u64,
        position: Position,
    ) -> Result<ActiveSegment, FileError> {
        let spare = match self.spares.pop_front() {
            Some(spare) => spare,
            None => self.create_spare()?,
        };
        let (from, path) = (self.dir.join(spare), self.path(number));
        let mut head = SegmentHeader {
            cluster_id: options.cluster_id,
            node_id: options.node_id,
            number,
            first_sequence: position.sequence,
            chain: position.chain,
            segment_bytes: self.segment_bytes,
        }
        .encode();
        head.extend_from_slice(&position.end_marker(number));
        let file = self.disk.open(&from).at("opening", &from)?;
        self.disk.reached("wal.roll.before_header");
        write_all_at(&*file, &from, 0, &head)?;
        file.sync_data().at("syncing", &from)?;
        self.disk.reached("wal.roll.before_rename");
        self.disk.rename(&from, &path).at("renaming", &from)?;
        self.disk.reached("wal.roll.before_sync_dir");
        self.sync_dir()?;
        Ok(ActiveSegment { file, path, number, offset_bytes: HEADER_BYTES as u64 })
    }

    /// Frees the oldest segment: keeps its file as a spare, or removes it. The directory is synced
    /// each time, so that after a power cut no segment between two others can be missing.
    pub fn free(&mut self, number: u64) -> Result<(), FileError> {
        let from = self.path(number);
        self.disk.reached("wal.free.before_rename");
        if self.spares.len() < self.spares_max && self.has_segment_length(number)? {
            let spare = format!("{SPARE_PREFIX}{number:016x}{SUFFIX}");
            self.disk.rename(&from, &self.dir.join(&spare)).at("renaming", &from)?;
            self.spares.push_back(spare);
        } else {
            self.disk.remove(&from).at("removing", &from)?;
        }
        self.disk.reached("wal.free.before_sync_dir");
        self.sync_dir()
    }

    /// Creates a spare ahead of need if there is none. A full disk is no failure yet: a segment may
    /// be freed before the next one is needed.
    pub fn prepare_spare(&mut self) -> Result<(), FileError> {
        if !self.spares.is_empty() || self.spares_max == 0 {
            return Ok(());
        }
        match self.create_spare() {
            Ok(spare) => self.spares.push_back(spare),
            Err(error) if error.source.kind() == std::io::ErrorKind::StorageFull => {
                let path = self.dir.join(FRESH_SPARE);
                match self.disk.remove(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    other => other.at("removing", &path)?,
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Number of spare files.
    pub fn spares(&self) -> usize {
        self.spares.len()
    }

    /// Path of a segment.
    pub fn path(&self, number: u64) -> PathBuf {
        self.dir.join(segment_name(number))
    }

    fn create_spare(&self) -> Result<String, FileError> {
        let path = self.dir.join(FRESH_SPARE);
        let file = self.disk.create(&path).at("creating", &path)?;
        file.preallocate(self.segment_bytes).at("preallocating", &path)?;
        file.sync_data().at("syncing", &path)?;
        Ok(FRESH_SPARE.to_owned())
    }

    /// A segment that grew for one large record, or that was preallocated under another setting, is
    /// not reused.
    fn has_segment_length(&self, number: u64) -> Result<bool, FileError> {
        let name = segment_name(number);
        let entries = self.disk.list(&self.dir).at("listing", &self.dir)?;
        Ok(entries.iter().any(|e| e.name == name && e.len_bytes == self.segment_bytes))
    }

    fn sync_dir(&self) -> Result<(), FileError> {
        self.disk.sync_dir(&self.dir).at("syncing", &self.dir)
    }
}

/// Writes all of `bytes`, going on after short and interrupted writes.
pub(super) fn write_all_at(
    file: &dyn DiskFile,
    path: &Path,
    mut offset: u64,
    mut bytes: &[u8],
) -> Result<(), FileError> {
    let mut interrupts = 0;
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()).at("writing", path),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::Interrupted
                    && interrupts < INTERRUPTS_MAX =>
            {
                interrupts += 1;
            }
            Err(error) => return Err(error).at("writing", path),
        }
    }
    Ok(())
}
