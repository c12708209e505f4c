//! Idempotency keys: the same key within the horizon gives the same outcome and at most one effect;
//! beyond it an error and no effect (invariant I8).
//!
//! Only successes are remembered: a refusal changed nothing, so a retry may try again. What is
//! remembered lies in log order in shared chunks; the index by id is derived and stays behind when
//! the state is frozen.

mod form;
mod index;

use serde::{Deserialize, Serialize};

use self::index::KeyIndex;
use crate::share::SharedQueue;
use crate::{Outcome, Refusal, Reply, RequestKey};

/// How old a version 7 key may be. Longer than any client retries.
pub const KEY_HORIZON_MS: u64 = 15 * 60 * 1_000;
/// How far a version 7 key's time may run ahead of the leader's clock and still be believed.
pub const KEY_SKEW_MS: u64 = 60 * 1_000;
/// Keys remembered per shard; bounds memory. Reaching it raises the horizon, see [`Keys::remember`].
pub const KEYS_MAX: usize = 1_000_000;
/// Bytes of a remembered key, its seats apart.
pub(crate) const REMEMBERED_BYTES: usize = size_of::<Remembered>();
/// Bytes that the index has for one key at worst.
pub(crate) const INDEX_BYTES_MAX: usize = index::BYTES_PER_KEY_MAX;
/// Keys moved to a larger index with each new one: it is done long before that one is full, and no
/// command waits for all of them.
const MOVED_PER_KEY: usize = 8;

/// A key that had an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remembered {
    id: u128,
    /// When it was first seen, by the log's time.
    seen_ms: u64,
    /// The key's own time.
    made_at_ms: Option<u64>,
    effect: KeyEffect,
}

/// What a key was asked with and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyEffect {
    hash: u64,
    version: u64,
    outcome: Outcome,
}

/// The remembered keys of one shard.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    log: KeyLog,
    /// How many were forgotten: the number of the oldest that is remembered.
    forgotten: u64,
    /// Number of each key in log order, its lower half.
    by_id: KeyIndex,
    /// The smaller index from before, while its keys move over.
    outgrown: KeyIndex,
    /// Number of the first key in `outgrown`; those below have moved.
    moved: u64,
}

/// What a snapshot holds of the keys; a clone shares it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KeyLog {
    oldest_first: SharedQueue<Remembered>,
    /// Version 7 keys made before this are refused: their outcome may have been forgotten.
    floor_ms: u64,
}

impl Keys {
    /// The earlier answer, a refusal, or `None` when the key is new.
    pub(crate) fn check(&self, key: &RequestKey, at_ms: u64) -> Option<Reply> {
        if let Some(known) = self.known(key.id) {
            return Some(if known.hash == key.hash {
                Reply { version: known.version, replayed: true, outcome: known.outcome.clone() }
            } else {
                refused(Refusal::IdempotencyConflict)
            });
        }
        let made = believed(key, at_ms)?;
        let forgotten = made + KEY_HORIZON_MS < at_ms || made < self.log.floor_ms;
        forgotten.then(|| refused(Refusal::IdempotencyWindowExpired))
    }

    fn known(&self, id: u128) -> Option<&KeyEffect> {
        let entry = |number| self.log.oldest_first.get(self.place(number));
        let is = |number| entry(number).is_some_and(|known| known.id == id);
        let number = self.by_id.find(id, is).or_else(|| self.outgrown.find(id, is))?;
        entry(number).map(|known| &known.effect)
    }

    /// Where the key of a number stands in the log. There are fewer keys than half numbers.
    fn place(&self, number: u32) -> usize {
        number.wrapping_sub(self.forgotten as u32) as usize
    }

    /// Remembers a success, forgetting what is past the horizon. At the limit the oldest goes early
    /// and every version 7 key of its age is refused from then on rather than executed twice.
    pub(crate) fn remember(&mut self, key: &RequestKey, at_ms: u64, reply: &Reply) {
        self.forget_before(at_ms.saturating_sub(KEY_HORIZON_MS + KEY_SKEW_MS));
        while self.log.oldest_first.len() >= KEYS_MAX {
            let made = self.forget_oldest();
            let floor_ms = self.log.floor_ms;
            self.log.floor_ms = floor_ms.max(made.map_or(0, |made| made + 1));
        }
        let outcome = reply.outcome.clone();
        self.push(Remembered {
            id: key.id,
            seen_ms: at_ms,
            made_at_ms: believed(key, at_ms),
            effect: KeyEffect { hash: key.hash, version: reply.version, outcome },
        });
    }

    /// Refuses version 7 keys made before a time: their outcomes are lost.
    pub(crate) fn lose_before(&mut self, at_ms: u64) {
        self.log.floor_ms = self.log.floor_ms.max(at_ms);
    }

    fn push(&mut self, known: Remembered) {
        self.move_some(MOVED_PER_KEY);
        if self.by_id.is_full() {
            self.move_some(usize::MAX);
            let grown = self.by_id.grown();
            self.outgrown = std::mem::replace(&mut self.by_id, grown);
            self.moved = self.forgotten;
        }
        let number = self.forgotten + self.log.oldest_first.len() as u64;
        self.by_id.insert(known.id, number as u32);
        self.log.oldest_first.push_back(known);
    }

