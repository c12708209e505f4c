//! What is wrong now and what to type about it, from the picture of the grid. Pure: the same for the
//! tool, the admin API and the metric that alarms count.

use std::collections::BTreeMap;

use grid_node::{NodeId, ShardId};

use crate::health::{Health, LAG_MAX};
use crate::model::{
    Issue, LogView, NodeView, OperationView, Overview, Progress, ReplicaView, Severity, ShardView,
    Stage,
};

/// Below this part of the disk free, in per cent, the log's disk is an alarm: a full disk stops
/// the node.
const DISK_ALARM_PERCENT: u64 = 5;
/// Below this part of the disk free, in per cent, somebody should make room today.
const DISK_WARN_PERCENT: u64 = 15;
/// Shards named in one issue; the rest is counted, so that the screen stays one.
const SHARDS_NAMED: usize = 6;

/// All issues, the worst first, in a stable order.
#[must_use]
pub fn find(overview: &Overview) -> Vec<Issue> {
    let mut issues = of_shards(overview);
    issues.extend(overview.nodes.iter().flat_map(|node| of_node(node, overview)));
    issues.extend(overview.operations.iter().filter_map(of_operation));
    issues.extend(of_switches(overview));
    issues.extend(of_layout(overview));
    issues.extend(of_single_replicas(overview));
    issues.sort_by_key(|issue| issue.severity);
    issues
}

fn issue(code: &str, severity: Severity, what: String, remedy: String) -> Issue {
    Issue { code: code.to_owned(), severity, what, remedy }
}

/// One issue per cause, not per shard: a dead node has replicas of many.
fn of_shards(overview: &Overview) -> Vec<Issue> {
    let mut causes: BTreeMap<(Health, Vec<NodeId>), Vec<ShardId>> = BTreeMap::new();
    for shard in &overview.shards {
        causes.entry((shard.health, concerned(shard))).or_default().push(shard.shard);
    }
    let issues = causes.into_iter().rev();
    issues.filter_map(|((health, nodes), shards)| of_cause(health, &nodes, &shards)).collect()
}

/// The nodes that a shard's state is about.
fn concerned(shard: &ShardView) -> Vec<NodeId> {
    let about = |replica: &&ReplicaView| match shard.health {
        Health::Healthy => false,
        Health::CatchingUp => replica.alive && (replica.lag > LAG_MAX || replica.doubtful),
        Health::InstallingSnapshot => replica.alive && replica.installing,
        Health::Diverged => replica.alive && replica.diverged,
        Health::UnderReplicated | Health::ReadOnly | Health::Unavailable => !replica.alive,
    };
    let mut nodes: Vec<NodeId> =
        shard.replicas.iter().filter(about).map(|replica| replica.node).collect();
    // Shards that wait for the same nodes have the same cause, whichever comes first.
    nodes.sort_unstable();
    nodes
}

fn of_cause(health: Health, nodes: &[NodeId], shards: &[ShardId]) -> Option<Issue> {
    let (names, which) = (list(nodes), some_shards(shards));
    let start = || format!("start the unit of node {names}; docs/runbooks/shard-unavailable.md");
    let (code, severity, what, remedy) = match health {
        Health::Healthy => return None,
        Health::Unavailable => (
            "shard_unavailable",
            Severity::Alarm,
            format!("{which}: no replica answers (node {names})"),
            start(),
        ),
        Health::ReadOnly if nodes.is_empty() => (
            "shard_without_leader",
            Severity::Alarm,
            format!("{which}: no leader, though all replicas answer"),
            "an election takes up to two seconds; if it lasts, read the units' logs".to_owned(),
        ),
        Health::ReadOnly => (
            "shard_without_leader",
            Severity::Alarm,
            format!("{which}: no leader, and no answer from node {names}"),
            start(),
        ),
        Health::Diverged => (
            "replica_diverged",
            Severity::Alarm,
            format!("{which}: the replica on node {names} differs from the others"),
            "restart that unit; if it differs again, move the replica away: seatgrid ctl shard move"
                .to_owned(),
        ),
        Health::UnderReplicated if nodes.is_empty() => (
            "shard_under_replicated",
            Severity::Warning,
            format!("{which}: fewer replicas than there should be"),
            "seatgrid ctl balancer run spreads replicas over the active nodes".to_owned(),
        ),
        Health::UnderReplicated => (
            "shard_under_replicated",
            Severity::Warning,
            format!("{which}: no answer from the replica on node {names}"),
            format!("start that unit, or give it up: seatgrid ctl node recover {}", nodes[0]),
        ),
        Health::InstallingSnapshot | Health::CatchingUp => (
            "replica_behind",
            Severity::Notice,
            format!("{which}: node {names} is catching up"),
            "wait; it needs no help".to_owned(),
        ),
    };
    Some(issue(code, severity, what, remedy))
}

