//! Decides where the cluster lies. Normally inside the data directory; when the account that runs
//! the server cannot enter it (root with a data directory that is closed to others), apart, under a
//! random name in a common directory, with an `owner` file there that points back.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{IoContext, StartError};
use crate::record::{Home, random_hex};

/// Below the data directory: our record, the log, and the cluster unless that lies apart.
pub(crate) const SUBDIR: &str = "postgres";
/// In a directory that lies apart: the absolute path of the data directory it belongs to.
pub(crate) const OWNER_FILE: &str = "owner";

/// Enterable by everybody, listable by the owner only.
const MODE_PASSABLE: u32 = 0o711;

/// Makes `<data-dir>/postgres` and returns it as an absolute path.
pub(crate) fn prepare(data_dir: &Path) -> Result<PathBuf, StartError> {
    fs::create_dir_all(data_dir).context("cannot create", data_dir)?;
    let data_dir = fs::canonicalize(data_dir).context("cannot find", data_dir)?;
    let dir = data_dir.join(SUBDIR);
    make_passable(&dir)?;
    Ok(dir)
}

/// Chooses the home of a new cluster whose record lies in `dir`. Makes nothing yet.
pub(crate) fn choose(dir: &Path, apart_dir: &Path, account: &Account) -> Home {
    if !account.is_lent() || account.can_enter(dir) {
        Home::Inside
    } else {
        Home::Apart(apart_dir.join(random_hex()))
    }
}

/// Makes the home if it is missing, points it back to its owner, and returns its path.
pub(crate) fn open(home: &Home, dir: &Path, made: bool) -> Result<PathBuf, StartError> {
    let Home::Apart(path) = home else {
        return Ok(dir.to_owned());
    };
    if made && !path.is_dir() {
        let reason = "the directory that held the database is gone".to_owned();
        return Err(StartError::Damaged { path: path.clone(), reason });
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context("cannot create", parent)?;
    }
    make_passable(path)?;
    claim(path, dir)?;
    Ok(path.clone())
}

/// Records `dir` as the owner of `path`, unless another living directory owns it.
fn claim(path: &Path, dir: &Path) -> Result<(), StartError> {
    if let Some(owner) = owner_of(path)
        && owner != dir
        && names(&owner, path)
    {
        let reason = format!("it belongs to {}; was the data directory copied?", owner.display());
        return Err(StartError::Damaged { path: path.to_owned(), reason });
    }
    let file = path.join(OWNER_FILE);
    let text = dir.to_str().ok_or_else(|| StartError::Damaged {
        path: dir.to_owned(),
        reason: "its name is not UTF-8".to_owned(),
    })?;
    fs::write(&file, text).context("cannot write", &file)
}

/// The `<data-dir>/postgres` that a directory apart says it belongs to.
pub(crate) fn owner_of(path: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(path.join(OWNER_FILE)).ok()?;
    let owner = PathBuf::from(text.trim_end());
    owner.is_absolute().then_some(owner)
}

/// Whether the record in `owner` names `path` as its home.
pub(crate) fn names(owner: &Path, path: &Path) -> bool {
    let record = crate::record::Record::read(owner);
    matches!(record, Ok(Some(record)) if record.home == Home::Apart(path.to_owned()))
}

fn make_passable(dir: &Path) -> Result<(), StartError> {
    if !dir.is_dir() {
        let made = DirBuilder::new().mode(MODE_PASSABLE).create(dir);
        made.context("cannot create", dir)?;
        // The mode above was cut by the umask.
        let mode = fs::Permissions::from_mode(MODE_PASSABLE);
        fs::set_permissions(dir, mode).context("cannot open to others", dir)?;
    }
    Ok(())
}
