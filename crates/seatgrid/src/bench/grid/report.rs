//! The result of each case, for people and as JSON.

use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::GridArgs;
use super::case::{Case, Load};
use super::load::Measured;
use super::processes::Usage;
use super::raw::Raw;

/// All cases of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    units: &'static str,
    transport: &'static str,
    durability: &'static str,
    payload: &'static str,
    processors: usize,
    seconds: u32,
    cases: Vec<Outcome>,
}

/// One case.
#[derive(Debug, Serialize)]
pub struct Outcome {
    load: &'static str,
    /// Shoppers of a closed loop, commands under way in a bundled one, commands a second of an open
    /// one.
    load_size: u32,
    shards: u32,
    events_per_shard: u32,
    seats_per_event: u32,
    commands_per_s: f64,
    failed: u64,
    /// Not sent at their time, since everybody was waiting.
    late: u64,
    first_failure: Option<String>,
    latency_ms: Latency,
    /// Bytes of log for one command, on one unit.
    log_bytes_per_command: f64,
    commands_per_sync: f64,
    raw: Raw,
    /// Of the bytes a second that the disk alone takes in the same portions.
    ratio_to_raw: f64,
    generator: Cost,
    units: Cost,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Cost {
    cores: f64,
    cpu_us_per_command: f64,
    io_calls_per_command: f64,
    wake_ups_per_command: f64,
    resident_mb: f64,
}

impl Cost {
    fn new(usage: Usage, measured: &Measured) -> Self {
        let commands = measured.commands.max(1) as f64;
        Self {
            cores: usage.cpu_s / measured.took.as_secs_f64(),
            cpu_us_per_command: usage.cpu_s * 1e6 / commands,
            io_calls_per_command: usage.io_calls as f64 / commands,
            wake_ups_per_command: usage.wake_ups as f64 / commands,
            resident_mb: usage.resident_bytes as f64 / 1e6,
        }
    }
}

impl Outcome {
    pub fn new(case: &Case, measured: Measured, raw: Raw) -> Self {
        let seconds = measured.took.as_secs_f64();
        let commands = measured.commands.max(1) as f64;
        let at = |q: f64| measured.latency_us.value_at_quantile(q) as f64 / 1_000.0;
        let (load, load_size) = match case.load {
            Load::Closed { clients } => ("closed", clients),
            Load::Bundled { senders, bundle } => ("bundled", senders * bundle),
            Load::Open { rate } => ("open", rate),
        };
        Self {
            load,
            load_size,
            shards: case.shards,
            events_per_shard: case.events,
            seats_per_event: case.seats,
            commands_per_s: measured.commands as f64 / seconds,
            failed: measured.failed,
            late: measured.late,
            latency_ms: Latency {
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p999: at(0.999),
                max: measured.latency_us.max() as f64 / 1_000.0,
            },
            log_bytes_per_command: measured.log.bytes as f64 / commands,
            commands_per_sync: commands / measured.log.syncs.max(1) as f64,
            raw,
            ratio_to_raw: measured.log.bytes as f64 / seconds / raw.bytes_per_s,
            generator: Cost::new(measured.generator, &measured),
            units: Cost::new(measured.units, &measured),
            first_failure: measured.first_failure,
        }
    }
}

impl Report {
    pub fn new(args: &GridArgs) -> Self {
        Self {
            units: "three processes on loopback, generator beside them",
            transport: if args.tls { "mutual TLS" } else { "plain TCP" },
            durability: "fdatasync on a quorum before each answer",
            payload: "hold of one seat and its release in turn, each with its own key",
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            seconds: args.seconds,
            cases: Vec::new(),
        }
    }

    /// Takes a case in; for people it is printed at once.
    pub fn add(&mut self, outcome: Outcome, json: bool) -> Result<()> {
        if !json {
            if self.cases.is_empty() {
                self.print_head()?;
            }
            print(&outcome)?;
        }
        self.cases.push(outcome);
        Ok(())
    }

    /// Commands that failed in any case.
    pub fn failed(&self) -> u64 {
        self.cases.iter().map(|case| case.failed).sum()
    }

    /// Prints the whole as JSON.
    pub fn finish(&self, json: bool) -> Result<()> {
        if json {
            let text = serde_json::to_string_pretty(self)?;
            writeln!(std::io::stdout(), "{text}")?;
        }
        Ok(())
    }

    fn print_head(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}, {} processors; {}", self.units, self.processors, self.durability)?;
        writeln!(out, "{}; {} s a case", self.payload, self.seconds)?;
        writeln!(
            out,
            "{:<16} {:>6} {:>6} {:>7} {:>10} {:>7} {:>7} {:>7} {:>8} {:>6} {:>6} {:>6} {:>11}",
            "load",
            "shards",
            "events",
            "seats",
            "commands/s",
            "p50 ms",
            "p99 ms",
            "p99.9",
            "max",
            "/sync",
            "B/cmd",
            "raw",
            "us/cmd g+u"
        )?;
        Ok(())
    }
}

fn print(case: &Outcome) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let latency = &case.latency_ms;
    write!(out, "{:<16} ", format!("{} {}", case.load, case.load_size))?;
    write!(
        out,
        "{:>6} {:>6} {:>7} {:>10.0} ",
        case.shards, case.events_per_shard, case.seats_per_event, case.commands_per_s
    )?;
    let Latency { p50, p99, p999, max, .. } = latency;
    write!(out, "{p50:>7.2} {p99:>7.2} {p999:>7.2} {max:>8.1} ")?;
    let cost =
        format!("{:.1}+{:.1}", case.generator.cpu_us_per_command, case.units.cpu_us_per_command);
    writeln!(
        out,
        "{:>6.0} {:>6.0} {:>6.2} {cost:>11}",
        case.commands_per_sync, case.log_bytes_per_command, case.ratio_to_raw
    )?;
    if let Some(why) = &case.first_failure {
        writeln!(out, "  {} failed, the first: {why}", case.failed)?;
    }
    if case.late > 0 {
        writeln!(out, "  {} were not sent at their time", case.late)?;
    }
    Ok(())
}
