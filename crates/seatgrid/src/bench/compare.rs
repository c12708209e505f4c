//! `seatgrid bench compare`: other ways to sell seats, behind the same edge, in one run.
//!
//! Every system is started on ports and in a directory of its own, meets the same hall and the same
//! arrivals, and is stopped before the next one begins, so that none pays for another. Two loads each:
//! as much as it takes (holds a second, processor time), then a rate that is the same for all, by
//! schedule (percentiles). Rivals are in the crate of that name; what is absent on this machine is
//! told, and the others are measured all the same.

pub(super) mod buyers;
pub(super) mod hall;
mod processes;
mod redis_server;
mod report;
mod rival_role;
mod stand;
mod system;
pub(super) mod tree;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use rivals::Hall;

use super::load::{self, Figures, Manner, Schedule, Spacing, Summary, Tally};
use super::machine::Meter;
use buyers::{Buyers, HOLD};
use report::{Measured, Report};
use stand::{Ground, Stand};
use system::System;
use tree::Taken;

pub use rival_role::{RivalArgs, run as run_rival};

/// Before it counts, at most: connections, prepared statements, caches.
const WARM_UP_MAX: Duration = Duration::from_secs(2);
/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What to compare.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// Seconds of each of the two loads of a system.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Which systems; all when left out.
    #[arg(long, value_enum, value_delimiter = ',')]
    systems: Vec<System>,
    /// Holds a second of the load by schedule, the same for all.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    rate: u32,
    /// Connections of the generator.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    connections: u32,
    /// The event whose hall is sold: of the demonstration.
    #[arg(long, default_value = "demo-arena")]
    event: String,
    /// Seats of the hall where seatgrid is not among the systems.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    seats: u32,
    /// Units of seatgrid.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    units: u32,
    /// Where all of them keep their data; on the disk to be measured.
    #[arg(long, default_value_os_t = std::env::temp_dir(), value_name = "DIR")]
    dir: PathBuf,
    /// Seed of arrivals and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Shows nothing while it runs.
    #[arg(long)]
    quiet: bool,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Measures one system after the other.
///
/// # Errors
/// When one of them does not come up, or sold a seat twice.
pub async fn run(args: CompareArgs) -> Result<()> {
    tokio::select! {
        result = measure_all(&args) => result,
        // What was started goes with what is dropped here.
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
}

async fn measure_all(args: &CompareArgs) -> Result<()> {
    let systems = chosen(args);
    let has_redis = redis_server::is_installed().await;
    let mut hall = Hall::plain(&args.event, args.seats);
    let mut report = Report::new(args);
    for system in systems {
        if system.needs().redis.is_some() && !has_redis {
            report.add(Measured::absent(system, redis_server::ABSENT));
            continue;
        }
        tell(args, &format!("{}: starts", system.name()));
        let ground = Ground { dir: &args.dir, hall: &hall, units: args.units };
        let stand = Stand::up(system, ground).await.with_context(|| system.name())?;
        if system == System::Seatgrid {
            hall = hall::of(&stand.address, &args.event).await?;
        }
        let measured = measure(args, system, (&stand, &hall)).await;
        stand.down().await?;
        let measured = measured.with_context(|| system.name())?;
        tell(args, &measured.line());
        report.add(measured);
    }
    report.print(args.json)?;
    let twice = report.sold_twice();
    ensure!(twice.is_empty(), "seats were somebody's twice: {}", twice.join(", "));
    Ok(())
}

/// In the order of the list, each once: seatgrid first, since its hall is everybody's.
fn chosen(args: &CompareArgs) -> Vec<System> {
    let all = System::value_variants().iter().copied();
    all.filter(|system| args.systems.is_empty() || args.systems.contains(system)).collect()
}

/// Both loads.
async fn measure(
    args: &CompareArgs,
    system: System,
    (stand, hall): (&Stand, &Hall),
) -> Result<Measured> {
    let buyers = Arc::new(Buyers::new(hall, system.takes_best(), args.seed));
    let manner = Manner {
        address: stand.address.clone(),
        connections: args.connections,
        limit: LIMIT,
        shows_progress: false,
    };
    let span = Duration::from_secs(args.seconds);
    let warm_up = (span / 2).min(WARM_UP_MAX);
    let asap = Schedule { rate: 1.0, span: warm_up, spacing: Spacing::Asap, seed: args.seed };
    send(&manner, asap, &buyers).await?;
    let (meter, before) = (Meter::start(None)?, Taken::of(&stand.pids()));
    let full = send(&manner, Schedule { span, ..asap }, &buyers).await?;
    let (cost, after) = (meter.cost()?, Taken::of(&stand.pids()));
    let paced = Schedule { rate: args.rate.into(), span, spacing: Spacing::Poisson, ..asap };
    let paced = send(&manner, paced, &buyers).await?;
    let findings = buyers.findings();
    let hold =
        |summary: &Summary| -> Figures { summary.kinds.get(HOLD).cloned().unwrap_or_default() };
    Ok(Measured::new(
        system,
        (hold(&full), hold(&paced)),
        (after.cpu_s - before.cpu_s, cost.generator_cpu_s),
        (after.resident_bytes, findings),
    ))
}

async fn send(manner: &Manner, schedule: Schedule, buyers: &Arc<Buyers>) -> Result<Summary> {
    let tally = Arc::new(Tally::new(LIMIT));
    load::send(manner, schedule, buyers, &tally).await?;
    Ok(tally.summary())
}

fn tell(args: &CompareArgs, text: &str) {
    if !args.quiet {
        // Nobody may be reading.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
