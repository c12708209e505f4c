//! A node's configuration: who it is, where its peers are, and every knob with unit and default.
//!
//! Read once at the start; [`NodeConfig::validate`] checks each knob and the relations between
//! them before anything is opened.

mod forms;
mod knobs;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use knobs::{BatchConfig, LimitsConfig, LogConfig, RaftConfig, SnapshotConfig};

use crate::meta::ZONE_BYTES_MAX;
use crate::tls::TlsConfig;
use crate::{NodeId, ShardId};

/// Data shards of a new grid: more than a handful of nodes can lead, few enough to idle cheaply.
const SHARDS: u32 = 16;
/// More shards than this would idle at a noticeable cost.
const SHARDS_MAX: u32 = 256;
/// Replicas of a group when there are so many nodes.
const REPLICAS_MAX: usize = 3;

/// Where a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerAddress {
    /// By the other nodes.
    pub raft: SocketAddr,
    /// By clients.
    pub client: SocketAddr,
}

/// Everything a node needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Names the grid; nodes and logs of another one are refused. 32 hexadecimal digits in files.
    #[serde(with = "forms::hex")]
    pub cluster_id: u128,
    /// This node's id, if it is one of the founders; 0, or left out, for a node that joins a grid
    /// and is given one. Never given to another data directory.
    #[serde(default)]
    pub node_id: NodeId,
    /// Holds log and snapshots; one process at a time.
    pub data_dir: PathBuf,
    /// Data shards, alike on all nodes and fixed for the life of the grid. Default 16.
    #[serde(default = "default_shards")]
    pub shards: u32,
    /// The nodes that found the grid, by id. Once it is founded, its registry says which nodes there
    /// are and where; then these are only who is asked first.
    #[serde(default, with = "forms::by_id")]
    pub peers: BTreeMap<NodeId, PeerAddress>,
    /// Client addresses of some nodes of the grid that this one joins.
    #[serde(default)]
    pub join: Vec<SocketAddr>,
    /// Where this node is reached, if `peers` does not say; may change between starts.
    #[serde(default)]
    pub address: Option<PeerAddress>,
    /// Where operators and probes reach the application on this node, for the grid's registry.
    #[serde(default)]
    pub admin: Option<SocketAddr>,
    /// Failure zone (rack, room): replicas of a shard are spread over zones. Up to 64 bytes.
    #[serde(default)]
    pub zone: String,
    /// Where this node listens when that is not where the others reach it: behind a proxy or an
    /// address translation. Default: where it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<PeerAddress>,
    /// Consensus: timings and transport.
    #[serde(default)]
    pub raft: RaftConfig,
    /// Coalescing of commands into log entries.
    #[serde(default)]
    pub batch: BatchConfig,
    /// The write-ahead log.
    #[serde(default)]
    pub log: LogConfig,
    /// Snapshots.
    #[serde(default)]
    pub snapshot: SnapshotConfig,
    /// Certificates of both ports. Default: none on loopback, refused elsewhere.
    #[serde(default)]
    pub tls: TlsConfig,
    /// The client port.
    #[serde(default)]
    pub limits: LimitsConfig,
}

fn default_shards() -> u32 {
    SHARDS
}

/// A knob or a relation that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration of the grid node: {0}")]
pub struct ConfigError(String);

impl NodeConfig {
    /// A configuration with default knobs.
    #[must_use]
    pub fn new(
        cluster_id: u128,
        node_id: NodeId,
        peers: BTreeMap<NodeId, PeerAddress>,
        data_dir: PathBuf,
    ) -> Self {
        Self {
            cluster_id,
            node_id,
            data_dir,
            shards: SHARDS,
            peers,
            join: Vec::new(),
            address: None,
            admin: None,
            zone: String::new(),
            listen: None,
            raft: RaftConfig::default(),
            batch: BatchConfig::default(),
            log: LogConfig::default(),
            snapshot: SnapshotConfig::default(),
            tls: TlsConfig::default(),
            limits: LimitsConfig::default(),
        }
    }

