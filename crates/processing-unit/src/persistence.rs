//! How far PostgreSQL is behind each shard that a unit leads, as the shard itself knows: the steps of
//! the outage ladder, for metrics, the log and operators. Only looks.

use std::collections::BTreeMap;

use grid_node::ShardId;
use inventory::{Backlog, State};
use metrics::gauge;
use serde::{Deserialize, Serialize};

use crate::query::ShardSummary;

/// One shard's way to PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// The shard.
    pub shard: ShardId,
    /// `fine`, `sales_wait` (no new sale opens) or `holds_wait` (no new hold is granted either).
    pub step: String,
    /// Records that PostgreSQL does not have yet.
    pub records: u64,
    /// Records promised to holds and payments.
    pub promised: u64,
    /// Room taken by both, in records, as the rules count it: large records take several.
    #[serde(default)]
    pub taken: u64,
    /// Most room that may be taken.
    pub records_max: u64,
    /// Age of the oldest record, in milliseconds; 0 without one.
    pub age_ms: u64,
    /// How long ago a writer last said that PostgreSQL takes rows, in milliseconds; it does so every few
    /// seconds also where nothing happens. 0 where none has ever spoken.
    #[serde(default)]
    pub silent_ms: u64,
    /// Sales that should have begun and wait.
    #[serde(default)]
    pub openings_waiting: u64,
}

impl Persistence {
    /// From what the shard's state holds, at the leader's clock.
    pub(crate) fn of(shard: ShardId, state: &State, now_ms: u64) -> Self {
        let (records, promised) = state.ledger_room();
        let oldest_ms = state.feed().next().map(|record| record.at_ms);
        let heard_ms = state.persisted_ms().unwrap_or(now_ms);
        Self {
            shard,
            step: state.backlog(now_ms).name().to_owned(),
            records,
            promised,
            taken: state.ledger_taken(),
            records_max: state.ledger_records_max(),
            age_ms: oldest_ms.map_or(0, |at_ms| now_ms.saturating_sub(at_ms)),
            silent_ms: now_ms.saturating_sub(heard_ms),
            openings_waiting: state.openings_waiting(now_ms) as u64,
        }
    }

    /// From a shard's answer about itself; it does not tell which sales wait.
    pub fn of_summary(shard: ShardId, summary: &ShardSummary) -> Self {
        let taken = summary.outbox_taken;
        let records_max = summary.outbox_records_max;
        let behind_ms = summary.outbox_age_ms.max(summary.outbox_silent_ms);
        let step = Backlog::at(taken, records_max, behind_ms);
        Self {
            shard,
            step: step.name().to_owned(),
            records: summary.outbox_records,
            promised: summary.outbox_reserved,
            taken,
            records_max,
            age_ms: summary.outbox_age_ms,
            silent_ms: summary.outbox_silent_ms,
            openings_waiting: 0,
        }
    }

    /// Whether something waits for PostgreSQL.
    pub fn is_behind(&self) -> bool {
        self.step != Backlog::Fine.name()
    }

    /// Part of the outbox that is taken or promised, in per cent.
    pub fn full_percent(&self) -> u64 {
        // A unit of an earlier release does not tell what is taken.
        let taken = self.taken.max(self.records + self.promised);
        taken.saturating_mul(100) / self.records_max.max(1)
    }
}

/// Publishes the shards that a unit leads and logs each step up and down once.
#[derive(Debug, Default)]
pub struct PersistenceWatch {
    steps: BTreeMap<ShardId, String>,
}

impl PersistenceWatch {
    /// Called about once a second with what [`crate::Unit::persistence`] says.
    pub fn publish(&mut self, led: &[Persistence]) {
        let gone = |shard: &ShardId| !led.iter().any(|one| one.shard == *shard);
        for shard in self.steps.keys().filter(|shard| gone(shard)) {
            set_gauges(*shard, None);
        }
        self.steps.retain(|shard, _| !gone(shard));
        for one in led {
            set_gauges(one.shard, Some(one));
            let before = self.steps.insert(one.shard, one.step.clone());
            if before.as_deref().unwrap_or(Backlog::Fine.name()) != one.step {
                tell(one);
            }
        }
    }
}

/// What a unit does not lead is zero there, so that a sum over units is the truth.
fn set_gauges(shard: ShardId, now: Option<&Persistence>) {
    let name = shard.to_string();
    let figure = |of: fn(&Persistence) -> f64| now.map_or(0.0, of);
    gauge!("seatgrid_shard_outbox_records", "shard" => name.clone())
        .set(figure(|one| one.records as f64));
    gauge!("seatgrid_shard_outbox_promised", "shard" => name.clone())
        .set(figure(|one| one.promised as f64));
    gauge!("seatgrid_shard_outbox_records_max", "shard" => name.clone())
        .set(figure(|one| one.records_max as f64));
    gauge!("seatgrid_shard_outbox_silent_seconds", "shard" => name.clone())
        .set(figure(|one| one.silent_ms as f64 / 1_000.0));
    gauge!("seatgrid_shard_outbox_age_seconds", "shard" => name.clone())
        .set(figure(|one| one.age_ms as f64 / 1_000.0));
    gauge!("seatgrid_shard_sales_wait", "shard" => name.clone())
        .set(figure(|one| f64::from(u8::from(one.is_behind()))));
    gauge!("seatgrid_shard_holds_wait", "shard" => name.clone())
        .set(figure(|one| f64::from(u8::from(one.step == Backlog::HoldsWait.name()))));
    gauge!("seatgrid_shard_openings_waiting", "shard" => name)
        .set(figure(|one| one.openings_waiting as f64));
}

fn tell(one: &Persistence) {
    let Persistence { shard, step, records, age_ms, openings_waiting, .. } = one;
    if one.is_behind() {
        tracing::warn!(
            shard,
            step,
            records,
            age_ms,
            openings_waiting,
            "PostgreSQL is far behind: no new sale opens in this shard until it has caught up"
        );
    } else {
        tracing::info!(shard, "PostgreSQL has caught up: sales open again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_told_is_the_one_that_the_rules_use() {
        let summary = ShardSummary {
            outbox_records: 3,
            outbox_reserved: 2,
            outbox_taken: 80,
            outbox_records_max: 100,
            ..ShardSummary::default()
        };
        let told = Persistence::of_summary(1, &summary);
        assert_eq!((told.step.as_str(), told.full_percent()), ("sales_wait", 80));
        let told = Persistence::of_summary(1, &ShardSummary { outbox_taken: 96, ..summary });
        assert_eq!((told.step.as_str(), told.full_percent()), ("holds_wait", 96));
    }
}
