//! Starting a node, in the order that lets each failure be named: configuration, ports, log,
//! groups, then service.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ask::Asker;
use super::consensus::Consensus;
use super::host::Host;
use super::identity::Identity;
use super::membership::{Membership, known_nodes};
use super::serve::{Ports, Serving};
use super::{GridNode, Hosted, MetaView, belonging};
use crate::config::{ConfigError, NodeConfig, PeerAddress};
use crate::machine::{QueryHandler, StateMachine};
use crate::platform::{Listening, Network, Platform, Threads, blocking};
use crate::raft::{
    Directory, Dispatch, Doubts, GroupParts, Known, Myself, Peers, PeersOptions, Receipts,
    SnapshotError, raft_config,
};
use crate::tls::{Callee, Dial, TlsError};
use crate::version::Versions;
use crate::wal::{Presence, Recovered, Wal, WalError, WalOptions};
use crate::{NodeId, ShardId};

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
    /// The data directory belongs to another grid.
    #[error(
        "{file} belongs to cluster {found:032x}, this is cluster {wanted:032x}; check data_dir",
        file = .file.display()
    )]
    Foreign {
        /// The directory's identity.
        file: PathBuf,
        /// Whose it is.
        found: u128,
        /// The configured one.
        wanted: u128,
    },
    /// The grid does not let this node in; says why and what to do.
    #[error("{0}")]
    Outcast(String),
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
    platform: Platform,
) -> Result<GridNode<S>, StartError> {
    let started_at = Instant::now();
    config.validate()?;
    let tls = config.tls.tls();
    let asker = Asker::new(
        config.cluster_id,
        Arc::clone(&platform.network),
        Duration::from_millis(config.raft.connect_timeout_ms),
        tls.clone().map(|tls| Dial { tls, callee: Callee::AnyUnit }),
    );
    let identity = belonging::settle(&config, &asker, Versions::of::<S>()).await?;
    let Some(node_id) = identity.node_id else { unreachable!("a settled identity has an id") };
    if let Some(tls) = &tls {
        tls.must_name(config.cluster_id, node_id).await?;
    }
    let own = config.listen.unwrap_or_else(|| config.own_address());
    let network = &*platform.network;
    let ports = Ports {
        raft: listen(network, "raft", own.raft)?,
        client: listen(network, "client", own.client)?,
    };
    let (wal, recovered) = open_log(&config, node_id, &platform).await?;
    belonging::check_alone(&config, &identity)?;
    let runtime = Consensus::new(platform.threads, config.raft.threads)?;
    let view = MetaView::load(&config.data_dir);
    let founds = founds(&config, node_id, &view);
    let directory = directory(&config, &identity, node_id, &view);
    let doubtful = doubtful(&recovered, &founds);
    let parts = parts::<S>(&config, &directory, (wal, &platform), (doubtful, started_at))?;
    let hosted = Hosted::new();
    let host = Arc::new(Host {
        parts: Arc::clone(&parts),
        batch: config.batch.clone(),
        hosted: Arc::clone(&hosted),
        runtime: runtime.handle().clone(),
        left: Mutex::default(),
    });
    let preference = |shard| match view.get().and_then(|s| s.shards().get(&shard).cloned()) {
        Some(record) => record.replicas,
        None => config.replicas(shard),
    };
    let opened = host.recover(recovered.groups, &founds, preference).await;
    if let Err(error) = opened {
        parts.shutdown.cancel();
        runtime.end();
        return Err(error);
    }
    let membership = Arc::new(Membership {
        network: platform.network,
        identity,
        hosted,
        view,
        asker,
        peers: Arc::clone(&parts.peers),
        directory,
        config,
    });
    Serving { host, membership, handler }.serve(runtime, ports)
}

/// Groups in which this node votes without having joined them: if its log has nothing of one, it
/// was not founded yet, or the log lost it.
fn founds(config: &NodeConfig, node_id: NodeId, view: &MetaView) -> BTreeSet<ShardId> {
    if let Some(state) = view.get() {
        let votes = state.shards().iter().filter(|(_, shard)| shard.replicas.contains(&node_id));
        return votes.map(|(shard, _)| *shard).collect();
    }
    if config.founder_id() != Some(node_id) {
        return BTreeSet::new();
    }
    (0..=config.shards).filter(|shard| config.replicas(*shard).contains(&node_id)).collect()
}

