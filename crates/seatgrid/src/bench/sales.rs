//! `bench sales`: whole sales by schedule, straight into the grid of a running system: a hold, its order,
//! its payment and the settlement of each. No HTTP and no gateway, so that the rate is the grid's and what
//! waits for PostgreSQL is a sale's. The load of the outage drill; nothing of what it opens is for sale
//! to anybody else.

mod bundle;
mod stage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use processing_unit::{Grid, GridConfig};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use stage::Stage;

use crate::local;

/// How often a bundle of sales begins. Each step of a bundle is one round trip.
const TICK: Duration = Duration::from_millis(20);
/// The longest latency that is told apart, in milliseconds.
const LATENCY_MS_MAX: u64 = 600_000;

/// How much to sell.
#[derive(Debug, Clone, Args)]
pub struct SalesArgs {
    /// Sales begun per second, of one seat each.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    pub rate: u32,
    /// For so long; 0 only opens the events.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=3_600))]
    pub seconds: u32,
    /// Events of 20,000 seats to sell from, spread over the shards.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub events: u32,
    /// How long one step of a sale is tried again, in seconds.
    #[arg(long, default_value_t = 60)]
    pub patience_s: u64,
    /// Begins the events' names; those of an earlier run are sold from where they have free seats.
    #[arg(long, default_value = "sales")]
    pub name: String,
    /// Data directory of a local `seatgrid up`.
    #[arg(long, default_value = ".seatgrid")]
    pub data_dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What came of the sales.
#[derive(Debug, Default)]
struct Tally {
    /// Latencies from the scheduled moment, in milliseconds.
    latency_ms: Option<Histogram<u64>>,
    sold: u64,
    refused: u64,
    failed: u64,
    repeated: u64,
    first_fault: Option<String>,
}

impl Tally {
    fn sold(&mut self, took: Duration) {
        self.sold += 1;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Some(all) = &mut self.latency_ms {
            all.saturating_record(took_ms.max(1));
        }
    }
}

#[derive(Debug, Serialize)]
struct Found {
    asked_per_s: u32,
    sold_per_s: f64,
    sold: u64,
    /// Holds that were refused since nothing more may wait for PostgreSQL.
    refused: u64,
    /// Sales with any other end.
    failed: u64,
    /// Steps that were sent again.
    repeated: u64,
    p50_ms: u64,
    p99_ms: u64,
    first_fault: Option<String>,
}

/// Sells and prints; an error means that it could not, or that a sale failed.
pub async fn run(args: &SalesArgs) -> Result<()> {
    let grid = Grid::connect(&GridConfig::new(local::grid_clients(&args.data_dir)?));
    let stage = Stage::set(&grid, &args.name, args.events).await?;
    let wanted = u64::from(args.rate) * u64::from(args.seconds);
    let seats = stage.seats_free();
    ensure!(wanted <= seats, "{wanted} sales need more than the {seats} free seats: --events");
    let found = sell(args, grid, stage).await?;
    found.print(args.json)?;
    ensure!(found.failed == 0, "{} sales failed: {:?}", found.failed, found.first_fault);
    Ok(())
}

async fn sell(args: &SalesArgs, grid: Grid, mut stage: Stage) -> Result<Found> {
    let histogram = Histogram::new_with_bounds(1, LATENCY_MS_MAX, 3).context("a histogram")?;
    let tally = Tally { latency_ms: Some(histogram), ..Tally::default() };
    let (tally, began) = (Arc::new(Mutex::new(tally)), Instant::now());
    let patience = Duration::from_secs(args.patience_s);
    let (mut sent, mut selling) = (0, JoinSet::new());
    let wanted = u64::from(args.rate) * u64::from(args.seconds);
    let mut ticks = tokio::time::interval(TICK);
    while sent < wanted {
        let due = ticks.tick().await;
        let by_now = due.duration_since(began).as_secs_f64() * f64::from(args.rate);
        let more = (by_now as u64).min(wanted).saturating_sub(sent);
        sent += more;
        for places in stage.take(more) {
            let (grid, tally) = (grid.clone(), Arc::clone(&tally));
            selling.spawn(async move {
                bundle::sell(&grid, places, (due, patience), &tally).await;
            });
        }
    }
    while selling.join_next().await.is_some() {}
    let took = began.elapsed().as_secs_f64().max(0.001);
    let tally = std::mem::take(&mut *tally.lock());
    let quantile = |q| tally.latency_ms.as_ref().map_or(0, |all| all.value_at_quantile(q));
    Ok(Found {
        asked_per_s: args.rate,
        sold_per_s: tally.sold as f64 / took,
        sold: tally.sold,
        refused: tally.refused,
        failed: tally.failed,
        repeated: tally.repeated,
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
        first_fault: tally.first_fault,
    })
}

impl Found {
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!(
            "{} sales, {:.0} of {} a second; refused for want of room {}, failed {}, sent again {}; \
             p50 {} ms, p99 {} ms from the scheduled moment",
            self.sold,
            self.sold_per_s,
            self.asked_per_s,
            self.refused,
            self.failed,
            self.repeated,
            self.p50_ms,
            self.p99_ms
        );
        Ok(())
    }
}
