//! I9: time in a shard never goes back; a hold ends once, not before its deadline if by it; nothing
//! is made of a hold after its deadline.

use std::collections::{BTreeMap, BTreeSet};

use grid_node::ShardId;
use inventory::{Change, EventNo, LedgerRecord, PricedSeats, SeatIx};

use super::{Check, Finished, Sample};

/// See the module.
#[derive(Default)]
pub struct Time(BTreeMap<(ShardId, u64), u64>);

impl Check for Time {
    fn name(&self) -> &'static str {
        "I9 time never goes back"
    }

    fn replica(&mut self, sample: &Sample) -> Result<(), String> {
        let at = (sample.shard, sample.applied_index);
        let before = self.0.range((at.0, 0)..=at).next_back();
        if let Some(((_, index), before)) = before
            && *before > sample.state_at_ms
        {
            return Err(format!(
                "{before} at entry {index}, then {} at {at:?}",
                sample.state_at_ms
            ));
        }
        self.0.insert(at, sample.state_at_ms);
        Ok(())
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        for records in run.tables.ledger.values() {
            let mut shard = Shard::default();
            for record in records {
                shard.take(record).map_err(|why| format!("{why}: {record:?}"))?;
            }
        }
        Ok(())
    }
}

/// One shard as its ledger tells it.
#[derive(Default)]
struct Shard {
    last_ms: u64,
    live: BTreeMap<(EventNo, u64), Hold>,
    /// The hold of each order.
    orders: BTreeMap<(EventNo, u64), u64>,
}

#[derive(Default)]
struct Hold {
    until_ms: u64,
    seats: BTreeSet<SeatIx>,
}

impl Shard {
    fn take(&mut self, record: &LedgerRecord) -> Result<(), String> {
        let (event, at_ms) = (record.event, record.at_ms);
        if at_ms < self.last_ms {
            return Err(format!("after {}", self.last_ms));
        }
        self.last_ms = at_ms;
        match &record.change {
            Change::HoldGranted { hold, expires_at_ms, seats } => {
                let hold = self.live.entry((event, *hold)).or_default();
                hold.until_ms = *expires_at_ms;
                hold.seats.extend(seats.iter().map(|one| one.seat));
            }
            Change::HoldExtended { hold, expires_at_ms, .. } => {
                self.alive((event, *hold), at_ms)?;
                self.live.entry((event, *hold)).or_default().until_ms = *expires_at_ms;
            }
            Change::HoldReleased { hold, seats } | Change::HoldWithdrawn { hold, seats } => {
                self.give_back((event, *hold), seats);
            }
            Change::OrderPlaced { order, hold, .. } => {
                self.alive((event, *hold), at_ms)?;
                self.orders.insert((event, *order), *hold);
            }
            Change::SeatsSold { order, seats } => {
                // Late money buys free seats: then there is no hold any more.
                let hold = self.orders.get(&(event, *order)).map(|hold| (event, *hold));
                if let Some(hold) = hold.filter(|hold| self.live.contains_key(hold)) {
                    self.alive(hold, at_ms)?;
                    self.give_back(hold, seats);
                }
            }
            Change::HoldExpired { hold, .. } => match self.live.remove(&(event, *hold)) {
                Some(hold) if hold.until_ms <= at_ms => {}
                Some(hold) => return Err(format!("it lives until {}", hold.until_ms)),
                None => return Err("there is no such hold".into()),
            },
            _ => {}
        }
        Ok(())
    }

    fn alive(&self, hold: (EventNo, u64), at_ms: u64) -> Result<(), String> {
        match self.live.get(&hold) {
            Some(hold) if hold.until_ms > at_ms => Ok(()),
            Some(hold) => Err(format!("its hold lived until {}", hold.until_ms)),
            None => Err("its hold does not live".into()),
        }
    }

    fn give_back(&mut self, hold: (EventNo, u64), seats: &PricedSeats) {
        if let Some(live) = self.live.get_mut(&hold) {
            live.seats.retain(|seat| !seats.iter().any(|one| one.seat == *seat));
            if live.seats.is_empty() {
                self.live.remove(&hold);
            }
        }
    }
}
