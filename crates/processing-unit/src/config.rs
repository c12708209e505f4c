//! Configuration of a unit.

use std::net::SocketAddr;
use std::path::PathBuf;

use grid_node::NodeConfig;
use inventory::{LEDGER_RECORDS_LIMITS, LEDGER_RECORDS_MAX};
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
    /// Most records that each shard keeps while PostgreSQL is away, promised ones included; alike on all
    /// units. The leader of a shard has it logged, so that all replicas go by one number.
    #[serde(default = "outbox_records_max")]
    pub outbox_records_max: u64,
    /// The grid node: identity, peers, directories, shards, timings and limits.
    pub node: NodeConfig,
}

fn outbox_records_max() -> u64 {
    LEDGER_RECORDS_MAX
}

impl UnitConfig {
    /// A unit with default knobs over a grid node.
    #[must_use]
    pub fn new(admin_listen: SocketAddr, node: NodeConfig) -> Self {
        let outbox_records_max = outbox_records_max();
        Self { admin_listen, admin_token_file: None, outbox_records_max, node }
    }

    /// Checks each knob and the relations between them.
    ///
    /// # Errors
    /// One sentence that names the knob.
    pub fn validate(&self) -> Result<(), String> {
        let limits = LEDGER_RECORDS_LIMITS;
        if !limits.contains(&self.outbox_records_max) {
            let (least, most) = limits.into_inner();
            return Err(format!("outbox_records_max must be {least} to {most}"));
        }
        self.node.validate().map_err(|error| error.to_string())
    }
}
