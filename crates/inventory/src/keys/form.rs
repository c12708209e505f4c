//! The frozen form of the keys: effects by id, then the order in which they were seen, then the
//! floor.

use std::collections::BTreeMap;

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::{KeyEffect, KeyLog, Keys, Remembered};

#[derive(Deserialize)]
#[serde(rename = "Keys")]
struct KeysV1 {
    by_id: BTreeMap<u128, KeyEffect>,
    /// When first seen, the key, its own time.
    oldest_first: Vec<(u64, u128, Option<u64>)>,
    floor_ms: u64,
}

impl Serialize for KeyLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_struct("Keys", 3)?;
        keys.serialize_field("by_id", &ById(self))?;
        keys.serialize_field("oldest_first", &InOrder(self))?;
        keys.serialize_field("floor_ms", &self.floor_ms)?;
        keys.end()
    }
}

struct ById<'a>(&'a KeyLog);

impl Serialize for ById<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let log = self.0.oldest_first.iter();
        let mut sorted: Vec<(u128, &Remembered)> = log.map(|known| (known.id, known)).collect();
        // Keys with a time inside come in long sorted runs, which the stable sort only merges.
        sorted.sort_by_key(|(id, _)| *id);
        serializer.collect_map(sorted.into_iter().map(|(id, known)| (id, &known.effect)))
    }
}

struct InOrder<'a>(&'a KeyLog);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.oldest_first.iter();
        serializer.collect_seq(entries.map(|known| (known.seen_ms, known.id, known.made_at_ms)))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let KeysV1 { mut by_id, oldest_first, floor_ms } = KeysV1::deserialize(deserializer)?;
        let mut keys = Self::default();
        keys.log.floor_ms = floor_ms;
        for (seen_ms, id, made_at_ms) in oldest_first {
            let effect = by_id.remove(&id);
            let effect =
                effect.ok_or_else(|| serde::de::Error::custom("a key without an effect"))?;
            keys.push(Remembered { id, seen_ms, made_at_ms, effect });
        }
        if by_id.is_empty() {
            Ok(keys)
        } else {
            Err(serde::de::Error::custom("a key out of order"))
        }
    }
}
