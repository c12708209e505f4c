//! Automation: `cargo xtask verify` is the gate and only reads, `cargo xtask test` is the README's
//! test command, `cargo xtask fix` rewrites. Nothing here ships.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod command;
mod drills;
mod planted;
mod sim;
mod tidy;
mod verify;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "seatgrid's automation")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must hold before a change lands: format, lints, tidy, all tests.
    Test,
    /// Format, lints and tidy only; reads, never writes.
    Verify,
    /// House rules that no compiler knows.
    Tidy,
    /// Formats and applies what the linter can repair.
    Fix,
    /// The grid in a simulation: kept seeds first, then new ones.
    Sim(sim::Seeds),
    /// Every page and every end of a purchase in Chromium, with budgets; pictures into a folder.
    Browser {
        /// Where pictures of all pages go.
        #[arg(long, default_value = "target/browser-shots")]
        shots: std::path::PathBuf,
        /// Only tests whose name holds this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// What must hold while something breaks, each with its target and verdict.
    Drill(drills::Drills),
    /// Suites that take long; not part of the gate.
    Long {
        /// Which suite.
        #[arg(value_enum)]
        suite: verify::LongSuite,
        /// Power cuts of a disk under a log that is appended to.
        #[arg(long, default_value_t = 100)]
        power_cuts: u32,
    },
}

fn main() -> anyhow::Result<()> {
    std::env::set_current_dir(command::root())?;
    match Cli::parse().task {
        Task::Test => verify::test(),
        Task::Verify => verify::verify(),
        Task::Tidy => tidy::run(),
        Task::Fix => verify::fix(),
        Task::Sim(seeds) => sim::sim(&seeds),
        Task::Browser { shots, only } => verify::browser(&shots, &only),
        Task::Drill(which) => drills::drill(&which),
        Task::Long { suite, power_cuts } => verify::long(suite, power_cuts),
    }
}
