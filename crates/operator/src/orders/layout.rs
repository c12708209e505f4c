//! Orders about the layout: changes are staged, looked at, and applied together or forgotten.

use grid_node::NodeId;
use serde::{Deserialize, Serialize};

use super::{Plan, Refusal, node, nodes, senseless, unsafe_now};
use crate::model::Overview;

/// One change of the staged layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Lets a spare or drained node hold replicas.
    Add {
        /// Which.
        node: NodeId,
    },
    /// Moves everything away from a node.
    Drain {
        /// Which.
        node: NodeId,
    },
    /// Puts a node into another failure zone.
    Zone {
        /// Which.
        node: NodeId,
        /// The zone, up to 64 bytes.
        zone: String,
    },
    /// Keeps so many replicas of each shard.
    Replicas {
        /// 1, 3 or 5.
        count: u32,
    },
}

/// Adds a change to the staged layout.
pub(super) fn stage(grid: &Overview, change: &Change) -> Result<Plan, Refusal> {
    match change {
        Change::Add { node: id } => {
            nodes::add(grid, *id)?;
        }
        Change::Drain { node: id } | Change::Zone { node: id, .. } => {
            node(grid, *id)?;
        }
        Change::Replicas { count: 1 | 3 | 5 } => {}
        Change::Replicas { .. } => return senseless("a shard has 1, 3 or 5 replicas"),
    }
    let (next, what) = (grid.layout.version + 1, change.sentence());
    if grid.layout.staged.contains(&what) {
        return Ok(Plan::nothing(format!("layout {next} has that already: {what}")));
    }
    Ok(Plan::one(format!("stage for layout {next}: {what}")))
}

impl Change {
    /// What it does, as shown with the staged layout.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Add { node } => format!("let node {node} hold replicas"),
            Self::Drain { node } => format!("move everything away from node {node}"),
            Self::Zone { node, zone } => format!("put node {node} into zone {zone}"),
            Self::Replicas { count: 1 } => "keep a single replica of each shard".to_owned(),
            Self::Replicas { count } => format!("keep {count} replicas of each shard"),
        }
    }
}

/// Puts the staged layout in force.
pub(super) fn apply(grid: &Overview, version: u64) -> Result<Plan, Refusal> {
    let layout = &grid.layout;
    let next = layout.version + 1;
    if layout.staged.is_empty() {
        if layout.version == version {
            return Ok(Plan::nothing(format!("layout {version} is in force already")));
        }
        let help = "seatgrid ctl layout stage adds changes to the next one";
        return Err(Refusal::Missing(format!("no layout is staged; {help}")));
    }
    if next != version {
        return unsafe_now(
            format!("layout {next} is staged, not {version}"),
            "read it with seatgrid ctl layout show and give its number",
        );
    }
    Ok(Plan::of(layout.staged.clone()))
}

/// Forgets it.
pub(super) fn revert(grid: &Overview) -> Result<Plan, Refusal> {
    if grid.layout.staged.is_empty() {
        return Ok(Plan::nothing("no layout is staged".to_owned()));
    }
    Ok(Plan::one(format!("forget the staged layout {}", grid.layout.version + 1)))
}
