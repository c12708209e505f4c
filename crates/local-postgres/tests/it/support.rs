//! Shared by the tests: a data directory that the server's account can enter, questions to a
//! database through psql-free means, and waiting with a deadline.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use local_postgres::{LocalPostgres, Options, Running};
use tempfile::TempDir;

const WAIT_MAX: Duration = Duration::from_secs(20);

/// A directory with the given mode, so that "closed to other accounts" is a choice of the test.
pub fn dir_with_mode(mode: u32) -> TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(dir.path(), permissions).expect("mode");
    dir
}

pub async fn start(options: Options) -> Running {
    LocalPostgres::start(options).await.unwrap_or_else(|error| panic!("start: {error}"))
}

pub fn port_of(url: &str) -> u16 {
    let address = url.split('@').nth(1).and_then(|rest| rest.split('/').next());
    address.and_then(|a| a.rsplit(':').next()).and_then(|p| p.parse().ok()).expect("a port")
}

pub fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < WAIT_MAX, "not in time: {what}");
        std::thread::yield_now();
    }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn uid_of_process(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find(|line| line.starts_with("Uid:")).expect("Uid");
    line.split_whitespace().nth(1).and_then(|uid| uid.parse().ok()).expect("a number")
}

pub fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small")).expect("not 0");
    rustix::process::kill_process(pid, signal).expect("a signal");
}

pub fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).expect("the kernel's list");
    text.split_whitespace().map(|child| child.parse().expect("a number")).collect()
}

pub fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).map(Iterator::count).unwrap_or(0)
}
