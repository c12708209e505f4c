//! Starts the binary and waits for it with deadlines.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// The binary with a bare environment: settings of the machine must not leak into a test.
pub fn seatgrid(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatgrid"));
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// Runs to the end.
pub fn output(args: &[&str]) -> Output {
    seatgrid(args).stdin(Stdio::null()).output().expect("the binary runs")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < WAIT_MAX, "not in time: {what}");
        std::thread::yield_now();
    }
}

/// Waits for the end of a process; returns its exit code and what it wrote to standard error.
pub fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut status = None;
    wait_until("the process ends", || {
        status = child.try_wait().expect("wait");
        status.is_some()
    });
    let mut said = String::new();
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut said).expect("UTF-8");
    }
    (status.and_then(|status| status.code()), said)
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small")).expect("not 0");
    rustix::process::kill_process(pid, signal).expect("signal");
}

pub fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("write");
    path.to_str().expect("UTF-8").to_owned()
}
