//! A streaming standby of a test's own PostgreSQL: a second server that follows the first, is cut off,
//! and is promoted without what it did not get.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::wait::until;

/// How long each step of a standby may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The second server, while it runs.
pub struct Standby {
    url: String,
    child: Child,
}

/// Where the first server lies and how it is reached.
pub(crate) struct Primary<'a> {
    pub(crate) cluster: &'a Path,
    pub(crate) url: &'a str,
    pub(crate) pid: i32,
}

impl Standby {
    /// Copies a running server into `place` and follows it from there. `Err` says why this machine
    /// cannot do that.
    pub(crate) async fn follow(primary: &Primary<'_>, place: &Path) -> Result<Self, String> {
        let programs = programs(primary.pid)?;
        let hba = primary.cluster.join("pg_hba.conf");
        let rules = fs::read_to_string(&hba).expect("the rules of access");
        fs::write(&hba, format!("{rules}host replication all 127.0.0.1/32 trust\n"))
            .expect("one more");
        text(primary.url, "SELECT pg_reload_conf()::text").await.expect("it reads its rules again");
        let owner = fs::metadata(primary.cluster).expect("the cluster");
        fs::create_dir(place).expect("a place");
        fs::set_permissions(place, fs::Permissions::from_mode(0o700)).expect("its rights");
        chown(place, Some(owner.uid()), Some(owner.gid())).expect("its owner");
        let copied = as_owner(&programs.join("pg_basebackup"), &owner)
            .args(["-R", "-X", "stream", "-c", "fast", "-d", primary.url, "-D"])
            .arg(place)
            .output()
            .expect("pg_basebackup runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        let port = port.expect("a free port").port();
        let child = as_owner(&programs.join("postgres"), &owner)
            .arg("-D")
            .arg(place)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories=", "-c", "logging_collector=off"])
            .stderr(Stdio::null())
            .spawn()
            .expect("the standby starts");
        let standby = Self { url: at_port(primary.url, port), child };
        let streaming = "SELECT count(*)::text FROM pg_stat_replication WHERE state = 'streaming'";
        until("the standby to follow", PATIENCE, || async {
            let here = text(&standby.url, "SELECT pg_is_in_recovery()::text").await?;
            let there = text(primary.url, streaming).await?;
            (here == "true" && there == "1").then_some(())
        })
        .await;
        Ok(standby)
    }

    /// Waits until it has all that the primary has now.
    pub async fn has_all_of(&self, primary: &str) {
        let end =
            text(primary, "SELECT pg_current_wal_lsn()::text").await.expect("the primary's end");
        let there = format!("SELECT (pg_last_wal_replay_lsn() >= '{end}')::text");
        until("the standby to have everything", PATIENCE, || async {
            (text(&self.url, &there).await? == "true").then_some(())
        })
        .await;
    }

    /// From now on it gets nothing; the primary does not know.
    pub async fn cut_off(&self) {
        text(&self.url, "ALTER SYSTEM SET primary_conninfo = ''").await;
        text(&self.url, "SELECT pg_reload_conf()::text")
            .await
            .expect("it reads its settings again");
        let receivers = "SELECT count(*)::text FROM pg_stat_wal_receiver";
        until("the standby to be cut off", PATIENCE, || async {
            (text(&self.url, receivers).await? == "0").then_some(())
        })
        .await;
    }

    /// Makes it a primary of a new timeline, and ends it so that it can take the other one's place.
    pub async fn promote(mut self) {
        text(&self.url, "SELECT pg_promote()::text").await.expect("it is promoted");
        until("it writes by itself", PATIENCE, || async {
            (text(&self.url, "SELECT pg_is_in_recovery()::text").await? == "false").then_some(())
        })
        .await;
        // The checkpoint that comes by itself takes its time: minutes, as the settings have it.
        text(&self.url, "CHECKPOINT").await;
        let timeline = "SELECT timeline_id::text FROM pg_control_checkpoint()";
        until("a new timeline", PATIENCE, || async {
            (text(&self.url, timeline).await? == "2").then_some(())
        })
        .await;
        self.end();
    }

    /// Ends it in order.
    fn end(&mut self) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process");
        // It may be over already.
        let _ = kill_process(pid, Signal::INT);
        let _ = self.child.wait();
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.end();
    }
}

/// The directory of the running server's programs, if all that is needed is there.
fn programs(pid: i32) -> Result<PathBuf, String> {
    let server = fs::read_link(format!("/proc/{pid}/exe")).map_err(|error| error.to_string())?;
    let programs = server.parent().expect("a directory").to_owned();
    match programs.join("pg_basebackup").is_file() {
        true => Ok(programs),
        false => Err(format!("no pg_basebackup in {}", programs.display())),
    }
}

/// A program under the account that the cluster belongs to: the server does not run as root.
fn as_owner(program: &Path, owner: &fs::Metadata) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// The same address at another port.
fn at_port(url: &str, port: u16) -> String {
    let (before, rest) = url.split_once("@127.0.0.1:").expect("an address of this machine");
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    format!("{before}@127.0.0.1:{port}/{path}")
}

/// A text that the server answers with; nothing when it does not answer.
async fn text(url: &str, sql: &str) -> Option<String> {
    let mut connection = PgConnection::connect(url).await.ok()?;
    let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    asked.fetch_optional(&mut connection).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_all_but_its_port() {
        let url = at_port("postgres://seatgrid:x@127.0.0.1:5433/seatgrid", 6000);
        assert_eq!(url, "postgres://seatgrid:x@127.0.0.1:6000/seatgrid");
    }
}
