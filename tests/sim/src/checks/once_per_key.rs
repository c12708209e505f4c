//! I8: the same key gives the same outcome and has at most one effect.
//!
//! Requests that were never answered may have had their effect once; effects that no request can
//! have had are too many.

use std::collections::{BTreeMap, BTreeSet};

use inventory::{Change, Command, Outcome};

use super::{Check, Finished};

/// See the module.
pub struct OncePerKey;

impl Check for OncePerKey {
    fn name(&self) -> &'static str {
        "I8 one effect a key"
    }

    fn finish(&mut self, run: &Finished<'_>) -> Result<(), String> {
        let mut holds_asked: BTreeMap<_, usize> = BTreeMap::new();
        let mut answered = BTreeSet::new();
        for operation in &run.log.operations {
            // Refusals are not remembered: asked again, the answer may be another one. Once there
            // was an effect, nothing else is answered any more.
            let effects = operation.replies.iter().skip_while(|r| is_refused(&r.outcome));
            let mut outcomes: Vec<_> = effects.map(|r| (&r.outcome, r.version)).collect();
            outcomes.dedup();
            if outcomes.len() > 1 {
                return Err(format!("one key, two outcomes: {outcomes:?}"));
            }
            if !matches!(operation.command, Command::Hold(_)) {
                continue;
            }
            if let Some((Outcome::Held(held), _)) = outcomes.first() {
                if !answered.insert(held.hold) {
                    return Err(format!("two keys, one hold: {:?}", held.hold));
                }
                *holds_asked.entry(operation.event).or_default() += 1;
            } else if operation.unresolved || operation.ended.is_none() {
                *holds_asked.entry(operation.event).or_default() += 1;
            }
        }
        let mut holds: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
        for record in run.tables.ledger.values().flatten() {
            if let Change::HoldGranted { hold, .. } = &record.change {
                holds.entry(record.event).or_default().insert(*hold);
            }
        }
        for (event, holds) in holds {
            let asked = holds_asked.get(&event).copied().unwrap_or(0);
            if holds.len() > asked {
                return Err(format!("{event:?}: {} holds from {asked} requests", holds.len()));
            }
        }
        Ok(())
    }
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_))
}
