//! I10: the outbox is trimmed only up to what the tables have, and the ledger has no gap.

use std::collections::BTreeMap;

use inventory::FeedPosition;

use super::{Check, Finished, Sample};

/// See the module.
pub struct Feed;

impl Check for Feed {
    fn name(&self) -> &'static str {
        "I10 nothing trimmed too early, no gap"
    }

    fn replica(&mut self, sample: &Sample) -> Result<(), String> {
        if sample.acknowledged <= sample.checkpoint {
            return Ok(());
        }
        Err(format!("trimmed beyond the tables: {sample:?}"))
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        for records in run.tables.ledger.values() {
            let mut last = FeedPosition::default();
            let mut versions: BTreeMap<_, u64> = BTreeMap::new();
            for record in records {
                let at = record.position;
                let follows = if at.log_index == last.log_index {
                    at.ordinal == last.ordinal + 1
                } else {
                    at.log_index > last.log_index && at.ordinal == 0
                };
                if !follows {
                    return Err(format!("{last:?} and then {at:?}"));
                }
                last = record.last();
                // Every change of an event has the next version, so a lost entry shows; only an
                // exchange of seats for themselves has nothing to write.
                let known = versions.entry(record.event).or_insert(record.version);
                let missing = known.saturating_add(1)..record.version;
                let silent = missing.into_iter().all(|v| run.log.may_be_a_swap(record.event, v));
                if record.version < *known || !silent {
                    return Err(format!("version {known} and then {record:?}"));
                }
                *known = record.version;
            }
        }
        Ok(())
    }
}
