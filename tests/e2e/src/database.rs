//! A PostgreSQL of the test's own under a running system: stopped and started when the test says so,
//! killed, and replaced by an older copy of itself, as a standby that was behind is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use local_postgres::{LocalPostgres, Options, Running};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::standby::{Primary, Standby};
use crate::wait::until;

/// A server, running or stopped; its address stays the same.
pub struct OwnDatabase {
    dir: TempDir,
    url: String,
    running: Option<Running>,
    cluster: PathBuf,
}

impl OwnDatabase {
    /// A new server with an empty database.
    pub async fn start() -> Self {
        let dir = TempDir::with_prefix("seatgrid-pg-").expect("a temporary directory");
        let running = LocalPostgres::start(Options::new(dir.path())).await.expect("PostgreSQL");
        let url = running.url().to_owned();
        let mut own = Self { dir, url, running: Some(running), cluster: PathBuf::new() };
        let cluster: Vec<String> = own.texts("SHOW data_directory").await;
        own.cluster = PathBuf::from(&cluster[0]);
        own
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it as an operator would.
    pub async fn stop(&mut self) {
        self.running.take().expect("it runs").stop().await.expect("it stops");
    }

    /// Ends it at once, as a lost machine would.
    pub async fn kill(&mut self) {
        let running = self.running.take().expect("it runs");
        let pid = running.pid().and_then(|pid| Pid::from_raw(pid as i32)).expect("a process");
        kill_process(pid, Signal::KILL).expect("it can be killed");
        running.exited().await;
    }

    /// Starts it again in its place.
    pub async fn start_again(&mut self) {
        // Backends of a killed server hold its memory for a moment.
        let running = until("PostgreSQL again", Duration::from_secs(60), || async {
            LocalPostgres::start(Options::new(self.dir.path())).await.ok()
        })
        .await;
        assert_eq!(running.url(), self.url, "the same place");
        self.running = Some(running);
    }

    /// Copies everything as it is now, for a standby. The server must be stopped.
    pub fn copy(&self) {
        assert!(self.running.is_none(), "a running server cannot be copied like this");
        copy(&self.cluster, &self.beside("standby"));
    }

    /// A second server that follows this one. `Err` says why this machine cannot have one.
    pub async fn standby(&self) -> Result<Standby, String> {
        let running = self.running.as_ref().expect("it runs");
        let pid = running.pid().expect("a process") as i32;
        let primary = Primary { cluster: &self.cluster, url: &self.url, pid };
        Standby::follow(&primary, &self.beside("standby")).await
    }

    /// The copy takes the server's place: whatever was written since is lost.
    pub async fn fail_over(&mut self) {
        std::fs::rename(&self.cluster, self.beside("lost")).expect("the old one goes");
        std::fs::rename(self.beside("standby"), &self.cluster).expect("the copy takes its place");
        self.start_again().await;
    }

    /// One column of text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let mut connection = PgConnection::connect(&self.url).await.expect("a connection");
        let rows =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.expect("a connection");
        let number =
            sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        number.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Statements without an answer.
    pub async fn execute(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.url).await.expect("a connection");
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.cluster.with_file_name(format!(
            "{}-{name}",
            self.cluster.file_name().expect("a name").to_string_lossy()
        ))
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        drop(self.running.take());
        for name in ["standby", "lost"] {
            let _ = std::fs::remove_dir_all(self.beside(name));
        }
        let _ = LocalPostgres::remove(self.dir.path());
    }
}

/// With owners and rights: the server refuses a cluster that is not its own.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(done.success(), "{} is not copied", from.display());
}
