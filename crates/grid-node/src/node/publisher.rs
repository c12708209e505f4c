//! Keeps the route table of this node up to date and remembers its latest changes, so that clients
//! get only what they lack.
//!
//! One task per node looks at the meta group's state and at who leads the groups here whenever
//! either changes; all long polls of clients wait for its result. It decides nothing: epochs and
//! addresses are the meta group's, leaders are what the groups here have heard.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Hosted, MetaView};
use crate::config::NodeConfig;
use crate::machine::StateMachine;
use crate::meta::MetaState;
use crate::routes::{Pin, RouteTable, RouteUpdate, RoutesKnown, ShardHint, ShardRoute};
use crate::shard::Shard;
use crate::{NodeId, ShardId};

/// Changes in this time are published together: a burst of pins is one update to each client.
const GATHER: Duration = Duration::from_millis(2);
/// Updates remembered; who asks for what is older gets the whole table.
const UPDATES_MAX: usize = 1024;
/// Pins remembered in them: a few hundred kilobytes.
const PINS_MAX: usize = 16_384;

/// Pins that changed, and the revision that has them.
#[derive(Debug)]
struct Change {
    revision: u64,
    pins: Vec<(String, Pin)>,
}

/// A route table as published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub table: Arc<RouteTable>,
    /// The fingerprint of its topology.
    topology: u64,
    /// The table's revision when the remembered updates begin.
    since: u64,
    /// The latest changes of pins, the oldest first.
    recent: VecDeque<Arc<Change>>,
}

impl Published {
    /// Whether an asker lacks something.
    pub fn is_news_to(&self, known: RoutesKnown) -> bool {
        self.table.revision > known.revision || self.topology != known.topology
    }

    /// What an asker lacks.
    pub fn update_since(&self, known: RoutesKnown) -> RouteUpdate {
        let table = &self.table;
        let whole = known.revision < self.since || known.revision == 0;
        let pins = if whole {
            table.pins.iter().map(|(key, pin)| (key.clone(), *pin)).collect()
        } else {
            let newer = self.recent.iter().filter(|change| change.revision > known.revision);
            newer.flat_map(|change| change.pins.iter().cloned()).collect()
        };
        let topology = (self.topology != known.topology).then(|| table.topology());
        let since = if whole { 0 } else { known.revision.min(table.revision) };
        RouteUpdate { revision: table.revision, since, pins, topology }
    }

    /// Where a shard is.
    pub fn hint(&self, shard: ShardId, serving: bool) -> ShardHint {
        let route = self.table.routes.get(&shard).cloned().unwrap_or_default();
        let named = route.replicas.iter().chain(&route.leader);
        let nodes = named.filter_map(|id| Some((*id, *self.table.nodes.get(id)?))).collect();
        ShardHint { route, nodes, serving }
    }

    fn next(&self, table: RouteTable, changed: Vec<(String, Pin)>) -> Self {
        let mut recent = self.recent.clone();
        let mut since = if self.table.revision == 0 { table.revision } else { self.since };
        if self.table.revision > 0 && !changed.is_empty() {
            recent.push_back(Arc::new(Change { revision: table.revision, pins: changed }));
        }
        let pins = |recent: &VecDeque<Arc<Change>>| -> usize {
            recent.iter().map(|change| change.pins.len()).sum()
        };
        while recent.len() > UPDATES_MAX || pins(&recent) > PINS_MAX {
            since = recent.pop_front().map_or(since, |oldest| oldest.revision);
        }
        let topology = table.topology().fingerprint();
        Self { table: Arc::new(table), topology, since, recent }
    }
}

/// Makes and publishes the route table of a node.
pub(crate) struct RoutePublisher<S: StateMachine> {
    hosted: Arc<Hosted<S>>,
    view: Arc<MetaView>,
    published: watch::Sender<Arc<Published>>,
    /// Where the configuration of this start has nodes that the registry had elsewhere when it
    /// began, from where to where: all may have moved at once, and must be found before they can
    /// say so.
    moved: BTreeMap<NodeId, (SocketAddr, SocketAddr)>,
    /// One look at a time, so that none overtakes a newer.
    looking: Mutex<()>,
}

impl<S: StateMachine> RoutePublisher<S> {
    pub fn new(config: &NodeConfig, hosted: Arc<Hosted<S>>, view: Arc<MetaView>) -> Arc<Self> {
        let first = Published { table: Arc::new(founding(config)), ..Published::default() };
        let published = watch::Sender::new(Arc::new(first));
        let moved = view.get().map(|state| moved(config, &state)).unwrap_or_default();
        let looking = Mutex::new(());
        let publisher = Arc::new(Self { hosted, view, published, moved, looking });
        publisher.look();
        publisher
    }

