//! One thing in full: a node, a shard, an event, an operation, what an order led to.

use std::fmt;

use operator::model::{
    self, BalancerView, LayoutView, NodeView, OperationView, Overview, ShardView,
};
use operator::{EventView, UpgradeView};
use serde::Serialize;

use super::lists::moving;
use super::table::Table;
use super::{bytes, name, names};
use crate::ctl::fault::Fault;
use crate::ctl::wait::told;

/// The answer to `node show`.
#[derive(Debug, Serialize)]
pub(in crate::ctl) struct Node {
    #[serde(flatten)]
    node: NodeView,
    /// Shards that it has a replica of.
    shards: Vec<u32>,
    /// Shards that it answers for.
    leading: Vec<u32>,
}

impl Node {
    pub(in crate::ctl) fn new(grid: &Overview, id: u64) -> Result<Self, Fault> {
        let node = grid.nodes.iter().find(|node| node.node == id).cloned();
        let node = node.ok_or_else(|| Fault::Failed(format!("there is no node {id}")))?;
        let holds = |shard: &&ShardView| shard.replicas.iter().any(|replica| replica.node == id);
        let shards = grid.shards.iter().filter(holds).map(|shard| shard.shard).collect();
        let led = grid.shards.iter().filter(|shard| shard.leader == Some(id));
        Ok(Self { node, shards, leading: led.map(|shard| shard.shard).collect() })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        let address = |address: Option<std::net::SocketAddr>| {
            address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
        };
        let answers = if node.reachable { "answers" } else { "does not answer" };
        writeln!(f, "node {}  {}, {answers}", node.node, node.state.name())?;
        writeln!(f, "client  {}", address(node.client))?;
        writeln!(f, "admin  {}", address(node.admin))?;
        writeln!(f, "versions  {} to {}", node.versions.0, node.versions.1)?;
        if let Some(lost) = node.replaces {
            writeln!(f, "took the place of node {lost}")?;
        }
        writeln!(f, "replicas  {}", names(self.shards.iter().map(|shard| u64::from(*shard))))?;
        writeln!(f, "leads  {}", names(self.leading.iter().map(|shard| u64::from(*shard))))?;
        let Some(log) = &node.log else { return Ok(()) };
        let (written, sync) = (bytes(log.appended_bytes), log.last_sync_us);
        writeln!(f, "log  {written} written, {} segments, last sync {sync} us", log.segments)?;
        match (log.disk_free_bytes, log.disk_total_bytes) {
            (Some(free), Some(total)) => {
                writeln!(f, "disk  {} free of {}", bytes(free), bytes(total))
            }
            _ => writeln!(f, "disk  unknown"),
        }
    }
}

/// The answer to `shard show`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Shard(pub(in crate::ctl) ShardView);

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shard = &self.0;
        let (health, leader) = (shard.health.name(), name(shard.leader));
        writeln!(
            f,
            "shard {}  {health}, leader {leader}, epoch {}, term {}, version {}, committed {}",
            shard.shard,
            shard.epoch,
            shard.term,
            name(shard.version.map(u64::from)),
            shard.committed_index.unwrap_or(0)
        )?;
        if let Some(change) = &shard.moving {
            writeln!(f, "moving  {}", moving(change))?;
        }
        let mut table = Table::new(["node", "role", "applied", "lag", "compared", "state"]);
        for replica in &shard.replicas {
            let role = match replica.votes {
                _ if shard.leader == Some(replica.node) => "leader",
                true => "follower",
                false => "learner",
            };
            let state = match replica {
                replica if !replica.alive => "does not answer",
                replica if replica.diverged => "differs from the others",
                replica if replica.doubtful => "waits to be repaired",
                replica if replica.installing => "gets a snapshot",
                _ => "ok",
            };
            table.row([
                replica.node.to_string(),
                role.to_owned(),
                replica.applied_index.unwrap_or(0).to_string(),
                replica.lag.to_string(),
                compared(replica),
                state.to_owned(),
            ]);
        }
        write!(f, "{table}")
    }
}

/// The newest comparison: `fingerprint at entry`.
fn compared(replica: &model::ReplicaView) -> String {
    match (&replica.checked_digest, replica.checked_index) {
        (Some(digest), Some(index)) => format!("{digest} at {index}"),
        _ => "-".to_owned(),
    }
}

/// The answer to `event show`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Event(pub(in crate::ctl) EventView);

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventView { event_id, shard, leader, replicas, epoch, health, .. } = &self.0;
        let (leader, replicas) = (name(*leader), names(replicas.iter().copied()));
        let health = health.name();
        writeln!(
            f,
            "event {event_id}  shard {shard}  leader {leader}  replicas {replicas}  epoch {epoch}  \
             {health}"
        )
    }
}

/// The answer to `layout show`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Layout(pub(in crate::ctl) LayoutView);

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LayoutView { version, replicas_wanted, staged } = &self.0;
        writeln!(f, "layout {version} in force, {replicas_wanted} replicas of each shard")?;
        if staged.is_empty() {
            return writeln!(f, "nothing staged");
        }
        let next = version + 1;
        writeln!(f, "staged for layout {next}:")?;
        staged.iter().try_for_each(|change| writeln!(f, "  {change}"))?;
        writeln!(f, "seatgrid ctl layout apply --version {next}, or seatgrid ctl layout revert")
    }
}

/// The answer to `balancer status`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Balancer(pub(in crate::ctl) BalancerView);

impl fmt::Display for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let balancer = if self.0.on { "on" } else { "off" };
        let moves = if self.0.moves_paused { "paused" } else { "allowed" };
        writeln!(f, "balancer of leaders  {balancer}\nchanges of replicas  {moves}")
    }
}

/// The answer to `operation show`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Operation(pub(in crate::ctl) OperationView);

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", told(&self.0))
    }
}

/// The answer to `upgrade status`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Upgrade(pub(in crate::ctl) UpgradeView);

impl fmt::Display for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UpgradeView { active, possible, nodes } = &self.0;
        writeln!(f, "version {active} is active, {possible} is possible")?;
        for (node, (oldest, newest)) in nodes {
            writeln!(f, "node {node}  {oldest} to {newest}")?;
        }
        if possible > active {
            writeln!(f, "seatgrid ctl upgrade activate {possible} --wait; there is no way back")?;
        }
        Ok(())
    }
}

/// What an order led to.
#[derive(Debug, Serialize)]
pub(in crate::ctl) struct Receipt {
    #[serde(flatten)]
    receipt: model::Receipt,
    /// The operation at its end, when it was waited for.
    ended: Option<OperationView>,
}

impl Receipt {
    pub(in crate::ctl) fn new(receipt: model::Receipt, ended: Option<OperationView>) -> Self {
        Self { receipt, ended }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model::Receipt { plan, dry_run, operation } = &self.receipt;
        plan.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        match (&self.ended, operation) {
            (Some(ended), _) => writeln!(f, "{}", told(ended)),
            (None, Some(id)) => {
                writeln!(f, "operation {id} has begun: seatgrid ctl operation show {id}")
            }
            (None, None) if *dry_run => writeln!(f, "dry run: nothing was done"),
            (None, None) => writeln!(f, "done"),
        }
    }
}
