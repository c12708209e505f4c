//! `seatgrid bench writer`: how fast the data writer's sink catches up, beside the same server with
//! the same rows and nothing promised about them.
//!
//! The real rules make the records in this process, as a grid with a backlog would tell them; the
//! real mapping and sink write them over one connection, batch by batch, and each batch goes to bare
//! tables of the same shape right after, so that both meet the same machine. With `--verify` what was
//! written is proven as `seatgrid verify` does, beside a bare COPY of the ledger; with `--days` it is
//! spread over a year. Only the grid's own answer time is left out.

mod tape;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use data_writer::{Bare, Batch, Checkpoint, Sink, Verifier, copy_ledger, migrate, verify_database};
use hdrhistogram::Histogram;
use local_postgres::{LocalPostgres, Options};
use serde::Serialize;

use crate::verify::ProgressLine;
use tape::Tape;

/// The shard that all records belong to.
const SHARD: u32 = 1;

/// What to write.
#[derive(Debug, Clone, Args)]
pub struct WriterArgs {
    /// Ledger rows, about.
    #[arg(
        long, default_value_t = 500_000,
        value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000)
    )]
    pub rows: u64,
    /// Ledger rows of one transaction; a writer that is behind takes its largest.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub batch_rows: u32,
    /// Days over which the records are spread, in the past.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// Of so many holds one is bought; 0 buys none, which is what the comparison is fairest with.
    #[arg(long, default_value_t = 0)]
    pub buy_one_of: u32,
    /// Leaves the bare tables out: only fills.
    #[arg(long)]
    pub no_bare: bool,
    /// Proves the ledger afterwards, beside a bare COPY of it.
    #[arg(long)]
    pub verify: bool,
    /// An empty database; without it a server is started for the run and removed afterwards.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Where that server keeps its data.
    #[arg(long, default_value_os_t = std::env::temp_dir(), value_name = "DIR")]
    pub dir: PathBuf,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What was measured; times in milliseconds.
#[derive(Debug, Default, Serialize)]
struct Measured {
    batches: u64,
    /// Seat and ledger rows, as both sides wrote them.
    rows: u64,
    sink_rows_per_s: f64,
    bare_rows_per_s: Option<f64>,
    /// The sink's rate as a part of the bare one.
    ratio: Option<f64>,
    batch_p50_ms: f64,
    batch_p99_ms: f64,
    verify: Option<Proven>,
}

/// The proof of what was written.
#[derive(Debug, Serialize)]
struct Proven {
    records: u64,
    verify_s: f64,
    copy_s: f64,
    copy_bytes: u64,
    /// How often as long as the bare COPY the proof took.
    times: f64,
    resident_max_mb: u64,
}

