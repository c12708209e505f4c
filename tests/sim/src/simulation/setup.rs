//! The beginning of a run: machines, founding, sales, shoppers, the data writer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grid_node::{ClientConfig, GridClient, NodeConfig, PeerAddress};
use inventory::{Actor, Command, Envelope, EventNo, Outcome};
use parking_lot::Mutex;
use processing_unit::{Grid, UnitConfig};

use super::{CLIENTS, Simulation};
use crate::chaos::Chaos;
use crate::drive::Drive;
use crate::history::History;
use crate::host::{self, Host};
use crate::network::{HostId, World};
use crate::options::Options;
use crate::shopper::{Shared, Shopper};
use crate::tables::{Database, Pump};
use crate::trace::Trace;
use crate::{checks, hall};

/// Events on sale.
const EVENTS: [&str; 3] = ["opera", "rock", "chess"];

impl Simulation {
    pub(super) fn new(options: Options, trace_file: Option<PathBuf>) -> Result<Self, String> {
        let file = trace_file.map(std::fs::File::create).transpose().map_err(|e| e.to_string())?;
        let trace = Trace::new(file);
        let seed = |salt: u64| options.seed.wrapping_mul(0x9e37_79b9).wrapping_add(salt);
        let world = World::new(seed(1), trace.clone());
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let hosts = (1..=options.units).map(|id| {
            let config = config(&options, id, dir.path().join(format!("unit-{id}")));
            let drive = Drive::new(seed(100 + u64::from(id)), config.node.data_dir.join("log"));
            Host::new(id, drive, config)
        });
        let clients = host::runtime();
        let admin = {
            let _on_clients = clients.enter();
            let mut client =
                ClientConfig::new((1..=options.units).map(|id| address(id).client).collect());
            client.network = world.of(CLIENTS);
            GridClient::new(client)
        };
        let grid = Grid::over(admin.clone());
        trace.note(format_args!("{options:?}"));
        Ok(Self {
            hosts: hosts.collect(),
            chaos: Chaos::new(seed(2), options.units, options.shards, Duration::ZERO),
            trace,
            world,
            clients,
            grid,
            admin,
            events: Vec::new(),
            history: History::default(),
            closing: Arc::default(),
            database: Database::default(),
            writer_epoch: 0,
            later: BTreeMap::new(),
            planned: 0,
            checks: checks::all(),
            looked_at: Duration::ZERO,
            broken: Vec::new(),
            options,
            _dir: dir,
        })
    }

    /// Starts all units and opens all sales.
    pub(super) fn found(&mut self) -> Result<(), String> {
        for id in 1..=self.options.units {
            let world = self.world.clone();
            self.host(id).start(&world);
        }
        let opened: Arc<Mutex<Vec<EventNo>>> = Arc::default();
        for event_id in EVENTS {
            let (grid, opened) = (self.grid.clone(), Arc::clone(&opened));
            self.clients.spawn(async move {
                let event = open(&grid, event_id).await;
                opened.lock().push(event);
            });
        }
        let all = Arc::clone(&opened);
        self.until("the sales are open", |_| all.lock().len() == EVENTS.len())?;
        self.events = opened.lock().clone();
        self.events.sort_unstable();
        Ok(())
    }

    /// Lets shoppers and the data writer in.
    pub(super) fn open_doors(&mut self) {
        let shared = Shared {
            events: self.events.clone(),
            history: self.history.clone(),
            trace: self.trace.clone(),
            closing: Arc::clone(&self.closing),
        };
        for number in 0..self.options.shoppers {
            let seed = self.options.seed ^ (0x5ca1_ab1e + number as u64);
            let shopper = Shopper::new(seed, number, self.grid.clone(), &shared);
            self.clients.spawn(shopper.run());
        }
        self.replace_writer();
    }

    /// A data writer with a higher epoch; the one before finds itself fenced.
    pub(super) fn replace_writer(&mut self) {
        self.writer_epoch += 1;
        for shard in 1..=self.options.shards {
            let epoch = self.writer_epoch;
            let seed = self.options.seed ^ (epoch << 8) ^ u64::from(shard);
            let (grid, database) = (self.grid.clone(), self.database.clone());
            self.clients.spawn(Pump { grid, database, shard, epoch, seed }.run());
        }
    }
}

/// Where a unit is on the network.
fn address(id: HostId) -> PeerAddress {
    let at = |port| SocketAddr::from(([127, 0, 0, id], port));
    PeerAddress { raft: at(7_000), client: at(7_001) }
}

fn config(options: &Options, id: HostId, data_dir: PathBuf) -> UnitConfig {
    let peers = (1..=options.units).map(|id| (u64::from(id), address(id))).collect();
    let mut node = NodeConfig::new(7, u64::from(id), peers, data_dir);
    node.shards = options.shards;
    node.raft.digest_ms = 2_000;
    node.batch.command_bytes_max = options.segment_bytes as usize / 2;
    node.log.segment_bytes = options.segment_bytes;
    node.snapshot.after_log_bytes = options.snapshot_after_log_bytes;
    UnitConfig::new(address(id).client, node)
}

/// Pins an event and opens its sale, however often that has to be tried.
async fn open(grid: &Grid, event_id: &str) -> EventNo {
    loop {
        let deadline = Instant::now() + Duration::from_secs(5);
        let Ok(pin) = grid.pin(event_id, deadline).await else { continue };
        let event = EventNo(pin.number);
        let command = Command::OpenSale(hall::sale(event, event_id));
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        if let Ok(reply) = grid.command(event, &envelope, deadline).await
            && reply.outcome == Outcome::SaleOpened
        {
            return event;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
