//! `seatgrid bench overload`: goodput from half to twenty times of what the service holds, and how soon
//! it is well again once a trigger is gone.
//!
//! An overloaded service shall go on doing what it can do and refuse the rest cheaply; a trigger shall
//! leave nothing behind that keeps it down. Clients of three kinds are tried, since it is they who keep
//! a failure alive. The generator shares the machine: what it could not send is told as such.

mod curve;
mod manners;
mod recovery;
mod watch;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::chart::page;
use super::compare::{buyers::Buyers, hall};
use super::load::{self, Manner, Schedule, Spacing, Summary, Tally};
use super::machine::hardware;
use curve::Step;
use manners::{Crowd, Manners};
use recovery::{Recovery, Trigger};
use watch::Watch;

/// How long one attempt may take: above the service's own limit of two seconds.
const LIMIT: Duration = Duration::from_secs(4);
/// Connections with which the peak is looked for: more only queue.
const PEAK_CONNECTIONS: u32 = 128;

/// What to try.
#[derive(Debug, Clone, Args)]
pub struct OverloadArgs {
    /// What it holds, in holds a second; measured first when left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    peak: Option<u32>,
    /// Multiples of the peak.
    #[arg(long, value_delimiter = ',', default_value = "0.5,0.8,1,1.2,1.5,2,3,5,10,20")]
    factors: Vec<f64>,
    /// Seconds of each step, and of the calm before and after a trigger.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Seconds of a trigger.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    trigger_seconds: u64,
    /// What disturbs; none for the curve alone.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "spike,freeze,reconnect")]
    triggers: Vec<Trigger>,
    /// Which clients meet the triggers.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "never-retry,retry-at-once,obey-retry-after"
    )]
    clients: Vec<Manners>,
    /// Connections: many, since a crowd does not share a few.
    #[arg(long, default_value_t = 2_048, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    connections: u32,
    /// The event; nobody else should hold there meanwhile.
    #[arg(long, default_value = "demo-arena")]
    event: String,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Data directory of a local `seatgrid up`, whose processes are looked at.
    #[arg(long, default_value = ".seatgrid")]
    pub(super) data_dir: PathBuf,
    /// Seed of arrivals and choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes a page with charts.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Everything that is told.
#[derive(Debug, Serialize)]
struct Report {
    hardware: String,
    event: String,
    peak_per_s: f64,
    connections: u32,
    curve: Vec<Step>,
    recoveries: Vec<Recovery>,
}

/// One service under trial.
struct Trial<'a> {
    args: &'a OverloadArgs,
    address: String,
    buyers: Arc<Buyers>,
    watch: Watch,
}

/// Tries it.
///
/// # Errors
/// When the service or its processes cannot be reached.
pub async fn run(args: &OverloadArgs, url: &str) -> Result<()> {
    let address = url.strip_prefix("http://").context("loads speak plain http only")?.to_owned();
    let hall = hall::of(&address, &args.event).await?;
    let buyers = Arc::new(Buyers::new(&hall, false, args.seed));
    let trial = Trial { args, address, buyers, watch: Watch::new(&args.data_dir) };
    let peak = match args.peak {
        Some(peak) => f64::from(peak),
        None => trial.peak().await?,
    };
    say(&format!("peak: {peak:.0} holds/s"));
    let curve = curve::draw(&trial, peak).await?;
    let mut recoveries = Vec::new();
    for trigger in &args.triggers {
        for manners in &args.clients {
            let recovery = recovery::watch(&trial, peak, (*trigger, *manners)).await?;
            say(&recovery.line());
            recoveries.push(recovery);
        }
    }
    let report = Report {
        hardware: hardware(),
        event: args.event.clone(),
        peak_per_s: peak,
        connections: args.connections,
        curve,
        recoveries,
    };
    report.tell(args)
}

impl Trial<'_> {
    /// As much as it takes over a moderate number of connections.
    async fn peak(&self) -> Result<f64> {
        let schedule = Schedule {
            rate: 1.0,
            span: Duration::from_secs(self.args.seconds.min(10)),
            spacing: Spacing::Asap,
            seed: self.args.seed,
        };
        let tally = Arc::new(Tally::new(LIMIT));
        load::send(&self.manner(PEAK_CONNECTIONS), schedule, &self.buyers, &tally).await?;
        let summary = tally.summary();
        let hold = summary.kinds.get(super::compare::buyers::HOLD).context("no hold at all")?;
        anyhow::ensure!(hold.good > 0, "no hold was granted: {:?}", hold.codes);
        Ok(hold.goodput_per_s)
    }

    fn manner(&self, connections: u32) -> Manner {
        let address = self.address.clone();
        Manner { address, connections, limit: LIMIT, shows_progress: false }
    }

    /// A crowd at a rate, by schedule.
    async fn crowd(&self, manners: Manners, rate: f64, span: Duration) -> Result<Summary> {
        let tally = Arc::new(Tally::new(manners.patience()));
        let crowd =
            Arc::new(Arc::new(Crowd::new(Arc::clone(&self.buyers), manners, &self.address)));
        let schedule = Schedule { rate, span, spacing: Spacing::Poisson, seed: self.args.seed };
        load::send(&self.manner(self.args.connections), schedule, &crowd, &tally).await?;
        crowd.gone().await;
        Ok(tally.summary())
    }
}

impl Report {
    fn tell(&self, args: &OverloadArgs) -> Result<()> {
        let words = self.words();
        if let Some(file) = &args.report {
            let page = page("seatgrid bench overload", &words, &curve::charts(&self.curve));
            std::fs::write(file, page).with_context(|| file.display().to_string())?;
        }
        let text = if args.json { serde_json::to_string_pretty(self)? } else { words };
        writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
    }

    fn words(&self) -> String {
        let head = format!(
            "{}; {} connections on {}; peak {:.0} holds/s",
            self.hardware, self.connections, self.event, self.peak_per_s
        );
        let steps = std::iter::once(Step::head()).chain(self.curve.iter().map(Step::line));
        let recoveries = self.recoveries.iter().map(Recovery::line);
        let verdicts = curve::verdicts(&self.curve);
        let lines = std::iter::once(head).chain(steps).chain(verdicts).chain(recoveries);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// As on the command line.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn say(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
