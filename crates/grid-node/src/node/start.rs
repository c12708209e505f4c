//! Starting a node, in the order that lets each failure be named: configuration, ports, log,
//! groups, then service.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{GridNode, Hosted, RoutePublisher, status};
use crate::ShardId;
use crate::batcher::Batcher;
use crate::config::{ConfigError, NodeConfig};
use crate::machine::{QueryHandler, StateMachine};
use crate::meta::MetaState;
use crate::port::ClientService;
use crate::port::protocol::REQUEST_OVERHEAD_BYTES;
use crate::raft::{
    Dispatch, Doubts, Group, GroupOptions, GroupParts, Peers, PeersOptions, RaftService, Receipts,
    SnapshotError, raft_config,
};
use crate::rpc::{Server, ServerOptions};
use crate::shard::Shard;
use crate::tls::TlsError;
use crate::wal::{Disk, Recovered, Wal, WalError, WalOptions};

/// Connections from other nodes: three lanes each, and as many again while they reconnect.
const PEER_CONNECTIONS_MAX: usize = 256;
/// Requests of one lane that may wait for answers.
const PEER_IN_FLIGHT_MAX: usize = 4096;
/// What a message between nodes takes beside the largest command.
const MESSAGE_OVERHEAD_BYTES: usize = 64 << 10;
/// A message between nodes is at least this large: a piece of a snapshot, a read of the log.
const MESSAGE_BYTES_MIN: usize = 2 << 20;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A knob or a relation between knobs.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A port cannot be opened.
    #[error("cannot listen on {address} ({port} port): {source}; is another process using it?")]
    Listen {
        /// Which port: `raft` or `client`.
        port: &'static str,
        /// Its address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The log refuses.
    #[error(transparent)]
    Log(#[from] WalError),
    /// A record of a group that this release cannot read, or consensus refuses it.
    #[error("{0}")]
    Group(String),
    /// A group's snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A directory or thread cannot be made.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

impl From<crate::raft::OpenError> for StartError {
    fn from(error: crate::raft::OpenError) -> Self {
        match error {
            crate::raft::OpenError::Snapshot(error) => Self::Snapshot(error),
            other => Self::Group(other.to_string()),
        }
    }
}

pub(super) async fn start<S: StateMachine>(
    config: NodeConfig,
    handler: Arc<dyn QueryHandler<S>>,
    disk: Arc<dyn Disk>,
) -> Result<GridNode<S>, StartError> {
    let started_at = Instant::now();
    config.validate()?;
    let tls = config.tls.tls();
    if let Some(tls) = &tls {
        tls.must_name(config.cluster_id, config.node_id).await?;
    }
    let own = config.peers[&config.node_id];
    let raft_listener = listen("raft", own.raft)?;
    let client_listener = listen("client", own.client)?;
    let (wal, recovered) = open_log(&config, Arc::clone(&disk)).await?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.raft.threads)
        .thread_name("raft")
        .enable_all()
        .build()
        .map_err(|source| StartError::Io { what: "threads for consensus".into(), source })?;
    let starting = Starting::new(&config, wal, &recovered, disk, started_at)?;
    match starting.open(config, recovered, &runtime, handler).await {
        Ok(opened) => opened.serve(runtime, raft_listener, client_listener),
        Err(error) => {
            starting.parts.shutdown.cancel();
            runtime.shutdown_background();
            Err(error)
        }
    }
}

/// Binds without the delay after a restart.
fn listen(port: &'static str, address: SocketAddr) -> Result<std::net::TcpListener, StartError> {
    let bind = || {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    };
    bind().map_err(|source| StartError::Listen { port, address, source })
}

async fn open_log(
    config: &NodeConfig,
    disk: Arc<dyn Disk>,
) -> Result<(Wal, Recovered), StartError> {
    let dir = config.data_dir.join("log");
    let mut options = WalOptions::new(dir, config.cluster_id, config.node_id);
    options.segment_bytes = config.log.segment_bytes;
    let opened = tokio::task::spawn_blocking(move || Wal::open(options, disk)).await;
    match opened {
        Ok(opened) => Ok(opened?),
        Err(panic) => {
            let source = io::Error::other(panic);
            Err(StartError::Io { what: "opening the log".into(), source })
        }
    }
}

/// What all groups will share.
struct Starting {
    parts: Arc<GroupParts>,
}

impl Starting {
    fn new(
        config: &NodeConfig,
        wal: Wal,
        recovered: &Recovered,
        disk: Arc<dyn Disk>,
        started_at: Instant,
    ) -> Result<Self, StartError> {
        let mut doubtful = BTreeSet::new();
        if let Some(cut) = &recovered.cut {
            tracing::warn!(
                file = cut.file,
                offset_bytes = cut.offset_bytes,
                reason = cut.reason,
                "the end of the log was cut"
            );
            doubtful = shards_here(config).collect();
        }
        if let Some(unfinished) = &recovered.unfinished {
            tracing::info!(
                file = unfinished.file,
                offset_bytes = unfinished.offset_bytes,
                "the write that the last process left unfinished was removed"
            );
        }
        let snapshot_root = make_dir(config.data_dir.join("snapshots"))?;
        let raft = &config.raft;
        let others = config.peers.iter().filter(|(id, _)| **id != config.node_id);
        let peers = Peers::new(PeersOptions {
            cluster_id: config.cluster_id,
            node_id: config.node_id,
            addresses: others.map(|(id, address)| (*id, address.raft)).collect(),
            tls: config.tls.tls(),
            connect_timeout: Duration::from_millis(raft.connect_timeout_ms),
            append_timeout: Duration::from_millis(raft.append_timeout_ms),
        });
        let snapshot = &config.snapshot;
        let piece_timeout = Duration::from_millis(raft.snapshot_piece_timeout_ms);
        let parts = GroupParts {
            cluster_id: config.cluster_id,
            node_id: config.node_id,
            config: raft_config(config).map_err(StartError::Group)?,
            doubts: Doubts::new(wal.clone(), doubtful),
            wal,
            peers,
            registry: Arc::default(),
            snapshot_root,
            snapshot_after_log_bytes: snapshot.after_log_bytes,
            writers: Arc::new(Semaphore::new(snapshot.writers_max)),
            dispatch: Arc::new(Dispatch::new(
                snapshot.transfers_max,
                snapshot.send_bytes_per_s,
                piece_timeout,
            )),
            receipts: Arc::new(Receipts::new(snapshot.transfers_max, snapshot.bytes_max)),
            disk,
            rebalance: Duration::from_millis(raft.rebalance_ms),
            started_at,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
            leaders_epoch: watch::Sender::new(0),
            failed: watch::Sender::new(None),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    async fn open<S: StateMachine>(
        &self,
        config: NodeConfig,
        mut recovered: Recovered,
        runtime: &Runtime,
        handler: Arc<dyn QueryHandler<S>>,
    ) -> Result<Opened<S>, StartError> {
        let mut opened = Opened {
            parts: Arc::clone(&self.parts),
            groups: Vec::new(),
            meta_group: None,
            handler,
            config,
        };
        for shard in shards_here(&opened.config) {
            let recovered = recovered.groups.remove(&shard).unwrap_or_default();
            let voters = opened.config.replicas(shard);
            let options = GroupOptions { shard, voters, recovered };
            if shard == 0 {
                opened.meta_group = Some(open_group(runtime, &self.parts, options).await?);
            } else {
                opened.groups.push(open_group(runtime, &self.parts, options).await?);
            }
        }
        Ok(opened)
    }
}

/// Groups that this node holds replicas of, the meta group first.
fn shards_here(config: &NodeConfig) -> impl Iterator<Item = ShardId> + '_ {
    (0..=config.shards).filter(|shard| config.replicas(*shard).contains(&config.node_id))
}

/// Creates a directory so that it is still there after a power cut.
fn make_dir(dir: PathBuf) -> Result<PathBuf, StartError> {
    let durably = || {
        std::fs::create_dir_all(&dir)?;
        dir.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
    };
    match durably() {
        Ok(()) => Ok(dir),
        Err(source) => Err(StartError::Io { what: format!("directory {}", dir.display()), source }),
    }
}

/// Opens a group on the threads of consensus.
async fn open_group<S: StateMachine>(
    runtime: &Runtime,
    parts: &Arc<GroupParts>,
    options: GroupOptions,
) -> Result<Arc<Group<S>>, StartError> {
    let parts = Arc::clone(parts);
    let opening = runtime.spawn(async move { Group::open(&parts, options).await });
    match opening.await {
        Ok(opened) => Ok(opened?),
        Err(panic) => {
            let source = io::Error::other(panic);
            Err(StartError::Io { what: "opening a group".into(), source })
        }
    }
}

/// All groups, before the ports are served.
struct Opened<S: StateMachine> {
    parts: Arc<GroupParts>,
    groups: Vec<Arc<Group<S>>>,
    meta_group: Option<Arc<Group<MetaState>>>,
    handler: Arc<dyn QueryHandler<S>>,
    config: NodeConfig,
}

impl<S: StateMachine> Opened<S> {
    fn serve(
        self,
        runtime: Runtime,
        raft_listener: std::net::TcpListener,
        client_listener: std::net::TcpListener,
    ) -> Result<GridNode<S>, StartError> {
        let groups = self.groups.iter();
        let shards = groups.map(|g| (g.shard, self.shard(&runtime, g))).collect();
        let meta = self.meta_group.as_ref().map(|group| self.shard(&runtime, group));
        let hosted = Hosted::new(shards, meta);
        let parts = &self.parts;
        let publisher = RoutePublisher::new(&self.config, Arc::clone(&hosted));
        let publishing = Arc::clone(&publisher).run(parts.leaders_epoch.subscribe());
        let shutdown = parts.shutdown.clone();
        parts.tasks.spawn(async move { shutdown.run_until_cancelled(publishing).await });
        self.serve_raft(&runtime, raft_listener)?;
        self.serve_clients(&hosted, &publisher, client_listener)?;
        Ok(GridNode {
            node_id: parts.node_id,
            hosted,
            publisher,
            registry: Arc::clone(&parts.registry),
            wal: parts.wal.clone(),
            failed: parts.failed.subscribe(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
            runtime: Some(runtime),
            groups: self.groups,
            meta_group: self.meta_group,
        })
    }

    fn shard<M: StateMachine>(&self, runtime: &Runtime, group: &Arc<Group<M>>) -> Arc<Shard<M>> {
        let (batcher, task) = Batcher::new(Arc::clone(group), self.config.batch.clone());
        let shutdown = self.parts.shutdown.clone();
        self.parts.tasks.spawn_on(task.run(shutdown), runtime.handle());
        Arc::new(Shard::new(Arc::clone(group), batcher))
    }

    fn serve_raft(
        &self,
        runtime: &Runtime,
        listener: std::net::TcpListener,
    ) -> Result<(), StartError> {
        let parts = &self.parts;
        let _on_raft = runtime.enter();
        let listener = into_tokio(listener)?;
        let server = Server {
            service: Arc::new(RaftService {
                cluster_id: parts.cluster_id,
                node_id: parts.node_id,
                known: self.config.peers.keys().copied().collect(),
                registry: Arc::clone(&parts.registry),
                tasks: parts.tasks.clone(),
            }),
            options: ServerOptions {
                name: "raft",
                connections_max: PEER_CONNECTIONS_MAX,
                in_flight_max: PEER_IN_FLIGHT_MAX,
                body_bytes_max: self.config.batch.command_bytes_max.max(MESSAGE_BYTES_MIN)
                    + MESSAGE_OVERHEAD_BYTES,
            },
            tls: self.config.tls.tls(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        parts.tasks.spawn_on(server.run(listener), runtime.handle());
        Ok(())
    }

    fn serve_clients(
        &self,
        hosted: &Arc<Hosted<S>>,
        publisher: &Arc<RoutePublisher<S>>,
        listener: std::net::TcpListener,
    ) -> Result<(), StartError> {
        let parts = &self.parts;
        let listener = into_tokio(listener)?;
        let (node_id, wal) = (parts.node_id, parts.wal.clone());
        let all = Arc::clone(hosted);
        let limits = &self.config.limits;
        let service = ClientService {
            cluster_id: parts.cluster_id,
            node_id,
            hosted: Arc::clone(hosted),
            handler: Arc::clone(&self.handler),
            status: Arc::new(move || status::status(node_id, &all, &wal)),
            publisher: Arc::clone(publisher),
            budget_max: Duration::from_millis(limits.budget_max_ms),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        let server = Server {
            service: Arc::new(service),
            options: ServerOptions {
                name: "client",
                connections_max: limits.connections_max,
                in_flight_max: limits.in_flight_max,
                body_bytes_max: self.config.batch.command_bytes_max + REQUEST_OVERHEAD_BYTES,
            },
            tls: self.config.tls.tls(),
            shutdown: parts.shutdown.clone(),
            tasks: parts.tasks.clone(),
        };
        parts.tasks.spawn(server.run(listener));
        Ok(())
    }
}

fn into_tokio(listener: std::net::TcpListener) -> Result<TcpListener, StartError> {
    TcpListener::from_std(listener)
        .map_err(|source| StartError::Io { what: "listening".into(), source })
}