/// The other nodes: as last seen in the registry, but where they are configured to be now.
fn directory(
    config: &NodeConfig,
    identity: &Identity,
    node_id: NodeId,
    view: &MetaView,
) -> Arc<Directory> {
    let founder = |(id, peer): (&NodeId, &PeerAddress)| {
        (*id, Known { raft: peer.raft, log_id: None, member: true })
    };
    let known = match view.get() {
        Some(state) => known_nodes(&state),
        None => config.peers.iter().map(founder).collect(),
    };
    let myself = Myself { cluster_id: config.cluster_id, node_id, log_id: identity.log_id };
    let configured = config.peers.iter().map(|(id, peer)| (*id, peer.raft)).collect();
    Arc::new(Directory::new(myself, known, &configured))
}

/// What all groups will share.
fn parts<S: StateMachine>(
    config: &NodeConfig,
    directory: &Arc<Directory>,
    (wal, platform): (Wal, &Platform),
    (doubtful, started_at): (BTreeSet<ShardId>, Instant),
) -> Result<Arc<GroupParts>, StartError> {
    let raft = &config.raft;
    let peers = Peers::new(
        Arc::clone(directory),
        PeersOptions {
            network: Arc::clone(&platform.network),
            connect_timeout: Duration::from_millis(raft.connect_timeout_ms),
            append_timeout: Duration::from_millis(raft.append_timeout_ms),
            tls: config.tls.tls(),
        },
    );
    let snapshot = &config.snapshot;
    let piece_timeout = Duration::from_millis(raft.snapshot_piece_timeout_ms);
    Ok(Arc::new(GroupParts {
        cluster_id: config.cluster_id,
        node_id: directory.myself.node_id,
        versions: Versions::of::<S>(),
        config: raft_config(config).map_err(StartError::Group)?,
        doubts: Doubts::new(wal.clone(), doubtful),
        wal,
        peers,
        registry: Arc::default(),
        snapshot_root: make_dir(config.data_dir.join("snapshots"))?,
        snapshot_after_log_bytes: snapshot.after_log_bytes,
        check_ms: raft.digest_ms,
        // One at a time: it is never urgent.
        checkers: Arc::new(Semaphore::new(1)),
        writers: Arc::new(Semaphore::new(snapshot.writers_max)),
        dispatch: Arc::new(Dispatch::new(
            snapshot.transfers_max,
            snapshot.send_bytes_per_s,
            piece_timeout,
        )),
        receipts: Arc::new(Receipts::new(snapshot.transfers_max, snapshot.bytes_max)),
        disk: Arc::clone(&platform.disk),
        rebalance: Duration::from_millis(raft.rebalance_ms),
        started_at,
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
        leaders_epoch: watch::Sender::new(0),
        failed: watch::Sender::new(None),
    }))
}

/// Groups whose log end is in doubt after a cut: all that live here.
fn doubtful(recovered: &Recovered, founds: &BTreeSet<ShardId>) -> BTreeSet<ShardId> {
    if let Some(unfinished) = &recovered.unfinished {
        tracing::info!(
            file = unfinished.file,
            offset_bytes = unfinished.offset_bytes,
            "the write that the last process left unfinished was removed"
        );
    }
    let Some(cut) = &recovered.cut else { return BTreeSet::new() };
    tracing::warn!(
        file = cut.file,
        offset_bytes = cut.offset_bytes,
        reason = cut.reason,
        "the end of the log was cut"
    );
    let left = |shard: &ShardId| {
        recovered.groups.get(shard).is_some_and(|group| group.presence == Presence::Dropped)
    };
    let all = founds.iter().chain(recovered.groups.keys()).copied();
    all.filter(|shard| !left(shard)).collect()
}

fn listen(
    network: &dyn Network,
    port: &'static str,
    address: SocketAddr,
) -> Result<Listening, StartError> {
    network.listen(address).map_err(|source| StartError::Listen { port, address, source })
}

async fn open_log(
    config: &NodeConfig,
    node_id: NodeId,
    platform: &Platform,
) -> Result<(Wal, Recovered), StartError> {
    let dir = config.data_dir.join("log");
    let mut options = WalOptions::new(dir, config.cluster_id, node_id);
    options.segment_bytes = config.log.segment_bytes;
    let disk = Arc::clone(&platform.disk);
    let open = match platform.threads {
        Threads::Own => Wal::open,
        Threads::Callers => Wal::open_in_task,
    };
    let opened = blocking(move || open(options, disk)).await;
    match opened {
        Ok(opened) => Ok(opened?),
        Err(panic) => {
            let source = io::Error::other(panic);
            Err(StartError::Io { what: "opening the log".into(), source })
        }
    }
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
