//! `seatgrid bench grid`: commands into the grid, without HTTP.
//!
//! Each case starts three units of its own as child processes on loopback, with fsync, opens its
//! events, sends holds and releases with idempotency keys from this process, and acknowledges the
//! outbox as a data writer would. Afterwards the disk alone is measured with the same bytes in the
//! same portions. Every command takes the whole way: client, port, batcher, consensus, log, rules,
//! reply. Nothing that costs is left out or faked.

mod case;
mod load;
pub(super) mod processes;
mod raw;
mod report;
mod stage;
mod units;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use case::{Case, Load, cases};
use report::{Outcome, Report};
use units::Units;

/// What to measure in the grid.
#[derive(Debug, Clone, Args)]
pub struct GridArgs {
    /// Seconds measured in each case.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Seconds before, which do not count.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub warm_up_seconds: u32,
    /// Shoppers of the closed loop: each waits for its answer before the next command.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clients: u32,
    /// Commands a second of the open loop, sent by schedule.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub rate: u32,
    /// Commands that a sender of the bundled loop hands over at once.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub bundle: u32,
    /// Which loops to run.
    #[arg(long, value_enum, default_value = "all")]
    pub load: LoadChoice,
    /// Data shards; several values make several cases, with one event a shard.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub shards: Vec<u32>,
    /// Events of one shard; several values make several cases.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub events: Vec<u32>,
    /// Seats of each event; several values make several cases.
    #[arg(long, value_delimiter = ',', default_value = "20000")]
    pub seats: Vec<u32>,
    /// Nodes and clients know each other by certificates, and everything sent is encrypted.
    #[arg(long)]
    pub tls: bool,
    /// Where the units' logs lie; on the disk to be measured.
    #[arg(long, default_value_os_t = std::env::temp_dir(), value_name = "DIR")]
    pub dir: PathBuf,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which loops to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LoadChoice {
    /// As fast as answers come.
    Closed,
    /// As fast as answers come, by a few senders that each hand over a whole bundle of commands: the
    /// shoppers of the closed loop, divided by the size of a bundle.
    Bundled,
    /// By schedule.
    Open,
    /// One after the other.
    #[value(alias = "both")]
    All,
}

/// Runs all cases; an error means that one could not run, or that a command failed in it.
pub async fn run(args: GridArgs) -> Result<()> {
    let mut report = Report::new(&args);
    for case in cases(&args)? {
        let outcome = measure(&args, &case).await.with_context(|| case.to_string())?;
        report.add(outcome, args.json)?;
    }
    report.finish(args.json)?;
    let failed = report.failed();
    if failed > 0 {
        bail!("{failed} commands failed");
    }
    Ok(())
}

async fn measure(args: &GridArgs, case: &Case) -> Result<Outcome> {
    let mut units = Units::start(&args.dir, case.shards, args.tls).await?;
    let measured = async {
        let stage = stage::Stage::set(&units.grid(), case).await?;
        let span = load::Span {
            warm_up: Duration::from_secs(args.warm_up_seconds.into()),
            measured: Duration::from_secs(args.seconds.into()),
        };
        match case.load {
            Load::Closed { clients } => load::closed(&units, stage, span, clients).await,
            Load::Bundled { senders, bundle } => {
                load::bundled(&units, stage, span, (senders, bundle)).await
            }
            Load::Open { rate } => load::open(&units, stage, span, rate).await,
        }
    };
    let measured = measured.await.with_context(|| units.last_words());
    units.stop().await;
    let measured = measured?;
    let raw = raw::measure(&args.dir, measured.log).await?;
    Ok(Outcome::new(case, measured, raw))
}
