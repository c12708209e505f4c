//! I6: no answer is older than what was acknowledged before it was asked for: a unit that lost its
//! leadership can neither commit nor answer a read as fresh.

use std::collections::BTreeMap;
use std::time::Duration;

use inventory::EventNo;

use super::{Check, Finished};

/// See the module.
pub struct FreshReads;

impl Check for FreshReads {
    fn name(&self) -> &'static str {
        "I6 no stale answer"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let mut known: BTreeMap<EventNo, Vec<(Duration, u64)>> = BTreeMap::new();
        for operation in &run.log.operations {
            let first = operation.replies.first().filter(|reply| reply.version > 0);
            if let (Some(reply), Some(ended)) = (first, operation.ended) {
                known.entry(operation.event).or_default().push((ended, reply.version));
            }
        }
        for versions in known.values_mut() {
            versions.sort_unstable();
            let mut newest = 0;
            for (_, version) in versions {
                newest = newest.max(*version);
                *version = newest;
            }
        }
        let newest_before = |event, asked| {
            let versions: &Vec<(Duration, u64)> = known.get(event)?;
            let count = versions.partition_point(|(ended, _)| *ended < asked);
            versions.get(count.checked_sub(1)?).map(|(_, version)| *version)
        };
        for read in &run.log.reads {
            if newest_before(&read.event, read.asked).is_some_and(|newest| read.version < newest) {
                return Err(format!("a stale read: {read:?}"));
            }
        }
        for operation in &run.log.operations {
            let reply = operation.replies.first().filter(|r| r.version > 0 && !r.replayed);
            let Some(reply) = reply else { continue };
            let newest = newest_before(&operation.event, operation.asked);
            if newest.is_some_and(|newest| reply.version < newest) {
                return Err(format!("a change before its question: {operation:?}"));
            }
        }
        Ok(())
    }
}
