//! Who runs where: addresses and the configuration of every role of a local `up`. Decides only;
//! writing files and starting processes is done by others.

mod addresses;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use self::addresses::Addresses;
use super::database::{REPLICA_URL_FILE, URL_FILE};
use super::secrets::Secrets;
use super::share::consensus_threads;
use crate::role::Role;

/// What the plan depends on.
#[derive(Debug)]
pub struct Facts {
    /// The data directory, absolute.
    pub dir: PathBuf,
    /// Identity of the grid.
    pub cluster_id: String,
    /// How many processing units found the grid.
    pub units: u32,
    /// Units that were added later.
    pub added: BTreeSet<u32>,
    /// Units that were stopped for good.
    pub stopped: BTreeSet<u32>,
    /// The public port.
    pub port: u16,
    /// Whether the office makes demo data.
    pub is_demo: bool,
    /// Paths of the secrets.
    pub secrets: Secrets,
}

/// One child to be.
#[derive(Debug)]
pub struct Planned {
    /// What it is.
    pub role: Role,
    /// Its number within the role, from 1.
    pub node: u32,
    /// Where its probes are served.
    pub admin: SocketAddr,
    /// Its configuration; only what differs from the defaults.
    pub toml: String,
}

impl Planned {
    /// As in file names: `unit-1`.
    pub fn label(&self) -> String {
        format!("{}-{}", self.role, self.node)
    }
}

/// The sandbox's address, for `sandbox.url`, and all children.
#[derive(Debug)]
pub struct Plan {
    /// Where the sandbox gateway and mailbox are.
    pub sandbox_url: String,
    /// Client addresses of the units that run.
    pub clients: Vec<SocketAddr>,
    /// All children.
    pub children: Vec<Planned>,
}

/// Plans all children.
///
/// # Errors
/// When no free ports are left.
pub fn make(facts: &Facts) -> std::io::Result<Plan> {
    let at = Addresses::choose(facts)?;
    let clients = clients(facts, &at);
    let units = at.units.iter().filter(|(unit, _)| !facts.stopped.contains(unit));
    let mut children: Vec<Planned> = units
        .map(|(number, ports)| match facts.added.contains(number) {
            true => joining(facts, *number, *ports, &clients),
            false => unit(facts, &at, *number),
        })
        .collect();
    children.extend([
        sandbox(facts, &at),
        writer(facts, &at, &clients),
        office(facts, &at, &clients),
        worker(facts, &at, &clients),
        router(facts, &at, &clients),
    ]);
    Ok(Plan { sandbox_url: format!("http://{}", at.sandbox), clients, children })
}

/// Plans one more unit beside running ones.
///
/// # Errors
/// When no free ports are left.
pub fn one_more(facts: &Facts, number: u32, clients: &[SocketAddr]) -> std::io::Result<Planned> {
    let next = local_postgres::free_address;
    Ok(joining(facts, number, [next()?, next()?, next()?], clients))
}

fn clients(facts: &Facts, at: &Addresses) -> Vec<SocketAddr> {
    let units = at.units.iter().filter(|(unit, _)| !facts.stopped.contains(unit));
    units.map(|(_, [_, client, _])| *client).collect()
}

/// A unit that is no founder: it asks the others for an id and is told who there is.
fn joining(facts: &Facts, number: u32, ports: [SocketAddr; 3], clients: &[SocketAddr]) -> Planned {
    let [raft, client, admin] = ports;
    let join = clients.iter().filter(|other| **other != client).map(text).collect();
    let grid_node = [
        ("cluster_id", text(&facts.cluster_id)),
        ("data_dir", path(facts, &format!("units/{number}"))),
        ("join", Value::Array(join)),
        ("address", table([("raft", text(raft)), ("client", text(client))])),
        ("raft", consensus()),
    ];
    planned(Role::Unit, number, admin, [("node", table(grid_node))])
}

fn unit(facts: &Facts, at: &Addresses, node: u32) -> Planned {
    let [_, _, admin] = at.units[&node];
    let founders = at.units.range(..=facts.units);
    let peers = founders.map(|(founder, [raft, client, _])| {
        let peer = [("raft", text(raft)), ("client", text(client))];
        (founder.to_string(), table(peer))
    });
    let grid_node = [
        ("cluster_id", text(&facts.cluster_id)),
        ("node_id", Value::Integer(node.into())),
        ("data_dir", path(facts, &format!("units/{node}"))),
        ("peers", Value::Table(peers.collect())),
        ("raft", consensus()),
    ];
    planned(Role::Unit, node, admin, [("node", table(grid_node))])
}

fn consensus() -> Value {
    let threads = i64::try_from(consensus_threads()).unwrap_or(1);
    table([("threads", Value::Integer(threads))])
}

