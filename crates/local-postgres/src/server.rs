//! One server process on one cluster: start, find again after a crash of its parent, stop. Blocking
//! code with deadlines; the asynchronous face is `running.rs`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, getpriority_process, kill_process, setpriority_process, test_kill_process,
};

use crate::account::Account;
use crate::cluster::last_lines;
use crate::error::{IoContext, StartError, StopError};

/// How often a file or a process is looked at while waiting. A start takes 15 to 50 ms.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// For a fast stop, which rolls back what is open and writes a checkpoint (9 to 50 ms when idle).
const FAST_STOP_MAX: Duration = Duration::from_secs(15);
/// For an immediate stop, and again for a kill; both do no work of their own.
const HARD_STOP_MAX: Duration = Duration::from_secs(5);
/// A log larger than this is set aside at the next start; one older log is kept.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// What every managed server runs with, whatever initdb guessed.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // Sockets in a directory are one more thing to clean and to protect; TCP is enough.
    ("unix_socket_directories", ""),
    ("shared_buffers", "128MB"),
    ("max_connections", "100"),
    ("full_page_writes", "on"),
    ("password_encryption", "scram-sha-256"),
    ("max_wal_size", "1GB"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_min_messages", "warning"),
    ("log_line_prefix", "%m [%p] "),
];

/// How to start a server.
pub(crate) struct Launch<'a> {
    pub(crate) bin_dir: &'a Path,
    pub(crate) account: &'a Account,
    pub(crate) cluster: &'a Path,
    pub(crate) port: u16,
    pub(crate) log: &'a Path,
    /// Off only for tests, whose data nobody wants back.
    pub(crate) fsync: bool,
    /// Above our own.
    pub(crate) niceness: i32,
    pub(crate) ready_max: Duration,
}

/// A server that accepts connections.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    port: u16,
    cluster: PathBuf,
    /// Absent when the server was started by an earlier process.
    child: Option<Child>,
}

/// Starts a server and waits until it accepts connections.
pub(crate) fn start(launch: &Launch<'_>) -> Result<Server, StartError> {
    set_aside_large(launch.log)?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(launch.log);
    let log = log.context("cannot open", launch.log)?;
    let log_start = log.metadata().context("cannot read", launch.log)?.len();
    let child = spawn(launch, log)?;
    wait_ready(launch, child, log_start)
}

fn spawn(launch: &Launch<'_>, log: File) -> Result<Child, StartError> {
    let program = launch.bin_dir.join("postgres");
    let mut command = launch.account.command(&program);
    command.arg("-D").arg(launch.cluster).args(["-p", &launch.port.to_string()]);
    for (name, value) in SETTINGS {
        command.args(["-c", &format!("{name}={value}")]);
    }
    command.args(["-c", shared_memory(launch.account)]);
    let durable = if launch.fsync { "on" } else { "off" };
    command.args(["-c", &format!("fsync={durable}")]);
    command.args(["-c", &format!("synchronous_commit={durable}")]);
    // A group of its own: Ctrl-C in the terminal goes to the supervisor alone, which stops the
    // database last.
    command.process_group(0).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().context("cannot run", &program)?;
    yield_to_others(&child, launch.niceness);
    Ok(child)
}

/// What the server starts later has its priority. Where the system refuses, all are equals.
fn yield_to_others(child: &Child, niceness: i32) {
    let own = getpriority_process(None).unwrap_or(0);
    if niceness > 0 {
        let _ = setpriority_process(Some(Pid::from_child(child)), own + niceness);
    }
}

/// initdb falls back to System V where /dev/shm is missing or closed (a bare chroot, some
/// containers), and the bundled server cannot attach to that. Files work everywhere.
pub(crate) fn shared_memory(account: &Account) -> &'static str {
    if account.can_write(Path::new("/dev/shm")) {
        "dynamic_shared_memory_type=posix"
    } else {
        "dynamic_shared_memory_type=mmap"
    }
}

fn wait_ready(launch: &Launch<'_>, mut child: Child, log_start: u64) -> Result<Server, StartError> {
    let pid = Pid::from_child(&child);
    let began = Instant::now();
    loop {
        if child.try_wait().context("cannot wait for", launch.bin_dir)?.is_some() {
            let output = tail(launch.log, log_start);
            return Err(StartError::Exited { log: launch.log.to_owned(), output });
        }
        if LockFile::read(launch.cluster).is_some_and(|lock| lock.pid == pid && lock.ready) {
            let cluster = launch.cluster.to_owned();
            return Ok(Server { pid, port: launch.port, cluster, child: Some(child) });
        }
        if began.elapsed() > launch.ready_max {
            let output = tail(launch.log, log_start);
            let _ = child.kill();
            let _ = child.wait();
            let waited_ms = launch.ready_max.as_millis();
            return Err(StartError::NotReady { waited_ms, log: launch.log.to_owned(), output });
        }
        sleep(LOOK_EVERY);
    }
}

