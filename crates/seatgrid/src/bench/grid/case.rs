//! The cases of a run: which sizes under which load.

use std::fmt;

use anyhow::{Result, ensure};

use super::{GridArgs, LoadChoice};

/// Events of one shard, as the rules have it.
const EVENTS_MAX: u32 = 10_000;
/// Seats of one event, as the rules have it.
const SEATS: std::ops::RangeInclusive<u32> = 100..=250_000;
/// Data shards, as the configuration has it.
const SHARDS_MAX: u32 = 256;

/// One case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    pub shards: u32,
    /// Events of each shard.
    pub events: u32,
    /// Seats of each event.
    pub seats: u32,
    pub load: Load,
}

/// How commands are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// So many shoppers, each waiting for its answer.
    Closed { clients: u32 },
    /// So many senders, each with so many commands at once, waiting for all of their answers.
    Bundled { senders: u32, bundle: u32 },
    /// So many commands a second, whatever comes back.
    Open { rate: u32 },
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, events, seats, load } = self;
        match load {
            Load::Closed { clients } => write!(f, "closed loop of {clients}")?,
            Load::Bundled { senders, bundle } => write!(f, "{senders} senders of {bundle}")?,
            Load::Open { rate } => write!(f, "open loop at {rate}/s")?,
        }
        write!(f, ", shards {shards}, events {events} each, seats {seats} each")
    }
}

/// Every combination that was asked for.
pub fn cases(args: &GridArgs) -> Result<Vec<Case>> {
    ensure!(args.shards.iter().all(|n| (1..=SHARDS_MAX).contains(n)), "--shards: 1 to 256");
    ensure!(args.events.iter().all(|n| (1..=EVENTS_MAX).contains(n)), "--events: 1 to 10000");
    ensure!(args.seats.iter().all(|n| SEATS.contains(n)), "--seats: 100 to 250000");
    let closed = Load::Closed { clients: args.clients };
    let senders = args.clients.div_ceil(args.bundle);
    let bundled = Load::Bundled { senders, bundle: args.bundle };
    let open = Load::Open { rate: args.rate };
    let loads = match args.load {
        LoadChoice::Closed => vec![closed],
        LoadChoice::Open => vec![open],
        LoadChoice::Bundled => vec![bundled],
        LoadChoice::All => vec![closed, bundled, open],
    };
    let mut all = Vec::new();
    for load in loads {
        for &shards in &args.shards {
            for &events in &args.events {
                all.extend(args.seats.iter().map(|&seats| Case { shards, events, seats, load }));
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        args: GridArgs,
    }

    fn all(flags: &[&str]) -> Result<Vec<Case>> {
        let flags = std::iter::once("bench").chain(flags.iter().copied());
        cases(&Flags::try_parse_from(flags).expect("flags").args)
    }

    #[test]
    fn sizes_and_loads_are_combined_and_bounded() {
        let usual = all(&[]).expect("cases");
        assert_eq!(usual.len(), 3);
        assert_eq!(usual[1].load, Load::Bundled { senders: 4, bundle: 512 });
        assert_eq!(usual[2].load, Load::Open { rate: 50_000 });
        let swept = all(&["--load", "closed", "--shards", "1,8", "--events", "1,10,100"]);
        assert_eq!(swept.expect("cases").len(), 6);
        for wrong in [["--shards", "0"], ["--events", "10001"], ["--seats", "99"]] {
            assert!(all(&wrong).is_err(), "{wrong:?}");
        }
    }
}
