//! Orders about nodes: what must hold before a node is added, emptied, taken out or given up.

use grid_node::NodeId;

use super::{Plan, Refusal, node, senseless, unsafe_now};
use crate::model::{NodeView, Overview, ShardView, Stage};

/// Lets a node take replicas.
pub(super) fn add(grid: &Overview, id: NodeId) -> Result<Plan, Refusal> {
    let node = node(grid, id)?;
    match node.state {
        Stage::Active => return Ok(Plan::nothing(format!("node {id} takes part already"))),
        Stage::Lost => {
            return senseless(format!(
                "node {id} is lost; its process gets a new id, add that one"
            ));
        }
        Stage::Draining => {
            return unsafe_now(
                format!("node {id} is being drained"),
                "end that first: seatgrid ctl operation list, then operation cancel",
            );
        }
        Stage::Spare | Stage::Drained | Stage::Removed => {}
    }
    if !node.reachable {
        return unsafe_now(format!("node {id} does not answer"), "start its unit, then repeat");
    }
    Ok(Plan::of(vec![
        format!("let node {id} take replicas and leaders"),
        "move replicas to it until all nodes hold alike".to_owned(),
    ]))
}

/// Moves everything off a node.
pub(super) fn drain(grid: &Overview, id: NodeId, fewer: bool) -> Result<Plan, Refusal> {
    let leaving = node(grid, id)?;
    match leaving.state {
        Stage::Drained => return Ok(Plan::nothing(format!("node {id} is empty already"))),
        Stage::Lost => return senseless(format!("node {id} is lost, its replicas are replaced")),
        Stage::Spare | Stage::Active | Stage::Draining | Stage::Removed => {}
    }
    if !leaving.reachable {
        return unsafe_now(
            format!("node {id} does not answer, so nothing can be handed over"),
            format!("start its unit, or give it up with seatgrid ctl node recover {id}"),
        );
    }
    enough_nodes_without(grid, leaving, fewer)?;
    refuse_unhealthy(grid, id)?;
    let (leads, replicas) = (leaving.leads, leaving.replicas);
    Ok(Plan::of(vec![
        format!("give nothing new to node {id}"),
        format!("move {replicas} replicas to other nodes, one change per shard at a time"),
        format!("hand over {leads} leaders on the way"),
        format!("mark node {id} as drained; seatgrid ctl node remove {id} takes it out"),
    ]))
}

/// Takes an empty node out.
pub(super) fn remove(grid: &Overview, id: NodeId) -> Result<Plan, Refusal> {
    let leaving = node(grid, id)?;
    if leaving.replicas > 0 {
        let remedy = match leaving.state {
            Stage::Lost => format!("seatgrid ctl node recover {id} --wait replaces them"),
            _ => format!("empty it first: seatgrid ctl node drain {id} --wait"),
        };
        return unsafe_now(format!("node {id} holds {} replicas", leaving.replicas), remedy);
    }
    if matches!(leaving.state, Stage::Active | Stage::Draining) {
        return unsafe_now(
            format!("node {id} is {}", leaving.state.name()),
            format!("empty it first: seatgrid ctl node drain {id} --wait"),
        );
    }
    Ok(Plan::of(vec![
        format!("take node {id} out of the registry; its id is never used again"),
        "its unit can be stopped and its data directory deleted".to_owned(),
    ]))
}

/// Gives up a dead node.
pub(super) fn recover(grid: &Overview, id: NodeId) -> Result<Plan, Refusal> {
    let dead = node(grid, id)?;
    if dead.reachable && dead.state != Stage::Lost {
        return unsafe_now(
            format!("node {id} answers, and giving it up would throw away good replicas"),
            format!("stop its unit for good first, or empty it with seatgrid ctl node drain {id}"),
        );
    }
    let mine = || grid.shards.iter().filter(|shard| holds(shard, id));
    let dying: Vec<String> = mine()
        .filter(|shard| !has_quorum_without(shard, id))
        .map(|shard| shard.shard.to_string())
        .collect();
    if !dying.is_empty() {
        return unsafe_now(
            format!("shards {} have no quorum without node {id}", dying.join(", ")),
            "bring back another of their nodes first; docs/runbooks/shard-unavailable.md",
        );
    }
    Ok(Plan::of(vec![
        format!("declare node {id} lost: its data directory is never let in again under this id"),
        format!("replace its {} replicas from the others", mine().count()),
        format!("a process that starts as node {id} with an empty directory gets a new id"),
    ]))
}

fn holds(shard: &ShardView, id: NodeId) -> bool {
    shard.replicas.iter().any(|replica| replica.node == id)
}

fn has_quorum_without(shard: &ShardView, id: NodeId) -> bool {
    let voters = || shard.replicas.iter().filter(|replica| replica.votes);
    let living = voters().filter(|replica| replica.alive && replica.node != id).count();
    living > voters().count() / 2
}

/// The nodes that stay must be able to hold every shard as many times as now, or at least once.
fn enough_nodes_without(grid: &Overview, leaving: &NodeView, fewer: bool) -> Result<(), Refusal> {
    let stay = grid
        .nodes
        .iter()
        .filter(|node| node.node != leaving.node && node.state == Stage::Active && node.reachable);
    let stay = stay.count();
    let mine = grid.shards.iter().filter(|shard| holds(shard, leaving.node));
    let needed = mine.map(|shard| shard.replicas.iter().filter(|r| r.votes).count()).max();
    let needed = needed.unwrap_or(1);
    if stay == 0 {
        return unsafe_now(
            "no node would stay".to_owned(),
            "start another unit and add it: seatgrid ctl node add",
        );
    }
    if stay < needed && !fewer {
        let nodes = if stay == 1 { "node" } else { "nodes" };
        return unsafe_now(
            format!("{stay} {nodes} would stay, and shards have {needed} replicas"),
            "add a node first: seatgrid ctl node add; or accept it: --allow-fewer-replicas",
        );
    }
    Ok(())
}

/// A shard that has lost a replica elsewhere must not lose another one on purpose.
fn refuse_unhealthy(grid: &Overview, id: NodeId) -> Result<(), Refusal> {
    let dead = grid.nodes.iter().find(|node| {
        let gone = matches!(node.state, Stage::Removed | Stage::Drained);
        !gone && !node.reachable && node.node != id && node.replicas > 0
    });
    match dead {
        None => Ok(()),
        Some(dead) => unsafe_now(
            format!("node {} does not answer and its shards live on two replicas", dead.node),
            format!("start it, or first seatgrid ctl node recover {} --wait", dead.node),
        ),
    }
}
