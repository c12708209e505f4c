//! A Redis of one's own, with replicas where wanted: from Debian's package, on free ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::processes::Started;

const PROGRAM: &str = "redis-server";
/// From the start to an answer, and to replicas that are in step.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Why there is none, in words that help.
pub const ABSENT: &str =
    "redis-server is not installed: type `apt-get update && apt-get install -y redis-server`";

/// A server, and its replicas.
pub struct RedisServer {
    pub address: SocketAddr,
    pub processes: Vec<Started>,
}

/// Whether the program is there.
pub async fn is_installed() -> bool {
    let mut command = Command::new(PROGRAM);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

impl RedisServer {
    /// Starts it; with `appendfsync` as given, or without any log.
    ///
    /// # Errors
    /// When one of the servers does not come up in time.
    pub async fn start(dir: &Path, appendfsync: Option<&str>, replicas: u32) -> Result<Self> {
        let (address, first) = spawn(dir, "redis", appendfsync, None)?;
        let mut server = Self { address, processes: vec![first] };
        wait_for(address, "PING\r\n", "PONG").await?;
        for nth in 1..=replicas {
            let name = format!("redis-replica-{nth}");
            let (_, replica) = spawn(dir, &name, appendfsync, Some(address))?;
            server.processes.push(replica);
        }
        if replicas > 0 {
            let in_step = format!("slave{}:", replicas - 1);
            wait_for(address, "INFO replication\r\n", &in_step).await?;
            for nth in 0..replicas {
                wait_online(address, nth).await?;
            }
        }
        Ok(server)
    }
}

fn spawn(
    dir: &Path,
    name: &str,
    appendfsync: Option<&str>,
    of: Option<SocketAddr>,
) -> Result<(SocketAddr, Started)> {
    let port = local_postgres::free_address()?.port();
    let data = dir.join(name);
    std::fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
    let mut command = Command::new(PROGRAM);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.arg("--dir").arg(&data).stdout(Stdio::null());
    // A rewrite of the log in the middle would be measured as well, for the log is short otherwise.
    command.args(["--auto-aof-rewrite-percentage", "0"]);
    match appendfsync {
        Some(policy) => command.args(["--appendonly", "yes", "--appendfsync", policy]),
        None => command.args(["--appendonly", "no"]),
    };
    if let Some(of) = of {
        command.args(["--replicaof", &of.ip().to_string(), &of.port().to_string()]);
        // Replicas begin at once instead of waiting for more of them.
        command.args(["--repl-diskless-sync-delay", "0"]);
    }
    let started = Started::spawn(name, &mut command, dir)?;
    Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), started))
}

/// Asks again and again until the answer has a word in it.
async fn wait_for(address: SocketAddr, question: &str, word: &str) -> Result<()> {
    let give_up = Instant::now() + READY_WITHIN;
    loop {
        if ask(address, question).await.is_ok_and(|told| told.contains(word)) {
            return Ok(());
        }
        ensure!(Instant::now() < give_up, "Redis on {address} does not say {word}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn wait_online(address: SocketAddr, nth: u32) -> Result<()> {
    let give_up = Instant::now() + READY_WITHIN;
    let name = format!("slave{nth}:");
    loop {
        let told = ask(address, "INFO replication\r\n").await.unwrap_or_default();
        let line = told.lines().find(|line| line.starts_with(&name));
        if line.is_some_and(|line| line.contains("state=online")) {
            return Ok(());
        }
        ensure!(Instant::now() < give_up, "replica {nth} of {address} is not in step");
        tokio::time::sleep(LOOK).await;
    }
}

async fn ask(address: SocketAddr, question: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(question.as_bytes()).await?;
    let mut told = vec![0; 16 * 1024];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut told)).await??;
    Ok(String::from_utf8_lossy(&told[..read]).into_owned())
}
