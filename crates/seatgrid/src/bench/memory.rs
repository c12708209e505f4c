//! `bench memory`: what a seat takes in a replica, and what an idle unit takes.
//!
//! The seat is measured in this process alone: events are opened in a state of their own, and the
//! growth of resident memory is divided by their seats.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use inventory::{
    Acknowledge, Actor, Command, Envelope, EventNo, FeedPosition, OpenSale, Outcome, Plan, Row,
    Sale, SaleRules, Seat, Section, SectionKind, Stamp, State, Tier,
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
    let plans: Vec<Plan> = (0..args.events).map(|_| plan(args.seats)).collect();
    let with_plans = resident()?;
    let mut state = State::new();
    for (plan, number) in plans.into_iter().zip(1..) {
        open(&mut state, EventNo(number), plan)?;
    }
    let with_state = resident()?;
    let seats: usize = state.events().map(|event| event.seats().len()).sum();
    let each = |bytes: u64| bytes as f64 / seats as f64;
    // The plans went into the state, so what came on top of them is the state's own.
    Ok(Found {
        seats: seats as u64,
        bytes_per_seat_with_plan: each(with_state.saturating_sub(empty)),
        bytes_per_seat: each(with_state.saturating_sub(with_plans)),
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

fn plan(seats: u32) -> Plan {
    let seat = |n: u32| Seat {
        number: n.to_string().into(),
        tier: 0,
        x: i32::try_from(n).unwrap_or(0) * 100,
        y: 0,
        accessible: false,
        companion: false,
    };
    let row = |at: u32| Row {
        label: (at + 1).to_string(),
        seats: (1..=ROW_SEATS.min(seats - at * ROW_SEATS)).map(seat).collect(),
    };
    let rows = (0..seats.div_ceil(ROW_SEATS)).map(row).collect();
    let (id, name) = ("A".to_owned(), "Stalls".to_owned());
    Plan {
        version: 1,
        tiers: vec![Tier { id: "all".into(), name: "All".into(), price_minor: 100_000 }],
        sections: vec![Section { id, name, rows, kind: SectionKind::Seated }],
        focal: None,
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
        for (number, bytes) in (1..).zip(&self.units) {
            println!("unit {number}: {} MB resident", bytes / 1_000_000);
        }
        Ok(())
    }
}
