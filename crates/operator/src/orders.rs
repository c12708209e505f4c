//! Orders of an operator, and whether they are safe now. Pure: the picture of the grid goes in, the
//! steps or a refusal come out. What is refused here is refused kindly, with the command that would
//! make it safe; the meta group checks again whatever data depends on.

mod nodes;
mod shards;

use grid_node::{NodeId, ShardId};
use serde::{Deserialize, Serialize};

use crate::model::{NodeView, Overview, ShardView, Stage};

/// What an operator wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Lets a spare or drained node take replicas.
    NodeAdd {
        /// Which.
        node: NodeId,
    },
    /// Moves everything off a node.
    NodeDrain {
        /// Which.
        node: NodeId,
    },
    /// Takes an empty node out of the registry for ever.
    NodeRemove {
        /// Which.
        node: NodeId,
    },
    /// Declares a dead node lost and replaces its replicas.
    NodeRecover {
        /// Which.
        node: NodeId,
    },
    /// Moves one replica.
    ShardMove {
        /// Of this shard.
        shard: ShardId,
        /// Away from this node.
        from: NodeId,
        /// To this node.
        to: NodeId,
    },
    /// Gives leadership to another replica.
    ShardTransfer {
        /// Of this shard.
        shard: ShardId,
        /// To this node.
        to: NodeId,
    },
    /// Prefers a leader from now on, or leaves the choice to the balancer again.
    ShardPin {
        /// Of this shard.
        shard: ShardId,
        /// The preferred leader; the balancer chooses without one.
        leader: Option<NodeId>,
    },
    /// Writes a snapshot and trims the log.
    ShardSnapshot {
        /// Of this shard, on all its replicas.
        shard: ShardId,
    },
    /// Pins a new event to a shard.
    EventPin {
        /// The event's id.
        event: String,
        /// The shard; the least loaded without one.
        shard: Option<ShardId>,
    },
    /// Moves an event that holds nothing yet to another shard.
    EventMove {
        /// The event's id.
        event: String,
        /// Its shard from now on.
        shard: ShardId,
    },
    /// Computes a new placement and keeps it beside the one in force.
    LayoutStage,
    /// Puts the staged placement in force.
    LayoutApply {
        /// Its number, so that nobody applies what he has not seen.
        version: u64,
    },
    /// Forgets the staged placement.
    LayoutRevert,
    /// Lets leaders be moved by load, or not.
    BalancerSet {
        /// Whether.
        on: bool,
    },
    /// Lets the balancer rest for a while.
    BalancerPause {
        /// For how long, in seconds, up to a day.
        seconds: u32,
    },
    /// Lets the balancer look now.
    BalancerRun,
    /// Halts an operation after its present step.
    OperationPause {
        /// Its number.
        id: u64,
    },
    /// Lets it go on.
    OperationResume {
        /// Its number.
        id: u64,
    },
    /// Ends it where it can end.
    OperationCancel {
        /// Its number.
        id: u64,
    },
    /// Raises the version of the rules in all shards.
    UpgradeActivate {
        /// To this one.
        version: u32,
    },
}

/// Longest pause of the balancer, in seconds: a pause that is forgotten ends by itself.
const PAUSE_S_MAX: u32 = 86_400;

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps, one sentence each.
    pub steps: Vec<String>,
    /// Whether there is anything to do: an order that is carried out already is no mistake.
    pub needed: bool,
}

impl Plan {
    fn of(steps: Vec<String>) -> Self {
        Self { steps, needed: true }
    }

    fn one(step: String) -> Self {
        Self::of(vec![step])
    }

    fn nothing(why: String) -> Self {
        Self { steps: vec![why], needed: false }
    }
}

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0}")]
    Missing(String),
    /// It cannot be meant so.
    #[error("{0}")]
    Senseless(String),
    /// It would cost availability or data now.
    #[error("{reason}; {remedy}")]
    Unsafe {
        /// What would be lost.
        reason: String,
        /// What makes it safe.
        remedy: String,
    },
}

fn unsafe_now<T>(reason: String, remedy: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unsafe { reason, remedy: remedy.into() })
}

fn senseless<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Senseless(what.into()))
}

/// Checks an order against the picture of the grid.
///
/// # Errors
/// [`Refusal`], with what to do instead.
pub fn plan(order: &Order, grid: &Overview) -> Result<Plan, Refusal> {
    match order {
        Order::NodeAdd { node } => nodes::add(grid, *node),
        Order::NodeDrain { node } => nodes::drain(grid, *node),
        Order::NodeRemove { node } => nodes::remove(grid, *node),
        Order::NodeRecover { node } => nodes::recover(grid, *node),
        Order::ShardMove { shard, from, to } => shards::relocate(grid, *shard, *from, *to),
        Order::ShardTransfer { shard, to } => shards::transfer(grid, *shard, *to),
        Order::ShardPin { shard, leader } => shards::pin(grid, *shard, *leader),
        Order::ShardSnapshot { shard } => shards::snapshot(grid, *shard),
        Order::EventPin { event, shard } => event_pin(grid, event, *shard),
        Order::EventMove { event, shard } => {
            data_shard(grid, *shard)?;
            Ok(Plan::one(format!("move event {event}, which must be empty, to shard {shard}")))
        }
        Order::LayoutStage => Ok(Plan::one("stage a placement for the present nodes".to_owned())),
        Order::LayoutApply { version } => layout_apply(grid, *version),
        Order::LayoutRevert => layout_revert(grid),
        Order::BalancerSet { on } => Ok(balancer_set(grid, *on)),
        Order::BalancerPause { seconds } => balancer_pause(*seconds),
        Order::BalancerRun => Ok(Plan::one("let the balancer look at the leaders now".to_owned())),
        Order::OperationPause { id } => operation(grid, *id, "halt", "after its present step"),
        Order::OperationResume { id } => operation(grid, *id, "go on with", "where it halted"),
        Order::OperationCancel { id } => operation(grid, *id, "end", "where it can end"),
        Order::UpgradeActivate { version } => activate(grid, *version),
    }
}

