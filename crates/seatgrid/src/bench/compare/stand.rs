//! Brings one system up on ports and in a directory of its own, and down again.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local_postgres::{LocalPostgres, Options, Running};
use rivals::Hall;
use tokio::process::Command;

use super::super::load::{Request, Wire};
use super::processes::{Scratch, Started};
use super::redis_server::RedisServer;
use super::rival_role::Part;
use super::system::System;

/// How long a started system may take to answer its first request.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// A system that serves.
pub struct Stand {
    /// `HOST:PORT`.
    pub address: String,
    /// In the order in which they are stopped.
    processes: Vec<Started>,
    database: Option<Running>,
    scratch: Scratch,
}

/// What all systems have in common.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Where data lies; on the disk to be measured.
    pub dir: &'a Path,
    pub hall: &'a Hall,
    /// Units of seatgrid.
    pub units: u32,
}

impl Stand {
    /// Brings it up.
    ///
    /// # Errors
    /// When a part of it does not come up.
    pub async fn up(system: System, ground: Ground<'_>) -> Result<Self> {
        let scratch = Scratch::new(ground.dir)?;
        let mut stand =
            Self { address: String::new(), processes: Vec::new(), database: None, scratch };
        stand.address = match system {
            System::Seatgrid => stand.seatgrid(ground.units).await?,
            rival => stand.rival(rival, ground.hall).await?,
        };
        stand.answers().await?;
        Ok(stand)
    }

    async fn seatgrid(&mut self, units: u32) -> Result<String> {
        let mut command = Command::new(std::env::current_exe().context("this executable")?);
        command.args(["up", "--port", "0", "--units", &units.to_string(), "--data-dir"]);
        command.arg(self.scratch.path().join("data")).stdout(Stdio::piped());
        let mut up = Started::spawn("seatgrid", &mut command, self.scratch.path())?;
        let address = up.ready().await?;
        self.processes.push(up);
        Ok(address)
    }

    async fn rival(&mut self, system: System, hall: &Hall) -> Result<String> {
        let needs = system.needs();
        if needs.database {
            let running = LocalPostgres::start(Options::new(self.scratch.path())).await?;
            rivals::prepare_database(running.url(), hall).await.context("the tables")?;
            self.database = Some(running);
        }
        let mut redis = None;
        if let Some(appendfsync) = needs.redis {
            let dir = self.scratch.path();
            let server = RedisServer::start(dir, appendfsync, needs.replicas).await?;
            redis = Some(server.address.to_string());
            self.processes.extend(server.processes);
        }
        let redis = redis.as_deref();
        let one = match system {
            System::PostgresLocks => Part::PostgresLocks,
            System::PostgresSkipLocked => Part::PostgresSkipLocked,
            System::RedisEverysec | System::RedisAlways | System::RedisReplicated => Part::Redis,
            System::Microservices => {
                let service = self.part(Part::Reservations, hall, &more(redis, 0, None)).await?;
                let more = more(None, 0, Some(&service));
                return self.part(Part::Gateway, hall, &more).await;
            }
            System::EdgeOnly | System::Seatgrid => Part::EdgeOnly,
        };
        // One of the two must have it: a majority, where the master is the third.
        let replicas = needs.replicas.min(1);
        self.part(one, hall, &more(redis, replicas, None)).await
    }

    async fn part(&mut self, part: Part, hall: &Hall, more: &[String]) -> Result<String> {
        let dir = self.scratch.path();
        let file = dir.join("hall.json");
        std::fs::write(&file, serde_json::to_vec(hall)?)?;
        let mut command = Command::new(std::env::current_exe().context("this executable")?);
        command.args(["bench", "rival", "--part", &part.word(), "--hall"]).arg(&file).args(more);
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", database.url());
        }
        command.stdout(Stdio::piped());
        let mut process = Started::spawn(&part.word(), &mut command, dir)?;
        let address = process.ready().await?;
        // Before what it uses.
        self.processes.insert(0, process);
        Ok(address)
    }

    /// Waits for the first answer.
    async fn answers(&mut self) -> Result<()> {
        let give_up = Instant::now() + ANSWER_WITHIN;
        let mut wire = Wire::new(&self.address, Duration::from_secs(5));
        loop {
            let told = wire.ask(Request::get("/readyz", &[])).await.map(|answer| answer.status);
            if matches!(told, Ok(200)) {
                return Ok(());
            }
            let fallen = self.processes.iter_mut().find_map(|one| (!one.runs()).then_some(one));
            if let Some(fallen) = fallen {
                anyhow::bail!("a process ended: {}", fallen.last_words());
            }
            ensure!(Instant::now() < give_up, "no answer in time: {told:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The processes that its work is done in; what they started counts with them.
    pub fn pids(&self) -> Vec<u32> {
        let database = self.database.as_ref().and_then(Running::pid);
        self.processes.iter().filter_map(Started::pid).chain(database).collect()
    }

    /// Ends all of it.
    ///
    /// # Errors
    /// When the database resists.
    pub async fn down(self) -> Result<()> {
        let Self { processes, database, scratch, .. } = self;
        for process in processes {
            process.stop().await;
        }
        if let Some(database) = database {
            database.stop().await.context("the database does not stop")?;
        }
        // Also what lies apart from the directory: seatgrid's own database, or the rival's.
        for dir in [scratch.path().to_owned(), scratch.path().join("data")] {
            LocalPostgres::remove(&dir).context("the database's data stays")?;
        }
        Ok(())
    }
}

fn more(redis: Option<&str>, replicas: u32, reservations: Option<&str>) -> Vec<String> {
    let mut more = vec!["--replicas".to_owned(), replicas.to_string()];
    let named = [("--redis", redis), ("--reservations", reservations)];
    for (name, value) in named {
        if let Some(value) = value {
            more.extend([name.to_owned(), value.to_owned()]);
        }
    }
    more
}
