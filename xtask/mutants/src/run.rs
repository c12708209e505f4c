//! Runs the tests once a mutation, the quickest first, and keeps what became of each. A run that
//! takes far more processor time than an unchanged one counts as noticed; time on the clock says
//! nothing, since the machine may be busy.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use crate::build::Built;
use crate::list::Mutant;

/// The processor time that a stage may take under a mutation, at least.
const STAGE_MAX: Duration = Duration::from_secs(20);
/// And so many times what all of them take without one.
const TIMES_MAX: u32 = 4;
/// The processor time that a stage may take without a mutation.
const UNCHANGED_MAX: Duration = Duration::from_secs(900);
/// The signal that ends a process whose processor time is used up (signal(7)).
const SIGXCPU: i32 = 24;
/// KiB of memory that a run may have: some mutations never stop asking for more.
const MEMORY_KIB_MAX: u64 = 4 * 1024 * 1024;
/// Tests that run random commands: slow, so they come last.
const RANDOM: &str = "model::";
/// Tests that fill a shard to its bounds: only for what nothing else notices.
const BOUNDS: &str = "bound::";
/// Seeds of random commands.
const SEEDS: &str = "8";
/// And for those that lived before.
const SEEDS_AGAIN: &str = "60";

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
    let file = OpenOptions::new().create(true).append(true).open(&results)?;
    let seeds = if chosen.again { SEEDS_AGAIN } else { SEEDS };
    let mut tests = Tests { built, seeds, stage_max: UNCHANGED_MAX };
    let begun = Instant::now();
    if tests.run(0)? != End::Lived {
        bail!("the tests fail without a mutation");
    }
    tests.stage_max = STAGE_MAX.max(begun.elapsed() * TIMES_MAX);
    let list: Vec<_> = all.iter().filter(|mutant| is_chosen(mutant, chosen, &before)).collect();
    let book = Mutex::new(Book { file, count: BTreeMap::new() });
    let next = AtomicUsize::new(0);
    let worker = || -> anyhow::Result<()> {
        while let Some(mutant) = list.get(next.fetch_add(1, Ordering::Relaxed)) {
            let end = match () {
                () if built.unviable.contains(&mutant.id) => "unviable",
                () if !built.switched.contains(&mutant.id) => "no-switch",
                () => tests.run(mutant.id)?.word(),
            };
            book.lock().map_err(|_| anyhow!("another worker gave up"))?.note(end, mutant)?;
        }
        Ok(())
    };
    let jobs = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        let ends = workers.into_iter().map(|one| one.join().map_err(|_| anyhow!("a panic"))?);
        ends.collect::<anyhow::Result<()>>()
    })?;
    println!("{:?}", book.into_inner()?.count);
    Ok(())
}

/// What became of those that were tried.
struct Book {
    file: File,
    count: BTreeMap<&'static str, usize>,
}

impl Book {
    fn note(&mut self, end: &'static str, mutant: &Mutant) -> anyhow::Result<()> {
        *self.count.entry(end).or_default() += 1;
        writeln!(self.file, "{end}\t{}", mutant.name)?;
        if end == "lived" {
            println!("lived: {}", mutant.name);
        }
        Ok(())
    }
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
    const fn word(&self) -> &'static str {
        match self {
            Self::Lived => "lived",
            Self::Killed(stage) => stage,
            Self::Slow => "timeout",
        }
    }
}

/// The tests of the copy, and their limits.
struct Tests<'a> {
    built: &'a Built,
    /// How many seeds of random commands.
    seeds: &'static str,
    /// The processor time that a stage may take.
    stage_max: Duration,
}

impl Tests<'_> {
    /// One mutation through the stages.
    fn run(&self, id: usize) -> anyhow::Result<End> {
        let (tables, units) = (self.program("it-")?, self.program("inventory-")?);
        let stages: [(&str, _, &[&str]); 4] = [
            ("tables", tables, &["--skip", RANDOM, "--skip", BOUNDS]),
            ("units", units, &[]),
            ("random", tables, &[RANDOM]),
            ("bounds", tables, &[BOUNDS]),
        ];
        for (stage, program, args) in stages {
            match self.once(program, args, id)? {
                Some(true) => {}
                Some(false) => return Ok(End::Killed(stage)),
                None => return Ok(End::Slow),
            }
        }
        Ok(End::Lived)
    }

    fn program(&self, name: &str) -> anyhow::Result<&Path> {
        let is = |path: &&PathBuf| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
        };
        let found = self.built.programs.iter().find(is);
        Ok(found.with_context(|| format!("no program {name}"))?)
    }

    /// Whether the tests passed; `None` when they used up their processor time.
    fn once(&self, program: &Path, args: &[&str], id: usize) -> anyhow::Result<Option<bool>> {
        let time_s = self.stage_max.as_secs();
        let limited = format!("ulimit -v {MEMORY_KIB_MAX}; ulimit -t {time_s}; exec \"$@\"");
        let status = Command::new("sh")
            .args(["-c", &limited, "sh"])
            .arg(program)
            .args(["-q", "--test-threads=1"])
            .args(args)
            .current_dir(&self.built.folder)
            .env("MUTANT", id.to_string())
            .env("SEATGRID_MODEL_SEEDS", self.seeds)
            .env("PROPTEST_CASES", "32")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok((status.signal() != Some(SIGXCPU)).then_some(status.success()))
    }
}
