//! One child process: how it is started, where its output goes, how it is stopped. Restarting is
//! `keeper.rs`.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::unix::pipe;
use tokio::process::{Child as Process, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::output::{self, LastLine};
use crate::role::Role;

/// What is still in the pipe of a dead child is read at once.
const DRAIN_MAX: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// What it is.
    pub role: Role,
    /// Its number within the role, from 1.
    pub node: u32,
    /// The executable; usually this one.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where its probes are served.
    pub admin: SocketAddr,
    /// Where its output goes.
    pub log: PathBuf,
    /// How long it may take to stop after SIGTERM. Then it is killed: everything acknowledged is
    /// on disk, so nothing is lost.
    pub stop_max: Duration,
}

impl ChildSpec {
    /// As in file names and messages: `unit-1`.
    pub fn label(&self) -> String {
        format!("{}-{}", self.role, self.node)
    }
}

/// A running child. Its standard input is its lifeline: it closes when this value goes, or with
/// this process.
#[derive(Debug)]
pub struct Child {
    process: Process,
    pid: u32,
    lifeline: Option<ChildStdin>,
    output: JoinHandle<()>,
}

impl Child {
    /// Starts the process and a task that carries its output away.
    ///
    /// # Errors
    /// When the program or its log cannot be opened.
    pub fn spawn(spec: &ChildSpec, last_line: LastLine) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).stdin(Stdio::piped());
        command.envs(super::share::runtime_setting());
        if spec.role == Role::Unit {
            command.envs(crate::allocator::unit_setting());
        }
        command.stdout(writer.try_clone()?).stderr(writer);
        // A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops the
        // children in their order.
        command.process_group(0).kill_on_drop(true);
        let mut process = command.spawn()?;
        // Holds the last writing ends on our side; with them the reader would never see an end.
        drop(command);
        let pid = process.id().ok_or_else(|| io::Error::other("ended at once"))?;
        super::priority::lower(spec.role, pid);
        let lifeline = process.stdin.take();
        let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let log = super::log_file::LogFile::open(spec.log.clone(), super::log_file::LOG_BYTES_MAX)?;
        let output = tokio::spawn(output::carry(spec.label(), reader, log, last_line));
        Ok(Self { process, pid, lifeline, output })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Resolves when the process has ended. Cancel-safe.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// After the end: waits until the last words were carried away. A grandchild may hold the pipe
    /// open for longer, which is not waited for.
    pub async fn drained(self) {
        let _ = timeout(DRAIN_MAX, self.output).await;
    }

    /// SIGTERM, and SIGKILL when the patience is at its end. Returns whether a kill was needed.
    pub async fn stop(mut self, patience: Duration) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && self.process.id().is_some()
        {
            // It may have ended by itself in this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
        self.lifeline = None;
        if timeout(patience, self.process.wait()).await.is_ok() {
            return false;
        }
        let _ = self.process.kill().await;
        true
    }
}
