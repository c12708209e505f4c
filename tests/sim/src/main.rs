//! The grid in a simulation: the product's own units, client and rules on a simulated network,
//! disks and clocks, everything drawn from a seed.
//!
//! `sim run --seed S` is one run in a process of its own; `sim batch` starts many. The process under
//! a seed owns its time and chance (`shim/process.c`), so the same seed is the same run to the byte.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod batch;
mod chaos;
mod checks;
mod drive;
mod hall;
mod history;
mod host;
mod network;
mod options;
mod process;
mod shopper;
#[path = "../../../crates/grid-node/tests/wal/sim_disk.rs"]
#[allow(dead_code, reason = "the log's own tests use all of it")]
mod sim_disk;
mod simulation;
mod tables;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::options::Options;
use crate::simulation::Simulation;

#[derive(Parser)]
#[command(about = "seatgrid in a simulation")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// One run, in this process.
    Run {
        /// All of it follows from this.
        #[arg(long)]
        seed: u64,
        /// Writes what happens to this file.
        #[arg(long)]
        trace: Option<PathBuf>,
        /// Writes the product's log to standard error, down to this level.
        #[arg(long)]
        log: Option<String>,
    },
    /// Many runs, each in its own process.
    Batch(batch::Sizes),
}

fn main() -> ExitCode {
    match Cli::parse().task {
        Task::Run { seed, trace, log } => run(seed, trace, log),
        Task::Batch(sizes) => batch::run(&sizes),
    }
}

fn run(seed: u64, trace: Option<PathBuf>, log: Option<String>) -> ExitCode {
    let known = std::env::var(process::SEED_VARIABLE);
    if known != Ok(seed.to_string()) {
        eprintln!(
            "time and chance of this process are not simulated: set {}={seed}",
            process::SEED_VARIABLE
        );
        return ExitCode::from(2);
    }
    if let Some(level) = log {
        let filter = tracing_subscriber::EnvFilter::new(level);
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        lines.with_writer(std::io::stderr).init();
    }
    std::panic::set_hook(Box::new(move |panic| {
        println!("red seed={seed} panic: {panic}");
        std::process::exit(1);
    }));
    match Simulation::run(Options::of(seed), trace) {
        Ok(summary) => {
            println!(
                "green seed={seed} events={} digest={:08x} simulated_ms={}",
                summary.events,
                summary.digest,
                summary.simulated.as_millis()
            );
            for (name, count) in summary.counts {
                println!("count {count} {name}");
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("red seed={seed} {why}");
            ExitCode::FAILURE
        }
    }
}
