//! The one screen.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use grid_node::{NodeId, ShardId};
use operator::health::Health;
use operator::model::{Issue, NodeView, OperationView, Overview, Stage};
use processing_unit::Persistence;
use serde::Serialize;

use super::lists::write_issues;
use super::{bytes, names};
use crate::ctl::backlog;
use crate::ctl::wait::told;
use crate::ctl::writers::{self, Asked};

/// The answer to `status`.
#[derive(Debug, Serialize)]
pub(in crate::ctl) struct Status {
    nodes: Vec<Node>,
    /// `serving` and `no_leader`.
    shards_by_state: BTreeMap<&'static str, usize>,
    shards_by_health: BTreeMap<Health, usize>,
    leaders: BTreeMap<ShardId, Option<NodeId>>,
    persist_lag_ms: Option<u64>,
    /// The step of the outage ladder that each shard with events stands on.
    persist_backlog: Vec<Persistence>,
    active_version: u32,
    operations: Vec<OperationView>,
    /// One sentence each; `details` has the remedies.
    issues: Vec<String>,
    details: Vec<Issue>,
}

/// One unit.
#[derive(Debug, Serialize)]
struct Node {
    node: NodeId,
    admin: Option<SocketAddr>,
    state: Stage,
    zone: String,
    reachable: bool,
    leads: u32,
    replicas: u32,
    disk_free_bytes: Option<u64>,
}

impl Status {
    pub(in crate::ctl) fn new(grid: &Overview, writers: &[Asked], shards: &[Persistence]) -> Self {
        let mut shards_by_state = BTreeMap::from([("serving", 0), ("no_leader", 0)]);
        let mut shards_by_health = BTreeMap::new();
        for shard in &grid.shards {
            let state = if shard.health.serves() { "serving" } else { "no_leader" };
            *shards_by_state.entry(state).or_default() += 1;
            *shards_by_health.entry(shard.health).or_default() += 1;
        }
        let mut details = grid.issues.clone();
        details.extend(writers::issues(writers));
        details.extend(backlog::issues(shards));
        details.sort_by_key(|issue| issue.severity);
        let members = grid.nodes.iter().filter(|node| node.state != Stage::Removed);
        let open = grid.operations.iter().filter(|operation| !operation.state.is_over());
        Self {
            nodes: members.map(node).collect(),
            shards_by_state,
            shards_by_health,
            leaders: grid.shards.iter().map(|shard| (shard.shard, shard.leader)).collect(),
            persist_lag_ms: writers::lag_ms(writers),
            persist_backlog: shards.to_vec(),
            active_version: grid.active_version,
            operations: open.cloned().collect(),
            issues: details.iter().map(|issue| issue.what.clone()).collect(),
            details,
        }
    }

    fn led_by(&self, node: NodeId) -> String {
        let led = self.leaders.iter().filter(|(_, leader)| **leader == Some(node));
        names(led.map(|(shard, _)| u64::from(*shard)))
    }
}

fn node(view: &NodeView) -> Node {
    Node {
        node: view.node,
        admin: view.admin,
        state: view.state,
        zone: view.zone.clone(),
        reachable: view.reachable,
        leads: view.leads,
        replicas: view.replicas,
        disk_free_bytes: view.log.as_ref().and_then(|log| log.disk_free_bytes),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            super::table::Table::new(["node", "state", "zone", "replicas", "disk free", "leads"]);
        for node in &self.nodes {
            let gone = matches!(node.state, Stage::Lost | Stage::Removed);
            // A node that was given up or removed is not expected to answer.
            let expected = node.reachable || gone;
            let state = if expected { node.state.name() } else { "does not answer" };
            table.row([
                node.node.to_string(),
                state.to_owned(),
                if node.zone.is_empty() { "-".to_owned() } else { node.zone.clone() },
                node.replicas.to_string(),
                node.disk_free_bytes.map_or_else(|| "-".to_owned(), bytes),
                self.led_by(node.node),
            ]);
        }
        write!(f, "{table}")?;
        let states = self.shards_by_health.iter();
        let states = states.map(|(health, count)| format!("{count} {}", health.name()));
        let all: usize = self.shards_by_health.values().sum();
        writeln!(f, "shards  {all}: {}", states.collect::<Vec<_>>().join(", "))?;
        match self.persist_lag_ms {
            Some(lag) => writeln!(f, "persist lag  {lag} ms")?,
            None => writeln!(f, "persist lag  unknown")?,
        }
        if let Some(room) = room(&self.persist_backlog) {
            writeln!(f, "{room}")?;
        }
        for operation in &self.operations {
            writeln!(f, "{}", told(operation))?;
        }
        write_issues(f, &self.details)
    }
}

/// The fullest outbox and its room; `None` while no shard has events.
fn room(shards: &[Persistence]) -> Option<String> {
    let fullest = shards.iter().max_by_key(|one| one.full_percent())?;
    let Persistence { shard, records, promised, records_max, .. } = fullest;
    let full = fullest.full_percent();
    Some(format!(
        "outbox room  fullest shard {shard}: {records} records and {promised} promised of \
         {records_max}, {full} %"
    ))
}