/// The server that already runs on `cluster`, for instance because its parent was killed. A lock
/// file without such a server is removed: its process id may belong to a stranger by now, which
/// PostgreSQL itself would take for a running server.
pub(crate) fn adopt(cluster: &Path, ready_max: Duration) -> Result<Option<Server>, StartError> {
    let began = Instant::now();
    while let Some(lock) = LockFile::read(cluster) {
        if !lock.is_served(cluster) {
            let path = LockFile::path(cluster);
            fs::remove_file(&path).context("cannot remove", &path)?;
            return Ok(None);
        }
        if lock.ready {
            let cluster = cluster.to_owned();
            return Ok(Some(Server { pid: lock.pid, port: lock.port, cluster, child: None }));
        }
        // It is starting or stopping: in a moment it is one of the cases above.
        if began.elapsed() > ready_max {
            let waited_ms = ready_max.as_millis();
            let output = format!("process {} neither serves nor ends", lock.pid);
            return Err(StartError::NotReady { waited_ms, log: LockFile::path(cluster), output });
        }
        sleep(LOOK_EVERY);
    }
    Ok(None)
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the process is still there; also collects it when it is our child.
    pub(crate) fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_postgres_on(self.pid, &self.cluster),
        }
    }

    /// Asks for a fast stop without waiting for it.
    pub(crate) fn ask_to_stop(&mut self) -> Result<(), StopError> {
        self.signal(Signal::INT)
    }

    /// Fast stop, then an immediate one, then a kill, each with its deadline.
    pub(crate) fn stop(&mut self) -> Result<(), StopError> {
        let ladder = [
            (Signal::INT, FAST_STOP_MAX),
            (Signal::QUIT, HARD_STOP_MAX),
            (Signal::KILL, HARD_STOP_MAX),
        ];
        for (signal, patience) in ladder {
            self.signal(signal)?;
            if self.ends_within(patience) {
                return Ok(());
            }
        }
        Err(StopError::StillRunning { pid: self.pid() })
    }

    fn signal(&mut self, signal: Signal) -> Result<(), StopError> {
        if !self.is_running() {
            return Ok(());
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(StopError::Signal { pid: self.pid(), source: errno.into() }),
        }
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        let began = Instant::now();
        while self.is_running() {
            if began.elapsed() > patience {
                return false;
            }
            sleep(LOOK_EVERY);
        }
        true
    }
}

/// `postmaster.pid`, which the server writes line by line.
struct LockFile {
    pid: Pid,
    port: u16,
    ready: bool,
}

impl LockFile {
    fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::path(cluster)).ok()?)
    }

    /// Lines: pid, data directory, start time, port, socket directory, address, memory key, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        // Single-user mode writes its process id negated; it serves nobody.
        let pid = lines.first()?.parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
        let port = lines.get(3).and_then(|port| port.parse().ok()).unwrap_or(0);
        Some(Self { pid, port, ready: port != 0 && lines.get(7) == Some(&"ready") })
    }

    fn is_served(&self, cluster: &Path) -> bool {
        is_postgres_on(self.pid, cluster)
    }
}

/// PostgreSQL makes its cluster its working directory, which tells it from a stranger that got the
/// same process id. Where /proc is missing, a living process must do.
fn is_postgres_on(pid: Pid, cluster: &Path) -> bool {
    if test_kill_process(pid).is_err() {
        return false;
    }
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    if !Path::new("/proc/self/cwd").exists() {
        return true;
    }
    let here = fs::canonicalize(cluster).unwrap_or_else(|_| cluster.to_owned());
    fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == here)
}

fn set_aside_large(log: &Path) -> Result<(), StartError> {
    if fs::metadata(log).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
        let old = log.with_extension("log.1");
        fs::rename(log, &old).context("cannot rename to", &old)?;
    }
    Ok(())
}

fn tail(log: &Path, from: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    last_lines(&String::from_utf8_lossy(&bytes[from..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_ready_only_with_its_last_line() {
        let whole = "4711\n/data\n1700000000\n15432\n\n127.0.0.1\n  1 2\nready   \n";
        let lock = LockFile::parse(whole).expect("whole");
        assert!(lock.ready && lock.port == 15432);
        let starting = whole.replace("ready", "starting");
        assert!(!LockFile::parse(&starting).expect("starting").ready);
        assert!(!LockFile::parse("4711\n/data\n").expect("short").ready);
        assert!(LockFile::parse("").is_none());
        assert!(LockFile::parse("-4711\n").is_none());
    }

    #[test]
    fn a_lock_file_of_a_stranger_is_removed() {
        let dir = tempfile::tempdir().expect("temporary directory");
        // Our own process lives, but does not work in that directory.
        let text = format!("{}\n/x\n1\n1\n\n\n\nready\n", std::process::id());
        fs::write(dir.path().join("postmaster.pid"), text).expect("write");
        let found = adopt(dir.path(), Duration::from_secs(1)).expect("no error");
        assert!(found.is_none());
        assert!(!dir.path().join("postmaster.pid").exists());
    }
}
