//! A whole `seatgrid up` for tests: started, killed, stopped, asked.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ended, output, seatgrid, signal, text};

/// A whole system of one unit.
pub struct Up {
    dir: TempDir,
    child: Option<Child>,
    settings: Vec<(&'static str, &'static str)>,
    pub url: String,
}

impl Up {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings of roles from the environment.
    pub fn start_with(settings: &[(&'static str, &'static str)]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let settings = settings.to_vec();
        let mut up = Self { dir, child: None, settings, url: String::new() };
        up.start_again();
        up
    }

    pub fn start_again(&mut self) {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        let mut child = seatgrid(&["up", "--units", "1", "--port", "0", "--data-dir", data])
            .envs(self.settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let Some(Ok(line)) = lines.next() else {
            panic!("it ended: {}", ended(child).1);
        };
        self.url = line.strip_prefix("ready ").expect("the one line").to_owned();
        self.child = Some(child);
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("d")
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.data().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn processes(&self) -> Vec<Value> {
        serde_json::from_str(&self.file("processes.json")).expect("a list")
    }

    pub fn pids(&self) -> Vec<u64> {
        self.processes().iter().map(|p| p["pid"].as_u64().expect("a number")).collect()
    }

    pub fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let data = self.data();
        let more = ["--data-dir", data.to_str().expect("UTF-8")];
        let output = output(&[args, &more].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    pub fn stop(&mut self) -> (Option<i32>, String) {
        let child = self.child.take().expect("it runs");
        signal(child.id(), Signal::TERM);
        ended(child)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop();
        }
        // Also removes a database that lies apart from the data directory.
        local_postgres::LocalPostgres::remove(&self.data()).expect("the database can be removed");
    }
}
