//! Two small facts kept in files beside the segments: `doubt` and `boot`.
//!
//! `doubt` remembers that a torn tail was cut: written before the tail goes, removed only when the
//! caller says that a leader has brought the node past the cut. `boot` names the system start in
//! which the log was last opened, which tells a killed process from a power cut. Each is replaced
//! whole.

use std::path::Path;

use super::CutTail;
use super::disk::{Disk, DiskEntry};
use super::error::{At as _, FileError};
use super::segments::write_all_at;

const DOUBT: &str = "doubt";
const BOOT: &str = "boot";
const DRAFT_SUFFIX: &str = ".new";

/// The recorded cut, if there is one. A file that cannot be understood counts as one.
pub(super) fn read_doubt(disk: &dyn Disk, dir: &Path) -> Result<Option<CutTail>, FileError> {
    let Some(bytes) = read(disk, dir, DOUBT)? else { return Ok(None) };
    Ok(Some(parse_cut(&bytes).unwrap_or_else(|| CutTail {
        file: "unknown".to_owned(),
        offset_bytes: 0,
        reason: "an earlier cut whose record cannot be read".to_owned(),
    })))
}

/// Puts the cut on record, durably.
pub(super) fn write_doubt(disk: &dyn Disk, dir: &Path, cut: &CutTail) -> Result<(), FileError> {
    let text = format!("{}\n{}\n{}\n", cut.file, cut.offset_bytes, cut.reason);
    replace(disk, dir, DOUBT, text.as_bytes())
}

/// Forgets the cut, durably. Without one it does nothing.
pub(super) fn clear_doubt(disk: &dyn Disk, dir: &Path) -> Result<(), FileError> {
    let path = dir.join(DOUBT);
    match disk.remove(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => {
            other.at("removing", &path)?;
            disk.sync_dir(dir).at("syncing", dir)
        }
    }
}

/// Whether the system has not been started anew since the log was last opened: then whatever was
/// written is still there, synced or not.
pub(super) fn same_boot(disk: &dyn Disk, dir: &Path) -> Result<bool, FileError> {
    let Some(boot) = disk.boot_id() else { return Ok(false) };
    Ok(read(disk, dir, BOOT)?.is_some_and(|bytes| bytes == boot.as_bytes()))
}

/// Whether the directory shows that a log was opened in it before.
pub(super) fn was_opened(entries: &[DiskEntry]) -> bool {
    entries.iter().any(|entry| entry.name == BOOT)
}

/// Records the present system start, durably.
pub(super) fn write_boot(disk: &dyn Disk, dir: &Path) -> Result<(), FileError> {
    match disk.boot_id() {
        Some(boot) => replace(disk, dir, BOOT, boot.as_bytes()),
        None => Ok(()),
    }
}

fn read(disk: &dyn Disk, dir: &Path, name: &str) -> Result<Option<Vec<u8>>, FileError> {
    let path = dir.join(name);
    match disk.read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.at("reading", &path).map(Some),
    }
}

fn replace(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> Result<(), FileError> {
    let (draft, path) = (dir.join(format!("{name}{DRAFT_SUFFIX}")), dir.join(name));
    let file = disk.create(&draft).at("creating", &draft)?;
    write_all_at(&*file, &draft, 0, bytes)?;
    file.sync_data().at("syncing", &draft)?;
    disk.rename(&draft, &path).at("renaming", &draft)?;
    disk.sync_dir(dir).at("syncing", dir)
}

fn parse_cut(bytes: &[u8]) -> Option<CutTail> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let file = lines.next()?.to_owned();
    let offset_bytes = lines.next()?.parse().ok()?;
    let reason = lines.next()?.to_owned();
    Some(CutTail { file, offset_bytes, reason })
}
