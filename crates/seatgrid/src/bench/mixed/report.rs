//! What `bench http` tells: a table, JSON, a page with charts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use super::super::chart::{Chart, Line, page};
use super::super::load::{Figures, Second, Summary};
use super::super::machine::{Cost, hardware};
use super::super::owners::Findings;
use super::{Mix, Visits};

/// All that is known after a run.
#[derive(Debug, Serialize)]
pub struct Report {
    mix: String,
    event: String,
    rate: u32,
    seconds: u64,
    connections: u32,
    deadline_ms: u64,
    hardware: String,
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    cost: Cost,
    /// Processor time of the generator for one request, in microseconds.
    generator_us_each: f64,
    seats: Findings,
    #[serde(skip_serializing_if = "Option::is_none")]
    wave: Option<Wave>,
}

/// All holds ended at one moment.
#[derive(Debug, Serialize)]
pub struct Wave {
    /// From the moment at which the last hold was to end to the first new one; negative where the
    /// first holds ended and were given again before. Absent where nobody got one.
    first_granted_after_ms: Option<f64>,
    seats_granted_again: usize,
}

impl Wave {
    /// `ends` is when the last hold was to end.
    pub fn of(ends: Instant, granted: Option<Instant>, seats: usize) -> Self {
        let after = |granted: Instant| {
            let ms = |span: std::time::Duration| span.as_secs_f64() * 1e3;
            if granted < ends { -ms(ends - granted) } else { ms(granted - ends) }
        };
        Self { first_granted_after_ms: granted.map(after), seats_granted_again: seats }
    }
}

impl Report {
    /// Puts the parts together.
    pub fn new(
        args: &Visits,
        summary: Summary,
        cost: Cost,
        (seats, wave): (Findings, Option<Wave>),
    ) -> Self {
        let requests = summary.all.sent.max(1) as f64;
        Self {
            mix: name(args.mix),
            event: args.event.clone(),
            rate: args.rate,
            seconds: args.seconds,
            connections: args.connections,
            deadline_ms: args.deadline_ms,
            hardware: hardware(),
            generator_us_each: cost.generator_cpu_s * 1e6 / requests,
            summary,
            cost,
            seats,
            wave,
        }
    }

    /// Whether a seat was somebody's twice.
    pub fn has_twice(&self) -> bool {
        self.seats.seats_twice > 0
    }

    /// The result of the command.
    pub fn print(&self, json: bool) -> Result<()> {
        let text = if json { serde_json::to_string_pretty(self)? } else { self.words() };
        writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
    }

    /// As a page.
    pub fn page(&self) -> String {
        let title = format!("seatgrid bench http: {}", self.mix);
        page(&title, &self.words(), &self.charts())
    }

    fn words(&self) -> String {
        let mut text = format!(
            "{} at {}/s for {} s on {}, {} connections, deadline {} ms; {}\n",
            self.mix,
            self.rate,
            self.seconds,
            self.event,
            self.connections,
            self.deadline_ms,
            self.hardware
        );
        let _ = writeln!(
            text,
            "  {:<13}{:>9}{:>12}{:>9}{:>8}{:>9}{:>9}{:>9}{:>9}",
            "", "sent", "goodput/s", "refused", "failed", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        let all = std::iter::once(("all", &self.summary.all));
        let kinds = self.summary.kinds.iter().map(|(name, figures)| (*name, figures));
        for (name, figures) in all.chain(kinds) {
            text.push_str(&line(name, figures));
        }
        for (code, count) in &self.summary.all.codes {
            let _ = writeln!(text, "  {code}: {count}");
        }
        let _ = writeln!(
            text,
            "  sent late (the generator's own fault): p50 {:.2} ms, p99 {:.2} ms",
            self.summary.sent_late_p50_ms, self.summary.sent_late_p99_ms
        );
        let _ = write!(
            text,
            "  processor: generator {:.1} s, {:.1} us a request",
            self.cost.generator_cpu_s, self.generator_us_each
        );
        if let (Some(cpu), Some(resident)) =
            (self.cost.service_cpu_s, self.cost.service_resident_bytes)
        {
            let _ = write!(text, "; service {cpu:.1} s, {} MB resident", resident >> 20);
        }
        let seats = &self.seats;
        let _ = write!(
            text,
            "\n  seats granted {}, of them somebody's twice: {}",
            seats.seats_granted, seats.seats_twice
        );
        seats.told.iter().for_each(|told| text.push_str(&format!("\n    {told}")));
        if let Some(wave) = &self.wave {
            let after = wave.first_granted_after_ms;
            let after =
                after.map_or("never".to_owned(), |ms| format!("{ms:.0} ms after their end"));
            let _ = write!(
                text,
                "\n  wave: first seat given again {after}, {} seats by the end",
                wave.seats_granted_again
            );
        }
        text
    }

    fn charts(&self) -> Vec<Chart> {
        let over = |what: fn(&Second) -> f64| {
            let seconds = self.summary.seconds.iter().enumerate();
            seconds.map(|(at, second)| (at as f64, what(second))).collect()
        };
        let line = |name: &str, what| Line { name: name.to_owned(), points: over(what) };
        let chart = |title: &str, up: &str, lines| Chart {
            title: title.to_owned(),
            across: "seconds".to_owned(),
            up: up.to_owned(),
            lines,
        };
        vec![
            chart(
                "Requests by the second in which they were due",
                "a second",
                vec![
                    line("due", |second| second.due as f64),
                    line("good in time", |second| second.in_time as f64),
                    line("refused", |second| second.refused as f64),
                    line("failed", |second| second.failed as f64),
                ],
            ),
            chart(
                "Latency from the moment that was due",
                "ms",
                vec![line("p50", |second| second.p50_ms), line("p99", |second| second.p99_ms)],
            ),
        ]
    }
}

fn line(name: &str, figures: &Figures) -> String {
    format!(
        "  {name:<13}{:>9}{:>12.1}{:>9}{:>8}{:>9.1}{:>9.1}{:>9.1}{:>9.1}\n",
        figures.sent,
        figures.goodput_per_s,
        figures.refused,
        figures.failed,
        figures.p50_ms,
        figures.p95_ms,
        figures.p99_ms,
        figures.max_ms
    )
}

/// As on the command line.
fn name(mix: Mix) -> String {
    use clap::ValueEnum as _;
    mix.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
