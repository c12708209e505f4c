//! Configuration of a unit.

use std::net::SocketAddr;
use std::path::PathBuf;

use grid_node::NodeConfig;
use serde::{Deserialize, Serialize};

/// Everything a unit needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitConfig {
    /// Where probes, metrics and the operator's calls are served.
    pub admin_listen: SocketAddr,
    /// File with the token that operator's calls must bring; needed beyond loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_token_file: Option<PathBuf>,
    /// The grid node: identity, peers, directories, shards, timings and limits.
    pub node: NodeConfig,
}