fn sandbox(facts: &Facts, at: &Addresses) -> Planned {
    let webhook = |name: &str| format!("http://{}/api/v1/webhooks/{name}", at.router);
    let own = [
        ("data_dir", path(facts, "sandbox")),
        ("shop_id", text(SHOP_ID)),
        ("secret_file", file(&facts.secrets.sandbox_secret)),
        ("notify_url", text(webhook(PROVIDER))),
        ("stripe_notify_url", text(webhook(STRIPE_PROVIDER))),
        ("smtp_listen", text(at.sandbox_mail)),
    ];
    planned(Role::Sandbox, 1, at.sandbox, own)
}

fn writer(facts: &Facts, at: &Addresses, clients: &[SocketAddr]) -> Planned {
    let own = [
        ("database_url_file", path(facts, URL_FILE)),
        ("signing_key_file", file(&facts.secrets.signing_key)),
        ("archive_dir", path(facts, "archive")),
        ("grid", grid(clients)),
    ];
    planned(Role::Writer, 1, at.writer_admin, own)
}

fn office(facts: &Facts, at: &Addresses, clients: &[SocketAddr]) -> Planned {
    let secrets = &facts.secrets;
    let own = [
        ("listen", text(at.office)),
        ("database_url_file", path(facts, URL_FILE)),
        ("database_replica_url_file", path(facts, REPLICA_URL_FILE)),
        ("hold_token_key_file", file(&secrets.hold_token_key)),
        ("contact_key_file", file(&secrets.contact_key)),
        ("access_key_file", file(&secrets.access_key)),
        ("ticket_key_file", file(&secrets.ticket_key)),
        ("admin_password_file", file(&secrets.admin_password)),
        ("staff_token_file", file(&secrets.staff_token)),
        ("demo", Value::Boolean(facts.is_demo)),
        ("telegram_bot", text(BOT)),
        ("push", push_offer(facts, at)),
        ("grid", grid(clients)),
        ("providers", providers(facts, at)),
        ("social", social(facts, at)),
    ];
    planned(Role::Office, 1, at.office_admin, own)
}

fn worker(facts: &Facts, at: &Addresses, clients: &[SocketAddr]) -> Planned {
    let mail = [("relay", text(at.sandbox_mail)), ("phone_domain", text(PHONE_DOMAIN))];
    let telegram = [
        ("base_url", text(format!("http://{}", at.sandbox))),
        ("token_file", file(&facts.secrets.telegram_token)),
    ];
    let push = [("key_file", file(&facts.secrets.push_key))];
    let own = [
        ("database_url_file", path(facts, URL_FILE)),
        ("contact_key_file", file(&facts.secrets.contact_key)),
        ("mail", table(mail)),
        ("telegram", table(telegram)),
        ("push", table(push)),
        ("grid", grid(clients)),
        ("providers", providers(facts, at)),
    ];
    planned(Role::Worker, 1, at.worker_admin, own)
}

fn router(facts: &Facts, at: &Addresses, clients: &[SocketAddr]) -> Planned {
    let own = [
        ("listen", text(at.router)),
        ("office", text(at.office)),
        ("drain_within_ms", Value::Integer(DRAIN_MS)),
        ("hold_token_key_file", file(&facts.secrets.hold_token_key)),
        ("access_key_file", file(&facts.secrets.access_key)),
        ("writers", Value::Array(vec![text(at.writer_admin)])),
        ("grid", grid(clients)),
    ];
    planned(Role::Router, 1, at.router_admin, own)
}

/// The name of the payment provider in the API, and our shop's id there.
const PROVIDER: &str = "sandbox";
const SHOP_ID: &str = "seatgrid";
/// The same gateway by its second language.
const STRIPE_PROVIDER: &str = "sandbox_stripe";
/// Where the sandbox takes messages to phone numbers.
const PHONE_DOMAIN: &str = payments::sandbox::PHONE_DOMAIN;

/// What the sandbox's bot calls itself.
const BOT: &str = "sandbox_bot";

/// How long the router waits for requests under way when it stops: whoever stops a trial system
/// sits in front of it, and an open live stream would use up any longer time.
const DRAIN_MS: i64 = 2_000;

fn providers(facts: &Facts, at: &Addresses) -> Value {
    let sandbox = [
        ("kind", text("yookassa")),
        ("base_url", text(format!("http://{}", at.sandbox))),
        ("shop_id", text(SHOP_ID)),
        ("secret_file", file(&facts.secrets.sandbox_secret)),
    ];
    let stripe = [
        ("kind", text("stripe")),
        ("base_url", text(format!("http://{}", at.sandbox))),
        ("secret_file", file(&facts.secrets.sandbox_secret)),
        ("webhook_secret_file", file(&facts.secrets.sandbox_secret)),
    ];
    table([(PROVIDER, table(sandbox)), (STRIPE_PROVIDER, table(stripe))])
}

/// The sandbox is a provider of identities, too.
fn social(facts: &Facts, at: &Addresses) -> Value {
    let sandbox = [
        ("title", text("Sandbox ID")),
        ("issuer", text(format!("http://{}/oidc", at.sandbox))),
        ("client_id", text(SHOP_ID)),
        ("client_secret_file", file(&facts.secrets.sandbox_secret)),
        ("shop_url", text(format!("http://{}", at.router))),
    ];
    table([(PROVIDER, table(sandbox))])
}

