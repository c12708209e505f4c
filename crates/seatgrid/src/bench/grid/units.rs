//! Three units as child processes on loopback, in a directory of their own that goes with them.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use grid_node::{ClientConfig, GridClient, NodeStatus};
use processing_unit::{Grid, GridConfig, TlsConfig};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

const UNITS: usize = 3;
/// Certificates of the trial, below the units' directory.
const TLS_DIR: &str = "tls";
/// A unit that does not end by itself in this time is killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Patience with one look at a unit's figures.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Running units.
pub struct Units {
    dir: PathBuf,
    children: Vec<Child>,
    clients: Vec<SocketAddr>,
    tls: TlsConfig,
    look: GridClient,
}

impl Units {
    /// Starts them with so many data shards, with certificates or without.
    pub async fn start(root: &Path, shards: u32, is_tls: bool) -> Result<Self> {
        let dir = root.join(format!("seatgrid-bench-{:016x}", rand::random::<u64>()));
        fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        let mut addresses = Vec::new();
        for _ in 0..UNITS {
            let next = local_postgres::free_address;
            addresses.push([next()?, next()?, next()?]);
        }
        let clients: Vec<SocketAddr> = addresses.iter().map(|[_, client, _]| *client).collect();
        let cluster_id = rand::random::<u128>();
        if is_tls {
            crate::tls::for_trial(&dir.join(TLS_DIR), cluster_id, UNITS as u64)?;
        }
        let tls = tls_config(&dir, "client-trial", is_tls);
        let mut client = ClientConfig::new(clients.clone());
        client.tls = tls.clone();
        let look = GridClient::new(client);
        let mut units = Self { dir, children: Vec::new(), clients, tls, look };
        let cluster = format!("{cluster_id:032x}");
        for node in 1..=UNITS {
            let mut config = config(&cluster, node, shards, &addresses, &units.dir);
            let tls = tls_config(&units.dir, &format!("node-{node}"), is_tls);
            let tls = toml::to_string(&tls).context("certificates")?;
            let _ = write!(config, "[node.tls]\n{tls}");
            units.spawn(node, &config)?;
        }
        Ok(units)
    }

    fn spawn(&mut self, node: usize, config: &str) -> Result<()> {
        let path = self.dir.join(format!("unit-{node}.toml"));
        fs::write(&path, config).with_context(|| path.display().to_string())?;
        let log = fs::File::create(self.log(node))?;
        let program = std::env::current_exe().context("this executable")?;
        let mut command = Command::new(program);
        command.arg("unit").arg("--config").arg(&path).arg("--lifeline");
        // The other end of standard input is held by this process: no unit outlives it.
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        command.envs(crate::allocator::unit_setting()).process_group(0);
        self.children.push(command.spawn().context("starting a unit")?);
        Ok(())
    }

    fn log(&self, node: usize) -> PathBuf {
        self.dir.join(format!("unit-{node}.log"))
    }

    /// A client as services have it.
    pub fn grid(&self) -> Grid {
        Grid::connect(&GridConfig { units: self.clients.clone(), tls: self.tls.clone() })
    }

    /// The figures of all units.
    pub async fn figures(&self) -> Result<Vec<NodeStatus>> {
        let mut all = Vec::new();
        for unit in 0..UNITS {
            let deadline = (Instant::now() + LOOK_MAX).into();
            let status = self.look.node_status(unit, deadline).await;
            all.push(status.with_context(|| format!("unit {}", unit + 1))?);
        }
        Ok(all)
    }

    /// Process ids.
    pub fn pids(&self) -> Vec<u32> {
        self.children.iter().filter_map(Child::id).collect()
    }

    /// The last lines of each unit's log, to say what went wrong.
    pub fn last_words(&self) -> String {
        let mut words = String::new();
        for node in 1..=UNITS {
            let log = fs::read_to_string(self.log(node)).unwrap_or_default();
            let last = log.lines().next_back().unwrap_or("no words");
            let _ = write!(words, "unit {node}: {last}; ");
        }
        words
    }

    /// Stops them and removes what they wrote.
    pub async fn stop(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in &mut self.children {
            if timeout(STOP_MAX, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "not removed");
        }
    }
}

fn tls_config(dir: &Path, name: &str, is_tls: bool) -> TlsConfig {
    let file = |file: String| dir.join(TLS_DIR).join(file);
    let given = || {
        TlsConfig::files(
            file("ca.pem".into()),
            file(format!("{name}.pem")),
            file(format!("{name}.key")),
        )
    };
    if is_tls { given() } else { TlsConfig::default() }
}

/// The file of one unit: only what differs from the defaults.
fn config(
    cluster: &str,
    node: usize,
    shards: u32,
    addresses: &[[SocketAddr; 3]],
    dir: &Path,
) -> String {
    let [_, _, admin] = addresses[node - 1];
    let data = dir.join(format!("unit-{node}"));
    let mut toml = format!(
        "admin_listen = \"{admin}\"\n[node]\ncluster_id = \"{cluster}\"\nnode_id = {node}\n\
         shards = {shards}\ndata_dir = '{}'\n",
        data.display()
    );
    for (at, [raft, client, _]) in addresses.iter().enumerate() {
        let _ = write!(toml, "[node.peers.{}]\nraft = \"{raft}\"\nclient = \"{client}\"\n", at + 1);
    }
    toml
}
