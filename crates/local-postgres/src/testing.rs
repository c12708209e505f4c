//! A real PostgreSQL for tests: one server shared by all test processes of a build directory, one
//! fresh database per test. The server runs while anybody holds a [`TestDatabase`]; the last one to
//! go stops it, and what a crashed test left behind is removed by the next run. Panics instead of
//! returning errors, since a test without its database has failed. Never for product code: the
//! server runs without fsync.

mod lease;
mod wire;

use crate::record::random_hex;
use crate::start::Options;

use lease::Lease;

/// Names of the databases made here; everything so named is removed when the server starts anew.
const PREFIX: &str = "test_";

/// An empty database of its own; dropped with everything in it when this value goes.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
    lease: Lease,
}

/// A fresh, empty database. Takes about 50 ms when the server runs, 1 s the very first time.
/// Blocks the calling thread; fine at the start of an asynchronous test too.
///
/// # Panics
/// When no server can be had; the message says why.
#[must_use]
pub fn database() -> TestDatabase {
    let lease = Lease::take(&lease::shared_dir());
    let name = format!("{PREFIX}{}", random_hex());
    lease.execute(&format!("CREATE DATABASE {name}"));
    TestDatabase { url: lease.url(&name), name, lease }
}

impl TestDatabase {
    /// The connection URL of its superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server waits for all of its sessions, those of other tests included, so that this can
        // fail for no fault of the test; the next start removes leftovers.
        self.lease.try_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Options for a server of tests in `data_dir`.
fn options(data_dir: &std::path::Path) -> Options {
    Options { for_tests: true, ..Options::new(data_dir) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;
    use crate::start::{Preference, start_blocking};

    #[test]
    fn the_server_runs_while_a_database_is_held_and_ends_with_the_last() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let first = Lease::take(dir.path());
        first.execute("CREATE DATABASE test_left_behind");
        let second = Lease::take(dir.path());
        assert_eq!(first.url("x"), second.url("x"));
        drop(first);
        second.execute("SELECT 1");
        let url = second.url("postgres");
        assert!(wire::execute(&url, "SELECT 1").is_ok());
        drop(second);
        assert!(wire::execute(&url, "SELECT 1").is_err(), "the last one stops the server");
        let third = Lease::take(dir.path());
        third.execute("CREATE DATABASE test_left_behind");
        drop(third);
        crate::LocalPostgres::remove(dir.path()).expect("remove");
    }

    #[test]
    fn each_database_is_fresh() {
        let (one, two) = (database(), database());
        wire::execute(one.url(), "CREATE TABLE t (id int)").expect("create");
        wire::execute(two.url(), "CREATE TABLE t (id int)").expect("another database");
        let error = wire::execute(one.url(), "CREATE TABLE t (id int)").expect_err("twice");
        assert!(error.to_string().contains("already exists"), "{error}");
        let url = one.url().to_owned();
        drop(one);
        assert!(wire::execute(&url, "SELECT 1").is_err(), "dropped with its value");
    }

    #[test]
    fn the_bundled_server_answers() {
        let dir = tempfile::tempdir().expect("temporary directory");
        open_to_all(dir.path());
        let bundled = Options { preference: Preference::Bundled, ..options(dir.path()) };
        let running = start_blocking(&bundled).expect("it starts");
        let create = "CREATE TABLE t (x jsonb); INSERT INTO t VALUES ('{\"a\": 1}')";
        wire::execute(running.url(), create).expect("a table");
        let names = wire::query(running.url(), "SELECT x->>'a' FROM t").expect("a row");
        assert_eq!(names, ["1"]);
        running.stop_blocking().expect("it stops");
    }

    /// A bare chroot or a strict container has no usable /dev/shm.
    #[test]
    fn closed_shared_memory_is_no_obstacle() {
        let may_mount = || {
            let mut probe = Command::new("unshare");
            probe.args(["--mount", "true"]).status().is_ok_and(|status| status.success())
        };
        if !rustix::process::geteuid().is_root() || !may_mount() {
            return;
        }
        let close = "mount -t tmpfs -o mode=755 none /dev/shm && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", close]);
        command.arg(std::env::current_exe().expect("own path")).arg("the_bundled_server_answers");
        let output = command.output().expect("run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("1 passed"), "{text}");
    }

    fn open_to_all(dir: &std::path::Path) {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir, mode).expect("mode");
    }
}
