//! Idempotency keys: the same key within the horizon gives the same outcome and at most one effect;
//! beyond it an error and no effect (invariant I8).
//!
//! Only successes are remembered: a refusal changed nothing, so a retry may try again.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{Outcome, Refusal, Reply, RequestKey};

/// How old a version 7 key may be. Longer than any client retries.
pub const KEY_HORIZON_MS: u64 = 15 * 60 * 1_000;
/// How far a version 7 key's time may run ahead of the leader's clock and still be believed.
pub const KEY_SKEW_MS: u64 = 60 * 1_000;
/// Keys remembered per shard; bounds memory. Reaching it raises the horizon, see [`Keys::remember`].
pub const KEYS_MAX: usize = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    hash: u64,
    version: u64,
    outcome: Outcome,
}

/// The remembered keys of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    by_id: BTreeMap<u128, Remembered>,
    /// In log order: when first seen, the key, its own time.
    oldest_first: VecDeque<(u64, u128, Option<u64>)>,
    /// Version 7 keys made before this are refused: their outcome may have been forgotten.
    floor_ms: u64,
}

impl Keys {
    /// The earlier answer, a refusal, or `None` when the key is new.
    pub(crate) fn check(&self, key: &RequestKey, at_ms: u64) -> Option<Reply> {
        if let Some(known) = self.by_id.get(&key.id) {
            return Some(if known.hash == key.hash {
                Reply { version: known.version, replayed: true, outcome: known.outcome.clone() }
            } else {
                refused(Refusal::IdempotencyConflict)
            });
        }
        let made = believed(key, at_ms)?;
        let forgotten = made + KEY_HORIZON_MS < at_ms || made < self.floor_ms;
        forgotten.then(|| refused(Refusal::IdempotencyWindowExpired))
    }

    /// Remembers a success, forgetting what is past the horizon. At the limit the oldest goes early
    /// and every version 7 key of its age is refused from then on rather than executed twice.
    pub(crate) fn remember(&mut self, key: &RequestKey, at_ms: u64, reply: &Reply) {
        self.forget_before(at_ms.saturating_sub(KEY_HORIZON_MS + KEY_SKEW_MS));
        while self.oldest_first.len() >= KEYS_MAX {
            self.forget_oldest();
        }
        let outcome = reply.outcome.clone();
        let known = Remembered { hash: key.hash, version: reply.version, outcome };
        self.by_id.insert(key.id, known);
        self.oldest_first.push_back((at_ms, key.id, believed(key, at_ms)));
    }

    fn forget_before(&mut self, limit_ms: u64) {
        while self.oldest_first.front().is_some_and(|(seen, ..)| *seen < limit_ms) {
            if let Some((_, id, _)) = self.oldest_first.pop_front() {
                self.by_id.remove(&id);
            }
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id, made)) = self.oldest_first.pop_front() {
            self.by_id.remove(&id);
            self.floor_ms = self.floor_ms.max(made.map_or(0, |made| made + 1));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn in_step(&self) -> bool {
        self.by_id.len() == self.oldest_first.len()
            && self.oldest_first.iter().all(|(_, id, _)| self.by_id.contains_key(id))
            && self
                .oldest_first
                .iter()
                .zip(self.oldest_first.iter().skip(1))
                .all(|(a, b)| a.0 <= b.0)
    }
}

/// The key's own time, unless it claims to come from the future.
fn believed(key: &RequestKey, at_ms: u64) -> Option<u64> {
    key.made_at_ms.filter(|made| *made <= at_ms + KEY_SKEW_MS)
}

fn refused(refusal: Refusal) -> Reply {
    Reply { version: 0, replayed: false, outcome: Outcome::Refused(refusal) }
}
