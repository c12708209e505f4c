//! A grid in one process: nodes with their own ports and directories, started and stopped at will.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grid_node::meta::{MetaCommand, MetaReply};
use grid_node::wal::{Disk, RealDisk};
use grid_node::{
    AdminAnswer, AdminRequest, ClientConfig, GridClient, GridNode, NodeConfig, NodeId, PeerAddress,
    Shard, ShardId, ShardStatus, StartError,
};

use crate::toy::{Reader, Toy};

/// Nothing in these tests takes so long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A moment by which a call must be answered.
pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// Nodes of one grid.
pub struct Grid {
    pub nodes: BTreeMap<NodeId, GridNode<Toy>>,
    configs: BTreeMap<NodeId, NodeConfig>,
    dir: tempfile::TempDir,
}

impl Grid {
    /// Starts `count` nodes with two data shards.
    pub async fn start(count: u64) -> Self {
        Self::start_with(count, |_| {}).await
    }

    /// As [`Grid::start`] with other knobs.
    pub async fn start_with(count: u64, change: impl Fn(&mut NodeConfig)) -> Self {
        let mut grid = Self::prepare(count, change);
        for id in 1..=count {
            grid.start_node(id).await;
        }
        grid
    }

    /// Directories and configurations, nothing started.
    pub fn prepare(count: u64, change: impl Fn(&mut NodeConfig)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let address = |_| PeerAddress { raft: free_address(), client: free_address() };
        let peers: BTreeMap<_, _> = (1..=count).map(|id| (id, address(id))).collect();
        let config = |id: NodeId| {
            let data_dir = dir.path().join(format!("node-{id}"));
            let mut config = NodeConfig::new(7, id, peers.clone(), data_dir);
            config.shards = 2;
            config.raft.heartbeat_ms = 50;
            config.raft.election_min_ms = 300;
            config.raft.election_max_ms = 600;
            config.log.segment_bytes = 1 << 20;
            config.batch.command_bytes_max = 1 << 20;
            change(&mut config);
            (id, config)
        };
        let configs = (1..=count).map(config).collect();
        Self { nodes: BTreeMap::new(), configs, dir }
    }

    /// Configures a node that joins by way of the first one, to be started under this name. Nodes
    /// that join one after the other get ids that go on from the founders'.
    pub fn prepare_newcomer(&mut self, name: NodeId) {
        let mut config = self.configs[&1].clone();
        config.join = vec![self.client_address(1)];
        config.node_id = 0;
        config.peers.clear();
        config.address = Some(PeerAddress { raft: free_address(), client: free_address() });
        config.data_dir = self.data_dir(name);
        self.configs.insert(name, config);
    }

    /// Carries out an administrator's request on whichever node does, until one does.
    pub async fn administer(&self, request: AdminRequest) -> AdminAnswer {
        let deadline = soon();
        let mut looks = looks();
        loop {
            let mut last = None;
            for node in self.nodes.values() {
                match node.admin(request.clone(), deadline).await {
                    AdminAnswer::NotLeader { .. } | AdminAnswer::NotHere => {}
                    // The next attempt finds out.
                    other @ (AdminAnswer::Unknown(_) | AdminAnswer::Refused(_)) => {
                        last = Some(other);
                    }
                    answer => return answer,
                }
            }
            assert!(Instant::now() < deadline, "{request:?} is not carried out: {last:?}");
            looks.tick().await;
        }
    }

