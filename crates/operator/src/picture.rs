//! From the meta group's tables and what each node says of itself to one picture of the grid. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use grid_node::{NodeId, NodeStatus, ShardId, ShardStatus};

use crate::health::{self, ReplicaFacts};
use crate::issues;
use crate::model::{
    BalancerView, LayoutView, LogView, MoveView, NodeView, OperationView, Overview, ReplicaView,
    ShardView, Stage,
};

/// What the meta group knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Grows with each change.
    pub revision: u64,
    /// The version of the rules that all replicas apply.
    pub active_version: u32,
    /// The registry.
    pub nodes: BTreeMap<NodeId, NodeRow>,
    /// Placement.
    pub shards: BTreeMap<ShardId, ShardRow>,
    /// Operations that are not over, and the newest that are.
    pub operations: Vec<OperationView>,
    /// The balancer of leaders.
    pub balancer: BalancerView,
    /// The layout in force and the staged one.
    pub layout: LayoutView,
}

/// One node of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Its place in the life of a node.
    pub state: Stage,
    /// Where clients reach it.
    pub client: SocketAddr,
    /// Where operators reach it.
    pub admin: Option<SocketAddr>,
    /// Its failure domain.
    pub zone: String,
    /// Oldest and newest version of the rules that it can apply.
    pub versions: (u32, u32),
    /// The node whose place it took.
    pub replaces: Option<NodeId>,
}

/// One shard's place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardRow {
    /// Grows whenever its replicas change.
    pub epoch: u64,
    /// Its voters, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// The change of its replicas that is under way.
    pub moving: Option<MoveView>,
}

/// All that the picture is made of.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The unit that asks around.
    pub asked: NodeId,
    /// What the meta group knows, as far as known to that unit.
    pub table: Table,
    /// What each node said of itself, or why it did not.
    pub statuses: BTreeMap<NodeId, Result<NodeStatus, String>>,
}

impl Facts {
    fn status(&self, node: NodeId) -> Option<&NodeStatus> {
        self.statuses.get(&node)?.as_ref().ok()
    }

    fn replica(&self, node: NodeId, shard: ShardId) -> Option<&ShardStatus> {
        self.status(node)?.shards.iter().find(|replica| replica.shard == shard)
    }
}

/// Draws the picture.
#[must_use]
pub fn overview(facts: &Facts) -> Overview {
    let Facts { asked, table, .. } = facts;
    let nodes = table.nodes.iter().map(|(id, row)| node_view(facts, *id, row)).collect();
    let shards = table.shards.iter().map(|(id, row)| shard_view(facts, *id, row)).collect();
    let mut overview = Overview {
        asked: *asked,
        revision: table.revision,
        active_version: table.active_version,
        nodes,
        shards,
        operations: table.operations.clone(),
        balancer: table.balancer,
        layout: table.layout.clone(),
        issues: Vec::new(),
    };
    overview.issues = issues::find(&overview);
    overview
}

fn node_view(facts: &Facts, id: NodeId, row: &NodeRow) -> NodeView {
    let status = facts.status(id);
    let shards = status.map_or(&[][..], |status| &status.shards);
    let placed = facts.table.shards.values().filter(|shard| shard.replicas.contains(&id)).count();
    NodeView {
        node: id,
        state: row.state,
        reachable: status.is_some(),
        client: Some(row.client),
        admin: row.admin,
        zone: row.zone.clone(),
        leads: count(shards.iter().filter(|shard| shard.serving).count()),
        // What the tables say counts even while the node is silent.
        replicas: count(placed),
        versions: row.versions,
        replaces: row.replaces,
        log: status.map(log_view),
    }
}

fn log_view(status: &NodeStatus) -> LogView {
    LogView {
        appended_bytes: status.log.appended_bytes,
        last_sync_us: status.log.last_sync_us,
        segments: status.log.segments,
        disk_free_bytes: status.log.disk_free_bytes,
        disk_total_bytes: status.log.disk_total_bytes,
    }
}

fn shard_view(facts: &Facts, id: ShardId, row: &ShardRow) -> ShardView {
    let leader = leader(facts, id);
    let known = facts.statuses.values().filter_map(|status| status.as_ref().ok());
    let known: Vec<&ShardStatus> =
        known.filter_map(|node| node.shards.iter().find(|replica| replica.shard == id)).collect();
    let committed = known.iter().filter_map(|replica| replica.committed_index).max();
    let first = leader.and_then(|(_, replica)| replica.purged_index).map_or(0, |index| index + 1);
    let voters = leader.map_or(&row.replicas, |(_, replica)| &replica.voters);
    let mut members = row.replicas.clone();
    let joining = row.moving.as_ref().and_then(|moving| moving.add);
    members.extend(joining.filter(|node| !members.contains(node)));
    let replicas: Vec<ReplicaView> = members
        .into_iter()
        .map(|node| {
            let replica = facts.replica(node, id);
            replica_view(node, voters.contains(&node), replica, (committed, first))
        })
        .collect();
    let states: Vec<ReplicaFacts> = replicas.iter().map(replica_facts).collect();
    ShardView {
        shard: id,
        health: health::health(leader.is_some(), wanted(&facts.table, row), &states),
        leader: leader.map(|(node, _)| node),
        epoch: row.epoch,
        term: known.iter().map(|replica| replica.term).max().unwrap_or(0),
        version: known.iter().map(|replica| replica.version).max(),
        committed_index: committed,
        replicas,
        moving: row.moving.clone(),
    }
}

/// The node that serves a shard, in the newest term if two say so.
fn leader(facts: &Facts, shard: ShardId) -> Option<(NodeId, &ShardStatus)> {
    let nodes = facts.statuses.keys();
    let serving = nodes.filter_map(|node| Some((*node, facts.replica(*node, shard)?)));
    serving.filter(|(_, replica)| replica.serving).max_by_key(|(_, replica)| replica.term)
}

/// How many voting replicas a shard should have: as many as placed, and as many as the layout wants
/// when there are nodes to hold them.
fn wanted(table: &Table, row: &ShardRow) -> usize {
    let holders = table.nodes.values().filter(|node| node.state == Stage::Active).count();
    row.replicas.len().max(holders.min(table.layout.replicas_wanted as usize))
}

fn replica_view(
    node: NodeId,
    votes: bool,
    replica: Option<&ShardStatus>,
    (committed, first): (Option<u64>, u64),
) -> ReplicaView {
    let last = replica.and_then(|replica| replica.last_log_index);
    let lag = committed.unwrap_or(0).saturating_sub(last.unwrap_or(0));
    ReplicaView {
        node,
        alive: replica.is_some(),
        votes,
        applied_index: replica.and_then(|replica| replica.applied_index),
        lag,
        installing: replica.is_some() && last.map_or(0, |index| index + 1) < first,
        doubtful: replica.is_some_and(|replica| replica.doubtful),
        diverged: replica.is_some_and(|replica| replica.diverged),
        checked_index: replica.and_then(|replica| replica.digest).map(|(index, _)| index),
        checked_digest: replica
            .and_then(|replica| replica.digest)
            .map(|(_, d)| format!("{d:016x}")),
    }
}

fn replica_facts(replica: &ReplicaView) -> ReplicaFacts {
    ReplicaFacts {
        alive: replica.alive,
        votes: replica.votes,
        lag: replica.lag,
        needs_snapshot: replica.installing,
        doubtful: replica.doubtful,
        diverged: replica.diverged,
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
