//! `seatgrid up`: the whole system on one machine. Reads as the story of a start and a stop: claim
//! the data directory, find the database, write a configuration per role, start the roles as child
//! processes, say `ready`, wait, stop in order. Standard output carries that one line only.

mod backoff;
mod child;
pub mod data_dir;
mod database;
mod keeper;
mod log_file;
mod newcomers;
mod opening;
mod orphans;
mod output;
mod plan;
mod priority;
pub mod requests;
pub mod roster;
mod secrets;
mod share;
mod supervisor;

use std::ffi::OsString;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio_util::sync::CancellationToken;

use crate::cli::UpArgs;
use crate::one_line::one_line;
use crate::{lifeline, migrate};
use child::ChildSpec;
use data_dir::{DataDir, Marker};
use database::{Database, REPLICA_URL_FILE};
use keeper::{Hopeless, News};
use newcomers::Newcomers;
use plan::{Facts, Planned};
use roster::Roster;
use secrets::Secrets;
use supervisor::Supervisor;

/// From the start of the children to `ready`. Usually 3 s; replaying a large log on a slow disk
/// takes longer.
const READY_MAX: Duration = Duration::from_secs(150);

/// To connect and to apply all migrations; a few hundred milliseconds on a quiet machine.
const TABLES_MAX: Duration = Duration::from_secs(60);

/// A port of an earlier start is free again this soon after its router was killed.
const PORT_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between looks at it.
const PORT_PAUSE: Duration = Duration::from_millis(50);

/// What each child gets to finish what it has begun.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Runs until a signal asks to stop.
///
/// # Errors
/// One line that says what is wrong and what to do; nothing is left running.
pub async fn run(args: &UpArgs) -> Result<()> {
    let stop = lifeline::shutdown_token(false).context("cannot watch for signals")?;
    let dir = DataDir::open(&args.data_dir)?;
    orphans::end(&dir).await;
    if args.reset {
        reset(&dir).await?;
    }
    let mut marker = dir.marker(args.units)?;
    let secrets = Secrets::open(&dir, marker.complete)?;
    if !marker.complete {
        marker.complete = true;
        dir.remember(&marker)?;
    }
    let port = claim_port(args.port).await?;
    let database = Database::start(&dir, args.database_url.clone()).await?;
    let replica = args.database_replica_url.as_deref().unwrap_or_default();
    dir.replace(REPLICA_URL_FILE, format!("{replica}\n").as_bytes())?;
    let facts = Facts {
        dir: dir.path().to_owned(),
        cluster_id: marker.cluster_id.clone(),
        units: marker.units,
        added: marker.added.clone(),
        stopped: marker.stopped.clone(),
        port,
        is_demo: args.demo && !args.no_demo,
        secrets,
    };
    let result = match prepare_tables(&database).await {
        Ok(()) => run_children(&dir, (marker, facts), &database, &stop).await,
        Err(error) => Err(error),
    };
    let stopped = database.stop().await;
    result?;
    stopped.context("the database did not stop")
}

async fn reset(dir: &DataDir) -> Result<()> {
    let path = dir.path().to_owned();
    tokio::task::spawn_blocking(move || local_postgres::LocalPostgres::remove(&path)).await??;
    dir.clear()?;
    Ok(())
}

/// Brings the tables up to date, which also shows that the database can be used at all: a wrong URL
/// is told here, not in the logs of the roles.
async fn prepare_tables(database: &Database) -> Result<()> {
    let applied = tokio::time::timeout(TABLES_MAX, migrate::apply(database.url())).await;
    let applied = applied.unwrap_or_else(|_| Err(anyhow!("no answer in time")));
    applied.map_err(|error| {
        let cause = one_line(&error);
        anyhow!("the database cannot be used ({cause}): check it, --database-url or DATABASE_URL")
    })
}

