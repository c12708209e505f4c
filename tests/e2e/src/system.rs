//! One running `seatgrid up` with its own data directory and port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::wait::until;

/// How long a start may take on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(120);
/// How long a clean stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// A running system; dropped, it is stopped and its directory removed.
pub struct System {
    dir: TempDir,
    port: u16,
    vars: Vec<(String, String)>,
    database_url: Option<String>,
    units: u32,
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
        Self::begin(owned(vars), None)
    }

    /// Starts a system on a database of the test's own.
    pub fn start_on(database_url: &str) -> Self {
        Self::start_on_with(database_url, &[])
    }

    /// The same with extra environment variables.
    pub fn start_on_with(database_url: &str, vars: &[(&str, &str)]) -> Self {
        Self::begin(owned(vars), Some(database_url.to_owned()))
    }

    /// Starts a system of so many units, with extra environment variables.
    pub fn start_units(units: u32, vars: &[(&str, &str)]) -> Self {
        let mut system = Self::prepare(owned(vars), None);
        system.units = units;
        system.start_again();
        system
    }

    fn begin(vars: Vec<(String, String)>, database_url: Option<String>) -> Self {
        let mut system = Self::prepare(vars, database_url);
        system.start_again();
        system
    }

    fn prepare(vars: Vec<(String, String)>, database_url: Option<String>) -> Self {
        let dir = TempDir::with_prefix("seatgrid-e2e-").expect("a temporary directory");
        Self { dir, port: free_port(), vars, database_url, units: 3, child: None }
    }

    /// Starts the stopped or killed system on the same data.
    pub fn start_again(&mut self) {
        let ready = self.begin_again();
        self.until_ready(&ready);
    }

    /// As [`System::start_again`], without waiting: the first line that it says comes later.
    pub fn begin_again(&mut self) -> mpsc::Receiver<String> {
        assert!(self.child.is_none(), "it runs already");
        let mut child = self
            .command(&["up", "--port", &self.port.to_string(), "--units", &self.units.to_string()])
            .args(self.database_url.iter().flat_map(|url| ["--database-url", url]))
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
        ready
    }

    /// Waits until a system that was begun again says that it is ready.
    pub fn until_ready(&self, ready: &mpsc::Receiver<String>) {
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

    /// Runs a command of the binary that knows no data directory.
    pub fn run_bare(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(args).stdin(Stdio::null()).output().expect("the seatgrid binary runs")
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

    /// The units that run.
    pub fn units(&self) -> Vec<Process> {
        self.processes().into_iter().filter(|process| process.role == "unit").collect()
    }

    /// The unit that leads the shard of an event, once there is one.
    pub async fn leader_of(&self, event: &str) -> Process {
        until("a leader", Duration::from_secs(60), || async {
            let shown = self.run(&["ctl", "event", "show", event, "--json"]);
            let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).ok()?;
            let leader = shown["leader"].as_u64()?;
            self.units().into_iter().find(|unit| u64::from(unit.node) == leader)
        })
        .await
    }

    /// Waits until a unit runs again under another process id and says that it is ready.
    pub async fn until_back(&self, before: &Process) -> Process {
        let what = format!("unit {} is back", before.node);
        until(&what, Duration::from_secs(90), || async {
            let mut units = self.units().into_iter();
            let unit = units.find(|u| u.node == before.node && u.pid != before.pid)?;
            is_ready(&unit.admin).await.then_some(unit)
        })
        .await
    }

    /// Kills a unit and waits until it is back, with the configuration that lies there now.
    pub async fn restart_unit(&self, unit: &Process) -> Process {
        Self::kill(unit);
        self.until_back(unit).await
    }

    /// A unit's configuration.
    pub fn unit_config(&self, unit: u32) -> toml::Table {
        self.file(&format!("config/unit-{unit}.toml")).parse().expect("TOML")
    }

    /// Changes a unit's configuration; it counts from the unit's next start, until the whole system
    /// is started anew.
    pub fn change_unit_config(&self, unit: u32, change: impl FnOnce(&mut toml::Table)) {
        let mut config = self.unit_config(unit);
        change(&mut config);
        let path = self.data_dir().join(format!("config/unit-{unit}.toml"));
        std::fs::write(path, config.to_string()).expect("the configuration is written");
    }

    /// A path beside the data, removed with it.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Stops a process in its tracks.
    pub fn freeze(process: &Process) {
        kill_pid(process.pid, rustix::process::Signal::STOP);
    }

    /// Lets a stopped process go on.
    pub fn thaw(process: &Process) {
        kill_pid(process.pid, rustix::process::Signal::CONT);
    }

    /// Ends one process at once, as a power cut would.
    pub fn kill(process: &Process) {
        kill_pid(process.pid, rustix::process::Signal::KILL);
    }

    /// Makes every unit's disk empty; nothing may run.
    pub fn empty_units(&self) {
        std::fs::remove_dir_all(self.data_dir().join("units")).expect("the units' data goes");
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

fn owned(vars: &[(&str, &str)]) -> Vec<(String, String)> {
    vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Whether a process says that it is ready.
async fn is_ready(admin: &str) -> bool {
    crate::client::use_ring();
    let answer = reqwest::get(format!("http://{admin}/readyz")).await;
    answer.is_ok_and(|answer| answer.status().is_success())
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
