//! Where things are, as clients see it: pins of keys, replicas and leaders of shards, addresses of
//! nodes. Travels as updates: only what changed since the table that the asker has.
//!
//! Pins and epochs are facts that the meta group has committed; leaders are hints that may be old,
//! ordered by their terms. Merging updates in any order ends in the same table.

mod update;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{NodeId, ShardId};

pub(crate) use update::{RouteUpdate, RoutesKnown, ShardHint, Topology};

/// A key's place, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin {
    /// Unique in the grid, from 1.
    pub number: u32,
    /// The shard that holds it.
    pub shard: ShardId,
}

/// Where one shard is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRoute {
    /// Grows with each published change of its replicas; 0 before the founding is written down.
    pub epoch: u64,
    /// Nodes with voting replicas, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Who leads, as far as known.
    pub leader: Option<NodeId>,
    /// The term of that leader, or in which there was none.
    pub term: u64,
}

impl ShardRoute {
    /// Takes over what another source knows better: replicas of a newer epoch, the leader of a newer
    /// term. A term has one leader, so within one an unknown leader only gets known.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.epoch > self.epoch || self.replicas.is_empty() {
            self.epoch = other.epoch;
            self.replicas.clone_from(&other.replicas);
        }
        if other.term > self.term || (other.term == self.term && self.leader.is_none()) {
            self.term = other.term;
            self.leader = other.leader;
        }
    }
}

/// A route table. Pins are facts; leaders are hints that may be old.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RouteTable {
    /// Grows with each change of pins, replicas and nodes.
    pub revision: u64,
    /// Data shards: 1 up to this number.
    pub shards: u32,
    /// Pins by key.
    pub pins: Arc<BTreeMap<String, Pin>>,
    /// Where each shard is; 0 is the meta group.
    pub routes: BTreeMap<ShardId, ShardRoute>,
    /// Client addresses of all nodes that belong to the grid.
    pub nodes: BTreeMap<NodeId, SocketAddr>,
    /// Shards of the pins by number, in the order of the numbers from 1.
    by_number: Arc<Vec<ShardId>>,
}

impl RouteTable {
    /// The shard of a pin, by its number.
    #[must_use]
    pub fn shard_of(&self, number: u32) -> Option<ShardId> {
        let position = usize::try_from(number).ok()?.checked_sub(1)?;
        self.by_number.get(position).copied()
    }

    /// Who leads a shard, as far as known.
    #[must_use]
    pub fn leader(&self, shard: ShardId) -> Option<NodeId> {
        self.routes.get(&shard)?.leader
    }

    /// The epoch of a shard's replicas; 0 when unknown.
    #[must_use]
    pub fn epoch(&self, shard: ShardId) -> u64 {
        self.routes.get(&shard).map_or(0, |route| route.epoch)
    }

    /// The shape of the grid in this table.
    pub(crate) fn topology(&self) -> Topology {
        let (routes, nodes) = (self.routes.clone(), self.nodes.clone());
        Topology { shards: self.shards, routes, nodes }
    }

    /// Adds pins, new or moved. Copies the pins if somebody else holds the table.
    pub(crate) fn put_pins(&mut self, pins: &[(String, Pin)]) {
        if pins.is_empty() {
            return;
        }
        let by_key = Arc::make_mut(&mut self.pins);
        by_key.extend(pins.iter().cloned());
        let by_number = Arc::make_mut(&mut self.by_number);
        // Numbers are given without gaps, so there are as many as keys.
        by_number.resize(by_key.len(), 0);
        for (_, pin) in pins {
            let place = (pin.number as usize).checked_sub(1).and_then(|at| by_number.get_mut(at));
            if let Some(place) = place {
                *place = pin.shard;
            }
        }
    }

    /// Takes over what an update knows better.
    pub(crate) fn merge(&mut self, update: RouteUpdate) {
        // Changes between the two revisions would be missing.
        if update.since <= self.revision {
            self.put_pins(&update.pins);
            self.revision = self.revision.max(update.revision);
        }
        let Some(topology) = update.topology else { return };
        if update.revision >= self.revision {
            self.shards = topology.shards;
            self.nodes = topology.nodes;
        }
        for (shard, route) in &topology.routes {
            self.routes.entry(*shard).or_default().merge(route);
        }
    }
}

#[cfg(test)]
mod tests;
