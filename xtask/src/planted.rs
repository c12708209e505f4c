//! `cargo xtask sim --planted`: plants one bug after another in a copy of the sources, and counts
//! the seeds that the simulation takes to find it. Red when one is not found.
//!
//! The copy is that of the last commit and shares the build's directory, so that only what depends
//! on the changed text is built again. The sources themselves are never touched.

mod bugs;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use self::bugs::Bug;
use crate::command::{root, run};

/// Seeds that a bug may take.
const SEEDS_MAX: u64 = 60;
/// A run that takes longer is red: nothing simulated takes so long.
const RUN_MAX: Duration = Duration::from_secs(300);

/// Plants those whose name contains `only`, or all.
pub fn planted(only: &str) -> Result<()> {
    let tree = copy()?;
    let mut missed = Vec::new();
    for bug in bugs::ALL.iter().filter(|bug| bug.name.contains(only)) {
        match find(&tree, bug).with_context(|| bug.name)? {
            Some((seed, why)) => println!("{:>4} seeds  {}: {why}", seed, bug.name),
            None => missed.push(bug.name),
        }
    }
    ensure!(missed.is_empty(), "not found in {SEEDS_MAX} seeds: {}", missed.join(", "));
    Ok(())
}

/// The last commit's sources.
fn copy() -> Result<std::path::PathBuf> {
    let tree = root().join("target/planted");
    std::fs::create_dir_all(&tree)?;
    run("git archive --output target/planted.tar HEAD")?;
    run("tar --extract --file target/planted.tar --directory target/planted")?;
    Ok(tree)
}

/// The first seed that is red with a bug, and why.
fn find(tree: &Path, bug: &Bug) -> Result<Option<(u64, String)>> {
    let path = tree.join(bug.file);
    let sound = std::fs::read_to_string(&path)?;
    ensure!(sound.matches(bug.from).count() == 1, "{} has changed: {}", bug.file, bug.from);
    std::fs::write(&path, sound.replace(bug.from, bug.to))?;
    let found = build(tree).and_then(|()| first_red());
    std::fs::write(&path, sound)?;
    found
}

fn build(tree: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--workspace", "--bin", "sim", "--target-dir"]);
    let status = cargo.arg(root().join("target")).current_dir(tree).status()?;
    ensure!(status.success(), "it does not build");
    Ok(())
}

fn first_red() -> Result<Option<(u64, String)>> {
    for seed in 1..=SEEDS_MAX {
        if let Some(why) = red(seed)? {
            return Ok(Some((seed, why)));
        }
    }
    Ok(None)
}

/// Why a seed is red, if it is.
fn red(seed: u64) -> Result<Option<String>> {
    let seed = seed.to_string();
    let mut sim = Command::new(root().join("target/debug/sim"));
    sim.args(["run", "--seed", &seed]).env("SEATGRID_SIM_SEED", &seed);
    let mut child = sim.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > RUN_MAX {
            child.kill()?;
            return Ok(Some("it does not end".into()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(None);
    }
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    match printed.lines().find(|line| line.starts_with("red")) {
        Some(line) => Ok(Some(line.chars().take(120).collect())),
        None => bail!("{}: {printed}", output.status),
    }
}
