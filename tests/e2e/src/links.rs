//! Proxies in front of the units' consensus ports: links between units are cut, made one-way or slow
//! at will.
//!
//! A proxy carries bytes as TCP does: what is lost on the way is sent again when the link is whole
//! again, so a cut link is one that stands still. Who calls is read from its introduction, in which
//! its number follows the grid's id, since all units call from the same address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::drill::lasts;
use crate::system::{Process, System};

/// A unit's number.
pub type Unit = u32;

/// What a link does to what goes one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// Carries everything at once.
    #[default]
    Open,
    /// Carries nothing until it is open again.
    Cut,
    /// Carries each piece this much later.
    Slow(Duration),
}

/// The state of all links by (from, to); open where nothing is said.
type Ways = BTreeMap<(Unit, Unit), Way>;

/// Proxies of all units of a system.
pub struct Links {
    ways: watch::Sender<Ways>,
    system: Arc<System>,
    units: Vec<Unit>,
}

impl Links {
    /// Puts a proxy in front of each unit of a running system and restarts the units one after the
    /// other, so that each is reached through its proxy from then on.
    pub async fn between_units(system: Arc<System>) -> Self {
        let (ways, _) = watch::channel(Ways::new());
        let mut proxies = BTreeMap::new();
        let units: Vec<Process> = system.units();
        for unit in &units {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            proxies.insert(unit.node, address);
            let target =
                system.unit_config(unit.node)["node"]["peers"][unit.node.to_string()]["raft"]
                    .as_str()
                    .and_then(|address| address.parse().ok())
                    .expect("an address in the unit's configuration");
            let grid = grid_id(&system, unit.node);
            let proxy = Proxy { to: unit.node, target, grid, ways: ways.subscribe() };
            tokio::spawn(proxy.serve(listener));
        }
        for unit in &units {
            system.change_unit_config(unit.node, |config| reach_through(config, unit, &proxies));
        }
        for unit in &units {
            system.restart_unit(unit).await;
        }
        let units = units.iter().map(|unit| unit.node).collect();
        Self { ways, system, units }
    }

    /// What goes from one unit to another meets this from now on.
    pub fn set(&self, from: Unit, to: Unit, way: Way) {
        self.ways.send_modify(|ways| {
            ways.insert((from, to), way);
        });
    }

    /// The same for all links of a unit, both ways.
    pub fn set_around(&self, unit: Unit, way: Way) {
        for other in self.units.iter().filter(|other| **other != unit) {
            self.set(unit, *other, way);
            self.set(*other, unit, way);
        }
    }

    /// All links are whole again.
    pub fn heal(&self) {
        self.ways.send_modify(Ways::clear);
    }

    /// The system in which they are.
    pub fn system(&self) -> &System {
        &self.system
    }
}

fn reach_through(config: &mut toml::Table, unit: &Process, proxies: &BTreeMap<Unit, SocketAddr>) {
    let node = config["node"].as_table_mut().expect("a node's table");
    let own = node["peers"][unit.node.to_string()].clone();
    node.insert("listen".to_owned(), own);
    for (id, proxy) in proxies {
        let peer = node["peers"][id.to_string()].as_table_mut().expect("a peer's table");
        peer.insert("raft".to_owned(), proxy.to_string().into());
    }
}

/// The grid's id as it goes over the wire.
fn grid_id(system: &System, unit: Unit) -> [u8; 16] {
    let config = system.unit_config(unit);
    let digits = config["node"]["cluster_id"].as_str().expect("an id");
    u128::from_str_radix(digits, 16).expect("hexadecimal digits").to_le_bytes()
}

/// One unit's proxy.
#[derive(Clone)]
struct Proxy {
    to: Unit,
    target: SocketAddr,
    grid: [u8; 16],
    ways: watch::Receiver<Ways>,
}

impl Proxy {
    async fn serve(self, listener: TcpListener) {
        while let Ok((caller, _)) = listener.accept().await {
            tokio::spawn(self.clone().carry(caller));
        }
    }

    async fn carry(self, mut caller: TcpStream) {
        let mut introduction = vec![0; 4096];
        let Ok(len) = caller.read(&mut introduction).await else { return };
        introduction.truncate(len);
        // Someone else's connection is carried like one of a unit whose links are all open.
        let from = self.caller(&introduction).unwrap_or(0);
        let Ok(target) = TcpStream::connect(self.target).await else { return };
        let _ = (caller.set_nodelay(true), target.set_nodelay(true));
        let (caller_read, caller_write) = caller.into_split();
        let (target_read, target_write) = target.into_split();
        let there = Pump { from: caller_read, to: target_write, link: (from, self.to) };
        let back = Pump { from: target_read, to: caller_write, link: (self.to, from) };
        // When one side ends, the other goes with it.
        tokio::select! {
            () = there.run(introduction, self.ways.clone()) => {}
            () = back.run(vec![], self.ways) => {}
        }
    }

    /// The calling unit, by its introduction.
    fn caller(&self, introduction: &[u8]) -> Option<Unit> {
        let at = introduction.windows(16).position(|bytes| bytes == self.grid)? + 16;
        let number = introduction.get(at..at + 8)?.try_into().ok()?;
        Unit::try_from(u64::from_le_bytes(number)).ok()
    }
}

/// Carries bytes one way as the link allows.
struct Pump {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    link: (Unit, Unit),
}

impl Pump {
    async fn run(mut self, first: Vec<u8>, mut ways: watch::Receiver<Ways>) {
        let mut piece = vec![0; 64 << 10];
        if !first.is_empty() && !self.pass(&first, &mut ways).await {
            return;
        }
        while let Ok(len) = self.from.read(&mut piece).await {
            if len == 0 || !self.pass(&piece[..len], &mut ways).await {
                return;
            }
        }
    }

    /// Passes a piece on when the link lets it; whether the connection goes on.
    async fn pass(&mut self, piece: &[u8], ways: &mut watch::Receiver<Ways>) -> bool {
        loop {
            let way = ways.borrow_and_update().get(&self.link).copied().unwrap_or_default();
            match way {
                Way::Open => break,
                Way::Slow(by) => {
                    lasts(by).await;
                    break;
                }
                Way::Cut if ways.changed().await.is_err() => return false,
                Way::Cut => {}
            }
        }
        self.to.write_all(piece).await.is_ok()
    }
}
