//! Shared use of one test server by many processes. A lock file counts the users: each holds it
//! shared, and who can have it alone is the only one, so may start the server or stop it. The
//! kernel drops the lock of a killed process, so nothing is ever counted wrong.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{PREFIX, wire};
use crate::place;
use crate::record::Record;
use crate::start::start_blocking;

/// Another process may be making the cluster (1 s) or starting the server on a busy machine.
const TAKE_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOCK_FILE: &str = "users.lock";

/// One use of the server.
#[derive(Debug)]
pub(super) struct Lease {
    dir: PathBuf,
    lock: File,
    password: String,
    port: u16,
}

/// Inside the build directory, so that `cargo clean` removes it; one per user, since the data of
/// one is closed to the other.
pub(super) fn shared_dir() -> PathBuf {
    let name = format!("test-postgres-{}", rustix::process::geteuid().as_raw());
    let target = env::current_exe().ok().and_then(|exe| {
        exe.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()).map(Path::to_owned)
    });
    let dir = target.map(|target| target.join("tmp").join(&name));
    dir.filter(|dir| fs::create_dir_all(dir).is_ok()).unwrap_or_else(|| env::temp_dir().join(name))
}

impl Lease {
    pub(super) fn take(dir: &Path) -> Self {
        fs::create_dir_all(dir).expect("the directory of test servers can be made");
        let began = Instant::now();
        loop {
            let fault = match Self::try_take(dir) {
                Ok(lease) => return lease,
                Err(fault) => fault,
            };
            assert!(began.elapsed() < TAKE_MAX, "no server for tests in time: {fault}");
            sleep(LOOK_EVERY);
        }
    }

    /// Fails, among others, when somebody else is starting or stopping the server just now.
    fn try_take(dir: &Path) -> std::io::Result<Self> {
        let lock = OpenOptions::new().create(true).append(true).open(dir.join(LOCK_FILE));
        let lock = lock.expect("the lock file can be opened");
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            prepare(dir);
        }
        // Not atomic: another process may stop the server in between, which the query shows.
        flock(&lock, FlockOperation::NonBlockingLockShared)?;
        let record = Record::read(&dir.join(place::SUBDIR)).map_err(std::io::Error::other)?;
        let record = record.ok_or(std::io::ErrorKind::NotFound)?;
        let lease =
            Self { dir: dir.to_owned(), lock, password: record.password, port: record.port };
        wire::execute(&lease.url("postgres"), "SELECT 1").map(|()| lease)
    }

    pub(super) fn url(&self, database: &str) -> String {
        crate::start::url(&self.password, self.port, database)
    }

    /// As [`Lease::execute`] where a failure does not matter.
    pub(super) fn try_execute(&self, sql: &str) {
        let _ = wire::execute(&self.url("postgres"), sql);
    }

    pub(super) fn execute(&self, sql: &str) {
        wire::execute(&self.url("postgres"), sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // It runs already, so this only finds it; dropping a `Running` would not wait.
            if let Ok(running) = start_blocking(&super::options(&self.dir)) {
                let _ = running.stop_blocking();
            }
        }
    }
}

/// Starts the server and removes what crashed tests left. Called by the only user.
fn prepare(dir: &Path) {
    let running = start_blocking(&super::options(dir)).or_else(|error| {
        // Without fsync a crash of the machine can ruin the cluster. Nothing in it is of value.
        crate::LocalPostgres::remove(dir).unwrap_or_else(|e| panic!("{error}; then {e}"));
        start_blocking(&super::options(dir))
    });
    let running = running.unwrap_or_else(|error| panic!("no server for tests: {error}"));
    let url = running.url().to_owned();
    running.leave();
    remove_leftovers(&url);
}

/// There is no `DROP DATABASE` for a pattern, and our client reads only the first column as text.
fn remove_leftovers(url: &str) {
    let sql = format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    for name in wire::query(url, &sql).unwrap_or_default() {
        let _ = wire::execute(url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
}