fn node(grid: &Overview, id: NodeId) -> Result<&NodeView, Refusal> {
    let found = grid.nodes.iter().find(|node| node.node == id && node.state != Stage::Removed);
    found.ok_or_else(|| {
        Refusal::Missing(format!("there is no node {id}; seatgrid ctl node list shows all"))
    })
}

fn shard(grid: &Overview, id: ShardId) -> Result<&ShardView, Refusal> {
    grid.shards.iter().find(|shard| shard.shard == id).ok_or_else(|| {
        Refusal::Missing(format!("there is no shard {id}; seatgrid ctl shard list shows all"))
    })
}

fn data_shard(grid: &Overview, id: ShardId) -> Result<&ShardView, Refusal> {
    if id == 0 {
        return senseless("shard 0 is the meta group and holds no events");
    }
    shard(grid, id)
}

fn event_pin(grid: &Overview, event: &str, shard: Option<ShardId>) -> Result<Plan, Refusal> {
    match shard {
        None => Ok(Plan::one(format!("pin event {event} to the least loaded shard"))),
        Some(shard) => {
            data_shard(grid, shard)?;
            Ok(Plan::one(format!("pin event {event} to shard {shard}")))
        }
    }
}

fn layout_apply(grid: &Overview, version: u64) -> Result<Plan, Refusal> {
    let layout = &grid.layout;
    match layout.staged_version {
        None if layout.version == version => {
            Ok(Plan::nothing(format!("layout {version} is in force already")))
        }
        None => Err(Refusal::Missing(
            "no layout is staged; seatgrid ctl layout stage makes one".to_owned(),
        )),
        Some(staged) if staged != version => unsafe_now(
            format!("layout {staged} is staged, not {version}"),
            "read it with seatgrid ctl layout show and give its number",
        ),
        Some(_) => Ok(Plan::of(layout.staged.clone())),
    }
}

fn layout_revert(grid: &Overview) -> Result<Plan, Refusal> {
    match grid.layout.staged_version {
        None => Ok(Plan::nothing("no layout is staged".to_owned())),
        Some(version) => Ok(Plan::one(format!("forget the staged layout {version}"))),
    }
}

fn balancer_set(grid: &Overview, on: bool) -> Plan {
    let state = if on { "on" } else { "off" };
    if grid.balancer.on == on && grid.balancer.paused_until_ms == 0 {
        return Plan::nothing(format!("the balancer is {state} already"));
    }
    Plan::one(format!("switch the balancer {state}"))
}

fn balancer_pause(seconds: u32) -> Result<Plan, Refusal> {
    if !(1..=PAUSE_S_MAX).contains(&seconds) {
        return senseless(format!("a pause lasts 1 to {PAUSE_S_MAX} seconds"));
    }
    Ok(Plan::one(format!("let the balancer rest for {seconds} s")))
}

fn operation(grid: &Overview, id: u64, verb: &str, how: &str) -> Result<Plan, Refusal> {
    let known = grid.operations.iter().find(|operation| operation.id == id);
    let Some(known) = known else {
        let help = "seatgrid ctl operation list shows all";
        return Err(Refusal::Missing(format!("there is no operation {id}; {help}")));
    };
    if known.state.is_over() {
        return Ok(Plan::nothing(format!("operation {id} is over: {}", known.state.name())));
    }
    Ok(Plan::one(format!("{verb} operation {id} ({}) {how}", known.what)))
}

fn activate(grid: &Overview, version: u32) -> Result<Plan, Refusal> {
    if version == grid.active_version {
        return Ok(Plan::nothing(format!("version {version} is active already")));
    }
    if version < grid.active_version {
        let active = grid.active_version;
        return senseless(format!("version {active} is active; a version never goes back"));
    }
    let members = grid.nodes.iter().filter(|node| node.state != Stage::Removed);
    let old: Vec<String> = members
        .filter(|node| !(node.versions.0..=node.versions.1).contains(&version))
        .map(|node| node.node.to_string())
        .collect();
    if !old.is_empty() {
        return unsafe_now(
            format!("node {} cannot apply version {version}", old.join(", ")),
            "start every node with a release that knows it, then repeat",
        );
    }
    let shards = grid.shards.len();
    Ok(Plan::of(vec![
        format!("commit a barrier for version {version} in each of {shards} shards"),
        format!("record version {version} as the active one; older releases cannot start any more"),
    ]))
}

#[cfg(test)]
mod tests;
