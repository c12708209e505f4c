//! Removes clusters that lie apart and belong to nobody any more, so that data directories which
//! were simply deleted (temporary ones above all) do not leave databases behind for ever.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::place;
use crate::server;

/// A missing data directory may be on a disk that is not mounted today; one below a directory for
/// temporary files will not come back.
const MISSING_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
const TEMPORARY_DIRS: [&str; 2] = ["/tmp", "/var/tmp"];
/// A server on an abandoned cluster gets this long to make itself known.
const ADOPT_MAX: Duration = Duration::from_secs(5);
/// Length of the random name that we give to such a directory.
const NAME_LEN: usize = 32;

/// Looks at every directory below `apart_dir` and removes the abandoned ones. Failures are logged:
/// a database that cannot be removed is no reason not to start another one.
pub(crate) fn abandoned(apart_dir: &Path) {
    let Ok(entries) = fs::read_dir(apart_dir) else {
        return;
    };
    for dir in entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path)) {
        if !is_abandoned(&dir) {
            continue;
        }
        match remove(&dir) {
            Ok(()) => tracing::info!(dir = %dir.display(), "removed an abandoned database"),
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "cannot remove an abandoned database");
            }
        }
    }
}

/// Stops a server that may run there and deletes the directory.
pub(crate) fn remove(dir: &Path) -> Result<(), crate::RemoveError> {
    for cluster in clusters(dir) {
        if let Some(mut server) = server::adopt(&cluster, ADOPT_MAX)? {
            server.stop()?;
        }
    }
    let removed = fs::remove_dir_all(dir);
    Ok(crate::error::IoContext::context(removed, "cannot remove", dir)?)
}

fn clusters(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).filter(|p| p.join("PG_VERSION").exists()).collect()
}

/// Only what carries our kind of name and our back-pointer is ever touched.
fn is_ours(dir: &Path) -> bool {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let hex = name.len() == NAME_LEN && name.bytes().all(|b| b.is_ascii_hexdigit());
    hex && place::owner_of(dir).is_some()
}

fn is_abandoned(dir: &Path) -> bool {
    let Some(owner) = place::owner_of(dir) else {
        return false;
    };
    if place::names(&owner, dir) {
        return false;
    }
    // An owner that is there but cannot be understood is damaged, not gone: leave it to its user.
    let record = crate::record::Record::read(&owner);
    match record {
        Ok(Some(_)) => true,
        Err(_) => false,
        Ok(None) => is_temporary(&owner) || untouched_since(dir).is_some_and(|t| t > MISSING_FOR),
    }
}

fn is_temporary(owner: &Path) -> bool {
    let own = fs::canonicalize(env::temp_dir()).ok();
    TEMPORARY_DIRS.iter().any(|dir| owner.starts_with(dir))
        || own.is_some_and(|dir| owner.starts_with(dir))
}

/// The back-pointer is rewritten at each start.
fn untouched_since(dir: &Path) -> Option<Duration> {
    let touched = fs::metadata(dir.join(place::OWNER_FILE)).ok()?.modified().ok()?;
    SystemTime::now().duration_since(touched).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Home, Kind, Record};

    const NAME: &str = "0123456789abcdef0123456789abcdef";

    fn apart(root: &Path, owner: &Path) -> PathBuf {
        let dir = root.join(NAME);
        fs::create_dir_all(&dir).expect("create");
        fs::write(dir.join(place::OWNER_FILE), owner.to_str().expect("UTF-8")).expect("write");
        dir
    }

    #[test]
    fn kept_while_its_owner_names_it() {
        let root = tempfile::tempdir().expect("temporary directory");
        let owner = root.path().join("data/postgres");
        let dir = apart(root.path(), &owner);
        fs::create_dir_all(&owner).expect("create");
        let record = Record::new(Home::Apart(dir.clone()), Kind::Installed, 15, 1);
        record.write(&owner).expect("write");
        abandoned(root.path());
        assert!(dir.exists());
        fs::write(owner.join("record.json"), "{").expect("damage");
        abandoned(root.path());
        assert!(dir.exists(), "a damaged owner is not a missing one");
        Record { home: Home::Inside, ..record }.write(&owner).expect("write");
        abandoned(root.path());
        assert!(!dir.exists());
    }

    #[test]
    fn a_missing_owner_counts_at_once_only_below_temporary_directories() {
        let root = tempfile::tempdir().expect("temporary directory");
        let dir = apart(root.path(), Path::new("/mnt/away/data/postgres"));
        abandoned(root.path());
        assert!(dir.exists());
        apart(root.path(), Path::new("/tmp/sg-gone/d/postgres"));
        abandoned(root.path());
        assert!(!dir.exists());
    }

    #[test]
    fn strangers_are_never_touched() {
        let root = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(root.path().join(NAME)).expect("create");
        fs::create_dir(root.path().join("other")).expect("create");
        fs::write(root.path().join("other/owner"), "/tmp/gone").expect("write");
        abandoned(root.path());
        assert!(root.path().join(NAME).exists() && root.path().join("other").exists());
    }
}
