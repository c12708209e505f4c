//! A running unit: the grid node with the rules inside, one timekeeper per shard.

use std::future::Future;
use std::sync::Arc;

use grid_node::{GridNode, NodeStatus, ShardId, StartError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::UnitConfig;
use crate::machine::ShardMachine;
use crate::reader::Reader;
use crate::timekeeper;

/// Why a unit does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The grid node refused.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A processing unit at work.
pub struct Unit {
    node: GridNode<ShardMachine>,
    timekeepers: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Unit {
    /// Recovers from disk, joins its groups and begins to serve.
    ///
    /// # Errors
    /// A damaged or foreign data directory, a port in use, or a directory locked by another process.
    pub async fn start(config: UnitConfig) -> Result<Self, RunError> {
        let node = GridNode::start(config.node, Arc::new(Reader)).await?;
        let shutdown = CancellationToken::new();
        let mut timekeepers = JoinSet::new();
        for shard in node.shards() {
            timekeepers.spawn(timekeeper::run(shard, shutdown.clone()));
        }
        Ok(Self { node, timekeepers, shutdown })
    }

    /// Roles, positions and sizes of all groups, for probes and operators.
    pub fn status(&self) -> NodeStatus {
        self.node.status()
    }

    /// Whether this unit serves a shard now: leads it and its lease is alive.
    pub fn leads(&self, shard: ShardId) -> bool {
        self.node.shard(shard).is_some_and(|shard| shard.is_serving())
    }

    /// Fingerprint of this unit's replica of a shard; equal on replicas that have applied the same
    /// (invariant I3). `None` without a replica. Costs as much as a snapshot.
    pub fn digest(&self, shard: ShardId) -> Option<u64> {
        let frozen = self.node.shard(shard)?.read(|machine| machine.state().freeze());
        Some(frozen.digest())
    }

    /// Resolves with the reason when the unit cannot go on; its process must then exit.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        self.node.failed()
    }

    /// Stops serving, hands nothing over, syncs the log.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        while self.timekeepers.join_next().await.is_some() {}
        self.node.shutdown().await;
    }
}
