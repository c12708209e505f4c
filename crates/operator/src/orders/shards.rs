//! Orders about one shard: moving a replica, choosing a leader, writing a snapshot.

use grid_node::{NodeId, ShardId};

use super::{Plan, Refusal, node, senseless, shard, unsafe_now};
use crate::health::LAG_MAX;
use crate::model::{Overview, ReplicaView, ShardView, Stage};

/// Moves one replica.
pub(super) fn relocate(
    grid: &Overview,
    id: ShardId,
    from: NodeId,
    to: NodeId,
) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    let target = node(grid, to)?;
    if from == to {
        return senseless(format!("a replica does not move from node {from} to itself"));
    }
    if replica(shard, to).is_some_and(|replica| replica.votes) {
        return match replica(shard, from) {
            None => Ok(Plan::nothing(format!("shard {id} has moved to node {to} already"))),
            Some(_) => senseless(format!("node {to} has a replica of shard {id} already")),
        };
    }
    if replica(shard, from).is_none() {
        let (nodes, what) = (holders(shard), format!("node {from} has no replica of shard {id}"));
        return senseless(format!("{what}; nodes {nodes} have"));
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
    serves(shard)?;
    if let Some(joining) = shard.joining.filter(|joining| *joining != to) {
        return unsafe_now(
            format!("shard {id} is being moved to node {joining}"),
            "wait until that is over: seatgrid ctl operation list",
        );
    }
    let mut steps = vec![
        format!("open an empty replica of shard {id} on node {to}"),
        "let it catch up while the shard serves".to_owned(),
        format!("make node {to} a voter"),
    ];
    if shard.leader == Some(from) {
        steps.push(format!("hand over leadership from node {from}"));
    }
    steps.push(format!("drop the replica on node {from}"));
    Ok(Plan::of(steps))
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
pub(super) fn pin(
    grid: &Overview,
    id: ShardId,
    leader: Option<NodeId>,
) -> Result<Plan, Refusal> {
    let shard = shard(grid, id)?;
    match leader {
        None => Ok(Plan::one(format!("let the balancer choose the leader of shard {id}"))),
        Some(leader) => {
            voter(shard, leader)?;
            Ok(Plan::one(format!("prefer node {leader} as leader of shard {id}")))
        }
    }
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