/// Browsers are subscribed at the sandbox, and at the services that are known anyhow.
fn push_offer(facts: &Facts, at: &Addresses) -> Value {
    let known = box_office::push::PushOfferConfig::default().services;
    let services = known.iter().map(text);
    let services = services.chain([text(format!("http://{}", at.sandbox))]).collect();
    let key = file(&facts.secrets.push_key);
    table([("key_file", key), ("services", Value::Array(services))])
}

fn grid(clients: &[SocketAddr]) -> Value {
    table([("units", Value::Array(clients.iter().map(text).collect()))])
}

fn planned<const N: usize>(
    role: Role,
    node: u32,
    admin: SocketAddr,
    own: [(&str, Value); N],
) -> Planned {
    // The sandbox is for development only and has one port for everything.
    let listen = if role == Role::Sandbox { "listen" } else { "admin_listen" };
    let mut config = Table::from_iter([(listen.to_owned(), text(admin))]);
    config.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let toml = format!("# Written by `seatgrid up` at each start.\n{config}");
    Planned { role, node, admin, toml }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn path(facts: &Facts, name: &str) -> Value {
    file(&facts.dir.join(name))
}

fn file(path: &Path) -> Value {
    text(path.display())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::TcpListener;

    use super::*;
    use crate::up::data_dir::DataDir;

    fn facts(dir: &Path) -> Facts {
        let data = DataDir::open(dir).expect("open");
        let secrets = Secrets::open(&data, false).expect("secrets");
        let cluster_id = "0123456789abcdef0123456789abcdef".to_owned();
        let dir = data.path().to_owned();
        let (added, stopped) = Default::default();
        Facts { dir, cluster_id, units: 3, added, stopped, port: 8080, is_demo: true, secrets }
    }

    #[test]
    fn every_role_is_there_once_and_units_know_each_other() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let plan = make(&facts(dir.path())).expect("plan");
        let labels: Vec<String> = plan.children.iter().map(Planned::label).collect();
        let expected = [
            "unit-1",
            "unit-2",
            "unit-3",
            "sandbox-1",
            "writer-1",
            "office-1",
            "worker-1",
            "router-1",
        ];
        assert_eq!(labels, expected);
        let peers: Vec<Table> = plan.children[..3]
            .iter()
            .map(|unit| unit.toml.parse::<Table>().expect("TOML")["node"]["peers"].clone())
            .map(|peers| peers.try_into().expect("a table"))
            .collect();
        assert!(peers.iter().all(|unit| *unit == peers[0] && unit.len() == 3));
    }

    #[test]
    fn added_units_join_and_stopped_ones_stay_away() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut facts = facts(dir.path());
        (facts.added, facts.stopped) = (BTreeSet::from([4, 5]), BTreeSet::from([1, 5]));
        let plan = make(&facts).expect("plan");
        let units = plan.children.iter().filter(|child| child.role == Role::Unit);
        let units: Vec<(u32, Table)> =
            units.map(|unit| (unit.node, unit.toml.parse().expect("TOML"))).collect();
        assert_eq!(units.iter().map(|(node, _)| *node).collect::<Vec<_>>(), [2, 3, 4]);
        let (founder, newcomer) = (&units[0].1["node"], &units[2].1["node"]);
        assert_eq!(founder["peers"].as_table().map(Table::len), Some(3), "as it was founded");
        assert!(newcomer.get("node_id").is_none() && newcomer.get("peers").is_none());
        assert_eq!(newcomer["join"].as_array().map(Vec::len), Some(2), "those that run");
        let more = one_more(&facts, 6, &plan.clients).expect("plan");
        let more: Table = more.toml.parse().expect("TOML");
        assert_eq!(more["node"]["join"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn units_keep_their_addresses_while_they_are_free() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut facts = facts(dir.path());
        facts.added = BTreeSet::from([4]);
        let config = dir.path().join("config");
        std::fs::create_dir_all(&config).expect("create");
        let first = make(&facts).expect("plan");
        for child in &first.children {
            std::fs::write(config.join(format!("{}.toml", child.label())), &child.toml)
                .expect("write");
        }
        assert_eq!(make(&facts).expect("plan").clients, first.clients);
        let _stranger = TcpListener::bind(first.clients[0]).expect("free");
        let third = make(&facts).expect("plan").clients;
        assert_ne!(third[0], first.clients[0]);
        assert_eq!(third[1..], first.clients[1..]);
    }

    #[test]
    fn all_addresses_differ() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let plan = make(&facts(dir.path())).expect("plan");
        let admins: HashSet<SocketAddr> = plan.children.iter().map(|child| child.admin).collect();
        assert_eq!(admins.len(), plan.children.len());
    }
}