/// Binds the public port and lets it go again: a port in use is told before anything is started.
/// One that a killed router is still letting go of is waited for.
async fn claim_port(port: u16) -> Result<u16> {
    if port == 0 {
        return Ok(local_postgres::free_address().context("no free port")?.port());
    }
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let until = tokio::time::Instant::now() + PORT_PATIENCE;
    while bind().is_err() && tokio::time::Instant::now() < until {
        tokio::time::sleep(PORT_PAUSE).await;
    }
    bind().map(|_| port).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            let help = "stop what uses it, or give another one with --port";
            anyhow!("port {port} of 127.0.0.1 is in use: {help}")
        } else {
            anyhow!("port {port} of 127.0.0.1 cannot be used ({error}): give another with --port")
        }
    })
}

async fn run_children(
    dir: &DataDir,
    (marker, facts): (Marker, Facts),
    database: &Database,
    stop: &CancellationToken,
) -> Result<()> {
    let plan = plan::make(&facts).context("no free ports for the roles")?;
    dir.replace("sandbox.url", format!("{}\n", plan.sandbox_url).as_bytes())?;
    dir.replace("router.url", format!("{}\n", url(facts.port)).as_bytes())?;
    let specs = write_configurations(dir, &plan.children)?;
    let roster = Arc::new(Roster::new(dir.join("processes.json")));
    let mut supervisor = Supervisor::start(specs, roster);
    let opened = async {
        supervisor.ready(READY_MAX).await?;
        tokio::select! {
            () = opening::wait(facts.port, facts.is_demo) => Ok(()),
            hopeless = supervisor.hopeless() => Err(hopeless.into()),
            () = database.keep_alive() => Ok(()),
        }
    };
    let result = tokio::select! {
        opened = opened => opened,
        () = stop.cancelled() => Ok(()),
    };
    if result.is_ok() && !stop.is_cancelled() {
        say_ready(facts.port)?;
        let mut newcomers = Newcomers::new(dir, marker, facts, plan.clients);
        watch(&mut supervisor, &mut newcomers, database, stop).await;
    }
    supervisor.stop().await;
    result.map_err(|error: anyhow::Error| {
        anyhow!("{error}; the logs are in {}", dir.join("logs").display())
    })
}

fn write_configurations(dir: &DataDir, planned: &[Planned]) -> Result<Vec<ChildSpec>> {
    let program = std::env::current_exe().context("cannot find the own executable")?;
    dir.make_dir("config")?;
    dir.make_dir("logs")?;
    planned.iter().map(|planned| write_configuration(dir, planned, &program)).collect()
}

fn write_configuration(dir: &DataDir, planned: &Planned, program: &Path) -> Result<ChildSpec> {
    let label = planned.label();
    let config = format!("config/{label}.toml");
    dir.replace(&config, planned.toml.as_bytes())?;
    Ok(ChildSpec {
        role: planned.role,
        node: planned.node,
        program: program.to_owned(),
        args: arguments(planned, &dir.join(config)),
        admin: planned.admin,
        log: dir.join(format!("logs/{label}.log")),
        stop_max: STOP_MAX,
    })
}

fn arguments(planned: &Planned, config: &Path) -> Vec<OsString> {
    let name = planned.role.name();
    vec![name.into(), "--config".into(), config.into(), "--lifeline".into()]
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn say_ready(port: u16) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "ready {}", url(port)).context("cannot write to standard output")?;
    output.flush().context("cannot write to standard output")
}

/// Until the end is asked for. Children and database are started again by their keepers.
async fn watch(
    supervisor: &mut Supervisor,
    newcomers: &mut Newcomers<'_>,
    database: &Database,
    stop: &CancellationToken,
) {
    loop {
        tokio::select! {
            asked = newcomers.next() => newcomers.serve(asked, supervisor).await,
            () = stop.cancelled() => return,
            news = supervisor.news() => match news {
                News::Hopeless(Hopeless { label, reason }) => {
                    tracing::error!(child = label, reason, "a child does not stay alive");
                }
                News::Left(number) => newcomers.left(number, supervisor).await,
            },
            () = database.keep_alive() => {}
        }
    }
}
