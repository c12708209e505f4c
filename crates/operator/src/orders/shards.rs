//! Orders about one shard: moving a replica, choosing a leader, writing a snapshot.

use grid_node::{NodeId, ShardId};

use super::{Plan, Refusal, node, senseless, shard, unsafe_now};
use crate::health::LAG_MAX;
use crate::model::{Overview, ReplicaView, ShardView, Stage};

/// Moves one replica, adds one, or takes one away.
pub(super) fn change(
    grid: &Overview,
    id: ShardId,
    (from, to): (Option<NodeId>, Option<NodeId>),
) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    if from.is_none() && to.is_none() {
        return senseless("a move names the node that gives, the node that takes, or both");
    }
    if from == to {
        return senseless("a replica does not move from a node to itself");
    }
    for named in [from, to].into_iter().flatten() {
        node(grid, named)?;
    }
    if is_done(shard, from, to) {
        return Ok(Plan::nothing(format!("the replicas of shard {id} are so already")));
    }
    if let Some(from) = from.filter(|from| replica(shard, *from).is_none()) {
        let (nodes, what) = (holders(shard), format!("node {from} has no replica of shard {id}"));
        return senseless(format!("{what}; nodes {nodes} have"));
    }
    if let Some(to) = to {
        can_take(grid, shard, to)?;
    } else {
        stays_safe(shard, from)?;
    }
    serves(shard)?;
    not_moving_elsewhere(shard, to)?;
    Ok(Plan::of(steps(shard, from, to)))
}

fn is_done(shard: &ShardView, from: Option<NodeId>, to: Option<NodeId>) -> bool {
    let gone = from.is_none_or(|from| replica(shard, from).is_none());
    let there = |to| replica(shard, to).is_some_and(|replica| replica.votes);
    gone && to.is_none_or(there)
}

fn can_take(grid: &Overview, shard: &ShardView, to: NodeId) -> Result<(), Refusal> {
    let (target, id) = (node(grid, to)?, shard.shard);
    if replica(shard, to).is_some_and(|replica| replica.votes) {
        return senseless(format!("node {to} has a replica of shard {id} already"));
    }
    if matches!(target.state, Stage::Lost | Stage::Removed) {
        let state = target.state.name();
        return unsafe_now(
            format!("node {to} is {state}"),
            "its id is never used again: take another",
        );
    }
    if target.state != Stage::Active {
        return unsafe_now(
            format!("node {to} is {}", target.state.name()),
            format!("let it take part first: seatgrid ctl node add {to}"),
        );
    }
    if !target.reachable {
        return unsafe_now(format!("node {to} does not answer"), "start its unit, then repeat");
    }
    Ok(())
}

/// Taking a replica away must leave a majority of the rest alive.
fn stays_safe(shard: &ShardView, from: Option<NodeId>) -> Result<(), Refusal> {
    let rest = || shard.replicas.iter().filter(|r| r.votes && Some(r.node) != from);
    let alive = rest().filter(|replica| replica.alive).count();
    if alive > rest().count() / 2 {
        return Ok(());
    }
    unsafe_now(
        format!("shard {} would have {alive} living replicas", shard.shard),
        "give --to as well, or bring back its other nodes first",
    )
}

fn not_moving_elsewhere(shard: &ShardView, to: Option<NodeId>) -> Result<(), Refusal> {
    match &shard.moving {
        Some(moving) if moving.add != to => unsafe_now(
            format!("the replicas of shard {} are being changed", shard.shard),
            "wait until that is over: seatgrid ctl operation list",
        ),
        _ => Ok(()),
    }
}

fn steps(shard: &ShardView, from: Option<NodeId>, to: Option<NodeId>) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(to) = to {
        steps.push(format!("open an empty replica of shard {} on node {to}", shard.shard));
        steps.push("let it catch up while the shard serves".to_owned());
        steps.push(format!("make node {to} a voter"));
    }
    if let Some(from) = from {
        if shard.leader == Some(from) {
            steps.push(format!("hand over leadership from node {from}"));
        }
        steps.push(format!("drop the replica on node {from}"));
    }
    steps
}

/// Gives leadership away.
pub(super) fn transfer(grid: &Overview, id: ShardId, to: NodeId) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    node(grid, to)?;
    if shard.leader == Some(to) {
        return Ok(Plan::nothing(format!("node {to} leads shard {id} already")));
    }
    let target = voter(shard, to)?;
    if !target.alive {
        return unsafe_now(format!("node {to} does not answer"), "start its unit, then repeat");
    }
    serves(shard)?;
    if target.lag > LAG_MAX || target.installing || target.doubtful {
        return unsafe_now(
            format!("node {to} is {} entries behind in shard {id}", target.lag),
            format!("wait until it has caught up: seatgrid ctl shard show {id}"),
        );
    }
    let from = shard.leader.unwrap_or_default();
    Ok(Plan::one(format!("hand over leadership of shard {id} from node {from} to node {to}")))
}

/// Prefers a leader.
pub(super) fn pin(grid: &Overview, id: ShardId, leader: NodeId) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    voter(shard, leader)?;
    if shard.replicas.first().map(|replica| replica.node) == Some(leader) {
        return Ok(Plan::nothing(format!("node {leader} is preferred in shard {id} already")));
    }
    Ok(Plan::one(format!("prefer node {leader} as leader of shard {id}")))
}

/// Writes a snapshot.
pub(super) fn snapshot(grid: &Overview, id: ShardId) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    let living = shard.replicas.iter().filter(|replica| replica.alive);
    let nodes: Vec<String> = living.map(|replica| replica.node.to_string()).collect();
    if nodes.is_empty() {
        return unsafe_now(format!("no replica of shard {id} answers"), "start its units first");
    }
    Ok(Plan::one(format!("write a snapshot of shard {id} on node {}", nodes.join(", "))))
}

fn replica(shard: &ShardView, node: NodeId) -> Option<&ReplicaView> {
    shard.replicas.iter().find(|replica| replica.node == node)
}

fn voter(shard: &ShardView, node: NodeId) -> Result<&ReplicaView, Refusal> {
    let found = replica(shard, node).filter(|replica| replica.votes);
    let (id, nodes) = (shard.shard, holders(shard));
    found.ok_or_else(|| {
        Refusal::Senseless(format!("node {node} does not vote in shard {id}; nodes {nodes} do"))
    })
}

fn holders(shard: &ShardView) -> String {
    let voters = shard.replicas.iter().filter(|replica| replica.votes);
    voters.map(|replica| replica.node.to_string()).collect::<Vec<_>>().join(", ")
}

fn serves(shard: &ShardView) -> Result<(), Refusal> {
    if shard.leader.is_some() {
        return Ok(());
    }
    unsafe_now(
        format!("shard {} has no leader", shard.shard),
        "see to that first: seatgrid ctl issues",
    )
}