    /// Moves keys from the outgrown index, the oldest first.
    fn move_some(&mut self, max: usize) {
        for _ in 0..max.min(self.outgrown.len()) {
            let number = self.moved as u32;
            let Some(known) = self.log.oldest_first.get(self.place(number)) else { return };
            self.outgrown.remove(known.id, number);
            self.by_id.insert(known.id, number);
            self.moved += 1;
        }
        if self.outgrown.len() == 0 {
            self.outgrown = KeyIndex::default();
        }
    }

    fn forget_before(&mut self, limit_ms: u64) {
        while self.log.oldest_first.front().is_some_and(|known| known.seen_ms < limit_ms) {
            self.forget_oldest();
        }
    }

    /// Forgets the oldest key; its own time.
    fn forget_oldest(&mut self) -> Option<u64> {
        let (id, made_at_ms) =
            self.log.oldest_first.front().map(|known| (known.id, known.made_at_ms))?;
        let number = self.forgotten as u32;
        if self.outgrown.len() > 0 && self.moved == self.forgotten {
            self.outgrown.remove(id, number);
            self.moved += 1;
        } else {
            self.by_id.remove(id, number);
        }
        self.log.oldest_first.drop_front();
        self.forgotten += 1;
        made_at_ms
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len() + self.outgrown.len()
    }

    /// What a snapshot holds.
    pub(crate) fn log(&self) -> &KeyLog {
        &self.log
    }

    pub(crate) fn in_step(&self) -> bool {
        let log = &self.log.oldest_first;
        self.len() == log.len()
            && log.iter().all(|known| self.known(known.id) == Some(&known.effect))
            && log.iter().zip(log.iter().skip(1)).all(|(a, b)| a.seen_ms <= b.seen_ms)
    }
}

/// The index follows from the log, and its numbers from where a replica began.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.log == other.log
    }
}

impl Eq for Keys {}

impl KeyLog {
    /// How many chunks a clone shares.
    pub(crate) fn chunk_count(&self) -> usize {
        self.oldest_first.chunk_count()
    }
}

/// The key's own time, unless it claims to come from the future.
fn believed(key: &RequestKey, at_ms: u64) -> Option<u64> {
    key.made_at_ms.filter(|made| *made <= at_ms + KEY_SKEW_MS)
}

fn refused(refusal: Refusal) -> Reply {
    Reply { version: 0, replayed: false, outcome: Outcome::Refused(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_follows_the_log_while_it_grows_and_is_trimmed() {
        let mut keys = Keys::default();
        let reply = Reply { version: 1, replayed: false, outcome: Outcome::Released };
        let mut halfway = 0;
        for n in 0..5_000_u64 {
            let key = RequestKey { id: u128::from(n) << 80 | 7, hash: n, made_at_ms: Some(n) };
            assert_eq!(keys.check(&key, n), None);
            keys.remember(&key, n, &reply);
            assert!(keys.check(&key, n).is_some_and(|reply| reply.replayed));
            if n % 3 == 0 {
                keys.forget_oldest();
            }
            halfway += u32::from(keys.outgrown.len() > 0);
            assert!(n % 16 != 0 || keys.in_step(), "after {n} keys");
        }
        assert!(halfway > 100, "keys moved while others came");
    }

    /// Invariant I8 at the bound: what was forgotten early is refused, not executed again.
    #[test]
    fn at_the_bound_the_oldest_is_refused_with_all_of_its_age() {
        let mut keys = Keys::default();
        let reply = Reply { version: 1, replayed: false, outcome: Outcome::Released };
        let key = |id: u128, made| RequestKey { id, hash: 1, made_at_ms: Some(made) };
        let old = 5_000;
        keys.remember(&key(u128::MAX, old), 10_000, &reply);
        for id in 1..KEYS_MAX as u128 {
            keys.remember(&key(id, 10_000), 10_000, &reply);
        }
        assert_eq!(keys.check(&key(u128::MAX - 1, old), 10_000), None, "nothing was forgotten yet");
        keys.remember(&key(0, 10_000), 10_000, &reply);
        assert_eq!(keys.len(), KEYS_MAX);
        let expired = Some(refused(Refusal::IdempotencyWindowExpired));
        assert_eq!(keys.check(&key(u128::MAX, old), 10_000), expired);
        assert_eq!(keys.check(&key(u128::MAX - 1, old), 10_000), expired, "of the same age");
        assert_eq!(keys.check(&key(u128::MAX - 1, old + 1), 10_000), None, "younger");
    }

    #[test]
    fn an_index_that_differs_from_the_log_is_noticed() {
        let reply = |version| Reply { version, replayed: false, outcome: Outcome::Released };
        let keys = |version| {
            let mut keys = Keys::default();
            for id in 0..20 {
                let key = RequestKey { id, hash: 1, made_at_ms: None };
                keys.remember(&key, 10 + id as u64, &reply(version));
            }
            keys
        };
        assert!(keys(1).in_step() && keys(1) == keys(1) && keys(1) != keys(2));
        let mut fewer = keys(1);
        fewer.log.oldest_first.drop_front();
        assert!(!fewer.in_step(), "the index has one more");
        let mut other = keys(1);
        other.by_id.remove(3, 3);
        other.by_id.insert(99, 3);
        assert!(!other.in_step(), "the index finds another");
    }
}
