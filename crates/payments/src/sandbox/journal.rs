//! The sandbox's journal on disk: JSON lines, appended, made durable in groups, replayed at start.
//!
//! First line: format and version. Each later line is one transaction, a list of changes. The
//! store hands over bytes and decides when; this file alone knows what the bytes look like. It
//! never acknowledges a line before `fdatasync`, never repeats a failed one, and never starts over
//! damage in the middle.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::object::Change;

/// Name of the journal in the data directory.
const JOURNAL_NAME: &str = "sandbox.journal";
/// Name under which a compacted journal is written before it takes the journal's place.
const COMPACTED_NAME: &str = "sandbox.journal.new";
/// Name of the file whose lock says that the directory is in use.
const LOCK_NAME: &str = "sandbox.lock";
/// Name of the format in the first line.
const FORMAT: &str = "seatgrid-sandbox";
/// Version of the format that is written and read.
const VERSION: u32 = 1;
/// Compact when the journal is this many times what it was after the last time.
const COMPACT_GROWTH: u64 = 3;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process works in this directory.
    #[error("{} is in use by another process; stop it or choose another directory", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The disk said no.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// A line before the last good one cannot be read.
    #[error(
        "{} is damaged at byte {offset}: {detail}; restore it from a backup, or move it away to \
         start with an empty gateway", path.display()
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where the bad line begins.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    journal: String,
    version: u32,
}

/// An open journal. Holds the lock of its directory.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    file: File,
    bytes: u64,
    compact_at: u64,
    compact_bytes_min: u64,
    _lock: File,
}

impl Journal {
    /// Opens or creates the journal in `dir` and hands every recorded change to `replay`, in
    /// order. A torn last line, which nobody was promised, is cut off. Below `compact_bytes_min`
    /// the journal never wants to be compacted.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was changed on disk except a new directory or lock file.
    pub fn open(
        dir: &Path,
        compact_bytes_min: u64,
        replay: impl FnMut(Change),
    ) -> Result<Self, JournalError> {
        fs::create_dir_all(dir).map_err(|e| io_error("create", dir, e))?;
        let lock = take_lock(dir)?;
        let path = dir.join(JOURNAL_NAME);
        let mut file = open_file(&path)?;
        let mut bytes = read_all(&path, &file, replay)?;
        file.set_len(bytes).map_err(|e| io_error("cut", &path, e))?;
        if bytes == 0 {
            let header = header_line();
            append(&mut file, &header).map_err(|e| io_error("write", &path, e))?;
            bytes = header.len() as u64;
        }
        file.sync_all().map_err(|e| io_error("sync", &path, e))?;
        sync_dir(dir)?;
        let compact_at = compact_at(bytes, compact_bytes_min);
        Ok(Self { dir: dir.to_owned(), file, bytes, compact_at, compact_bytes_min, _lock: lock })
    }

    /// Appends whole lines and makes them durable.
    ///
    /// # Errors
    /// [`JournalError::Io`]; the journal must not be used any more.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        let path = self.dir.join(JOURNAL_NAME);
        append(&mut self.file, lines).map_err(|e| io_error("write", &path, e))?;
        self.file.sync_data().map_err(|e| io_error("sync", &path, e))?;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// Whether it is time for [`Journal::replace`].
    pub fn wants_compaction(&self) -> bool {
        self.bytes >= self.compact_at
    }

    /// Puts a journal with only `lines` in the place of this one, durably and at once.
    ///
    /// # Errors
    /// [`JournalError::Io`]; the old journal is still whole, but must not be used any more.
    pub fn replace(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        let (new, path) = (self.dir.join(COMPACTED_NAME), self.dir.join(JOURNAL_NAME));
        let mut file = File::create(&new).map_err(|e| io_error("create", &new, e))?;
        let header = header_line();
        let written = append(&mut file, &header).and_then(|()| append(&mut file, lines));
        written.map_err(|e| io_error("write", &new, e))?;
        file.sync_all().map_err(|e| io_error("sync", &new, e))?;
        fs::rename(&new, &path).map_err(|e| io_error("rename", &new, e))?;
        sync_dir(&self.dir)?;
        self.file = file;
        self.bytes = (header.len() + lines.len()) as u64;
        self.compact_at = compact_at(self.bytes, self.compact_bytes_min);
        Ok(())
    }
}

/// One transaction as a line.
pub fn line(changes: &[Change]) -> Vec<u8> {
    // Plain data with text keys always has a JSON form.
    let mut line = serde_json::to_vec(changes).expect("changes have a JSON form");
    line.push(b'\n');
    line
}

fn header_line() -> Vec<u8> {
    format!("{{\"journal\":\"{FORMAT}\",\"version\":{VERSION}}}\n").into_bytes()
}

fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

fn compact_at(bytes: u64, compact_bytes_min: u64) -> u64 {
    compact_bytes_min.max(bytes.saturating_mul(COMPACT_GROWTH))
}

fn open_file(path: &Path) -> Result<File, JournalError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    options.open(path).map_err(|e| io_error("open", path, e))
}

fn take_lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|e| io_error("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::InUse { dir: dir.to_owned() }),
        Err(fs::TryLockError::Error(e)) => Err(io_error("lock", &path, e)),
    }
}

/// Reads all lines; answers how many bytes are good. Bad bytes that reach to the end of the file
/// are a torn write; bad bytes before a good line are damage.
fn read_all(path: &Path, file: &File, mut replay: impl FnMut(Change)) -> Result<u64, JournalError> {
    let mut reader = BufReader::new(file);
    let (mut offset, mut good, mut bad) = (0_u64, 0_u64, None);
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line).map_err(|e| io_error("read", path, e))?;
        if read == 0 {
            return Ok(good);
        }
        let start = offset;
        offset += read as u64;
        match (parse(&line, start), &bad) {
            (Err(detail), None) => bad = Some((start, detail)),
            (Err(_), Some(_)) => {}
            (Ok(changes), None) => {
                changes.into_iter().for_each(&mut replay);
                good = offset;
            }
            (Ok(_), Some((offset, detail))) => {
                let (path, offset, detail) = (path.to_owned(), *offset, detail.clone());
                return Err(JournalError::Damaged { path, offset, detail });
            }
        }
        if let (0, Some((offset, detail))) = (start, &bad) {
            refuse_foreign(path, &line, *offset, detail)?;
        }
    }
}

/// A whole first line that is not ours is somebody else's file or a newer format, never a torn
/// write: cutting it would destroy it.
fn refuse_foreign(path: &Path, line: &[u8], offset: u64, detail: &str) -> Result<(), JournalError> {
    if !line.ends_with(b"\n") && header_line().starts_with(line) {
        return Ok(());
    }
    let (path, detail) = (path.to_owned(), detail.to_owned());
    Err(JournalError::Damaged { path, offset, detail })
}

fn parse(line: &[u8], start: u64) -> Result<Vec<Change>, String> {
    let line = line.strip_suffix(b"\n").ok_or("line has no end")?;
    if start > 0 {
        return serde_json::from_slice(line).map_err(|error| error.to_string());
    }
    let header: Header = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if header.journal != FORMAT || header.version != VERSION {
        return Err(format!("expected format {FORMAT} version {VERSION}"));
    }
    Ok(Vec::new())
}

fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| io_error("sync", dir, e))
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::Io { what, path: path.to_owned(), source }
}
