//! A running unit: the grid node with the rules inside, one timekeeper per shard.

use std::future::Future;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use grid_node::platform::Platform;
use grid_node::{AdminAnswer, AdminRequest, GridNode, MetaState, NodeStatus, ShardId, StartError};
use inventory::State;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::UnitConfig;
use crate::machine::ShardMachine;
use crate::persistence::Persistence;
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
    timekeepers: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Unit {
    /// Recovers from disk, joins its groups and begins to serve. A unit that has no id yet waits
    /// until the grid gives it one.
    ///
    /// # Errors
    /// A damaged or foreign data directory, a port in use, or a directory locked by another process.
    pub async fn start(config: UnitConfig) -> Result<Self, RunError> {
        Self::start_in(config, Platform::real()).await
    }

    /// As [`Unit::start`] on another machine than this one, for simulations.
    ///
    /// # Errors
    /// As [`Unit::start`].
    pub async fn start_in(config: UnitConfig, platform: Platform) -> Result<Self, RunError> {
        let outbox_records_max = config.outbox_records_max;
        let mut node = config.node;
        node.admin.get_or_insert(config.admin_listen);
        let node = GridNode::start_in(node, Arc::new(Reader), platform).await?;
        let shutdown = CancellationToken::new();
        let keeping = timekeeper::keep_all(node.replicas(), outbox_records_max, shutdown.clone());
        let timekeepers = tokio::spawn(keeping);
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

    /// How far PostgreSQL is behind the shards that this unit leads.
    pub fn persistence(&self) -> Vec<Persistence> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = now.as_millis() as u64;
        let led = self.node.replicas().all().into_iter().filter(|shard| shard.is_serving());
        led.map(|shard| shard.read(|m| Persistence::of(shard.id(), m.state(), now_ms))).collect()
    }

    /// Fingerprint of this unit's replica of a shard; equal on replicas that have applied the same
    /// (invariant I3). `None` without a replica. Costs as much as a snapshot.
    pub fn digest(&self, shard: ShardId) -> Option<u64> {
        let frozen = self.node.shard(shard)?.read(|machine| machine.state().freeze());
        Some(frozen.digest())
    }

    /// Looks at this unit's replica of a shard; `None` without one. Short: nothing is applied to the
    /// replica meanwhile.
    pub fn read<T>(&self, shard: ShardId, look: impl FnOnce(&State) -> T) -> Option<T> {
        Some(self.node.shard(shard)?.read(|machine| look(machine.state())))
    }

    /// Carries out an operator's request on this unit, as its client port does.
    pub async fn admin(&self, request: AdminRequest, deadline: Instant) -> AdminAnswer {
        self.node.admin(request, deadline).await
    }

    /// The registry of nodes, shards and pins as last heard of here.
    pub fn grid_state(&self) -> Option<Arc<MetaState>> {
        self.node.grid_state()
    }

    /// Resolves with the reason when the unit cannot go on; its process must then exit.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        self.node.failed()
    }

    /// Whether the grid has told this unit that it was removed or given up: a new start with this
    /// data directory would only be told so again.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.node.has_left()
    }

    /// Hands leaderships over, stops serving, syncs the log.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        if let Err(error) = self.timekeepers.await {
            tracing::warn!(%error, "the timekeepers did not end in order");
        }
        self.node.shutdown().await;
    }
}
