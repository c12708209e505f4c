//! The gate in its steps.

use anyhow::{Context, Result};

use crate::command::{output, run, run_with};
use crate::tidy;

/// The version that is installed when there is none.
const NEXTEST: &str = "0.9.151";

/// Suites for the long run.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum LongSuite {
    /// More than a million random commands against the oracle.
    Model,
    /// Every case of the log's list of damages and faults instead of a sample.
    Wal,
    /// Power cuts of real file systems below the log, copies of one in use, a starved one; as root.
    Power,
}

/// Format, lints, tidy.
pub fn verify() -> Result<()> {
    run("cargo fmt --all --check").context("`cargo xtask fix` formats")?;
    tidy::run()?;
    run("cargo clippy --workspace --all-targets --quiet -- -D warnings")
}

/// The README's test command: the gate, then every test.
pub fn test() -> Result<()> {
    verify()?;
    ensure_nextest()?;
    // Builds the binary that drills start, too, with the features that the tests have.
    run("cargo nextest run --workspace --no-fail-fast")
}

/// Rewrites.
pub fn fix() -> Result<()> {
    run("cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged --quiet")?;
    run("cargo fmt --all")
}

/// All browser tests, or those whose name holds `only`, with measured budgets; pictures of all pages
/// into a folder.
pub fn browser(shots: &std::path::Path, only: &str) -> Result<()> {
    ensure_nextest()?;
    run("cargo build --quiet --package seatgrid")?;
    let shots = std::path::absolute(shots)?.display().to_string();
    run_with(
        "cargo nextest run --package e2e --no-capture browser::",
        &[("SEATGRID_BROWSER_ALL", "1"), ("SEATGRID_SHOTS", &shots), ("SEATGRID_ONLY", only)],
    )?;
    println!("pictures: {shots}");
    Ok(())
}

/// The long suites.
pub fn long(suite: LongSuite, power_cuts: u32) -> Result<()> {
    match suite {
        LongSuite::Model => run_with(
            "cargo test --release --package inventory --test it every_command",
            &[("SEATGRID_MODEL_SEEDS", "1100")],
        ),
        LongSuite::Wal => run_with(
            "cargo nextest run --package grid-node --test wal --no-fail-fast",
            &[("SEATGRID_WAL_EXHAUSTIVE", "1")],
        ),
        LongSuite::Power => run_with(
            "cargo nextest run --package grid-node --test wal --success-output immediate power::",
            &[("SEATGRID_DRILL_POWER_CUTS", &power_cuts.to_string())],
        ),
    }
}

fn ensure_nextest() -> Result<()> {
    if output("cargo", &["nextest", "--version"]).is_some() {
        return Ok(());
    }
    println!("cargo-nextest is missing: installing it (once, some minutes)");
    run(&format!("cargo install cargo-nextest --version {NEXTEST} --locked"))
        .context("type: cargo install cargo-nextest --locked")
}
