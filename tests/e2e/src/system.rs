//! One running `seatgrid up` with its own data directory and port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

/// How long a start may take on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(120);
/// How long a clean stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// A running system; dropped, it is stopped and its directory removed.
pub struct System {
    dir: TempDir,
    port: u16,
    vars: Vec<(String, String)>,
    child: Option<Child>,
}

/// A line of `processes.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Process {
    /// What it does.
    pub role: String,
    /// Which one of its role.
    pub node: u32,
    /// Its process id.
    pub pid: i32,
    /// Where its probes answer.
    pub admin: String,
}

impl System {
    /// Starts a system with three units.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a system with extra environment variables.
    pub fn start_with(vars: &[(&str, &str)]) -> Self {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let dir = TempDir::with_prefix("seatgrid-e2e-").expect("a temporary directory");
        let mut system = Self { dir, port: free_port(), vars, child: None };
        system.start_again();
        system
    }

    /// Starts the stopped or killed system on the same data.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = self
            .command(&["up", "--port", &self.port.to_string(), "--units", "3"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the seatgrid binary starts");
        let stdout = child.stdout.take().expect("piped");
        self.child = Some(child);
        let (told, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        let line = ready.recv_timeout(START_WITHIN).unwrap_or_else(|_| {
            panic!("no ready line; the log says:\n{}", self.log());
        });
        assert_eq!(line, format!("ready {}", self.url()));
    }

    /// A command of the binary on this system's data directory.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_in(&self.data_dir(), args)
    }

    /// A command of the binary on some data directory.
    pub fn command_in(&self, data_dir: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path());
        command
            .args(args)
            .arg("--data-dir")
            .arg(data_dir)
            .envs(self.vars.iter().map(|(k, v)| (k, v)))
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stderr(log.expect("a log file"));
        command
    }

    /// Runs a command of the binary to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.stderr(Stdio::piped()).output().expect("the seatgrid binary runs")
    }

    /// The public address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The public port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A small file of the data directory, trimmed.
    pub fn file(&self, name: &str) -> String {
        let path = self.data_dir().join(name);
        let text = std::fs::read_to_string(&path);
        text.unwrap_or_else(|e| panic!("{}: {e}", path.display())).trim().to_owned()
    }

    /// What runs.
    pub fn processes(&self) -> Vec<Process> {
        serde_json::from_str(&self.file("processes.json")).expect("processes.json is JSON")
    }

    /// Ends one process at once, as a power cut would.
    pub fn kill(process: &Process) {
        kill_pid(process.pid, rustix::process::Signal::KILL);
    }

    /// Ends everything at once.
    pub fn kill_all(&mut self) {
        let pids: Vec<i32> = self.processes().iter().map(|p| p.pid).collect();
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("the supervisor can be killed");
        for pid in pids {
            kill_pid(pid, rustix::process::Signal::KILL);
        }
        child.wait().expect("the supervisor is gone");
    }

    /// Stops cleanly and gives the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        kill_pid(child.id() as i32, rustix::process::Signal::TERM);
        let (told, done) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = told.send(child.wait());
        });
        let status = done.recv_timeout(STOP_WITHIN).expect("a clean stop in time");
        status.expect("an exit status").code()
    }

    /// What the supervisor told on standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("up.log")
    }
}

impl Drop for System {
    #[expect(clippy::print_stderr, reason = "a failing test tells what the system said")]
    fn drop(&mut self) {
        if self.child.is_some() {
            let code = self.stop();
            if std::thread::panicking() {
                eprintln!("the supervisor ended with {code:?} and said:\n{}", self.log());
            }
        }
    }
}

fn kill_pid(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The binary next to this test's own.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a path of one's own");
    let target = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let binary = target.join("seatgrid");
    assert!(binary.exists(), "{} is missing: cargo build", binary.display());
    binary
}

/// A free port below the range that outgoing connections use.
fn free_port() -> u16 {
    let start: u16 = rand::random_range(20_000..28_000);
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (start..30_000).find(free).expect("a free port")
}
