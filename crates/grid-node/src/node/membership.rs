//! The node's standing work as a member of the grid: keeping its view of the meta group's state new,
//! writing down the founding layout, saying where it is, and noticing that it must not take part.
//!
//! Every task looks at the state and at nothing else, so that a restart and a failover take the
//! same path.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ask::Asker;
use super::belonging::{client_addresses, profile};
use super::govern;
use super::hosted::{Hosted, META};
use super::identity::Identity;
use super::meta_view::MetaView;
use crate::client::ClientConfig;
use crate::codec;
use crate::config::NodeConfig;
use crate::machine::StateMachine;
use crate::meta::{Founder, MetaCommand, MetaRefusal, MetaReply, MetaState, NodeAddresses};
use crate::platform::Network;
use crate::raft::{Directory, Known, Peers};
use crate::version::{self, Versions};

/// A node with no news answers after this time.
const WATCH_WAIT: Duration = Duration::from_secs(10);
/// Pause after nodes that could not answer, and between looks at what is rarely to be done.
const PAUSE: Duration = Duration::from_millis(500);
/// Patience with one change of the registry.
const CHANGE_PATIENCE: Duration = Duration::from_secs(5);
/// Founders that do not say in this time which versions they read count as of the first release.
const FOUNDERS_PATIENCE: Duration = Duration::from_secs(15);
/// Patience with the question which versions a founder reads.
const ASK_PATIENCE: Duration = Duration::from_secs(1);

/// What the tasks share.
pub(super) struct Membership<S: StateMachine> {
    pub config: NodeConfig,
    pub network: Arc<dyn Network>,
    pub identity: Identity,
    pub hosted: Arc<Hosted<S>>,
    pub view: Arc<MetaView>,
    pub asker: Arc<Asker>,
    pub directory: Arc<Directory>,
    pub peers: Arc<Peers>,
}

