//! Which shard each key is pinned to.
//!
//! A key goes to the shard with the fewest pins and stays there (invariant I7); pinning it again
//! answers the same. Moving a pin is for keys that hold nothing yet: the caller has made the old
//! shard refuse the key before.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{MetaRefusal, MetaReply, MetaState, Outcome, Pin};
use crate::ShardId;

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// Begins the names that take the numbers of keys that are lost.
pub const STAND_IN: &str = "lost-event-";

/// A pin and when it was last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinRecord {
    pub pin: Pin,
    /// The state's revision at that change.
    pub changed: u64,
}

impl MetaState {
    /// All pins by key, in the order of keys.
    pub fn pins(&self) -> impl ExactSizeIterator<Item = (&str, Pin)> {
        self.pins.iter().map(|(key, record)| (key.as_str(), record.pin))
    }

    /// Pins that changed after a revision.
    pub fn pins_since(&self, revision: u64) -> impl Iterator<Item = (&str, Pin)> {
        let changed = self.pins.iter().filter(move |(_, record)| record.changed > revision);
        changed.map(|(key, record)| (key.as_str(), record.pin))
    }

    /// The pin of a key.
    #[must_use]
    pub fn pin_of(&self, key: &str) -> Option<Pin> {
        self.pins.get(key).map(|record| record.pin)
    }

    /// The pin of a key, and the revision at which it was last changed.
    #[must_use]
    pub fn pin_changed(&self, key: &str) -> Option<(Pin, u64)> {
        self.pins.get(key).map(|record| (record.pin, record.changed))
    }

    /// The state for somebody who has all pins of a revision: only those that changed since.
    pub(crate) fn told_since(&self, revision: u64) -> Self {
        let newer = self.pins.iter().filter(|(_, record)| record.changed > revision);
        let pins: BTreeMap<_, _> = newer.map(|(key, record)| (key.clone(), *record)).collect();
        Self { pins: Arc::new(pins), ..self.clone() }
    }

    /// The whole state again, from the one that the teller was told of. Pins are never taken out.
    pub(crate) fn completed_by(mut self, known: &Self) -> Self {
        if self.pins.is_empty() {
            self.pins = Arc::clone(&known.pins);
            return self;
        }
        let mut pins = BTreeMap::clone(&known.pins);
        pins.extend(std::mem::take(Arc::make_mut(&mut self.pins)));
        self.pins = Arc::new(pins);
        self
    }

    pub(super) fn pin(&mut self, key: String, shards: u32) -> Outcome {
        if let Some(pin) = self.pin_of(&key) {
            return Ok(MetaReply::Pinned(pin));
        }
        let load = |shard: &ShardId| self.load.get(shard).copied().unwrap_or(0);
        match (1..=shards).min_by_key(load) {
            Some(shard) if is_key(&key) => self.pin_new(key, shard),
            _ => Ok(MetaReply::Invalid),
        }
    }

    pub(super) fn pin_to(&mut self, key: String, shard: ShardId, moved: bool) -> Outcome {
        if shard == 0 || !self.shards.contains_key(&shard) {
            return Err(MetaRefusal::NotFound(format!("shard {shard}")));
        }
        let Some(known) = self.pin_of(&key) else {
            return if is_key(&key) { self.pin_new(key, shard) } else { Ok(MetaReply::Invalid) };
        };
        if known.shard == shard {
            return Ok(MetaReply::Pinned(known));
        }
        if !moved {
            let reason = format!("{key} is pinned to shard {} already", known.shard);
            return Err(MetaRefusal::Conflict(reason));
        }
        Ok(self.put_elsewhere(key, known, shard))
    }

    pub(super) fn move_pin(&mut self, key: String, since: u64, to: ShardId) -> Outcome {
        if to == 0 || !self.shards.contains_key(&to) {
            return Err(MetaRefusal::NotFound(format!("shard {to}")));
        }
        let missing = || MetaRefusal::NotFound(format!("a pin of {key}"));
        let (known, changed) = self.pin_changed(&key).ok_or_else(missing)?;
        if known.shard == to {
            return Ok(MetaReply::Pinned(known));
        }
        // invariant: I7
        if changed != since {
            let reason = format!("the key was moved meanwhile and is in shard {}", known.shard);
            return Err(MetaRefusal::Conflict(reason));
        }
        Ok(self.put_elsewhere(key, known, to))
    }

    pub(super) fn renumber(&mut self, key: String, from: u32) -> Outcome {
        let missing = || MetaRefusal::NotFound(format!("a pin of {key}"));
        let known = self.pin_of(&key).ok_or_else(missing)?;
        if known.number != from {
            return Ok(MetaReply::Pinned(known));
        }
        let stand_in = format!("{STAND_IN}{from}");
        if self.pins.contains_key(&stand_in) {
            return Err(MetaRefusal::Conflict(format!("{stand_in} is pinned already")));
        }
        // Numbers are given out in turn: one more pin is one more number.
        let Ok(number) = u32::try_from(self.pins.len() + 1) else {
            return Ok(MetaReply::Invalid);
        };
        self.put(stand_in, known);
        let pin = Pin { number, ..known };
        self.put(key, pin);
        if let Some(load) = self.load.get_mut(&known.shard) {
            // The key was counted before.
            *load = load.saturating_sub(1);
        }
        Ok(MetaReply::Pinned(pin))
    }

    fn put_elsewhere(&mut self, key: String, known: Pin, shard: ShardId) -> MetaReply {
        let pin = Pin { shard, ..known };
        if let Some(load) = self.load.get_mut(&known.shard) {
            *load = load.saturating_sub(1);
        }
        self.put(key, pin);
        MetaReply::Pinned(pin)
    }

    fn pin_new(&mut self, key: String, shard: ShardId) -> Outcome {
        let Ok(number) = u32::try_from(self.pins.len() + 1) else {
            return Ok(MetaReply::Invalid);
        };
        let pin = Pin { number, shard };
        self.put(key, pin);
        Ok(MetaReply::Pinned(pin))
    }

    fn put(&mut self, key: String, pin: Pin) {
        *self.load.entry(pin.shard).or_default() += 1;
        self.touch();
        let record = PinRecord { pin, changed: self.revision };
        Arc::make_mut(&mut self.pins).insert(key, record);
    }
}

fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
}