/// Runs it; an error means that it could not run or that what was written does not prove itself.
pub async fn run(args: WriterArgs) -> Result<()> {
    if let Some(url) = args.database_url.clone().filter(|url| !url.is_empty()) {
        return measure(&args, &url).await;
    }
    let dir = args.dir.join(format!("seatgrid-bench-writer-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    let running = LocalPostgres::start(Options::new(&dir)).await?;
    let measured = measure(&args, running.url()).await;
    running.stop().await.context("the server does not stop")?;
    LocalPostgres::remove(&dir).context("the server's data stays")?;
    std::fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())?;
    measured
}

async fn measure(args: &WriterArgs, url: &str) -> Result<()> {
    migrate(url).await.context("the database's tables")?;
    let mut measured = write(args, url).await?;
    if args.verify {
        measured.verify = Some(prove(url).await?);
    }
    print(&measured, args.json)
}

async fn write(args: &WriterArgs, url: &str) -> Result<Measured> {
    let sink = Sink::connect(url, 1)?;
    let mut bare = if args.no_bare { None } else { Some(Bare::new(url).await?) };
    let mut checkpoint = sink.claim(SHARD, 1).await?;
    ensure!(checkpoint.position.log_index == 0, "the database is not empty");
    let mut tape = Tape::new(args.rows, args.days, args.buy_one_of);
    let mut took = Took::new()?;
    while let Some(records) = tape.next(args.batch_rows) {
        let began = Instant::now();
        let batch = Batch::of(&records, tape.terms())?;
        let last_ms = records.last().map_or(0, |record| record.at_ms);
        checkpoint = sink.write(&checkpoint, &batch, last_ms).await?;
        took.sink(began.elapsed(), &batch)?;
        if let Some(bare) = &mut bare {
            let began = Instant::now();
            bare.write(&batch).await?;
            took.bare += began.elapsed();
        }
    }
    settle(&tape, &checkpoint)?;
    Ok(took.measured(bare.is_some()))
}

/// Every record is in the tables.
fn settle(tape: &Tape, checkpoint: &Checkpoint) -> Result<()> {
    let end = tape.end();
    ensure!(checkpoint.position == end, "written up to {:?} of {end:?}", checkpoint.position);
    Ok(())
}

struct Took {
    batches: u64,
    rows: u64,
    sink: Duration,
    bare: Duration,
    each_us: Histogram<u64>,
}

impl Took {
    fn new() -> Result<Self> {
        let each_us = Histogram::new(3)?;
        Ok(Self { batches: 0, rows: 0, sink: Duration::ZERO, bare: Duration::ZERO, each_us })
    }

    fn sink(&mut self, took: Duration, batch: &Batch) -> Result<()> {
        self.batches += 1;
        self.rows += (batch.seats.len() + batch.ledger.len()) as u64;
        self.sink += took;
        Ok(self.each_us.record(took.as_micros() as u64)?)
    }

    fn measured(&self, with_bare: bool) -> Measured {
        let rate = |took: Duration| self.rows as f64 / took.as_secs_f64().max(1e-9);
        let sink_rows_per_s = rate(self.sink);
        let bare_rows_per_s = with_bare.then(|| rate(self.bare));
        let quantile = |at| self.each_us.value_at_quantile(at) as f64 / 1e3;
        Measured {
            batches: self.batches,
            rows: self.rows,
            sink_rows_per_s,
            bare_rows_per_s,
            ratio: bare_rows_per_s.map(|bare| sink_rows_per_s / bare),
            batch_p50_ms: quantile(0.5),
            batch_p99_ms: quantile(0.99),
            verify: None,
        }
    }
}

async fn prove(url: &str) -> Result<Proven> {
    let (copy_bytes, copy) = copy_ledger(url).await?;
    let mut verifier = Verifier::new();
    let mut shown = ProgressLine::new();
    let began = Instant::now();
    verify_database(&mut verifier, url, None, &mut |progress| shown.show(progress)).await?;
    let report = verifier.finish();
    let took = began.elapsed();
    ensure!(report.is_clean(), "what was written does not prove itself: {report}");
    Ok(Proven {
        records: report.records,
        verify_s: took.as_secs_f64(),
        copy_s: copy.as_secs_f64(),
        copy_bytes,
        times: took.as_secs_f64() / copy.as_secs_f64().max(1e-9),
        resident_max_mb: resident_max_mb(),
    })
}

/// The most that this process ever had in memory; 0 where the system does not tell.
fn resident_max_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) >> 10
}

fn print(measured: &Measured, json: bool) -> Result<()> {
    let text = if json { serde_json::to_string(measured)? } else { words(measured) };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
}

fn words(measured: &Measured) -> String {
    let mut text = format!(
        "sink   {:>9.0} rows/s over one connection, {} rows in {} batches\n\
         batch  p50 {:.1} ms, p99 {:.1} ms: what one batch adds to the lag",
        measured.sink_rows_per_s,
        measured.rows,
        measured.batches,
        measured.batch_p50_ms,
        measured.batch_p99_ms
    );
    if let (Some(bare), Some(ratio)) = (measured.bare_rows_per_s, measured.ratio) {
        text +=
            &format!("\nbare   {bare:>9.0} rows/s, the same rows by UNNEST\nratio  {ratio:>9.2}");
    }
    if let Some(proven) = &measured.verify {
        text += &format!(
            "\nverify {} records in {:.1} s; bare COPY of {} MB in {:.1} s: {:.1} times as long; \
             {} MB in memory at most",
            proven.records,
            proven.verify_s,
            proven.copy_bytes >> 20,
            proven.copy_s,
            proven.times,
            proven.resident_max_mb
        );
    }
    text
}