    /// The table as last published.
    pub fn load(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    /// The table as it is published.
    pub fn watch(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    /// Runs as long as the node. `leaders` counts changes of leadership.
    pub async fn run(self: Arc<Self>, mut leaders: watch::Receiver<u64>) {
        let mut replicas = self.hosted.watch();
        let mut seen = self.view.watch();
        loop {
            leaders.borrow_and_update();
            replicas.borrow_and_update();
            seen.borrow_and_update();
            let mut applied = self.hosted.meta().map(|meta| meta.watch_applied());
            if let Some(applied) = &mut applied {
                applied.borrow_and_update();
            }
            self.look();
            let applied = async {
                let changed = match &mut applied {
                    Some(applied) => applied.changed().await.is_ok(),
                    None => false,
                };
                // A group that ended changes nothing more.
                if !changed {
                    std::future::pending().await
                }
            };
            let more = tokio::select! {
                changed = leaders.changed() => changed.is_ok(),
                changed = replicas.changed() => changed.is_ok(),
                changed = seen.changed() => changed.is_ok(),
                () = applied => true,
            };
            if !more {
                return;
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    /// Looks now and publishes what changed.
    pub fn look(&self) {
        let _one = self.looking.lock();
        let before = self.load();
        let mut table = RouteTable::clone(&before.table);
        let changed = self.with_meta(|meta| take_meta(&mut table, meta)).unwrap_or_default();
        for (node, (from, to)) in &self.moved {
            if let Some(address) = table.nodes.get_mut(node).filter(|address| *address == from) {
                *address = *to;
            }
        }
        self.take_leaders(&mut table);
        if table != *before.table {
            self.published.send_replace(Arc::new(before.next(table, changed)));
        }
    }

    /// The newest state of the meta group that is known here: the own replica's, or what others
    /// have told since.
    fn with_meta<R>(&self, look: impl FnOnce(&MetaState) -> R) -> Option<R> {
        let told = self.view.get();
        match self.hosted.meta() {
            Some(meta) => Some(meta.read(|own| match &told {
                Some(told) if told.revision() > own.revision() => look(told),
                _ => look(own),
            })),
            None => told.map(|told| look(&told)),
        }
    }

    fn take_leaders(&self, table: &mut RouteTable) {
        let mut heard = BTreeMap::new();
        if let Some(meta) = self.hosted.meta() {
            heard.insert(0, leader_of(&meta));
        }
        for (shard, replica) in &*self.hosted.shards() {
            heard.insert(*shard, leader_of(replica));
        }
        for (shard, (term, leader)) in heard {
            let route = table.routes.entry(shard).or_default();
            (route.term, route.leader) = (term, leader);
        }
    }
}

fn leader_of<M: StateMachine>(shard: &Shard<M>) -> (u64, Option<NodeId>) {
    let role = shard.group().role();
    (role.term, role.leader)
}

/// Nodes that are configured elsewhere than the registry has them.
fn moved(config: &NodeConfig, state: &MetaState) -> BTreeMap<NodeId, (SocketAddr, SocketAddr)> {
    let moved = config.peers.iter().filter_map(|(id, peer)| {
        let from = state.node(*id)?.addresses.client;
        (from != peer.client).then_some((*id, (from, peer.client)))
    });
    moved.collect()
}

/// The shape of the grid until its founding is written down: as configured.
fn founding(config: &NodeConfig) -> RouteTable {
    let route = |shard| ShardRoute { replicas: config.replicas(shard), ..Default::default() };
    let mut table = RouteTable::default();
    table.shards = config.shards;
    table.routes = (0..=config.shards).map(|shard| (shard, route(shard))).collect();
    table.nodes = config.peers.iter().map(|(id, address)| (*id, address.client)).collect();
    table
}

/// Takes over what the meta group has committed; returns the changed pins.
fn take_meta(table: &mut RouteTable, meta: &MetaState) -> Vec<(String, Pin)> {
    if meta.revision() <= table.revision {
        return Vec::new();
    }
    let owned = |(key, pin): (&str, Pin)| (key.to_owned(), pin);
    let changed: Vec<_> = meta.pins_since(table.revision).map(owned).collect();
    table.put_pins(&changed);
    table.revision = meta.revision();
    if !meta.is_founded() {
        return changed;
    }
    let members = meta.nodes().values().filter(|node| node.state.is_member());
    table.nodes = members.map(|node| (node.id, node.addresses.client)).collect();
    table.shards =
        u32::try_from(meta.shards().keys().filter(|shard| **shard > 0).count()).unwrap_or(u32::MAX);
    for (shard, record) in meta.shards() {
        let route = table.routes.entry(*shard).or_default();
        route.epoch = record.epoch;
        route.replicas.clone_from(&record.replicas);
    }
    changed
}
