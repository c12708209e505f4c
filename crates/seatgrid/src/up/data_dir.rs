//! The data directory of a local `up`: whose it is, that nobody else uses it, and what is in it.
//! Everything is below one directory so that removing or copying it is one command. Deletes only
//! what it made, and only after it has seen its own marker.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// Shows that a directory is ours; also remembers what must not change.
const MARKER: &str = "seatgrid.json";
const LOCK: &str = "up.lock";
const FORMAT: u32 = 1;
/// What `--reset` removes besides the database. Anything else in the directory is somebody's own.
const OURS: [&str; 11] = [
    "config",
    "logs",
    "secrets",
    "units",
    "sandbox",
    "admin.password",
    "database.url",
    "sandbox.url",
    "router.url",
    "processes.json",
    "up.sock",
];
/// Only the owner: there are secrets and buyers' data below. Root lets others pass through to the
/// database, which runs under another account; they still cannot list or read anything.
const MODE_OWN: u32 = 0o700;
const MODE_ROOT: u32 = 0o711;

/// Why the directory cannot be used. One line each, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another supervisor holds the lock.
    #[error(
        "{} is in use by another `seatgrid up` (pid {pid}): \
         stop that one, or give another --data-dir", path.display()
    )]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// What the holder wrote into the lock file.
        pid: String,
    },
    /// The directory holds something else.
    #[error(
        "{} is not a seatgrid data directory (no {MARKER} in it) and not empty: \
         give another --data-dir", path.display()
    )]
    Foreign {
        /// The data directory.
        path: PathBuf,
    },
    /// A file of ours cannot be understood.
    #[error(
        "{} is damaged ({reason}): put back a copy, or start anew with --reset", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The number of units is fixed when the data is made.
    #[error(
        "{} was made for {made} units, not {asked}: \
         give --units {made}, or start anew with --reset", path.display()
    )]
    Units {
        /// The data directory.
        path: PathBuf,
        /// Recorded.
        made: u32,
        /// Asked for now.
        asked: u32,
    },
    /// The operating system refused something.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was done, as "cannot create".
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What the marker remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    format: u32,
    /// Identity of the grid whose logs lie here, 32 hexadecimal digits.
    pub cluster_id: String,
    /// Number of processing units, fixed at the first start.
    pub units: u32,
    /// Set once every secret was made: from then on a missing one is a loss.
    pub complete: bool,
    /// Units that were added later, each of which joins the grid when it starts first.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<u32>,
    /// Units that were stopped for good.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stopped: BTreeSet<u32>,
}

impl Marker {
    /// The number of the next unit; none is used twice.
    pub fn next_unit(&self) -> u32 {
        self.added.last().copied().unwrap_or(0).max(self.units) + 1
    }
}

/// A locked data directory.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if needed and locks it for the life of the value.
    ///
    /// # Errors
    /// When it is locked, or not ours.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let mode = if rustix::process::geteuid().is_root() { MODE_ROOT } else { MODE_OWN };
        let made = DirBuilder::new().recursive(true).mode(mode).create(path);
        made.context("cannot create", path)?;
        let path = fs::canonicalize(path).context("cannot find", path)?;
        refuse_foreign(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// The marker, made at the first start.
    ///
    /// # Errors
    /// When it is damaged, or was made for another number of units.
    pub fn marker(&self, units: u32) -> Result<Marker, DataDirError> {
        let path = self.join(MARKER);
        if !path.exists() {
            let cluster_id = format!("{:032x}", rand::random::<u128>());
            let (added, stopped) = Default::default();
            let complete = false;
            let marker = Marker { format: FORMAT, cluster_id, units, complete, added, stopped };
            self.remember(&marker)?;
            return Ok(marker);
        }
        let marker = read_marker(&path)?;
        if marker.units != units {
            let made = marker.units;
            return Err(DataDirError::Units { path: self.path.clone(), made, asked: units });
        }
        Ok(marker)
    }

    /// Records what must not change and which units there are.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remember(&self, marker: &Marker) -> Result<(), DataDirError> {
        let json = serde_json::to_vec_pretty(marker).expect("a marker has only plain fields");
        self.replace(MARKER, &json)
    }

    /// Replaces a file below as a whole: temporary name, fsync, rename. Readable by the owner only.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn replace(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), DataDirError> {
        let path = self.join(name);
        replace(&path, bytes).context("cannot write", &path)
    }

    /// Makes a directory below, closed to others.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_dir(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.join(name);
        let made = DirBuilder::new().recursive(true).mode(MODE_OWN).create(&path);
        made.context("cannot create", &path)?;
        Ok(path)
    }

    /// Removes what we made, the database excepted, which has its own remover.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self) -> Result<(), DataDirError> {
        for name in OURS.into_iter().chain([MARKER]) {
            let path = self.join(name);
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).context("cannot remove", &path);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_marker(path: &Path) -> Result<Marker, DataDirError> {
    let text = fs::read_to_string(path).context("cannot read", path)?;
    let damaged = |reason: String| DataDirError::Damaged { path: path.to_owned(), reason };
    let marker: Marker = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
    if marker.format != FORMAT {
        return Err(damaged(format!("format {} is not {FORMAT}", marker.format)));
    }
    Ok(marker)
}

