//! Runs the tests once a mutation, the quickest first, and keeps what became of each. A run that
//! takes far longer than an unchanged one counts as noticed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::build::Built;
use crate::list::Mutant;

/// The longest that a stage may take under a mutation, at least.
const STAGE_MAX: Duration = Duration::from_secs(20);
/// And so many times what all of them take without one: a busy machine notices nothing by itself.
const TIMES_MAX: u32 = 4;
/// The longest that a stage may take without a mutation.
const UNCHANGED_MAX: Duration = Duration::from_secs(900);
/// How often a running stage is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// KiB of memory that a run may have: some mutations never stop asking for more.
const MEMORY_KIB_MAX: u64 = 4 * 1024 * 1024;
/// Tests that run random commands: slow, so they come last.
const RANDOM: &str = "model::";
/// Tests that fill a shard to its bounds: too slow to run once a mutation.
const NEVER: &str = "bound::";
/// Seeds for those.
const SEEDS: &str = "8";

/// Which mutations to try.
pub struct Chosen {
    /// Only of files with this in their path.
    pub file: Option<String>,
    /// Only those that lived before.
    pub again: bool,
    /// Only every n-th, beginning with this one.
    pub shard: Option<(usize, usize)>,
}

/// `1/4` as numbers.
pub fn shard(text: &str) -> anyhow::Result<(usize, usize)> {
    let (which, of) = text.split_once('/').context("a shard is such as 1/4")?;
    Ok((which.parse()?, of.parse()?))
}

/// What became of a mutation, by its name: numbers change with the source.
fn known(results: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = if results.exists() { fs::read_to_string(results)? } else { String::new() };
    let pair = |line: &str| {
        let (end, name) = line.split_once('\t')?;
        Some((name.to_owned(), end.to_owned()))
    };
    Ok(text.lines().filter_map(pair).collect())
}

/// Tries the chosen mutations and says how many lived.
pub fn run(built: &Built, all: &[Mutant], work: &Path, chosen: &Chosen) -> anyhow::Result<()> {
    let results = work.join("results.tsv");
    let before = known(&results)?;
    let mut file = OpenOptions::new().create(true).append(true).open(&results)?;
    let begun = Instant::now();
    if attempt(built, 0, UNCHANGED_MAX)? != End::Lived {
        bail!("the tests fail without a mutation");
    }
    let stage_max = STAGE_MAX.max(begun.elapsed() * TIMES_MAX);
    let mut count = BTreeMap::<&str, usize>::new();
    for mutant in all.iter().filter(|mutant| is_chosen(mutant, chosen, &before)) {
        let end = match () {
            () if built.unviable.contains(&mutant.id) => "unviable",
            () if !built.switched.contains(&mutant.id) => "no-switch",
            () => attempt(built, mutant.id, stage_max)?.word(),
        };
        *count.entry(end).or_default() += 1;
        writeln!(file, "{end}\t{}", mutant.name)?;
        if end == "lived" {
            println!("lived: {}", mutant.name);
        }
    }
    println!("{count:?}");
    Ok(())
}

fn is_chosen(mutant: &Mutant, chosen: &Chosen, before: &BTreeMap<String, String>) -> bool {
    let end = before.get(&mutant.name).map(String::as_str);
    chosen.file.as_ref().is_none_or(|part| mutant.file.contains(part.as_str()))
        && chosen.shard.is_none_or(|(which, of)| mutant.id % of == which % of)
        && if chosen.again { end == Some("lived") } else { end.is_none() }
}

#[derive(PartialEq, Eq)]
enum End {
    Lived,
    Killed(&'static str),
    Slow,
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Lived => "lived",
            Self::Killed(stage) => stage,
            Self::Slow => "timeout",
        }
    }
}

/// One mutation through the stages.
fn attempt(built: &Built, id: usize, stage_max: Duration) -> anyhow::Result<End> {
    let program = |name: &str| {
        let is = |path: &&std::path::PathBuf| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
        };
        built.programs.iter().find(is).with_context(|| format!("no program {name}"))
    };
    let (tables, units) = (program("it-")?, program("inventory-")?);
    let stages: [(&str, _, &[&str]); 3] = [
        ("tables", tables, &["--skip", RANDOM, "--skip", NEVER]),
        ("units", units, &[]),
        ("random", tables, &[RANDOM]),
    ];
    for (stage, program, args) in stages {
        match once((program, args), (id, &built.folder), stage_max)? {
            Some(true) => {}
            Some(false) => return Ok(End::Killed(stage)),
            None => return Ok(End::Slow),
        }
    }
    Ok(End::Lived)
}

/// Whether the tests passed; `None` when they took too long.
fn once(
    (program, args): (&Path, &[&str]),
    (id, folder): (usize, &Path),
    stage_max: Duration,
) -> anyhow::Result<Option<bool>> {
    let limited = format!("ulimit -v {MEMORY_KIB_MAX}; exec \"$@\"");
    let mut child = Command::new("sh")
        .args(["-c", &limited, "sh"])
        .arg(program)
        .args(["-q", "--test-threads=1"])
        .args(args)
        .current_dir(folder)
        .env("MUTANT", id.to_string())
        .env("SEATGRID_MODEL_SEEDS", SEEDS)
        .env("PROPTEST_CASES", "32")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if begun.elapsed() > stage_max {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
