//! The order of last resort about a shard: its replicas are given up and others begin with nothing. What
//! it held comes back from the database.

use grid_node::{NodeId, ShardId};

use super::{Plan, Refusal, data_shard, unsafe_now};
use crate::model::{Overview, ShardView, Stage};

/// Checks that nothing could be saved instead.
pub(super) fn plan(grid: &Overview, id: ShardId, abandon: bool) -> Result<Plan, Refusal> {
    let shard = data_shard(grid, id)?;
    if shard.leader.is_some() {
        return unsafe_now(
            format!("shard {id} lives: it has a leader"),
            "there is nothing to be founded",
        );
    }
    let voters = || shard.replicas.iter().filter(|replica| replica.votes);
    let living: Vec<String> =
        voters().filter(|replica| replica.alive).map(|replica| replica.node.to_string()).collect();
    let nodes = living.join(", ");
    if living.len() > voters().count() / 2 {
        return unsafe_now(
            format!("nodes {nodes} have replicas of shard {id} that can elect a leader"),
            "wait for it, or see docs/runbooks/shard-unavailable.md",
        );
    }
    if !living.is_empty() && !abandon {
        return unsafe_now(
            format!(
                "node {nodes} has a replica of shard {id}, which may know more than the tables"
            ),
            "bring back another of its nodes; or give it up: --abandon-minority",
        );
    }
    if usable(grid).all(|node| holds(shard, node)) {
        return unsafe_now(
            format!("every node that answers has had a replica of shard {id}"),
            "start another unit and add it: seatgrid ctl node add",
        );
    }
    Ok(Plan::of(vec![
        format!("give up the replicas of shard {id}; their nodes never get one of it again"),
        format!("found shard {id} anew and empty on other nodes"),
    ]))
}

/// Nodes that could take a replica now.
pub(crate) fn usable(grid: &Overview) -> impl Iterator<Item = NodeId> {
    let fit = |node: &&crate::model::NodeView| node.state == Stage::Active && node.reachable;
    grid.nodes.iter().filter(fit).map(|node| node.node)
}

fn holds(shard: &ShardView, id: NodeId) -> bool {
    shard.replicas.iter().any(|replica| replica.node == id)
}
