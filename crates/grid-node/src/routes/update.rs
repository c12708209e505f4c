//! What travels of a route table: what an asker has, what it lacks, and where one shard is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Pin, ShardRoute};
use crate::{NodeId, ShardId, codec};

/// What an asker has, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RoutesKnown {
    /// The revision of its table.
    pub revision: u64,
    /// [`Topology::fingerprint`] as this node last told it; 0 for never.
    pub topology: u64,
}

/// What an asker lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouteUpdate {
    /// The teller's revision.
    pub revision: u64,
    /// The pins are those changed after this revision; all of them for 0.
    pub since: u64,
    pub pins: Vec<(String, Pin)>,
    /// The shape of the grid, if the asker was told another one.
    pub topology: Option<Topology>,
}

/// The shape of the grid: all of a route table but its pins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Topology {
    /// Data shards.
    pub shards: u32,
    pub routes: BTreeMap<ShardId, ShardRoute>,
    pub nodes: BTreeMap<NodeId, SocketAddr>,
}

impl Topology {
    /// Tells shapes apart; never 0.
    pub fn fingerprint(&self) -> u64 {
        // FNV-1a: equal on every machine, and a collision only delays a hint.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        codec::encode(self).iter().fold(0xcbf2_9ce4_8422_2325, mix).max(1)
    }
}

/// Where one shard is, as one node knows it: the answer to whoever asked the wrong one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardHint {
    pub route: ShardRoute,
    /// Client addresses of the replicas and the leader.
    pub nodes: BTreeMap<NodeId, SocketAddr>,
    /// Whether the answering node itself leads and its lease is alive.
    pub serving: bool,
}
