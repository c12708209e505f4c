//! A child's log on disk, bounded: a full file is set aside once, so at most two files of the limit
//! exist per child.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// Per file. A role at its usual level writes a few kilobytes an hour; a noisy one must not fill a
/// laptop's disk.
pub const LOG_BYTES_MAX: u64 = 16 << 20;

/// Appends lines to a file of limited size.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    len: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Opens the file for appending, readable by the owner only.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: PathBuf, bytes_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let len = file.metadata()?.len();
        Ok(Self { path, file, len, bytes_max })
    }

    /// Appends a line and its end.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_line(&mut self, line: &str) -> io::Result<()> {
        if self.len >= self.bytes_max {
            let old = self.path.with_extension("log.1");
            fs::rename(&self.path, old)?;
            *self = Self::open(self.path.clone(), self.bytes_max)?;
        }
        let bytes = format!("{line}\n");
        self.file.write_all(bytes.as_bytes())?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_at_most_and_the_newest_lines_are_there() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("unit-1.log");
        let mut log = LogFile::open(path.clone(), 100).expect("open");
        for n in 0..100 {
            log.write_line(&format!("line number {n}")).expect("write");
        }
        let current = fs::read_to_string(&path).expect("current");
        let old = fs::read_to_string(path.with_extension("log.1")).expect("set aside");
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 2);
        assert!(current.ends_with("line number 99\n") && current.len() < 120, "{current}");
        assert!(old.len() < 120);
    }
}
