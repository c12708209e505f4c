//! A running node: opens the log and the groups, serves both ports, stops in order.
//!
//! Consensus runs on its own threads, apart from clients and application. A node that cannot go on
//! says so through [`GridNode::failed`]; its process must then exit, since only a restart reads
//! again what the disk really has.

mod ask;
mod belonging;
mod consensus;
mod durable_file;
mod govern;
mod host;
mod hosted;
mod identity;
mod membership;
mod meta_view;
mod publisher;
mod serve;
mod start;
mod status;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use hosted::Replicas;
pub(crate) use hosted::{Hosted, META};
pub(crate) use meta_view::MetaView;
pub(crate) use publisher::{Published, RoutePublisher};
pub use start::StartError;
pub use status::{LogStatus, NodeStatus, ShardStatus};

use self::consensus::Consensus;
use self::host::Host;
use self::membership::Membership;
use crate::admin::{AdminAnswer, AdminRequest};
use crate::config::NodeConfig;
use crate::machine::{QueryHandler, StateMachine};
use crate::meta::MetaState;
use crate::platform::Platform;
use crate::port::Desk;
use crate::raft::Registry;
use crate::routes::RouteTable;
use crate::shard::Shard;
use crate::wal::{Disk, Wal};
use crate::{NodeId, ShardId};

/// Tasks that do not end in this time at shutdown are left behind.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// So long leaders look for successors at shutdown. An orderly restart then costs no election.
const RESIGN_PATIENCE: Duration = Duration::from_secs(2);

/// A node at work.
pub struct GridNode<S: StateMachine> {
    node_id: NodeId,
    hosted: Arc<Hosted<S>>,
    publisher: Arc<RoutePublisher<S>>,
    host: Arc<Host<S>>,
    membership: Arc<Membership<S>>,
    desk: Arc<Desk<S>>,
    registry: Arc<Registry>,
    wal: Wal,
    failed: watch::Receiver<Option<String>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Ended in the background when the node is dropped without a shutdown.
    runtime: Option<Consensus>,
}

impl<S: StateMachine> GridNode<S> {
    /// Recovers from disk, opens both ports and joins the groups. It does not wait for leaders.
    ///
    /// # Errors
    /// [`StartError`], naming what to do: a wrong configuration, a port or directory in use, a
    /// damaged or foreign log.
    pub async fn start(
        config: NodeConfig,
        handler: Arc<dyn QueryHandler<S>>,
    ) -> Result<Self, StartError> {
        start::start(config, handler, Platform::real()).await
    }

    /// As [`GridNode::start`] with the log on another disk, for drills that make it fail.
    ///
    /// # Errors
    /// As [`GridNode::start`].
    pub async fn start_on(
        config: NodeConfig,
        handler: Arc<dyn QueryHandler<S>>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StartError> {
        start::start(config, handler, Platform { disk, ..Platform::real() }).await
    }

    /// As [`GridNode::start`] on another machine than this one, for simulations.
    ///
    /// # Errors
    /// As [`GridNode::start`].
    pub async fn start_in(
        config: NodeConfig,
        handler: Arc<dyn QueryHandler<S>>,
        platform: Platform,
    ) -> Result<Self, StartError> {
        start::start(config, handler, platform).await
    }

    /// This node's id.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// A data shard, if this node holds a replica of it.
    #[must_use]
    pub fn shard(&self, shard: ShardId) -> Option<Arc<Shard<S>>> {
        self.hosted.shard(shard)
    }

    /// All data shards that this node holds replicas of.
    #[must_use]
    pub fn shards(&self) -> Vec<Arc<Shard<S>>> {
        self.hosted.shards().values().cloned().collect()
    }

    /// A look at [`GridNode::shards`] that may outlive this borrow.
    #[must_use]
    pub fn replicas(&self) -> Replicas<S> {
        Replicas::new(Arc::clone(&self.hosted))
    }

    /// Counts the changes of [`GridNode::shards`]: replicas come and go while the node runs.
    #[must_use]
    pub fn watch_shards(&self) -> watch::Receiver<u64> {
        self.hosted.watch()
    }

    /// The meta group, if this node holds a replica of it.
    #[must_use]
    pub fn meta(&self) -> Option<Arc<Shard<MetaState>>> {
        self.hosted.meta()
    }

    /// The route table as known here.
    #[must_use]
    pub fn routes(&self) -> Arc<RouteTable> {
        Arc::clone(&self.publisher.load().table)
    }

    /// The meta group's state as last heard of here; `None` before the grid is founded.
    #[must_use]
    pub fn grid_state(&self) -> Option<Arc<MetaState>> {
        self.membership.view.get()
    }

    /// Revision of [`GridNode::grid_state`] as it grows.
    #[must_use]
    pub fn watch_grid_state(&self) -> watch::Receiver<u64> {
        self.membership.view.watch()
    }

    /// Carries out an operator's or the controller's request on this node, as the client port does.
    pub async fn admin(&self, request: AdminRequest, deadline: Instant) -> AdminAnswer {
        let carried_out = self.desk.carry_out(request, deadline);
        match tokio::time::timeout_at(deadline.into(), carried_out).await {
            Ok(answer) => answer,
            Err(_) => AdminAnswer::Unknown("it did not end in time".into()),
        }
    }

    /// Roles, positions and sizes of all groups, for probes and operators.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        status::status(self.node_id, &self.hosted, &self.wal)
    }

    /// Resolves with the reason when the node cannot go on: its log failed, or a group stopped.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        let (groups, wal) = (self.failed.clone(), self.wal.failure());
        let (outcast, shutdown) = (self.membership.directory.outcast(), self.shutdown.clone());
        async move {
            let reason = tokio::select! {
                biased;
                reason = first(wal) => reason,
                reason = first(outcast) => reason,
                reason = first(groups) => reason,
            };
            // What stops during a shutdown is no failure.
            if shutdown.is_cancelled() { std::future::pending().await } else { reason }
        }
    }

    /// Whether the grid has told this node that it was removed or given up: a new start with this
    /// data directory would only be told so again.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.membership.directory.has_left()
    }

    /// Hands leaderships over within [`RESIGN_PATIENCE`], stops serving, syncs the log, ends all
    /// tasks.
    pub async fn shutdown(mut self) {
        self.host.stop(RESIGN_PATIENCE).await;
        self.shutdown.cancel();
        self.registry.clear();
        self.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks of the node did not end in time");
        }
        let wal = self.wal.clone();
        match crate::platform::blocking(move || wal.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tracing::warn!(%failure, "the log had failed before"),
            Err(error) => tracing::warn!(%error, "the log did not close in order"),
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.end();
        }
    }
}

/// The first reason that a watch tells; never, when it ends without one.
async fn first<T: ToString>(mut watch: watch::Receiver<Option<T>>) -> String {
    let told = watch.wait_for(Option::is_some).await;
    match told.map(|reason| reason.as_ref().map(ToString::to_string).unwrap_or_default()) {
        Ok(reason) => reason,
        Err(_) => std::future::pending().await,
    }
}

impl<S: StateMachine> Drop for GridNode<S> {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.end();
        }
    }
}

impl<S: StateMachine> std::fmt::Debug for GridNode<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GridNode").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}
