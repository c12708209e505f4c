//! Addresses of all roles of a local `up`: those of the last start where they are free, else new ones.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use toml::Value;

use super::Facts;

/// Addresses of everything, chosen before anything is written.
pub(super) struct Addresses {
    /// Per unit: raft, client, admin.
    pub(super) units: BTreeMap<u32, [SocketAddr; 3]>,
    pub(super) router: SocketAddr,
    pub(super) router_admin: SocketAddr,
    pub(super) office: SocketAddr,
    pub(super) office_admin: SocketAddr,
    pub(super) worker_admin: SocketAddr,
    pub(super) writer_admin: SocketAddr,
    pub(super) sandbox: SocketAddr,
    pub(super) sandbox_mail: SocketAddr,
}

impl Addresses {
    pub(super) fn choose(facts: &Facts) -> std::io::Result<Self> {
        let mut taken = HashSet::from([facts.port]);
        let all = || (1..=facts.units).chain(facts.added.iter().copied());
        // The registry of the grid has the addresses of the last start: nobody has to be told new
        // ones when they are free.
        let kept = |unit: u32| Some((unit, kept_ports(&facts.dir, unit)?));
        let mut units: BTreeMap<u32, [SocketAddr; 3]> = all().filter_map(kept).collect();
        taken.extend(units.values().flatten().map(SocketAddr::port));
        let mut next = || local_postgres::free_port(&mut taken).map(local);
        for unit in all() {
            if let Entry::Vacant(new) = units.entry(unit) {
                new.insert([next()?, next()?, next()?]);
            }
        }
        Ok(Self {
            units,
            router: local(facts.port),
            router_admin: next()?,
            office: next()?,
            office_admin: next()?,
            worker_admin: next()?,
            writer_admin: next()?,
            sandbox: next()?,
            sandbox_mail: next()?,
        })
    }
}

/// The addresses that a unit was last started with, if all of them are free: raft, client, admin.
fn kept_ports(dir: &Path, unit: u32) -> Option<[SocketAddr; 3]> {
    let text = std::fs::read_to_string(dir.join(format!("config/unit-{unit}.toml"))).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let node = table.get("node")?;
    let founder = || node.get("peers")?.get(unit.to_string());
    let own = node.get("address").or_else(founder)?;
    let address = |value: &Value| value.as_str()?.parse::<SocketAddr>().ok();
    let ports = [
        address(own.get("raft")?)?,
        address(own.get("client")?)?,
        address(table.get("admin_listen")?)?,
    ];
    ports.iter().all(|port| TcpListener::bind(port).is_ok()).then_some(ports)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
