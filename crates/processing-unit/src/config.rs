//! Configuration of a unit.

use std::net::SocketAddr;

use grid_node::NodeConfig;
use serde::{Deserialize, Serialize};

/// Everything a unit needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitConfig {
    /// Where probes, metrics and the operator's calls are served.
    pub admin_listen: SocketAddr,
    /// The grid node: identity, peers, directories, shards, timings and limits.
    pub node: NodeConfig,
}
