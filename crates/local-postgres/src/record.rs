//! The record of a managed database: `<data-dir>/postgres/record.json`, readable by its owner only.
//! It says what made the data, where the data lies, and how to connect. Written before the things
//! that it names are made, so that nothing exists without being named.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{IoContext, StartError};

/// Raised when the meaning of a field changes.
const FORMAT: u32 = 1;
const FILE: &str = "record.json";

/// Which server made the data; another kind or major must not open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Installed,
    Bundled,
}

/// Where the cluster lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Home {
    /// In the data directory itself, wherever that is moved to.
    Inside,
    /// Apart, because the server's account cannot enter the data directory.
    Apart(PathBuf),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) format: u32,
    pub(crate) home: Home,
    pub(crate) kind: Kind,
    pub(crate) major: u32,
    pub(crate) port: u16,
    pub(crate) password: String,
    /// Set once the cluster was made. From then on a missing cluster is a loss, not a first start.
    pub(crate) made: bool,
}

impl Record {
    pub(crate) fn new(home: Home, kind: Kind, major: u32, port: u16) -> Self {
        let password = random_hex();
        Self { format: FORMAT, home, kind, major, port, password, made: false }
    }

    /// The record in `dir`, or `None` when there is none yet.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, StartError> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("cannot read", &path),
        };
        let damaged = |reason: String| StartError::Damaged { path: path.clone(), reason };
        let record: Self = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if record.format != FORMAT {
            return Err(damaged(format!("format {} is not {FORMAT}", record.format)));
        }
        Ok(Some(record))
    }

    /// Replaces the record in `dir` as a whole, durably.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), StartError> {
        let path = dir.join(FILE);
        let json = serde_json::to_vec_pretty(self).expect("a record has only plain fields");
        replace_private(&path, &json).context("cannot write", &path)
    }
}

/// Writes a file that only its owner can read, by temporary name, fsync and rename.
fn replace_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// 128 random bits; used for passwords and for the names of directories.
pub(crate) fn random_hex() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_record_survives_and_is_private() {
        let dir = tempfile::tempdir().expect("temporary directory");
        assert!(Record::read(dir.path()).expect("nothing yet").is_none());
        let record = Record::new(Home::Apart("/x".into()), Kind::Bundled, 17, 12345);
        record.write(dir.path()).expect("write");
        let read = Record::read(dir.path()).expect("read").expect("there");
        assert_eq!((read.home, read.kind, read.port), (record.home, record.kind, 12345));
        let mode = fs::metadata(dir.path().join(FILE)).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_or_newer_record_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut record = Record::new(Home::Inside, Kind::Installed, 15, 1);
        record.format = 2;
        record.write(dir.path()).expect("write");
        let error = Record::read(dir.path()).expect_err("newer");
        assert!(error.to_string().contains("format 2 is not 1"), "{error}");
        fs::write(dir.path().join(FILE), "{").expect("write");
        let error = Record::read(dir.path()).expect_err("damaged");
        assert!(error.to_string().contains("record.json is damaged"), "{error}");
    }
}