    /// Commits a command of the meta group.
    pub async fn change(&self, command: MetaCommand) -> MetaReply {
        match self.administer(AdminRequest::Change(command)).await {
            AdminAnswer::Changed(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// The configuration of a node, to change before its next start.
    pub fn config(&mut self, id: NodeId) -> &mut NodeConfig {
        self.configs.get_mut(&id).expect("a node of this grid")
    }

    /// Gives all founders other addresses, as on other machines, from their next starts on.
    pub fn move_everybody(&mut self) {
        let moved = |_| PeerAddress { raft: free_address(), client: free_address() };
        let founders = self.configs.values().flat_map(|config| config.peers.keys().copied());
        let peers: BTreeMap<_, _> = founders.map(|id| (id, moved(id))).collect();
        for config in self.configs.values_mut() {
            config.peers.clone_from(&peers);
        }
    }

    /// A node's data directory.
    pub fn data_dir(&self, id: NodeId) -> PathBuf {
        self.dir.path().join(format!("node-{id}"))
    }

    /// The client address of a node.
    pub fn client_address(&self, id: NodeId) -> SocketAddr {
        let config = &self.configs[&id];
        config.address.unwrap_or_else(|| config.peers[&id]).client
    }

    /// The Raft address of a node.
    pub fn raft_address(&self, id: NodeId) -> SocketAddr {
        let config = &self.configs[&id];
        config.address.unwrap_or_else(|| config.peers[&id]).raft
    }

    /// A replica of a shard.
    pub fn shard(&self, node: NodeId, shard: ShardId) -> Arc<Shard<Toy>> {
        self.nodes[&node].shard(shard).expect("a replica")
    }

    /// The figures of a replica.
    pub fn status(&self, node: NodeId, shard: ShardId) -> ShardStatus {
        let status = self.nodes[&node].status();
        status.shards.into_iter().find(|s| s.shard == shard).expect("a replica")
    }

    /// Ends a node as if its process had died: nothing is handed over or waited for.
    pub fn kill_node(&mut self, id: NodeId) {
        drop(self.nodes.remove(&id).expect("a running node"));
    }

    /// Starts a node that is not running.
    pub async fn start_node(&mut self, id: NodeId) {
        let deadline = soon();
        let mut looks = looks();
        // A node that was killed a moment ago may still be letting go of its port and directory.
        while let Err(error) = self.try_start(id).await {
            assert!(Instant::now() < deadline, "node {id} does not start: {error}");
            looks.tick().await;
        }
    }

    /// As [`Grid::start_node`], for nodes that may refuse.
    pub async fn try_start(&mut self, id: NodeId) -> Result<(), StartError> {
        self.try_start_on(id, Arc::new(RealDisk)).await
    }

    /// As [`Grid::try_start`] with the log on another disk.
    pub async fn try_start_on(
        &mut self,
        id: NodeId,
        disk: Arc<dyn Disk>,
    ) -> Result<(), StartError> {
        let config = self.configs[&id].clone();
        let node = GridNode::start_on(config, Arc::new(Reader), disk).await?;
        self.nodes.insert(id, node);
        Ok(())
    }

    /// Stops a node in order.
    pub async fn stop_node(&mut self, id: NodeId) {
        self.nodes.remove(&id).expect("a running node").shutdown().await;
    }

    /// Stops all nodes.
    pub async fn stop(&mut self) {
        while let Some((_, node)) = self.nodes.pop_first() {
            node.shutdown().await;
        }
    }

    /// A client of all nodes.
    pub fn client(&self) -> GridClient {
        let units = self.configs.keys().map(|id| self.client_address(*id)).collect();
        GridClient::new(ClientConfig::new(units))
    }

    /// The node that serves a shard, once there is one.
    pub async fn leader(&self, shard: ShardId) -> NodeId {
        wait_for("a serving leader", || {
            self.nodes.values().find(|n| n.shard(shard).is_some_and(|s| s.is_serving()))
        })
        .await
        .node_id()
    }

    /// The words of a shard as one node has them.
    pub fn words(&self, node: NodeId, shard: ShardId) -> Vec<String> {
        self.shard(node, shard).read(|toy| toy.words.clone())
    }
}

/// Below what the system gives to outgoing connections, so that a stopped node finds its own again.
fn free_address() -> SocketAddr {
    local_postgres::free_address().expect("a free port")
}

/// Looks until there is something to see.
pub async fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = soon();
    let mut looks = looks();
    loop {
        looks.tick().await;
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "no {what} in time");
    }
}

/// How often a condition is looked at.
pub fn looks() -> tokio::time::Interval {
    tokio::time::interval(Duration::from_millis(10))
}
