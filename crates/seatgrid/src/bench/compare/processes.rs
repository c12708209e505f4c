//! Processes that the comparison starts: each with ports of its own, ended by its id, gone with the
//! value that stands for it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A whole system on a busy machine, its database included.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// After that a process is killed.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// A directory that goes with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one below a directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(below: &Path) -> Result<Self> {
        let dir = below.join(format!("seatgrid-compare-{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        Ok(Self(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in a directory for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process of ours.
pub struct Started {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Started {
    /// Starts a program; what it says on standard error goes to a file beside.
    ///
    /// # Errors
    /// When the program is not there or its log cannot be written.
    pub fn spawn(name: &str, command: &mut Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).with_context(|| log.display().to_string())?;
        // The other end of standard input is held here: it ends when this process does.
        command.stdin(Stdio::piped()).stderr(file).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Waits for the line `ready ADDRESS` and answers the address.
    ///
    /// # Errors
    /// When it ends or takes too long; its last words are told.
    pub async fn ready(&mut self) -> Result<String> {
        let output = self.child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let told = timeout(READY_WITHIN, lines.next_line()).await;
        match told {
            Ok(Ok(Some(line))) if line.starts_with("ready ") => {
                Ok(line.trim_start_matches("ready ").trim_start_matches("http://").to_owned())
            }
            _ => bail!("{} is not ready: {}", self.name, self.last_words()),
        }
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last line that it wrote.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().next_back().unwrap_or("no words").to_owned()
    }

    /// SIGTERM, and SIGKILL when it does not help.
    pub async fn stop(mut self) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // It may have ended by itself in this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
