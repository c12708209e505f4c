//! Where things are, as clients see it: pins of keys and leaders of shards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{NodeId, ShardId};

/// A key's place, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin {
    /// Unique in the grid, from 1.
    pub number: u32,
    /// The shard that holds it.
    pub shard: ShardId,
}

/// A route table. Pins are facts; leaders are hints that may be old.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RouteTable {
    /// Grows with the pins.
    pub revision: u64,
    /// Data shards: 1 up to this number.
    pub shards: u32,
    /// Pins by key.
    pub pins: BTreeMap<String, Pin>,
    /// Who leads each shard, as far as the answering node knows.
    pub leaders: BTreeMap<ShardId, NodeId>,
    /// Shards of the pins by number, in the order of the numbers from 1.
    by_number: Vec<ShardId>,
}

impl RouteTable {
    /// A table of these pins and leaders.
    #[must_use]
    pub fn new(
        revision: u64,
        shards: u32,
        pins: BTreeMap<String, Pin>,
        leaders: BTreeMap<ShardId, NodeId>,
    ) -> Self {
        let mut numbered: Vec<Pin> = pins.values().copied().collect();
        numbered.sort_by_key(|pin| pin.number);
        let by_number = numbered.into_iter().map(|pin| pin.shard).collect();
        Self { revision, shards, pins, leaders, by_number }
    }

    /// The shard of a pin, by its number.
    #[must_use]
    pub fn shard_of(&self, number: u32) -> Option<ShardId> {
        let position = usize::try_from(number).ok()?.checked_sub(1)?;
        self.by_number.get(position).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_found_by_number() {
        let pin = |number, shard| Pin { number, shard };
        let pins = BTreeMap::from([("b".into(), pin(1, 4)), ("a".into(), pin(2, 7))]);
        let table = RouteTable::new(2, 16, pins, BTreeMap::new());
        assert_eq!([0, 1, 2, 3].map(|n| table.shard_of(n)), [None, Some(4), Some(7), None]);
    }
}
