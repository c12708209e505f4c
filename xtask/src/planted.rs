//! `cargo xtask sim --planted`: plants one bug after another in a copy of the sources, and counts
//! the seeds that the simulation takes to find it. Red when one is not found.
//!
//! The copy is that of the last commit. It is built in a directory of its own, `target/planted/target`:
//! in the product's a crate with a bug would be taken for the product's, since both have one name and
//! version. What is built there stays for the next time; the sources themselves are never touched.

mod bugs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

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
    println!("| bug | seeds | found by |\n|---|---|---|");
    for bug in bugs::ALL.iter().filter(|bug| bug.name.contains(only)) {
        match find(&tree, bug).with_context(|| bug.name)? {
            Some((seed, why)) => println!("| {} | {seed} | {} |", bug.name, judge(&why)),
            None => {
                println!("| {} | not in {SEEDS_MAX} | |", bug.name);
                missed.push(bug.name);
            }
        }
    }
    ensure!(missed.is_empty(), "not found in {SEEDS_MAX} seeds: {}", missed.join(", "));
    Ok(())
}

/// The last commit's sources, in place of those of an earlier time; what was built of them stays.
fn copy() -> Result<PathBuf> {
    let tree = root().join("target/planted");
    std::fs::create_dir_all(&tree)?;
    remove_sources(&tree)?;
    run("git archive --output target/planted.tar HEAD")?;
    // Touched: cargo must see that they are newer than a crate that an interrupted run has left.
    run("tar --extract --touch --file target/planted.tar --directory target/planted")?;
    Ok(tree)
}

/// Removes everything but the directory of the build.
fn remove_sources(tree: &Path) -> Result<()> {
    for entry in std::fs::read_dir(tree)? {
        let entry = entry?;
        if entry.path() == built(tree) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Where the copy is built.
fn built(tree: &Path) -> PathBuf {
    tree.join("target")
}

/// The first seed that is red with a bug, and why.
fn find(tree: &Path, bug: &Bug) -> Result<Option<(u64, String)>> {
    let path = tree.join(bug.file);
    let sound = std::fs::read_to_string(&path)?;
    ensure!(sound.matches(bug.from).count() == 1, "{} has changed: {}", bug.file, bug.from);
    std::fs::write(&path, sound.replace(bug.from, bug.to))?;
    let found = build(tree).and_then(|()| first_red(tree));
    std::fs::write(&path, sound)?;
    found
}

fn build(tree: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--workspace", "--bin", "sim", "--target-dir"]);
    let status = cargo.arg(built(tree)).current_dir(tree).status()?;
    ensure!(status.success(), "it does not build");
    Ok(())
}

/// The lowest red seed; as many runs at a time as there are processors.
fn first_red(tree: &Path) -> Result<Option<(u64, String)>> {
    let (next, found) = (AtomicU64::new(1), Mutex::new(BTreeMap::new()));
    let look = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_found = found.lock().is_ok_and(|found| !found.is_empty());
            if seed > SEEDS_MAX || is_found {
                return Ok(());
            }
            if let Some(why) = red(tree, seed)?
                && let Ok(mut found) = found.lock()
            {
                found.insert(seed, why);
            }
        }
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(look)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().unwrap_or_else(|_| bail!("a thread has failed"))
        };
        threads.into_iter().try_for_each(join)
    })?;
    let found = found.into_inner().map_err(|_| anyhow!("a thread has failed"))?;
    Ok(found.into_iter().next())
}

/// The judge's words: what stands behind the seed, without the particulars.
fn judge(why: &str) -> String {
    let behind_seed = why.strip_prefix("red seed=").and_then(|rest| rest.split_once(' '));
    let words = behind_seed.map_or(why, |(_, rest)| rest);
    words.split(": ").next().unwrap_or(words).to_owned()
}

/// Why a seed is red, if it is.
fn red(tree: &Path, seed: u64) -> Result<Option<String>> {
    let seed = seed.to_string();
    let mut sim = Command::new(built(tree).join("debug/sim"));
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
    // A run that panics has found it as well.
    let line = printed.lines().find(|line| line.starts_with("red")).map(str::to_owned);
    let why = line.unwrap_or_else(|| output.status.to_string());
    Ok(Some(why.chars().take(120).collect()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn sources_of_an_earlier_time_go_and_what_was_built_stays() {
        let tree = std::env::temp_dir().join(format!("planted-{}", std::process::id()));
        for folder in ["target/debug", "crates/gone/src"] {
            std::fs::create_dir_all(tree.join(folder)).unwrap();
        }
        std::fs::write(tree.join("Cargo.toml"), "").unwrap();
        super::remove_sources(&tree).unwrap();
        let left = std::fs::read_dir(&tree).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(left.collect::<Vec<_>>(), [super::built(&tree)]);
        assert!(super::built(&tree).join("debug").is_dir());
        std::fs::remove_dir_all(&tree).unwrap();
    }

    #[test]
    fn of_a_red_run_the_judge_is_named() {
        let red = "red seed=14 I9 time never goes back: 1767225611768 at entry 92";
        assert_eq!(super::judge(red), "I9 time never goes back");
        assert_eq!(super::judge("red seed=1 panic: panicked at x.rs:2"), "panic");
        assert_eq!(super::judge("it does not end"), "it does not end");
    }
}
