//! `seatgrid bench http`: visitors of all kinds, by schedule, through the public port.
//!
//! Open loop: arrivals come by schedule whatever the service does, and every latency counts from the
//! arrival's own moment, so that a stalled service cannot hide its stall. No request is repeated. At
//! the end the answers are asked whether a seat was somebody's twice.

mod mix;
mod report;
mod shop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::load::{self, Manner, Schedule, Spacing, Tally, Wire};
use super::machine::{Meter, pids_of_all};
use mix::Mix;
use report::{Report, Wave};
use shop::Shop;

/// Above the service's own limit of two seconds, so that its answer is heard.
const LIMIT_BESIDE: Duration = Duration::from_secs(3);
/// Holds that live longer than this do not end while somebody waits for it.
const LIVES_MAX: Duration = Duration::from_secs(60);
/// The wave's load begins so long before all holds end.
const BEFORE_WAVE: Duration = Duration::from_secs(2);

/// How visitors come.
#[derive(Debug, Clone, Args)]
pub struct Visits {
    /// What they do.
    #[arg(long, value_enum, default_value = "p2")]
    mix: Mix,
    /// The event that they come for; nobody else should hold there meanwhile.
    #[arg(long, default_value = "demo-arena")]
    event: String,
    /// Arrivals per second. Releases and cancellations, which keep seats from running out, come beside.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=500_000))]
    rate: u32,
    /// How long they come, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How arrivals are spread.
    #[arg(long, value_enum, default_value = "poisson")]
    spacing: Spacing,
    /// Connections; further arrivals wait for one, and their latency counts from the schedule.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=8_192))]
    connections: u32,
    /// A good answer counts as goodput within this time, in milliseconds; the service is told it.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(50..=30_000))]
    deadline_ms: u64,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Data directory of a local `seatgrid up`; its processor time is told.
    #[arg(long, default_value = ".seatgrid")]
    pub(super) data_dir: PathBuf,
    /// Seed of arrivals and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes a page with charts.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Shows nothing while it runs.
    #[arg(long)]
    quiet: bool,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Sends the load and tells what became of it.
///
/// # Errors
/// When the service cannot be reached, or a seat was had twice.
pub async fn run(args: &Visits, url: &str) -> Result<()> {
    let address = url.strip_prefix("http://").context("loads speak plain http only")?;
    let deadline = Duration::from_millis(args.deadline_ms);
    let shop = Arc::new(Shop::new(&args.event, args.mix, args.seed, deadline));
    let limit = deadline + LIMIT_BESIDE;
    let mut beside = Wire::new(address, limit);
    let ends = prepare(args, &shop, &mut beside).await?;
    let service = args.url.is_none().then(|| pids_of_all(&args.data_dir)).transpose()?;
    let tally = Arc::new(Tally::new(deadline));
    let manner = Manner {
        address: address.to_owned(),
        connections: args.connections,
        limit,
        shows_progress: !args.quiet,
    };
    let span = Duration::from_secs(args.seconds);
    let schedule =
        Schedule { rate: args.rate.into(), span, spacing: args.spacing, seed: args.seed };
    let meter = Meter::start(service)?;
    load::send(&manner, schedule, &shop, &tally).await?;
    let cost = meter.cost()?;
    let wave = ends.map(|ends| Wave::of(ends, shop.granted_again(), shop.seats_held()));
    let findings = shop.findings();
    shop.give_back(&mut beside).await;
    let report = Report::new(args, tally.summary(), cost, (findings, wave));
    report.print(args.json)?;
    if let Some(file) = &args.report {
        std::fs::write(file, report.page()).with_context(|| file.display().to_string())?;
    }
    ensure!(!report.has_twice(), "a seat was somebody's twice");
    Ok(())
}

/// Takes everything where the mix begins so; for a wave, waits until just before all holds end, and
/// answers when that is.
async fn prepare(args: &Visits, shop: &Shop, wire: &mut Wire) -> Result<Option<Instant>> {
    if !args.mix.begins_full() {
        return Ok(None);
    }
    let lives = shop.fill(wire).await?;
    if args.mix != Mix::ExpiryWave {
        return Ok(None);
    }
    ensure!(
        lives <= LIVES_MAX,
        "holds of {} live {} s: start with `SEATGRID_OFFICE__DEMO_HOLD_TTL_S=20 seatgrid up`",
        args.event,
        lives.as_secs()
    );
    shop.forget();
    let ends = Instant::now() + lives;
    tokio::time::sleep_until((ends - BEFORE_WAVE.min(lives)).into()).await;
    Ok(Some(ends))
}
