//! The meta group's state: which shard each key is pinned to. Shard 0, same engine as all others.
//!
//! A key goes to the shard with the fewest pins and stays there (invariant I7); pinning it again
//! answers the same.
//! Deterministic; the number of shards comes with the command.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::machine::{CommittedEntry, RestoreError, StateMachine};
use crate::{Pin, ShardId};

/// Longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 256;

/// Changes the meta group's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MetaCommand {
    /// Pins a key to the least loaded of the data shards 1..=shards.
    Pin { key: String, shards: u32 },
}

/// The outcome of a [`MetaCommand`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MetaReply {
    /// The key's pin, new or old.
    Pinned(Pin),
    /// The command cannot be carried out.
    Invalid,
}

/// The meta group's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaState {
    pins: BTreeMap<String, Pin>,
    /// Pins of each shard.
    load: BTreeMap<ShardId, u32>,
    /// Grows with each change of the pins.
    revision: u64,
}

impl MetaState {
    /// All pins by key.
    #[must_use]
    pub fn pins(&self) -> &BTreeMap<String, Pin> {
        &self.pins
    }

    /// Grows with each change of the pins.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn pin(&mut self, key: String, shards: u32) -> MetaReply {
        if let Some(pin) = self.pins.get(&key) {
            return MetaReply::Pinned(*pin);
        }
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return MetaReply::Invalid;
        }
        let load = |shard: &ShardId| self.load.get(shard).copied().unwrap_or(0);
        let Some(shard) = (1..=shards).min_by_key(load) else {
            return MetaReply::Invalid;
        };
        let Ok(number) = u32::try_from(self.pins.len() + 1) else {
            return MetaReply::Invalid;
        };
        let pin = Pin { number, shard };
        *self.load.entry(shard).or_default() += 1;
        self.revision += 1;
        self.pins.insert(key, pin);
        MetaReply::Pinned(pin)
    }
}

impl StateMachine for MetaState {
    fn empty(_shard: ShardId) -> Self {
        Self::default()
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Vec<Bytes>) {
        for command in &entry.commands {
            let reply = match codec::decode(command) {
                Ok(MetaCommand::Pin { key, shards }) => self.pin(key, shards),
                Err(_) => MetaReply::Invalid,
            };
            replies.push(codec::encode(&reply));
        }
    }

    fn freeze(&self) -> Box<dyn FnOnce() -> Vec<u8> + Send> {
        let state = self.clone();
        Box::new(move || codec::encode(&state).into())
    }

    fn restore(_shard: ShardId, bytes: &[u8]) -> Result<Self, RestoreError> {
        codec::decode(bytes).map_err(|e| RestoreError::new(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_spread_kept_and_numbered_from_one() {
        let mut state = MetaState::default();
        let pinned: Vec<_> = (0..6).map(|i| state.pin(format!("key {i}"), 3)).collect();
        let expected = [(1, 1), (2, 2), (3, 3), (4, 1), (5, 2), (6, 3)];
        let expected = expected.map(|(number, shard)| MetaReply::Pinned(Pin { number, shard }));
        assert_eq!(pinned, expected);
        assert_eq!(state.pin("key 1".into(), 3), expected[1], "the second time as the first");
        assert_eq!(state.revision(), 6);
    }

    #[test]
    fn impossible_pins_are_refused_and_change_nothing() {
        let mut state = MetaState::default();
        assert_eq!(state.pin(String::new(), 3), MetaReply::Invalid);
        assert_eq!(state.pin("k".repeat(KEY_BYTES_MAX + 1), 3), MetaReply::Invalid);
        assert_eq!(state.pin("key".into(), 0), MetaReply::Invalid);
        assert_eq!(state, MetaState::default());
    }

    #[test]
    fn a_snapshot_gives_back_the_state() {
        let mut state = MetaState::default();
        state.pin("key".into(), 3);
        let frozen = state.freeze()();
        assert_eq!(MetaState::restore(0, &frozen), Ok(state));
    }
}
