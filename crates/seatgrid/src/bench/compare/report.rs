//! What the comparison tells: a table with ratios, and JSON for scripts.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde::Serialize;

use super::super::load::Figures;
use super::super::machine::hardware;
use super::super::owners::Findings;
use super::CompareArgs;
use super::system::System;

/// The aims for holds on one hot event: rival, and how many times as many seatgrid must grant.
const AIMS: &[(System, f64)] = &[
    (System::EdgeOnly, 0.6),
    (System::PostgresLocks, 10.0),
    (System::RedisEverysec, 1.0),
    (System::RedisAlways, 1.0),
    (System::RedisReplicated, 1.5),
];

/// What one system did; figures are absent where the system is.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub system: System,
    /// Granted, as much as it takes; about as many were given back beside.
    holds_per_s: Option<f64>,
    /// From the scheduled moment, at the rate that is the same for all.
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// Of all its processes, during the load that takes as much as it takes.
    cpu_s: Option<f64>,
    durability: &'static str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<More>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<&'static str>,
}

/// Beside the figures that everybody reads.
#[derive(Debug, Serialize)]
struct More {
    /// Of its processes, for one granted hold and its release.
    cpu_us_per_hold: f64,
    generator_cpu_s: f64,
    resident_mb: u64,
    full_p50_ms: f64,
    full_p99_ms: f64,
    paced_goodput_per_s: f64,
    /// Of wishes for a seat that somebody has.
    refused: u64,
    failed: u64,
    seats_granted: u64,
    seats_twice: u64,
}

impl Measured {
    /// Of both loads; processor time of the system and of the generator.
    pub fn new(
        system: System,
        (full, paced): (Figures, Figures),
        (cpu_s, generator_cpu_s): (f64, f64),
        (resident_bytes, findings): (u64, Findings),
    ) -> Self {
        let more = More {
            cpu_us_per_hold: cpu_s * 1e6 / full.good.max(1) as f64,
            generator_cpu_s,
            resident_mb: resident_bytes >> 20,
            full_p50_ms: full.p50_ms,
            full_p99_ms: full.p99_ms,
            paced_goodput_per_s: paced.goodput_per_s,
            refused: full.refused + paced.refused,
            failed: full.failed + paced.failed,
            seats_granted: findings.seats_granted,
            seats_twice: findings.seats_twice,
        };
        Self {
            system,
            holds_per_s: Some(full.goodput_per_s),
            p50_ms: Some(paced.p50_ms),
            p99_ms: Some(paced.p99_ms),
            cpu_s: Some(cpu_s),
            durability: system.durability(),
            more: Some(more),
            absent: None,
        }
    }

    /// It is not on this machine.
    pub fn absent(system: System, why: &'static str) -> Self {
        Self {
            system,
            holds_per_s: None,
            p50_ms: None,
            p99_ms: None,
            cpu_s: None,
            durability: system.durability(),
            more: None,
            absent: Some(why),
        }
    }

    /// In one line of the table.
    pub fn line(&self) -> String {
        let name = self.system.name();
        let Some(more) = &self.more else {
            return format!("{name:<21} absent: {}", self.absent.unwrap_or_default());
        };
        format!(
            "{name:<21}{:>10.0}{:>10.2}{:>10.2}{:>9.1}{:>10.1}{:>9}{:>8}",
            self.holds_per_s.unwrap_or(0.0),
            self.p50_ms.unwrap_or(0.0),
            self.p99_ms.unwrap_or(0.0),
            self.cpu_s.unwrap_or(0.0),
            more.cpu_us_per_hold,
            more.resident_mb,
            more.failed,
        )
    }
}

/// All systems.
#[derive(Debug, Serialize)]
pub struct Report {
    results: Vec<Measured>,
    /// Of seatgrid's holds a second to each rival's.
    ratios: Vec<Ratio>,
    hardware: String,
    durability: String,
    seconds: u64,
    rate: u32,
    connections: u32,
    event: String,
}

#[derive(Debug, Serialize)]
struct Ratio {
    to: System,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<f64>,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(args: &CompareArgs) -> Self {
        let durability = format!(
            "all on one disk ({}); each system's own is told beside its figures",
            args.dir.display()
        );
        Self {
            results: Vec::new(),
            ratios: Vec::new(),
            hardware: hardware(),
            durability,
            seconds: args.seconds,
            rate: args.rate,
            connections: args.connections,
            event: args.event.clone(),
        }
    }

