//! What the tools know of a local `up`: the files in its data directory.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cli::Database;
use crate::role::Role;
use crate::up::roster::{self, Entry};

/// The URL of its database.
///
/// # Errors
/// When there is no such data directory.
pub fn database_url(data_dir: &Path) -> Result<String> {
    let path = data_dir.join("database.url");
    let url = fs::read_to_string(&path).with_context(|| missing(&path))?;
    Ok(url.trim().to_owned())
}

/// The database that a tool is pointed at: a given one, or that of a local `up`.
///
/// # Errors
/// When none is given and there is no such data directory.
pub fn database(given: &Database) -> Result<String> {
    given.database_url.clone().map_or_else(|| database_url(&given.data_dir), Ok)
}

/// Its running children of a role.
///
/// # Errors
/// When it does not run.
pub fn running(data_dir: &Path, role: Role) -> Result<Vec<Entry>> {
    let path = data_dir.join("processes.json");
    let mut entries = roster::read(&path).with_context(|| missing(&path))?;
    entries.retain(|entry| entry.role == role.name());
    if entries.is_empty() {
        bail!("no {role} runs in {}: start `seatgrid up` first", data_dir.display());
    }
    Ok(entries)
}

/// The client addresses of its units, from the configuration that `up` wrote for them.
///
/// # Errors
/// When there is no such configuration.
pub fn grid_clients(data_dir: &Path) -> Result<Vec<SocketAddr>> {
    let path = data_dir.join("config/writer-1.toml");
    let text = fs::read_to_string(&path).with_context(|| missing(&path))?;
    let table: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let units = table.get("grid").and_then(|grid| grid.get("units")).cloned();
    let units = units.with_context(|| format!("{} names no units", path.display()))?;
    units.try_into().with_context(|| path.display().to_string())
}

fn missing(path: &Path) -> String {
    let help = "start `seatgrid up` first, or give its --data-dir";
    format!("cannot read {} ({help})", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_up_are_read_and_missing_ones_say_what_to_do() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let error = format!("{:#}", database_url(dir.path()).expect_err("missing"));
        assert!(error.contains("start `seatgrid up` first"), "{error}");
        fs::write(dir.path().join("database.url"), "postgres://x\n").expect("write");
        assert_eq!(database_url(dir.path()).expect("there"), "postgres://x");
        fs::create_dir(dir.path().join("config")).expect("create");
        let config = "[grid]\nunits = ['127.0.0.1:1', '127.0.0.1:2']\n";
        fs::write(dir.path().join("config/writer-1.toml"), config).expect("write");
        assert_eq!(grid_clients(dir.path()).expect("there").len(), 2);
    }

    #[test]
    fn a_stopped_up_has_nothing_running() {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("processes.json"), "[]").expect("write");
        let error = running(dir.path(), Role::Unit).expect_err("nothing").to_string();
        assert!(error.contains("no unit runs"), "{error}");
    }
}
