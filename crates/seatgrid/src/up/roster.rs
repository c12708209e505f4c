//! `processes.json`: which child runs under which process id just now. Scripts rely on its shape
//! and may read it at any moment, so it is replaced as a whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::role::Role;

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// As [`Role::name`].
    pub role: String,
    /// Number within the role, from 1.
    pub node: u32,
    /// The process id.
    pub pid: u32,
    /// Where its probes are served.
    pub admin: SocketAddr,
}

/// Keeps the file in step with the children.
#[derive(Debug)]
pub struct Roster {
    path: PathBuf,
    running: Mutex<BTreeMap<(Role, u32), Entry>>,
}

impl Roster {
    /// A roster without children; writes nothing yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, running: Mutex::default() }
    }

    /// A child runs now.
    pub fn started(&self, role: Role, node: u32, pid: u32, admin: SocketAddr) {
        let entry = Entry { role: role.name().to_owned(), node, pid, admin };
        self.change(|running| {
            running.insert((role, node), entry);
        });
    }

    /// A child has ended.
    pub fn ended(&self, role: Role, node: u32) {
        self.change(|running| {
            running.remove(&(role, node));
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<(Role, u32), Entry>)) {
        // The lock is held over the write, so that an older state never replaces a newer one.
        let mut running = self.running.lock();
        change(&mut running);
        let entries: Vec<&Entry> = running.values().collect();
        let json = serde_json::to_vec(&entries).expect("entries have only plain fields");
        let temporary = self.path.with_extension("json.new");
        let written = std::fs::write(&temporary, json);
        if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, &self.path)) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write the process list");
        }
    }
}

/// Reads the file of a data directory.
///
/// # Errors
/// When it is missing or not of the documented shape.
pub fn read(path: &std::path::Path) -> std::io::Result<Vec<Entry>> {
    let bytes = std::fs::read(path)?;
    serde_json::from_slice(&bytes).map_err(std::io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_documented_shape_and_follows_changes() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("processes.json");
        let roster = Roster::new(path.clone());
        let admin: SocketAddr = "127.0.0.1:9101".parse().expect("address");
        roster.started(Role::Unit, 1, 123, admin);
        roster.started(Role::Router, 1, 124, admin);
        let text = std::fs::read_to_string(&path).expect("file");
        let unit = r#"{"role":"unit","node":1,"pid":123,"admin":"127.0.0.1:9101"}"#;
        assert!(text.contains(unit), "{text}");
        roster.started(Role::Unit, 1, 125, admin);
        roster.ended(Role::Router, 1);
        let entries = read(&path).expect("shape");
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].pid, entries[0].role.as_str()), (125, "unit"));
    }
}
