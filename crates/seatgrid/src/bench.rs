//! `seatgrid bench`: measuring tools that belong to the product.
//!
//! `bench onsale` sends a crowd that buys an event out through HTTP, with payments at the sandbox,
//! and then checks that the public counts and PostgreSQL say the same as the buyers' receipts. It
//! knows only the HTTP contract; arrivals follow a schedule and every latency counts from the
//! scheduled moment, so a stalled server cannot hide its stall. `bench grid` leaves HTTP out and
//! measures commands into the grid alone, `bench writer` rows into PostgreSQL alone.

mod api;
mod buyer;
mod chart;
mod compare;
mod crowd;
mod grid;
mod holds;
mod http;
mod journal;
mod load;
mod machine;
mod memory;
mod mixed;
mod overload;
mod owners;
mod reads;
mod report;
mod sales;
mod streams;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use api::Api;
use report::Report;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// A crowd buys an event out.
    Onsale(OnSale),
    /// Visitors of all kinds by schedule, with percentiles, goodput and charts.
    Http(mixed::Visits),
    /// Other ways to sell seats behind the same edge, side by side in one run.
    Compare(compare::CompareArgs),
    /// One process of a rival.
    #[command(hide = true)]
    Rival(compare::RivalArgs),
    /// Goodput from half to twenty times of what it holds, and how soon it is well again.
    Overload(overload::OverloadArgs),
    /// Holds and releases by schedule with a journal of every request: the load of drills.
    Holds(holds::Holds),
    /// Judges the journal of `bench holds`: nothing acknowledged lost, no seat twice, no stale answer.
    CheckJournal(journal::CheckJournal),
    /// Commands into three units of its own, without HTTP.
    Grid(grid::GridArgs),
    /// The seat map asked for by readers who have it already.
    Reads(reads::Reads),
    /// What a seat and an idle unit take.
    Memory(memory::Memory),
    /// Whole sales by schedule, straight into the grid of a running system: the load of an outage.
    Sales(sales::SalesArgs),
    /// Open live streams, and how soon a change is on every one of them.
    Streams(streams::Streams),
    /// The data writer's sink beside a bare upsert of the same rows, and `verify` of what it wrote.
    Writer(writer::WriterArgs),
}

/// A crowd and its manners.
#[derive(Debug, Clone, Args)]
pub struct OnSale {
    /// The event to buy.
    #[arg(long, default_value = "demo-hall")]
    pub event: String,
    /// How many buyers come.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub buyers: u32,
    /// Buyers arriving per second.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Most seats one buyer wants; each wants 1 to this many.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=6))]
    pub seats_max: u16,
    /// How long a buyer tries one step again, in seconds.
    #[arg(long, default_value_t = 30)]
    pub patience_s: u64,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub url: Option<String>,
    /// Data directory of a local `seatgrid up`; its tables are compared after the run.
    #[arg(long, default_value = ".seatgrid")]
    pub data_dir: PathBuf,
    /// Seed of the crowd's choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs a measurement; an error means that it could not run or that its checks failed.
pub async fn run(bench: Bench) -> Result<()> {
    match bench {
        Bench::Onsale(args) => on_sale(args).await,
        Bench::Http(args) => {
            let url = router_url(args.url.as_deref(), &args.data_dir)?;
            mixed::run(&args, &url).await
        }
        Bench::Overload(args) => {
            let url = router_url(args.url.as_deref(), &args.data_dir)?;
            overload::run(&args, &url).await
        }
        Bench::Compare(args) => compare::run(args).await,
        Bench::Rival(args) => compare::run_rival(args).await,
        Bench::Holds(args) => {
            let url = router_url(args.url.as_deref(), &args.data_dir)?;
            holds::run(&args, url).await
        }
        Bench::CheckJournal(args) => journal::check(&args),
        Bench::Grid(args) => grid::run(args).await,
        Bench::Reads(args) => {
            let url = router_url(args.url.as_deref(), &args.data_dir)?;
            reads::run(&args, url).await
        }
        Bench::Memory(args) => memory::run(&args),
        Bench::Sales(args) => sales::run(&args).await,
        Bench::Streams(args) => {
            let url = router_url(args.url.as_deref(), &args.data_dir)?;
            streams::run(&args, url).await
        }
        Bench::Writer(args) => Box::pin(writer::run(args)).await,
    }
}

async fn on_sale(args: OnSale) -> Result<()> {
    let url = router_url(args.url.as_deref(), &args.data_dir)?;
    let api = Api::new(url, Duration::from_secs(args.patience_s))?;
    let before = api.availability(&args.event).await.context("reading the counts before")?;
    let crowd = crowd::send(&api, &args).await;
    let after = api.availability(&args.event).await.context("reading the counts after")?;
    let mut report = Report::new(&args, crowd, before, after);
    if args.url.is_none() {
        compare_tables(&args, &mut report).await?;
    }
    report.print(args.json)?;
    if report.faults.is_empty() {
        Ok(())
    } else {
        bail!("the sale does not add up: {}", report.faults.join("; "))
    }
}

/// The address that was given, or that of a local `up`.
fn router_url(given: Option<&str>, data_dir: &Path) -> Result<String> {
    if let Some(url) = given {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let file = data_dir.join("router.url");
    let url = std::fs::read_to_string(&file).with_context(|| {
        let file = file.display();
        format!("cannot read {file}: start `seatgrid up` first, or give --url or --data-dir")
    })?;
    Ok(url.trim().to_owned())
}

/// PostgreSQL must say what the grid and the buyers say.
async fn compare_tables(args: &OnSale, report: &mut Report) -> Result<()> {
    let options = crate::reconcile::options(&args.data_dir)?;
    let tables = data_writer::reconcile(&options).await.context("comparing with PostgreSQL")?;
    report.add_tables(&tables);
    Ok(())
}
