//! The server that travels inside this binary: a zstd tar of a native PostgreSQL 17.5 without
//! contrib, ICU and TLS. Good for trying seatgrid out, not for production: it lags behind in minor
//! versions. This file unpacks it and knows nothing about clusters.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{IoContext, StartError};

static ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/postgres.tar.zst"));

/// Major version of the bundled server.
pub(crate) const MAJOR: u32 = 17;
const RUNTIME_DIR: &str = "runtime-17.5";

/// Whether this binary carries a server.
pub(crate) fn is_present() -> bool {
    !ARCHIVE.is_empty()
}

/// Unpacks the server below `dir` unless it is there already; returns its directory of programs.
///
/// A temporary name and a rename make it all or nothing: a crash in between leaves only a directory
/// that the next attempt removes.
pub(crate) fn unpack(dir: &Path) -> Result<PathBuf, StartError> {
    let target = dir.join(RUNTIME_DIR);
    if !target.is_dir() {
        let temporary = dir.join(format!("{RUNTIME_DIR}.new"));
        if temporary.exists() {
            fs::remove_dir_all(&temporary).context("cannot remove", &temporary)?;
        }
        fs::create_dir(&temporary).context("cannot create", &temporary)?;
        extract(&temporary).context("cannot unpack the bundled PostgreSQL to", &temporary)?;
        fs::rename(&temporary, &target).context("cannot rename to", &target)?;
    }
    Ok(target.join("bin"))
}

fn extract(to: &Path) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(ARCHIVE)?);
    archive.set_preserve_mtime(false);
    // The archive's numeric owners mean nothing here.
    archive.set_preserve_ownerships(false);
    archive.unpack(to)
}
