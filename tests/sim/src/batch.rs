//! Many runs, a process each: kept seeds first, then new ones. Green only when every run is, and
//! when everything that a batch is for has happened in it.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use parking_lot::Mutex;

use crate::{chaos, history, process};

/// Seeds that once were red; one a line, with the reason behind it.
const KEPT: &str = include_str!("../seeds.txt");
/// From so many runs on every fault, command and refusal must have come up.
const COVERING: u64 = 40;

/// How many runs.
#[derive(Debug, Args)]
pub struct Sizes {
    /// New seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Begins no run after so many seconds; what did not run is said.
    #[arg(long)]
    seconds: Option<u64>,
    /// Processes at a time; default one a processor.
    #[arg(long)]
    jobs: Option<usize>,
}

/// What became of a batch.
#[derive(Default)]
struct Results {
    green: u64,
    red: Vec<(u64, String)>,
    counts: BTreeMap<String, u64>,
    simulated_ms: u64,
}

/// Runs all, and says so.
pub fn run(sizes: &Sizes) -> ExitCode {
    let seeds = seeds(sizes);
    let (next, began) = (AtomicU64::new(0), Instant::now());
    let results = Mutex::new(Results::default());
    let jobs =
        sizes.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let late = sizes.seconds.is_some_and(|most| began.elapsed().as_secs() >= most);
                    let Some(seed) = seeds.get(at).filter(|_| !late) else { return };
                    let result = one(*seed);
                    results.lock().take(*seed, result);
                }
            });
        }
    });
    results.into_inner().tell(seeds.len() as u64, began)
}

fn seeds(sizes: &Sizes) -> Vec<u64> {
    if let Some(seed) = sizes.seed {
        return vec![seed];
    }
    let kept = KEPT.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    kept.chain(sizes.from..sizes.from + sizes.seeds).collect()
}

/// One run: what it printed when it was green, else why it was not.
fn one(seed: u64) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.args(["run", "--seed", &seed.to_string()]);
    command.env(process::SEED_VARIABLE, seed.to_string());
    command.stderr(Stdio::piped());
    let output = command.output().map_err(|e| e.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{} {}{}", output.status, printed.trim(), errors.trim()))
}

impl Results {
    fn take(&mut self, seed: u64, result: Result<String, String>) {
        match result {
            Ok(printed) => {
                self.green += 1;
                self.count(&printed);
            }
            Err(why) => {
                println!(
                    "red {seed}: {why}\n  {}={seed} sim run --seed {seed} --trace trace.txt --log debug",
                    process::SEED_VARIABLE
                );
                self.red.push((seed, why));
            }
        }
    }

    fn count(&mut self, printed: &str) {
        for line in printed.lines() {
            if let Some((count, name)) = line.strip_prefix("count ").and_then(|l| l.split_once(' '))
            {
                *self.counts.entry(name.to_owned()).or_default() += count.parse().unwrap_or(0);
            }
            let ms = line.split_whitespace().find_map(|word| word.strip_prefix("simulated_ms="));
            self.simulated_ms += ms.and_then(|ms| ms.parse().ok()).unwrap_or(0);
        }
    }

    fn tell(&self, asked: u64, began: Instant) -> ExitCode {
        for (name, count) in &self.counts {
            println!("{count:>10} {name}");
        }
        let ran = self.green + self.red.len() as u64;
        let (took, simulated) = (began.elapsed().as_secs_f64(), self.simulated_ms / 1000);
        println!(
            "{} of {ran} green, {} not run, {simulated} s simulated in {took:.1} s",
            self.green,
            asked - ran
        );
        let missing = self.missing();
        let covered = ran < COVERING || missing.is_empty();
        if !covered {
            println!("never happened: {}", missing.join(", "));
        }
        if self.red.is_empty() && ran > 0 && covered {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn missing(&self) -> Vec<String> {
        let faults = chaos::NAMES.iter().map(|name| format!("fault {name}"));
        let all = faults.chain(history::NAMES.iter().map(|name| (*name).to_owned()));
        all.filter(|name| self.counts.get(name).copied().unwrap_or(0) == 0).collect()
    }
}