    /// Adds a system; seatgrid comes first.
    pub fn add(&mut self, measured: Measured) {
        let own = self.results.iter().find(|one| one.system == System::Seatgrid);
        if let (Some(own), Some(other)) =
            (own.and_then(|own| own.holds_per_s), measured.holds_per_s)
            && other > 0.0
        {
            let aim = AIMS.iter().find(|(system, _)| *system == measured.system);
            let aim = aim.map(|(_, aim)| *aim);
            self.ratios.push(Ratio { to: measured.system, ratio: own / other, aim });
        }
        self.results.push(measured);
    }

    /// Systems in which a seat was somebody's twice.
    pub fn sold_twice(&self) -> Vec<&'static str> {
        let twice = |one: &&Measured| one.more.as_ref().is_some_and(|more| more.seats_twice > 0);
        // The edge alone keeps nothing, and so grants everything.
        let honest = self.results.iter().filter(|one| one.system != System::EdgeOnly);
        honest.filter(twice).map(|one| one.system.name()).collect()
    }

    /// The result of the command.
    pub fn print(&self, json: bool) -> Result<()> {
        let text = if json { serde_json::to_string(self)? } else { self.words() };
        writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
    }

    fn words(&self) -> String {
        let mut text = format!(
            "{}; {} connections, {} s each; percentiles at {} holds/s by schedule on {}\n",
            self.hardware, self.connections, self.seconds, self.rate, self.event
        );
        let _ = writeln!(
            text,
            "{:<21}{:>10}{:>10}{:>10}{:>9}{:>10}{:>9}{:>8}",
            "", "holds/s", "p50 ms", "p99 ms", "cpu s", "us/hold", "MB", "failed"
        );
        for measured in &self.results {
            let _ = writeln!(text, "{}", measured.line());
        }
        for Ratio { to, ratio, aim } in &self.ratios {
            let aim = aim.map_or_else(String::new, |aim| {
                let verdict = if *ratio >= aim { "holds" } else { "is missed" };
                format!(" (aim {aim}: {verdict})")
            });
            let _ = writeln!(text, "seatgrid grants {ratio:.2} x of {}{aim}", to.name());
        }
        for measured in &self.results {
            let _ = writeln!(text, "{}: {}", measured.system.name(), measured.durability);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(system: System, per_s: f64, twice: u64) -> Measured {
        let figures = Figures { good: 1_000, goodput_per_s: per_s, ..Figures::default() };
        let findings = Findings { seats_granted: 9, seats_twice: twice, told: vec![] };
        Measured::new(system, (figures.clone(), figures), (2.0, 1.0), (1 << 30, findings))
    }

    fn report() -> Report {
        Report {
            results: vec![],
            ratios: vec![],
            hardware: "2 x X, 1 GB".into(),
            durability: "all".into(),
            seconds: 1,
            rate: 1,
            connections: 1,
            event: "gala".into(),
        }
    }

    #[test]
    fn ratios_verdicts_and_absences_are_told() {
        let mut report = report();
        report.add(measured(System::Seatgrid, 20_000.0, 0));
        report.add(measured(System::EdgeOnly, 40_000.0, 7));
        report.add(measured(System::PostgresLocks, 1_000.0, 0));
        report.add(Measured::absent(System::RedisAlways, "type this"));
        let words = report.words();
        assert!(words.contains("0.50 x of edge-only (aim 0.6: is missed)"), "{words}");
        assert!(words.contains("20.00 x of postgres-locks (aim 10: holds)"), "{words}");
        assert!(words.contains("redis-always          absent: type this"), "{words}");
        assert!(report.sold_twice().is_empty(), "the edge alone keeps nothing");
        let json = serde_json::to_value(&report).expect("JSON");
        let first = &json["results"][0];
        assert_eq!((&first["system"], &first["cpu_s"]), (&"seatgrid".into(), &2.0.into()));
        assert_eq!(first["cpu_us_per_hold"], 2_000.0);
        assert_eq!(json["results"][3]["holds_per_s"], serde_json::Value::Null);
        report.add(measured(System::PostgresSkipLocked, 1.0, 1));
        assert_eq!(report.sold_twice(), ["postgres-skip-locked"]);
    }
}