fn refuse_foreign(path: &Path) -> Result<(), DataDirError> {
    let mut entries = fs::read_dir(path).context("cannot list", path)?;
    // A first start that ended early leaves its lock file, which is ours as well.
    let others = entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK));
    if others && !path.join(MARKER).exists() {
        return Err(DataDirError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
    let mut file = file.context("cannot open", &path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        let _ = file.read_to_string(&mut pid);
        return Err(DataDirError::Locked { path: dir.to_owned(), pid: pid.trim().to_owned() });
    }
    let written = file.set_len(0).and_then(|()| file.rewind());
    let written = written.and_then(|()| writeln!(file, "{}", std::process::id()));
    written.context("cannot write", &path)?;
    Ok(file)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Says what was done to which path when the operating system refused it.
pub(super) trait IoContext<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, DataDirError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, DataDirError> {
        self.map_err(|source| DataDirError::Io { what, path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_at_a_time() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let first = DataDir::open(dir.path()).expect("open");
        let error = DataDir::open(dir.path()).expect_err("locked").to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
        drop(first);
        DataDir::open(dir.path()).expect("free again");
    }

    #[test]
    fn somebody_elses_directory_is_refused_and_never_cleared() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("thesis.txt"), "x").expect("write");
        let error = DataDir::open(dir.path()).expect_err("foreign").to_string();
        assert!(error.contains("not a seatgrid data directory"), "{error}");
        assert!(!dir.path().join(LOCK).exists());
    }

    #[test]
    fn the_marker_keeps_units_and_identity() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let data = DataDir::open(dir.path()).expect("open");
        let made = data.marker(3).expect("made");
        assert_eq!(data.marker(3).expect("read"), made);
        let error = data.marker(5).expect_err("another number").to_string();
        assert!(error.contains("give --units 3"), "{error}");
        fs::write(data.join(MARKER), "{").expect("damage");
        let error = data.marker(3).expect_err("damaged").to_string();
        assert!(error.contains("seatgrid.json is damaged"), "{error}");
    }

    #[test]
    fn added_and_stopped_units_are_remembered() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let data = DataDir::open(dir.path()).expect("open");
        let mut marker = data.marker(3).expect("made");
        assert_eq!(marker.next_unit(), 4);
        marker.added.extend([4, 5]);
        marker.stopped.insert(5);
        data.remember(&marker).expect("written");
        let again = data.marker(3).expect("read");
        assert_eq!((again.next_unit(), again), (6, marker), "a number is never used twice");
    }

    #[test]
    fn clearing_leaves_what_is_not_ours() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let data = DataDir::open(dir.path()).expect("open");
        data.marker(1).expect("made");
        data.make_dir("units").expect("make");
        data.replace("admin.password", b"x").expect("write");
        fs::write(data.join("notes.txt"), "mine").expect("write");
        data.clear().expect("clear");
        let mut names: Vec<_> =
            fs::read_dir(data.path()).expect("list").flatten().map(|e| e.file_name()).collect();
        names.sort();
        assert_eq!(names, ["notes.txt", LOCK]);
    }
}
