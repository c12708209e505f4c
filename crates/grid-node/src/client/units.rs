//! Connections of a client, one per unit: made when first needed, closed when the unit has left the
//! grid.
//!
//! The configured addresses are only where a client begins. Once a unit has told the route table,
//! its nodes are the units; the configured ones are tried again when none of those answers.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::ClientConfig;
use crate::port::protocol::Hello;
use crate::rpc::{Link, LinkOptions};
use crate::tls::{Callee, Dial};

/// The connections.
pub(super) struct Units {
    options: LinkOptions,
    seeds: Vec<SocketAddr>,
    via: BTreeMap<SocketAddr, SocketAddr>,
    links: RwLock<HashMap<SocketAddr, Arc<Link>>>,
    /// Whether the configured addresses count as units: until a table is known, and again when no
    /// node of the table answers.
    seeking: AtomicBool,
    next: AtomicUsize,
}

impl Units {
    pub fn new(config: &ClientConfig) -> Self {
        let options = LinkOptions {
            network: Arc::clone(&config.network),
            tls: config.tls.tls().map(|tls| Dial { tls, callee: Callee::AnyUnit }),
            hello: Hello::encode(),
            on_greeting: None,
            connect_timeout: config.connect_timeout,
            body_bytes_max: config.answer_bytes_max,
            in_flight_max: config.in_flight_max,
        };
        Self {
            options,
            seeds: config.units.clone(),
            via: config.via.clone(),
            links: RwLock::default(),
            seeking: AtomicBool::new(true),
            next: AtomicUsize::new(rand::random_range(0..1024)),
        }
    }

    /// The connection to an address, as nodes tell it.
    pub fn link(&self, address: SocketAddr) -> Arc<Link> {
        if let Some(link) = self.links.read().get(&address) {
            return Arc::clone(link);
        }
        let dialled = self.via.get(&address).copied().unwrap_or(address);
        let make = || Arc::new(Link::new(dialled, self.options.clone()));
        Arc::clone(self.links.write().entry(address).or_insert_with(make))
    }

    /// Addresses to try when nothing better is known: these nodes, and the configured ones where
    /// they count. Another one comes first each time.
    pub fn all(&self, nodes: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        let mut all: Vec<_> = nodes.collect();
        if all.is_empty() || self.seeking.load(Ordering::Relaxed) {
            all.extend(&self.seeds);
        }
        all.sort_unstable();
        all.dedup();
        self.turn(&mut all);
        all
    }

    /// Lets another address come first each time, so that load is spread.
    pub fn turn<T>(&self, addresses: &mut [T]) {
        let by = self.next.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1);
        addresses.rotate_left(by);
    }

    /// The configured addresses count again.
    pub fn seek(&self) {
        self.seeking.store(true, Ordering::Relaxed);
    }

    /// A table was told: closes what is not in it. A call that is under way keeps its connection.
    pub fn settle(&self, nodes: &BTreeMap<crate::NodeId, SocketAddr>) {
        if nodes.is_empty() {
            return;
        }
        self.seeking.store(false, Ordering::Relaxed);
        let gone = |address: &SocketAddr| !nodes.values().any(|node| node == address);
        if self.links.read().keys().any(gone) {
            self.links.write().retain(|address, _| !gone(address));
        }
    }

    /// Addresses with a connection, open or broken.
    #[cfg(test)]
    pub fn known(&self) -> Vec<SocketAddr> {
        let mut known: Vec<_> = self.links.read().keys().copied().collect();
        known.sort_unstable();
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn configured_addresses_are_only_the_beginning() {
        let units = Units::new(&ClientConfig::new(vec![address(1), address(2)]));
        let sorted = |mut all: Vec<SocketAddr>| {
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(units.all([].into_iter())), [address(1), address(2)]);
        units.link(address(1));
        units.link(address(3));
        let nodes = BTreeMap::from([(7, address(2)), (8, address(3))]);
        units.settle(&nodes);
        assert_eq!(units.known(), [address(3)], "the other one has left");
        let now = |units: &Units| sorted(units.all(nodes.values().copied()));
        assert_eq!(now(&units), [address(2), address(3)]);
        units.seek();
        assert_eq!(now(&units), [address(1), address(2), address(3)]);
    }

    #[tokio::test]
    async fn a_translated_address_is_dialled_elsewhere() {
        let mut config = ClientConfig::new(vec![address(1)]);
        config.via = BTreeMap::from([(address(1), address(9))]);
        let units = Units::new(&config);
        assert_eq!(units.link(address(1)).addr(), address(9));
        assert_eq!(units.link(address(2)).addr(), address(2));
    }
}
