//! What a run found: counts, refusals by code, percentiles, and everything that does not add up.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::OnSale;
use super::api::Counts;
use super::buyer::{End, Times};
use super::crowd::Crowd;

/// The longest latency that is told apart, in microseconds.
const HOUR_US: u64 = 3_600_000_000;

/// Latencies of one step in milliseconds.
#[derive(Debug, Serialize)]
struct Percentiles {
    count: u64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// The result of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    event: String,
    buyers: u32,
    took_s: f64,
    buyers_served: u64,
    seats_bought: u64,
    refused: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    retries: u64,
    latency: BTreeMap<&'static str, Percentiles>,
    before: Counts,
    after: Counts,
    /// Sold seats of the event in PostgreSQL, when it was looked at.
    sold_in_tables: Option<u64>,
    differences_in_tables: Option<u64>,
    /// Everything that does not add up; empty after a good run.
    pub faults: Vec<String>,
}

impl Report {
    /// Sums a run up.
    pub fn new(args: &OnSale, crowd: Crowd, before: Counts, after: Counts) -> Self {
        let mut report = Self {
            event: args.event.clone(),
            buyers: args.buyers,
            took_s: crowd.took.as_secs_f64(),
            buyers_served: 0,
            seats_bought: 0,
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            retries: crowd.ends.iter().map(|(_, times)| u64::from(times.retries)).sum(),
            latency: latencies(&crowd.ends),
            before,
            after,
            sold_in_tables: None,
            differences_in_tables: None,
            faults: vec![],
        };
        report.count(crowd.ends);
        report.check_counts();
        report
    }

    fn count(&mut self, ends: Vec<(End, Times)>) {
        let ended = ends.len();
        let mut owners: BTreeMap<String, u32> = BTreeMap::new();
        for (end, _) in ends {
            match end {
                End::Bought(seats) => {
                    self.buyers_served += 1;
                    self.seats_bought += seats.len() as u64;
                    for seat in seats {
                        *owners.entry(seat).or_default() += 1;
                    }
                }
                End::Refused(code) => *self.refused.entry(code).or_default() += 1,
                End::Failed(step, why) => {
                    *self.failed.entry(format!("{step}: {why}")).or_default() += 1;
                }
            }
        }
        let twice: Vec<_> = owners.into_iter().filter(|(_, n)| *n > 1).map(|(s, _)| s).collect();
        if !twice.is_empty() {
            self.faults.push(format!("sold twice: {}", twice.join(", ")));
        }
        if ended != self.buyers as usize {
            self.faults.push(format!("{} buyers never came back", self.buyers as usize - ended));
        }
    }

    fn check_counts(&mut self) {
        let sold = self.after.sold.saturating_sub(self.before.sold);
        // A buyer without a definite answer may have bought after all.
        let unsure = !self.failed.is_empty();
        if sold < self.seats_bought || (sold > self.seats_bought && !unsure) {
            let bought = self.seats_bought;
            self.faults.push(format!("buyers hold receipts for {bought} seats, sold are {sold}"));
        }
    }

    /// Adds what PostgreSQL says.
    pub fn add_tables(&mut self, tables: &data_writer::Report) {
        self.differences_in_tables = Some(tables.differences.len() as u64);
        for difference in tables.differences.iter().take(10) {
            self.faults.push(format!("tables differ: {difference}"));
        }
        self.sold_in_tables = tables.sold_seats(&self.event);
        if self.sold_in_tables != Some(self.after.sold) {
            let (tables, grid) = (self.sold_in_tables, self.after.sold);
            self.faults.push(format!("PostgreSQL has {tables:?} sold seats, the grid {grid}"));
        }
    }

    /// Prints for people, or as JSON.
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        println!("event {}: {} buyers in {:.1} s", self.event, self.buyers, self.took_s);
        println!("  bought    {} seats by {} buyers", self.seats_bought, self.buyers_served);
        for (code, count) in &self.refused {
            println!("  refused   {count} {code}");
        }
        for (why, count) in &self.failed {
            println!("  failed    {count} {why}");
        }
        println!("  retries   {}", self.retries);
        println!(
            "  {:<9} {:>8} {:>9} {:>9} {:>9} {:>9}",
            "step", "count", "p50 ms", "p90 ms", "p99 ms", "max ms"
        );
        for (step, p) in &self.latency {
            let (p50, p90, p99, max) = (p.p50_ms, p.p90_ms, p.p99_ms, p.max_ms);
            println!("  {step:<9} {:>8} {p50:>9.1} {p90:>9.1} {p99:>9.1} {max:>9.1}", p.count);
        }
        println!(
            "  seats     {} sold, {} held, {} free",
            self.after.sold, self.after.held, self.after.free
        );
        if let (Some(sold), Some(differences)) = (self.sold_in_tables, self.differences_in_tables) {
            println!("  database  {sold} sold, {differences} differences");
        }
        for fault in &self.faults {
            println!("  FAULT     {fault}");
        }
        Ok(())
    }
}

fn latencies(ends: &[(End, Times)]) -> BTreeMap<&'static str, Percentiles> {
    type Step = (&'static str, fn(&Times) -> Option<Duration>);
    let steps: [Step; 4] = [
        ("1 hold", |t| t.hold),
        ("2 order", |t| t.order),
        ("3 payment", |t| t.payment),
        ("4 bought", |t| t.bought),
    ];
    steps
        .into_iter()
        .map(|(name, of)| (name, percentiles(ends.iter().filter_map(|e| of(&e.1)))))
        .collect()
}

fn percentiles(times: impl Iterator<Item = Duration>) -> Percentiles {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, HOUR_US, 3).expect("sound bounds");
    for time in times {
        histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
    let at = |q: f64| histogram.value_at_quantile(q) as f64 / 1_000.0;
    Percentiles {
        count: histogram.len(),
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        max_ms: histogram.max() as f64 / 1_000.0,
    }
}