/// `shard 3`, `shards 1, 2, 3` or `shards 1, 2, 3, 4 and 12 more`.
fn some_shards(shards: &[ShardId]) -> String {
    match shards {
        [one] => format!("shard {one}"),
        _ if shards.len() <= SHARDS_NAMED + 1 => format!("shards {}", list(shards)),
        _ => {
            let (named, more) = shards.split_at(SHARDS_NAMED);
            format!("shards {} and {} more", list(named), more.len())
        }
    }
}

fn of_node(node: &NodeView, overview: &Overview) -> Vec<Issue> {
    let id = node.node;
    if node.state == Stage::Removed {
        return Vec::new();
    }
    let mut issues = Vec::new();
    if !node.reachable && !matches!(node.state, Stage::Drained | Stage::Lost) {
        issues.push(issue(
            "node_unreachable",
            Severity::Warning,
            format!("node {id} does not answer"),
            format!("start its unit, or give it up: seatgrid ctl node recover {id}"),
        ));
    }
    if node.state == Stage::Lost && node.replicas > 0 && !is_served(overview, id) {
        issues.push(issue(
            "node_lost",
            Severity::Warning,
            format!("node {id} is lost and {} of its replicas are not replaced", node.replicas),
            format!("seatgrid ctl node recover {id} --wait"),
        ));
    }
    if node.state == Stage::Drained {
        issues.push(issue(
            "node_drained",
            Severity::Notice,
            format!("node {id} is empty"),
            format!("seatgrid ctl node remove {id}, or node add {id} to use it again"),
        ));
    }
    issues.extend(of_version(node, overview));
    issues.extend(node.log.as_ref().and_then(|log| of_disk(id, log)));
    issues
}

/// Whether an operation that is not over works for a node.
fn is_served(overview: &Overview, node: u64) -> bool {
    let name = format!("node {node}");
    let open = overview.operations.iter().filter(|operation| !operation.state.is_over());
    open.into_iter().any(|operation| operation.what.ends_with(&name))
}

fn of_version(node: &NodeView, overview: &Overview) -> Option<Issue> {
    let newest = overview.nodes.iter().filter(|n| n.state != Stage::Removed);
    let newest = newest.map(|n| n.versions.1).max().unwrap_or(0);
    let (_, own) = node.versions;
    (own < newest).then(|| {
        issue(
            "node_version_behind",
            Severity::Notice,
            format!("node {} knows versions up to {own}, others up to {newest}", node.node),
            "start it with the newer release, then seatgrid ctl upgrade activate".to_owned(),
        )
    })
}

fn of_disk(node: u64, log: &LogView) -> Option<Issue> {
    let (free, total) = (log.disk_free_bytes?, log.disk_total_bytes?);
    let percent = free.saturating_mul(100) / total.max(1);
    let severity = match percent {
        p if p < DISK_ALARM_PERCENT => Severity::Alarm,
        p if p < DISK_WARN_PERCENT => Severity::Warning,
        _ => return None,
    };
    Some(issue(
        "disk_nearly_full",
        severity,
        format!("the disk of node {node} has {percent} % free ({} MiB)", free >> 20),
        "make room, or drain the node: docs/runbooks/full-disk.md".to_owned(),
    ))
}

fn of_operation(operation: &OperationView) -> Option<Issue> {
    let OperationView { id, what, .. } = operation;
    let note = &operation.note;
    match operation.state {
        Progress::Paused => Some(issue(
            "operation_paused",
            Severity::Warning,
            format!("operation {id} ({what}) is paused"),
            format!("seatgrid ctl operation resume {id}, or cancel {id}"),
        )),
        Progress::Failed => Some(issue(
            "operation_failed",
            Severity::Notice,
            format!("operation {id} ({what}) failed: {note}"),
            "see to the reason, then give the order again".to_owned(),
        )),
        Progress::Running | Progress::Done | Progress::Canceled => None,
    }
}

fn of_switches(overview: &Overview) -> Option<Issue> {
    overview.balancer.moves_paused.then(|| {
        issue(
            "moves_paused",
            Severity::Warning,
            "changes of replicas are paused for all operations".to_owned(),
            "seatgrid ctl balancer resume".to_owned(),
        )
    })
}

fn of_layout(overview: &Overview) -> Option<Issue> {
    let layout = &overview.layout;
    let next = layout.version + 1;
    (!layout.staged.is_empty()).then(|| {
        issue(
            "layout_staged",
            Severity::Notice,
            format!("layout {next} is staged and not applied"),
            format!("seatgrid ctl layout apply --version {next}, or seatgrid ctl layout revert"),
        )
    })
}

fn of_single_replicas(overview: &Overview) -> Option<Issue> {
    (overview.layout.replicas_wanted == 1).then(|| {
        issue(
            "single_replicas",
            Severity::Notice,
            "each shard has one replica: with its disk goes what the database lacks".to_owned(),
            "add nodes, then seatgrid ctl layout stage replicas 3 and layout apply".to_owned(),
        )
    })
}

fn list(ids: &[impl ToString]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