impl<S: StateMachine> Membership<S> {
    /// Starts the tasks. They end with the node.
    pub fn spawn(self: &Arc<Self>, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let run = |task: futures_util::future::BoxFuture<'static, ()>| {
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                shutdown.run_until_cancelled(task).await;
            });
        };
        let this = Arc::clone(self);
        run(Box::pin(async move { this.watch_replica().await }));
        let this = Arc::clone(self);
        run(Box::pin(async move { this.watch_others().await }));
        let this = Arc::clone(self);
        run(Box::pin(async move { this.found().await }));
        let this = Arc::clone(self);
        run(Box::pin(async move { this.announce().await }));
        let this = Arc::clone(self);
        run(Box::pin(async move { this.know_others().await }));
        let mut client = ClientConfig::new(self.addresses().into_iter().collect());
        client.network = Arc::clone(&self.network);
        client.tls = self.config.tls.clone();
        run(Box::pin(govern::run(Arc::clone(&self.hosted), client)));
    }

    /// Client addresses of all nodes known: those of the view, those of the configuration, and this
    /// node's own of today. It may be the leader that must be told of it.
    pub fn addresses(&self) -> BTreeSet<SocketAddr> {
        let mut addresses = self.config.bootstrap();
        addresses.insert(self.config.own_address().client);
        if let Some(state) = self.view.get() {
            addresses.extend(client_addresses(&state));
        }
        addresses
    }

    /// Follows this node's own replica of the meta group, when it has one.
    async fn watch_replica(&self) {
        let mut changes = self.hosted.watch();
        loop {
            changes.borrow_and_update();
            let Some(meta) = self.hosted.meta() else {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let mut applied = meta.watch_applied();
            loop {
                applied.borrow_and_update();
                let known = self.view.revision();
                let newer = meta.read(|state| (state.revision() > known).then(|| state.clone()));
                if let Some(state) = newer {
                    self.view.offer(state);
                }
                tokio::select! {
                    changed = applied.changed() => if changed.is_err() { return },
                    changed = changes.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        break;
                    }
                }
            }
        }
    }

    /// Asks the other nodes: steadily while this one has no replica of the meta group, and now and
    /// then while it has one, since a replica that has left its group is not told so. Those that have
    /// one come first; one that only hears of the grid itself answers at once, so that two of them
    /// never wait for each other.
    async fn watch_others(&self) {
        let mut next = 0_usize;
        loop {
            let (members, others) = self.others();
            let count = members.len() + others.len();
            let turn = next % count.max(1);
            let Some(address) = members.iter().chain(&others).nth(turn).copied() else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let wait = if self.hosted.meta().is_some() { Duration::ZERO } else { WATCH_WAIT };
            let began = Instant::now();
            let known = self.view.get();
            match self.asker.state(address, known.as_deref(), wait).await {
                Some(Some(state)) => self.view.offer(state),
                // No news after a long wait is an answer, too; another member may know more.
                Some(None) if began.elapsed() >= WATCH_WAIT => {
                    next = (turn + 1) % members.len().max(1);
                }
                Some(None) | None => {
                    next = turn + 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Client addresses of the other nodes: of those with a replica of the meta group, as far as this
    /// one knows, and of all others.
    fn others(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let own = self.config.own_address().client;
        let state = self.view.get();
        let has_meta = |address: &SocketAddr| {
            state.as_ref().is_some_and(|state| {
                let meta = state.shards().get(&META);
                let mut replicas = meta.into_iter().flat_map(|meta| &meta.replicas);
                replicas.any(|id| state.node(*id).is_some_and(|n| n.addresses.client == *address))
            })
        };
        self.addresses().into_iter().filter(|address| *address != own).partition(has_meta)
    }

    /// Writes the founding layout into the meta group while this node leads it and it has none.
    async fn found(&self) {
        let mut leading_since = None;
        while self.view.get().is_none() {
            if let Some(meta) = self.hosted.meta().filter(|meta| meta.is_serving()) {
                let began = *leading_since.get_or_insert_with(Instant::now);
                let common = self.common_version().await;
                if common.is_none() && began.elapsed() < FOUNDERS_PATIENCE {
                    tokio::time::sleep(PAUSE / 5).await;
                    continue;
                }
                // Who stays silent may be of an older release; the operators raise it later.
                let version = common.unwrap_or(version::FIRST);
                let command = codec::encode(&self.founding(version));
                let reply = meta.submit(command, Instant::now() + CHANGE_PATIENCE).await;
                tracing::debug!(?reply, "the founding layout was proposed");
            }
            tokio::time::sleep(PAUSE / 5).await;
        }
    }

    /// The newest version that all founders read; nothing before each has said what it reads.
    async fn common_version(&self) -> Option<u32> {
        if Versions::of::<S>().newest == version::FIRST {
            return Some(version::FIRST);
        }
        let own = self.directory.myself.node_id;
        let hosted_by = |node| {
            let mut shards = 0..=self.config.shards;
            Some((node, shards.find(|shard| self.config.replicas(*shard).contains(&node))?))
        };
        let others = self.config.peers.keys().filter(|node| **node != own);
        let asked = others
            .filter_map(|node| hosted_by(*node))
            .map(|(node, shard)| self.peers.versions(node, shard, ASK_PATIENCE));
        let answers: Option<Vec<Versions>> =
            futures_util::future::join_all(asked).await.into_iter().collect();
        Versions::of::<S>().newest_common(&answers?)
    }

    fn founding(&self, version: u32) -> MetaCommand {
        let config = &self.config;
        let founder = |(id, peer): (&crate::NodeId, &crate::PeerAddress)| {
            let addresses = NodeAddresses { raft: peer.raft, client: peer.client, admin: None };
            Founder { id: *id, addresses, zone: String::new() }
        };
        let shards: Vec<_> =
            (0..=config.shards).map(|shard| (shard, config.replicas(shard))).collect();
        let replicas = config.replicas(0).len();
        MetaCommand::Found {
            nodes: config.peers.iter().map(founder).collect(),
            shards,
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            version,
        }
    }

    /// Says where this node is until the registry has it, and again whenever it has something else.
    async fn announce(&self) {
        let node = self.directory.myself.node_id;
        let mut revision = self.view.watch();
        loop {
            revision.borrow_and_update();
            let mut profile = profile(&self.config, self.identity.log_id, Versions::of::<S>());
            let state = self.view.get();
            let registered = state.as_ref().and_then(|state| state.node(node));
            // Once told, the zone is the operators' to change.
            if let Some(known) = registered.filter(|known| known.log_id == Some(profile.log_id)) {
                profile.zone.clone_from(&known.zone);
            }
            let as_told = registered.is_some_and(|known| {
                known.log_id == Some(profile.log_id)
                    && known.addresses == profile.addresses
                    && known.versions == profile.versions
                    && known.state.is_member()
            });
            if as_told || state.is_none() {
                if as_told {
                    self.confirm().await;
                }
                if revision.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let command = MetaCommand::Announce { node, profile };
            let deadline = Instant::now() + CHANGE_PATIENCE;
            match self.asker.change(&self.addresses(), &command, deadline).await {
                Some(MetaReply::Refused(
                    refusal @ (MetaRefusal::WrongLog { .. } | MetaRefusal::Gone { .. }),
                )) => return self.directory.cast_out(&refusal.to_string()),
                Some(MetaReply::Refused(refusal)) => {
                    tracing::warn!(%refusal, "the registry does not take what this node says");
                    tokio::time::sleep(CHANGE_PATIENCE).await;
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Remembers that the registry knows the id with this directory.
    async fn confirm(&self) {
        let confirmed = Identity { confirmed: true, ..self.identity };
        let dir = self.config.data_dir.clone();
        let saved = crate::platform::blocking(move || match Identity::load(&dir)? {
            Some(known) if known == confirmed => Ok(()),
            _ => confirmed.save(&dir),
        });
        if let Err(error) = saved.await.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "the node's identity could not be written");
        }
    }

    /// Keeps the directory of nodes as the registry has it, and the view on disk.
    async fn know_others(&self) {
        let mut revision = self.view.watch();
        loop {
            revision.borrow_and_update();
            if let Some(state) = self.view.get() {
                self.directory.update(known_nodes(&state));
                self.peers.refresh();
                let view = Arc::clone(&self.view);
                let saved = crate::platform::blocking(move || view.save()).await;
                if let Err(error) = saved.map_err(std::io::Error::other).flatten() {
                    tracing::warn!(%error, "the view of the grid could not be written");
                }
            }
            if revision.changed().await.is_err() {
                return;
            }
        }
    }
}

/// The nodes of the registry.
pub(super) fn known_nodes(state: &MetaState) -> BTreeMap<crate::NodeId, Known> {
    let known = |node: &crate::meta::NodeRecord| Known {
        raft: node.addresses.raft,
        log_id: node.log_id,
        member: node.state.is_member(),
    };
    state.nodes().iter().map(|(id, node)| (*id, known(node))).collect()
}
