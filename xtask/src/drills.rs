//! `cargo xtask long drills`: faults under load with real processes, and the table of what they did.
//!
//! The drills themselves are tests (`tests/e2e/tests/it/drills`); each adds its rows to a file, which is
//! printed in the end. docs/drills.md has the expected answers.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::command::{run, run_with};

/// How much of each fault the drills make.
#[derive(Debug, Clone, clap::Args)]
pub struct DrillSizes {
    /// Holds asked for per second.
    #[arg(long, default_value_t = 5_000)]
    rate: u32,
    /// kill -9 of the leading unit.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// kill -9 of everything at once.
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
    /// Uses the development build instead of the release form: quicker to have, slower to run.
    #[arg(long)]
    dev: bool,
    /// Power cuts of a disk under a log that is appended to.
    #[arg(long, default_value_t = 100)]
    pub power_cuts: u32,
    /// Only drills with this in their names.
    #[arg(long, default_value = "drills::")]
    only: String,
}

impl DrillSizes {
    fn vars(&self) -> Vec<(String, String)> {
        let counts = [
            ("RATE", self.rate),
            ("KILLS", self.kills),
            ("BLACKOUTS", self.blackouts),
            ("FREEZES", self.freezes),
            ("PARTITIONS", self.partitions),
            ("ELASTIC_S", self.elastic_s),
            ("WIPED_S", self.wiped_s),
            ("DATABASE_AWAY_S", self.database_away_s),
            // The development form is not held to the release's time limits.
            ("STRICT", u32::from(!self.dev)),
        ];
        let var = |(name, count)| (format!("SEATGRID_DRILL_{name}"), format!("{count}"));
        counts.map(var).into()
    }
}

/// Runs them; the table is printed whether they pass or fail.
pub fn all(sizes: &DrillSizes) -> Result<()> {
    let form = if sizes.dev { "" } else { "--release" };
    run(&format!("cargo build {form} --quiet --package seatgrid"))?;
    let report = report_file()?;
    let mut vars = sizes.vars();
    vars.push(("SEATGRID_DRILL_REPORT".to_owned(), report.display().to_string()));
    let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let only = &sizes.only;
    let result = run_with(
        &format!(
            "cargo nextest run {form} --package e2e --ignore-default-filter --no-fail-fast \
             --success-output immediate {only}"
        ),
        &vars,
    );
    let rows = std::fs::read_to_string(&report).unwrap_or_default();
    println!("{}\n{rows}", head());
    println!("also in {}; expected answers: docs/drills.md", report.display());
    result
}

/// A new file below the target directory.
fn report_file() -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
    let dir = std::env::current_dir()?.join("target");
    std::fs::create_dir_all(&dir)?;
    Ok(dir.join(format!("drills-{}.txt", now.as_secs())))
}

/// Over the rows that the drills write (`tests/e2e/src/drill/report.rs`). Latencies are in milliseconds
/// and count from the scheduled moment.
fn head() -> String {
    let numbers = |words: [&str; 5]| {
        let [asked, answered, granted, failed, repeated] = words;
        format!("{asked:>6} {answered:>8} {granted:>8} {failed:>6} {repeated:>8}")
    };
    let over = numbers(["", "holds/s", "holds", "", ""]);
    let under = numbers(["asked", "answered", "granted", "failed", "repeated"]);
    let (ms, of) = (format!("{:>6} {:>7}", "p50", "p99"), |phase: &str| format!("{phase:>14}"));
    let [before, during, after] = ["before", "during", "after"].map(of);
    let blank = "";
    format!(
        "\n{blank:<38} {over} | {before} | {during} | {after} | longest | {blank:>4} {:>5}\n\
         {:<38} {under} | {ms} | {ms} | {ms} |  gap ms | lost twice stale",
        "sold", "drill"
    )
}
