//! `bench memory`: what a seat takes in a replica, and what an idle unit takes.
//!
//! The seat is measured in this process alone: events are opened in a state of their own, and the
//! growth of resident memory is divided by their seats.

mod record;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use inventory::{
    Acknowledge, Actor, Command, Counts, Envelope, EventNo, FeedPosition, LEDGER_RECORDS_MAX,
    OpenSale, Outcome, Plan, Sale, SaleRules, Stamp, State,
};
use serde::Serialize;

use super::grid::processes::Usage;
use super::streams::pids_of;

/// Seats of a row in the measured halls.
const ROW_SEATS: u32 = 40;
/// What is promised: bytes of one seat in one replica, names and drawing apart.
const SEAT_BYTES_MAX: f64 = 64.0;
/// What is promised: an idle unit, in bytes.
const UNIT_BYTES_MAX: u64 = 200_000_000;
/// A moment in the measured shard, milliseconds since 1970.
const NOW_MS: u64 = 1_800_000_000_000;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct Memory {
    /// Seats of one event.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(40..=250_000))]
    pub seats: u32,
    /// Events in the shard.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=250))]
    pub events: u32,
    /// Data directory of a local `seatgrid up`, whose units are looked at if it runs.
    #[arg(long, default_value = ".seatgrid")]
    pub data_dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Found {
    seats: u64,
    /// Resident growth for one seat with its names and its place on the drawing.
    bytes_per_seat_with_plan: f64,
    /// Of that, what a replica adds to the plan: status, holder, version, index.
    bytes_per_seat: f64,
    /// What a record takes in each replica while it waits for PostgreSQL.
    bytes_per_record: f64,
    /// Records that one sale writes, and what the sale itself keeps.
    records_per_sale: f64,
    bytes_per_sale: f64,
    /// What the shard may take at most with these events and seats, by its limits, in bytes.
    bound_bytes: u64,
    /// Of that, each table's share, the largest first.
    bound_parts: Vec<(String, u64)>,
    /// Resident memory of each running unit, in bytes.
    units: Vec<u64>,
}

/// Measures and prints; an error means that it could not, or that a promise was broken.
pub fn run(args: &Memory) -> Result<()> {
    let found = measure(args)?;
    found.print(args.json)?;
    ensure!(
        found.bytes_per_seat <= SEAT_BYTES_MAX,
        "a seat takes {:.1} bytes, above the {SEAT_BYTES_MAX} promised",
        found.bytes_per_seat
    );
    let largest = found.units.iter().max().copied().unwrap_or(0);
    ensure!(largest <= UNIT_BYTES_MAX, "a unit takes {largest} bytes: is it idle?");
    Ok(())
}

fn measure(args: &Memory) -> Result<Found> {
    let resident = || Usage::own().map(|usage| usage.resident_bytes);
    let empty = resident()?;
    let plans: Vec<Plan> = (0..args.events).map(|_| Plan::hall(args.seats, ROW_SEATS)).collect();
    let with_plans = resident()?;
    let mut state = State::new();
    for (plan, number) in plans.into_iter().zip(1..) {
        open(&mut state, EventNo(number), plan)?;
    }
    let with_state = resident()?;
    let seats: usize = state.events().map(|event| event.seats().len()).sum();
    let each = |bytes: u64| bytes as f64 / seats as f64;
    let limits = Counts::at_limits(u64::from(args.events), seats as u64, LEDGER_RECORDS_MAX);
    let mut parts = limits.parts();
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes()));
    let bound_bytes = limits.bytes_max(true);
    let taken = with_state.saturating_sub(empty);
    let waiting = record::measure()?;
    ensure!(taken <= bound_bytes, "{taken} bytes taken, at most {bound_bytes} expected");
    // The plans went into the state, so what came on top of them is the state's own.
    Ok(Found {
        seats: seats as u64,
        bytes_per_seat_with_plan: each(with_state.saturating_sub(empty)),
        bytes_per_seat: each(with_state.saturating_sub(with_plans)),
        bytes_per_record: waiting.record_bytes,
        records_per_sale: waiting.records_per_sale,
        bytes_per_sale: waiting.sale_bytes,
        bound_bytes,
        bound_parts: parts.iter().map(|part| (part.name.to_owned(), part.bytes())).collect(),
        units: units(args)?,
    })
}

/// Resident memory of the units of a local `up`; none when there is no such directory.
fn units(args: &Memory) -> Result<Vec<u64>> {
    if !args.data_dir.join("processes.json").exists() {
        return Ok(Vec::new());
    }
    let pids = pids_of(&args.data_dir, "unit")?;
    let resident = |pid: &u32| Usage::of(&[*pid]).map(|usage| usage.resident_bytes);
    pids.iter().map(resident).collect::<Result<_>>().context("looking at the units")
}

fn open(state: &mut State, event: EventNo, plan: Plan) -> Result<()> {
    // The plan is cloned into the state; dropping ours at once keeps one copy of each.
    let stamp = Stamp { log_index: u64::from(event.0), at_ms: NOW_MS };
    let command = Command::OpenSale(OpenSale { event, sale: sale(event), plan });
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    let reply = state.apply(stamp, &envelope);
    ensure!(reply.outcome == Outcome::SaleOpened, "{:?}", reply.outcome);
    let up_to = FeedPosition { log_index: stamp.log_index, ordinal: u32::MAX };
    let command = Command::Acknowledge(Acknowledge { up_to });
    state.apply(stamp, &Envelope { key: None, actor: Actor::SYSTEM, command });
    Ok(())
}

fn sale(event: EventNo) -> Sale {
    Sale {
        event_id: format!("measured-{}", event.0),
        name: "Measured".into(),
        starts_at_ms: NOW_MS + 90 * 86_400_000,
        currency: *b"RUB",
        opens_at_ms: NOW_MS,
        closes_at_ms: NOW_MS + 86_400_000,
        hold_ttl_ms: 300_000,
        per_hold_max: 6,
        rules: SaleRules::default(),
    }
}

impl Found {
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        println!(
            "{} seats: {:.1} bytes each in a replica, {:.1} with names and drawing",
            self.seats, self.bytes_per_seat, self.bytes_per_seat_with_plan
        );
        let gb = |bytes: u64| bytes as f64 / 1e9;
        let room = LEDGER_RECORDS_MAX as f64;
        println!(
            "a record that waits for PostgreSQL: {:.0} bytes, {:.1} a sale, which keeps {:.0}; \
             a full outbox of {room} is {:.2} GB and {:.0} sales",
            self.bytes_per_record,
            self.records_per_sale,
            self.bytes_per_sale,
            room * self.bytes_per_record / 1e9,
            room / self.records_per_sale
        );
        println!(
            "at most {:.1} GB by the limits, a snapshot in flight; of that:",
            gb(self.bound_bytes)
        );
        for (name, bytes) in &self.bound_parts {
            println!("  {name}: {:.3} GB", gb(*bytes));
        }
        for (number, bytes) in (1..).zip(&self.units) {
            println!("unit {number}: {} MB resident", bytes / 1_000_000);
        }
        Ok(())
    }
}
