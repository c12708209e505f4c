//! The simulation as a command: `cargo xtask sim --seeds N`.

use anyhow::Result;
use clap::Args;

use crate::command::run;
use crate::planted::planted;

/// Which seeds.
#[derive(Debug, Args)]
pub struct Seeds {
    /// How many new ones.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this one.
    #[arg(long)]
    seed: Option<u64>,
    /// Uses the release form: slower to build, several times as fast to run.
    #[arg(long)]
    release: bool,
    /// Plants one bug after another and counts the seeds that find it; only those with these words
    /// in their names.
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    planted: Option<String>,
}

/// Builds the simulator with the features of the whole workspace, so that nothing is built twice,
/// and runs it. Green only when every run is.
pub fn sim(seeds: &Seeds) -> Result<()> {
    if let Some(only) = &seeds.planted {
        return planted(only);
    }
    let which = match seeds.seed {
        Some(seed) => format!("--seed {seed}"),
        None => format!("--seeds {} --from {}", seeds.seeds, seeds.from),
    };
    run_batch(&which, seeds.release)
}

/// So many new seeds.
pub fn batch(seeds: u32, release: bool) -> Result<()> {
    run_batch(&format!("--seeds {seeds}"), release)
}

fn run_batch(which: &str, release: bool) -> Result<()> {
    let (flag, form) = if release { ("--release", "release") } else { ("", "debug") };
    run(&format!("cargo build --quiet {flag} --workspace --bin sim"))?;
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into());
    run(&format!("{target}/{form}/sim batch {which}"))
}
