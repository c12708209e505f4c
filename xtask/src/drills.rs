//! `cargo xtask drill NAME`: what must hold while something breaks, as commands; docs/drills.md has the
//! expected answers.
//!
//! A drill is a set of tests of the workspace, or the simulation; most of them start real processes under
//! load (`tests/e2e/tests/it/drills`) and add what they measured to a file. In the end there is one row a
//! drill with its target, what was measured and the verdict. Nothing here decides what is right: the tests
//! do, and a red one is a missed target.

mod catalogue;
mod measured;
mod record;
mod table;

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use self::catalogue::{How, Named};
use self::measured::Measured;
use crate::command::{run, run_with};

/// Which drills, and how much of each fault they make.
#[derive(Debug, Clone, clap::Args)]
pub struct Drills {
    /// Names of the list; `all` for every one.
    #[arg(required_unless_present = "list")]
    names: Vec<String>,
    /// Says which there are, and their targets.
    #[arg(long)]
    list: bool,
    /// Writes the rows into docs/drills/DATE.md as well.
    #[arg(long)]
    record: bool,
    /// Uses the development build instead of the release form: quicker to have, slower to run.
    #[arg(long)]
    dev: bool,
    /// Only those tests of drills on processes that have this in their names.
    #[arg(long)]
    only: Option<String>,
    #[command(flatten)]
    sizes: Sizes,
}

/// How much of each fault.
#[derive(Debug, Clone, clap::Args)]
struct Sizes {
    /// Holds asked for per second.
    #[arg(long, default_value_t = 5_000)]
    rate: u32,
    /// kill -9 of the leading unit.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// kill -9 of everything at once, and power cuts of all units.
    #[arg(long, default_value_t = 5)]
    blackouts: u32,
    /// SIGSTOP of the leading unit for five seconds.
    #[arg(long, default_value_t = 5)]
    freezes: u32,
    /// Rounds of four faults of the leader's links.
    #[arg(long, default_value_t = 3)]
    partitions: u32,
    /// Seconds of load while a unit comes, leaders move and another unit goes.
    #[arg(long, default_value_t = 60)]
    elastic_s: u32,
    /// Seconds of load while a unit loses its disk and gets a new id.
    #[arg(long, default_value_t = 60)]
    wiped_s: u32,
    /// Seconds for which PostgreSQL is stopped under load.
    #[arg(long, default_value_t = 600)]
    database_away_s: u32,
    /// Seconds for which clients record a history while units fail.
    #[arg(long, default_value_t = 120)]
    history_s: u32,
    /// Requests of made-up histories that the checker reads besides, in millions.
    #[arg(long, default_value_t = 10)]
    history_millions: u32,
    /// Seeds of the simulation.
    #[arg(long, default_value_t = 1_000)]
    seeds: u32,
    /// Sales per second while PostgreSQL is away at full rate.
    #[arg(long, default_value_t = 2_000)]
    sales_rate: u32,
    /// Seconds of them.
    #[arg(long, default_value_t = 600)]
    outage_s: u32,
    /// Shards that they are spread over.
    #[arg(long, default_value_t = 4)]
    outage_shards: u32,
    /// Seconds in which the tables must have caught up with them.
    #[arg(long, default_value_t = 60)]
    catch_up_max_s: u32,
}

impl Drills {
    fn vars(&self) -> Vec<(String, String)> {
        let Sizes { rate, kills, blackouts, freezes, partitions, .. } = self.sizes;
        let Sizes { elastic_s, wiped_s, database_away_s, history_s, history_millions, .. } =
            self.sizes;
        let Sizes { sales_rate, outage_s, outage_shards, catch_up_max_s, .. } = self.sizes;
        let counts = [
            ("RATE", rate),
            ("KILLS", kills),
            ("BLACKOUTS", blackouts),
            ("FREEZES", freezes),
            ("PARTITIONS", partitions),
            ("ELASTIC_S", elastic_s),
            ("WIPED_S", wiped_s),
            ("DATABASE_AWAY_S", database_away_s),
            ("HISTORY_S", history_s),
            ("HISTORY_MILLIONS", history_millions),
            ("SALES_RATE", sales_rate),
            ("OUTAGE_S", outage_s),
            ("OUTAGE_SHARDS", outage_shards),
            ("CATCH_UP_MAX_S", catch_up_max_s),
            // All cells of the matrix of faults and steps.
            ("MONEY_MATRIX_WHOLE", 1),
            // The development form is not held to the release's time limits.
            ("STRICT", u32::from(!self.dev)),
        ];
        let var = |(name, count)| (format!("SEATGRID_DRILL_{name}"), format!("{count}"));
        counts.map(var).into()
    }
}

/// Runs them one after the other; the table is printed whether they pass or fail.
pub fn drill(args: &Drills) -> Result<()> {
    if args.list {
        table::list();
        return Ok(());
    }
    let chosen = catalogue::chosen(&args.names)?;
    let form = if args.dev { "" } else { "--release" };
    if chosen.iter().any(|drill| matches!(drill.how, How::Processes(_))) {
        run(&format!("cargo build {form} --quiet --package seatgrid"))?;
    }
    let results = chosen.iter().map(|drill| one(drill, args, form));
    let results = results.collect::<Result<Vec<Measured>>>()?;
    let verdicts = table::print(&results);
    if args.record {
        record::append(&verdicts, &results)?;
    }
    let red: Vec<&str> =
        results.iter().filter(|result| !result.passed).map(|result| result.drill.name).collect();
    if !red.is_empty() {
        bail!("missed: {}", red.join(", "));
    }
    Ok(())
}

/// Runs one and reads what it measured.
fn one(drill: &'static Named, args: &Drills, form: &str) -> Result<Measured> {
    let (report, began) = (report_file()?, Instant::now());
    let mut vars = args.vars();
    vars.push(("SEATGRID_DRILL_REPORT".to_owned(), report.display().to_string()));
    let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let nextest = "--ignore-default-filter --no-fail-fast --success-output immediate";
    let result = match drill.how {
        How::Processes(tests) => {
            let tests = args.only.clone().unwrap_or_else(|| tests.join(" "));
            run_with(&format!("cargo nextest run {form} --package e2e {nextest} {tests}"), &vars)
        }
        // These measure nothing that depends on the form.
        How::Parts(packages, tests) => {
            let packages: Vec<String> =
                packages.iter().map(|package| format!("--package {package}")).collect();
            let (packages, tests) = (packages.join(" "), tests.join(" "));
            run_with(&format!("cargo nextest run {packages} --no-fail-fast {tests}"), &vars)
        }
        How::Simulation => crate::sim::batch(args.sizes.seeds, !args.dev),
    };
    if let Err(error) = &result {
        eprintln!("{}: {error:#}", drill.name);
    }
    let rows = measured::read(&report)?;
    let passed = result.is_ok() && rows.iter().all(|row| row.state != "failed");
    Ok(Measured { drill, passed, took: began.elapsed(), rows })
}

/// A new file below the target directory.
fn report_file() -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
    let dir = std::env::current_dir()?.join("target");
    std::fs::create_dir_all(&dir)?;
    Ok(dir.join(format!("drills-{}.jsonl", now.as_millis())))
}