    /// Checks each knob and the relations between them.
    ///
    /// # Errors
    /// [`ConfigError`] naming the knob and what it must be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut broken = Vec::new();
        let mut need = |holds: bool, what: &str| {
            if !holds {
                broken.push(what.to_owned());
            }
        };
        let founds = self.node_id != 0;
        need(!founds || self.peers.contains_key(&self.node_id), "peers must contain node_id");
        need(founds || !self.join.is_empty(), "without node_id, join must name nodes of a grid");
        need(founds || self.address.is_some(), "without node_id, address must be given");
        need(self.zone.len() <= ZONE_BYTES_MAX, "zone must have at most 64 bytes");
        need(!self.peers.contains_key(&0), "0 is no node id");
        need((1..=SHARDS_MAX).contains(&self.shards), "shards must be between 1 and 256");
        self.raft.check(&mut need);
        self.batch.check(&mut need);
        self.log.check(&mut need);
        self.snapshot.check(&mut need);
        self.limits.check(&mut need);
        need(
            self.batch.command_bytes_max as u64 <= self.log.segment_bytes,
            "batch.command_bytes_max must not exceed log.segment_bytes",
        );
        need(
            self.batch.command_bytes_max <= self.batch.queue_bytes_max,
            "batch.command_bytes_max must not exceed batch.queue_bytes_max",
        );
        let own = self.peers.values().chain(&self.address).chain(&self.listen);
        let addresses = own.flat_map(|peer| [peer.raft, peer.client]);
        if let Err(error) = self.tls.check(addresses.chain(self.join.iter().copied())) {
            broken.push(error.to_string());
        }
        if broken.is_empty() { Ok(()) } else { Err(ConfigError(broken.join("; "))) }
    }

    /// The id that the configuration gives, for a founder.
    pub(crate) fn founder_id(&self) -> Option<NodeId> {
        Some(self.node_id).filter(|id| *id != 0)
    }

    /// Where this node is reached.
    pub(crate) fn own_address(&self) -> PeerAddress {
        let configured = || self.peers.get(&self.node_id).copied();
        self.address.or_else(configured).expect("a valid configuration has the node's own address")
    }

    /// Client addresses that are known before the grid is: founders, nodes to join, this node.
    #[must_use]
    pub fn client_addresses(&self) -> Vec<SocketAddr> {
        let own = self.address.map(|address| address.client);
        let founders = self.peers.values().map(|peer| peer.client);
        let all: BTreeSet<_> = founders.chain(self.join.iter().copied()).chain(own).collect();
        all.into_iter().collect()
    }

    /// Client addresses of nodes that may be asked about the grid before it is known, without this
    /// node's own.
    pub(crate) fn bootstrap(&self) -> BTreeSet<SocketAddr> {
        let own = self.own_address().client;
        let founders = self.peers.values().map(|peer| peer.client);
        founders.chain(self.join.iter().copied()).filter(|address| *address != own).collect()
    }

    /// The founders that hold a group, its preferred leader first: up to three in a ring, beginning
    /// one further for each shard, so that replicas and leaders are spread alike.
    #[must_use]
    pub fn replicas(&self, shard: ShardId) -> Vec<NodeId> {
        let ids: Vec<NodeId> = self.peers.keys().copied().collect();
        let count = ids.len().min(REPLICAS_MAX);
        let first = shard as usize % ids.len().max(1);
        (0..count).map(|i| ids[(first + i) % ids.len()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(nodes: u64) -> NodeConfig {
        let address = |id: u64| {
            let port = u16::try_from(20_000 + id).expect("a few nodes");
            let raft = SocketAddr::from(([127, 0, 0, 1], port));
            let client = SocketAddr::from(([127, 0, 0, 1], port + 1000));
            (id, PeerAddress { raft, client })
        };
        NodeConfig::new(7, 1, (1..=nodes).map(address).collect(), PathBuf::from("data"))
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(config(3).validate(), Ok(()));
    }

    #[test]
    fn relations_between_knobs_are_checked() {
        type Spoil = fn(&mut NodeConfig);
        let wrongs: [(Spoil, &str); 8] = [
            (|c| c.node_id = 9, "peers must contain node_id"),
            (|c| c.node_id = 0, "join must name"),
            (|c| c.zone = "z".repeat(65), "zone"),
            (|c| c.shards = 0, "shards"),
            (|c| c.raft.heartbeat_ms = c.raft.election_min_ms, "election_min_ms"),
            (|c| c.raft.election_max_ms = c.raft.election_min_ms, "election_max_ms"),
            (|c| c.batch.in_flight_max = 0, "in_flight_max"),
            (|c| c.batch.command_bytes_max = 1 << 30, "command_bytes_max"),
        ];
        for (spoil, named) in wrongs {
            let mut config = config(3);
            spoil(&mut config);
            let error = config.validate().expect_err(named).to_string();
            assert!(error.contains(named), "{error} does not name {named}");
        }
    }

    #[test]
    fn a_node_that_joins_needs_no_peers_but_an_address() {
        let founders = config(3);
        let address = Some(founders.peers[&1]);
        let join = founders.bootstrap().into_iter().collect();
        let mut newcomer = NodeConfig { node_id: 0, join, address, ..founders };
        newcomer.peers.clear();
        assert_eq!(newcomer.validate(), Ok(()));
        assert_eq!((newcomer.founder_id(), newcomer.bootstrap().len()), (None, 2));
        let written = toml::to_string(&newcomer).expect("a table");
        assert_eq!(toml::from_str::<NodeConfig>(&written).expect("the same"), newcomer);
    }

    #[test]
    fn replicas_and_leaders_are_spread() {
        assert_eq!(config(1).replicas(5), [1]);
        assert_eq!(config(3).replicas(0), [1, 2, 3]);
        assert_eq!(config(3).replicas(1), [2, 3, 1]);
        let five = config(5);
        let mut load = BTreeMap::new();
        for shard in 0..5 {
            let replicas = five.replicas(shard);
            assert_eq!(replicas.len(), 3);
            for node in replicas {
                *load.entry(node).or_insert(0) += 1;
            }
        }
        assert!(load.values().all(|count| *count == 3), "{load:?}");
    }

    #[test]
    fn a_file_gives_back_what_was_written_and_unknown_keys_are_refused() {
        let written = toml::to_string(&config(3)).expect("a table");
        assert_eq!(toml::from_str::<NodeConfig>(&written).expect("the same"), config(3));
        let mut unknown = String::from("colour = 1\n");
        unknown.push_str(&written);
        assert!(toml::from_str::<NodeConfig>(&unknown).is_err());
        let nested = written.replace("[raft]", "[raft]\ncolour = 1");
        assert!(toml::from_str::<NodeConfig>(&nested).is_err());
    }
}
