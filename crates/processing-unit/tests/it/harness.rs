//! Real units in this process, each with its own log on disk and ports on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use grid_node::{NodeConfig, PeerAddress};
use inventory::*;
use processing_unit::{Feed, Grid, GridConfig, ShardId, Unit, UnitConfig};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Cluster {
    configs: Vec<UnitConfig>,
    units: Vec<Option<Unit>>,
    pub grid: Grid,
    _dir: TempDir,
}

impl Cluster {
    pub async fn start(nodes: u64) -> Self {
        let mut cluster = Self::prepare(nodes);
        for node in 1..=nodes {
            cluster.start_again(node).await;
        }
        cluster
    }

    /// Directories and configurations, nothing started.
    pub fn prepare(nodes: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let peers: BTreeMap<u64, PeerAddress> = (1..=nodes).zip(addresses(nodes)).collect();
        let clients: Vec<SocketAddr> = peers.values().map(|p| p.client).collect();
        let config = |node_id: u64| {
            let data_dir = dir.path().join(format!("unit-{node_id}"));
            let mut node = NodeConfig::new(7, node_id, peers.clone(), data_dir);
            node.shards = 2;
            UnitConfig::new(free_address(), node)
        };
        let configs: Vec<_> = (1..=nodes).map(config).collect();
        let units = configs.iter().map(|_| None).collect();
        let grid = Grid::connect(&GridConfig::new(clients));
        Self { configs, units, grid, _dir: dir }
    }

    /// How a unit's grid node is configured.
    pub fn node_config(&self, node: u64) -> NodeConfig {
        self.configs[node as usize - 1].node.clone()
    }

    /// Client addresses of all units.
    pub fn clients(&self) -> Vec<SocketAddr> {
        self.configs[0].node.peers.values().map(|peer| peer.client).collect()
    }

    /// The last entry that a unit's replica of a shard has applied, and its fingerprint.
    pub fn applied(&self, node: u64, shard: ShardId) -> Option<(u64, u64)> {
        let unit = self.units[node as usize - 1].as_ref()?;
        let status = unit.status();
        let replica = status.shards.iter().find(|replica| replica.shard == shard)?;
        Some((replica.applied_index?, unit.digest(shard)?))
    }

    pub fn deadline(&self) -> Instant {
        Instant::now() + PATIENCE
    }

    pub async fn start_again(&mut self, node: u64) {
        let at = node as usize - 1;
        let unit = Unit::start(self.configs[at].clone()).await.expect("the unit starts");
        self.units[at] = Some(unit);
    }

    pub async fn stop(&mut self, node: u64) {
        self.units[node as usize - 1].take().expect("it runs").shutdown().await;
    }

    /// Stops all units and starts them on the same data.
    pub async fn restart(&mut self) {
        for node in 1..=self.units.len() as u64 {
            self.stop(node).await;
        }
        for node in 1..=self.units.len() as u64 {
            self.start_again(node).await;
        }
    }

    /// Pins an event and opens its sale in a hall of 22 seats: 3 rows of 6 at 100, 1 of 4 at 50.
    pub async fn open(&self, event_id: &str, ttl_s: u32) -> EventNo {
        let pin = self.grid.pin(event_id, self.deadline()).await.expect("pinned");
        let event = EventNo(pin.number);
        let sale = Sale {
            event_id: event_id.into(),
            name: event_id.into(),
            starts_at_ms: u64::MAX / 2,
            currency: *b"RUB",
            opens_at_ms: 0,
            closes_at_ms: u64::MAX / 4,
            hold_ttl_ms: ttl_s * 1_000,
            per_hold_max: 6,
            rules: SaleRules::default(),
        };
        let reply =
            self.run(event, Command::OpenSale(OpenSale { event, sale, plan: hall() })).await;
        assert_eq!(reply.outcome, Outcome::SaleOpened);
        event
    }

    pub fn keyed(&self, command: Command) -> Envelope {
        let id = uuid();
        let key = RequestKey { id, hash: id as u64, made_at_ms: None };
        Envelope { key: Some(key), actor: Actor { subject: Subject::Guest, ip: None }, command }
    }

    pub async fn run(&self, event: EventNo, command: Command) -> Reply {
        let envelope = self.keyed(command);
        self.grid.command(event, &envelope, self.deadline()).await.expect("an answer")
    }

    pub async fn held(&self, event: EventNo, choice: Choice) -> Held {
        match self.run(event, hold(event, choice)).await.outcome {
            Outcome::Held(held) => held,
            other => panic!("{other:?}"),
        }
    }

    pub async fn feed(&self, shard: ShardId, after: FeedPosition) -> Feed {
        let limits = (1_000, Duration::ZERO);
        self.grid.feed(shard, after, limits, self.deadline()).await.expect("a feed")
    }

    fn running(&self) -> impl Iterator<Item = (u64, &Unit)> {
        (1..).zip(&self.units).filter_map(|(node, unit)| Some((node, unit.as_ref()?)))
    }

    /// The node that leads an event's shard.
    pub async fn leader_of(&self, event: EventNo) -> u64 {
        let shard = self.grid.shard_of(event, self.deadline()).await.expect("pinned");
        until("a leader", || self.running().find(|(_, u)| u.leads(shard)).map(|(n, _)| n)).await
    }

    /// Waits until every replica has applied the same and is the same (invariant I3).
    pub async fn until_replicas_agree(&self, event: EventNo) {
        let shard = self.grid.shard_of(event, self.deadline()).await.expect("pinned");
        let count = self.units.len();
        until("equal replicas", || {
            let all: Vec<_> = self.running().filter_map(|(_, u)| u.digest(shard)).collect();
            (all.len() == count && all.windows(2).all(|two| two[0] == two[1])).then_some(())
        })
        .await;
    }
}

pub async fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        ticks.tick().await;
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < give_up, "no {what} in {PATIENCE:?}");
    }
}

fn addresses(nodes: u64) -> Vec<PeerAddress> {
    (0..nodes).map(|_| PeerAddress { raft: free_address(), client: free_address() }).collect()
}

fn free_address() -> SocketAddr {
    local_postgres::free_address().expect("a free port")
}

fn uuid() -> u128 {
    rand::random()
}

pub fn named(seats: &[u32]) -> Choice {
    Choice::Seats(seats.iter().map(|s| SeatIx(*s)).collect())
}

pub fn hold(event: EventNo, choice: Choice) -> Command {
    Command::Hold(HoldSeats::of(event, 1, choice))
}

pub fn place(hold: HoldId) -> Command {
    Command::PlaceOrder(PlaceOrder { hold, contact: vec![1], buyer: None })
}

pub fn hall() -> Plan {
    let seat = |n: usize, tier| {
        let number = n.to_string().into();
        Seat { number, tier, x: n as i32 * 100, y: 0, accessible: false, companion: false }
    };
    let row = |label: usize, len, tier| Row {
        label: label.to_string(),
        seats: (1..=len).map(|n| seat(n, tier)).collect(),
    };
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let section = |id: &str, rows| Section {
        id: id.into(),
        name: id.into(),
        rows,
        kind: SectionKind::Seated,
    };
    Plan {
        version: 1,
        tiers: vec![tier("front", 100), tier("back", 50)],
        sections: vec![
            section("A", (1..=3).map(|r| row(r, 6, 0)).collect()),
            section("B", vec![row(1, 4, 1)]),
        ],
        focal: None,
    }
}
