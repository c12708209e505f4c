//! One unit, one scripted office and one router, in this process and on ports of their own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use grid_node::{NodeConfig, PeerAddress};
use inventory::{Actor, Command, Envelope, EventNo, Outcome};
use processing_unit::{Grid, GridConfig, Unit, UnitConfig};
use router::{Bound, RouterConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, PATIENCE, until, within};
use crate::hall;
use crate::office::{self, Office};

/// The whole.
pub struct System {
    pub office: Office,
    pub grid: Grid,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub shutdown: CancellationToken,
    pub router: JoinHandle<()>,
    pub config: RouterConfig,
    unit: Option<Unit>,
    _dir: TempDir,
}

fn free_address() -> SocketAddr {
    local_postgres::free_address().expect("a free port")
}

async fn start_unit(dir: &TempDir) -> (Unit, SocketAddr) {
    let peer = PeerAddress { raft: free_address(), client: free_address() };
    let peers = BTreeMap::from([(1, peer)]);
    let mut node = NodeConfig::new(7, 1, peers, dir.path().join("unit"));
    node.shards = 2;
    let config = UnitConfig::new(free_address(), node);
    (Unit::start(config).await.expect("the unit starts"), peer.client)
}

impl System {
    /// With the usual configuration.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut RouterConfig)) -> Self {
        let dir = TempDir::new().expect("a directory");
        let (unit, client) = start_unit(&dir).await;
        let office = office::start().await;
        let key = dir.path().join("key");
        std::fs::write(&key, [7; 32]).expect("written");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let mut config = RouterConfig {
            listen: any,
            admin_listen: any,
            office: office.address,
            hold_token_key_file: key,
            grid: GridConfig::new(vec![client]),
            ..RouterConfig::default()
        };
        change(&mut config);
        let grid = Grid::connect(&config.grid);
        open(&grid, "hall", 1_000_000_000_000).await;
        let (router, public, admin, shutdown) = spawn(&config).await;
        let unit = Some(unit);
        let system =
            Self { office, grid, public, admin, shutdown, router, config, unit, _dir: dir };
        let client = system.client();
        until("the router is ready", async || {
            (client.get("/readyz", &[]).await.status == 200).then_some(())
        })
        .await;
        system
    }

    /// A client with connections of its own.
    pub fn client(&self) -> Client {
        Client::new(self.public)
    }

    /// One more router over the same unit.
    pub async fn second_router(&self) -> Client {
        let (_, public, ..) = spawn(&self.config).await;
        Client::new(public)
    }

    /// Opens the sale of one more event.
    pub async fn open(&self, event_id: &str, opens_at_ms: u64) {
        open(&self.grid, event_id, opens_at_ms).await;
    }

    /// Commits commands of one event, the first of which opens its sale.
    pub async fn run(&self, event_id: &str, commands: impl FnOnce(EventNo) -> Vec<Command>) {
        let deadline = Instant::now() + PATIENCE;
        let event = EventNo(self.grid.pin(event_id, deadline).await.expect("pinned").number);
        for command in commands(event) {
            let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
            let reply = self.grid.command(event, &envelope, deadline).await.expect("an answer");
            assert!(!matches!(reply.outcome, Outcome::Refused(_)), "{:?}", reply.outcome);
        }
    }

    /// Stops the unit: from now on no shard has a leader.
    pub async fn stop_unit(&mut self) {
        let unit = self.unit.take().expect("it runs");
        within("the unit stops", unit.shutdown()).await;
    }
}

async fn spawn(
    config: &RouterConfig,
) -> (JoinHandle<()>, SocketAddr, SocketAddr, CancellationToken) {
    let bound = Bound::new(config.clone()).await.expect("the router starts");
    let (public, admin) = bound.addresses().expect("bound");
    let shutdown = CancellationToken::new();
    (tokio::spawn(bound.serve(shutdown.clone())), public, admin, shutdown)
}

async fn open(grid: &Grid, event_id: &str, opens_at_ms: u64) {
    let deadline = Instant::now() + PATIENCE;
    let pin = grid.pin(event_id, deadline).await.expect("pinned");
    let event = EventNo(pin.number);
    let command = hall::open_sale(event, event_id, opens_at_ms);
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    let reply = grid.command(event, &envelope, deadline).await.expect("opened");
    assert_eq!(reply.outcome, Outcome::SaleOpened);
}

/// Long enough for anything that is expected within one tick of a stream.
pub const SOON: Duration = Duration::from_secs(5);
