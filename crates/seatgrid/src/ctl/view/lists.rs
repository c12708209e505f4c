//! One line per node, shard, operation or issue.

use std::fmt;

use grid_node::{NodeId, ShardId};
use operator::health::Health;
use operator::model::{
    DigestView, Issue, MoveView, NodeView, OperationView, Overview, ReplicaView, ShardView,
};
use serde::Serialize;

use super::table::Table;
use super::{bytes, name, names};
use crate::ctl::fault::Fault;

/// The answer to `node list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Nodes(pub(in crate::ctl) Vec<NodeView>);

impl fmt::Display for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["node", "state", "answers", "zone", "leads", "replicas", "disk free", "client"];
        let mut table = Table::new(head);
        for node in &self.0 {
            let free = node.log.as_ref().and_then(|log| log.disk_free_bytes);
            table.row([
                node.node.to_string(),
                node.state.name().to_owned(),
                if node.reachable { "yes" } else { "no" }.to_owned(),
                if node.zone.is_empty() { "-".to_owned() } else { node.zone.clone() },
                node.leads.to_string(),
                node.replicas.to_string(),
                free.map_or_else(|| "-".to_owned(), bytes),
                node.client.map_or_else(|| "-".to_owned(), |client| client.to_string()),
            ]);
        }
        write!(f, "{table}")
    }
}

/// The answer to `shard list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Shards(Vec<Shard>);

/// One line of it.
#[derive(Debug, Serialize)]
struct Shard {
    shard: ShardId,
    state: &'static str,
    health: Health,
    leader: Option<NodeId>,
    replicas: Vec<NodeId>,
    epoch: u64,
    term: u64,
    committed_index: Option<u64>,
    moving: Option<MoveView>,
    members: Vec<ReplicaView>,
}

impl Shards {
    pub(in crate::ctl) fn new(grid: &Overview) -> Self {
        Self(grid.shards.iter().map(Shard::of).collect())
    }
}

impl Shard {
    fn of(view: &ShardView) -> Self {
        Self {
            shard: view.shard,
            state: if view.health.serves() { "serving" } else { "no_leader" },
            health: view.health,
            leader: view.leader,
            replicas: view.replicas.iter().map(|replica| replica.node).collect(),
            epoch: view.epoch,
            term: view.term,
            committed_index: view.committed_index,
            moving: view.moving.clone(),
            members: view.replicas.clone(),
        }
    }
}

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["shard", "health", "leader", "replicas", "epoch", "term", "committed", "move"];
        let mut table = Table::new(head);
        for shard in &self.0 {
            table.row([
                shard.shard.to_string(),
                shard.health.name().to_owned(),
                name(shard.leader),
                names(shard.replicas.iter().copied()),
                shard.epoch.to_string(),
                shard.term.to_string(),
                shard.committed_index.unwrap_or(0).to_string(),
                shard.moving.as_ref().map_or_else(|| "-".to_owned(), moving),
            ]);
        }
        write!(f, "{table}")
    }
}

/// As in `1>4 learning`.
pub(super) fn moving(moving: &MoveView) -> String {
    let end = |node: Option<NodeId>| node.map_or_else(String::new, |node| node.to_string());
    format!("{}>{} {}", end(moving.remove), end(moving.add), moving.phase)
}

/// The answer to `operation list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Operations(pub(in crate::ctl) Vec<OperationView>);

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no operations");
        }
        let mut table = Table::new(["operation", "what", "state", "moves", "note"]);
        for operation in &self.0 {
            table.row([
                operation.id.to_string(),
                operation.what.clone(),
                operation.state.name().to_owned(),
                format!("{}/{}", operation.moves_done, operation.moves_total),
                operation.note.clone(),
            ]);
        }
        write!(f, "{table}")
    }
}

/// The answer to `issues`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Issues(pub(in crate::ctl) Vec<Issue>);

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_issues(f, &self.0)
    }
}

/// What is wrong, and below it what to do.
pub(super) fn write_issues(f: &mut fmt::Formatter<'_>, issues: &[Issue]) -> fmt::Result {
    if issues.is_empty() {
        return writeln!(f, "issues  none");
    }
    issues.iter().try_for_each(|issue| {
        writeln!(f, "{:<7}  {}", issue.severity.name(), issue.what)?;
        writeln!(f, "         {}", issue.remedy)
    })
}

/// The answer to `shard digest`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::ctl) struct Digests(pub(in crate::ctl) Vec<DigestView>);

impl Digests {
    /// Whether replicas that have applied the same say the same.
    pub(in crate::ctl) fn verdict(&self) -> Result<(), Fault> {
        for one in &self.0 {
            let differs = |other: &&DigestView| {
                other.applied_index == one.applied_index && other.digest != one.digest
            };
            if let Some(other) = self.0.iter().find(differs) {
                let (a, b, index) = (one.node, other.node, one.applied_index);
                let help = "drain the suspect node and keep its data directory";
                return Err(Fault::Failed(format!("nodes {a} and {b} differ at {index}: {help}")));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["node", "applied", "digest"]);
        for digest in &self.0 {
            let DigestView { node, applied_index, digest } = digest;
            table.row([node.to_string(), applied_index.to_string(), digest.clone()]);
        }
        write!(f, "{table}")?;
        let mut indices = self.0.iter().map(|digest| digest.applied_index);
        let first = indices.next();
        if indices.any(|index| Some(index) != first) {
            writeln!(f, "taken at different entries while the shard works; repeat to compare")?;
        }
        Ok(())
    }
}
