//! Orders of an operator, and whether they are safe now. Pure: the picture of the grid goes in, the
//! steps or a refusal come out. What is refused here is refused kindly, with the command that would
//! make it safe; the meta group checks again whatever data depends on.

mod founding;
mod layout;
mod nodes;
mod shards;

use grid_node::{NodeId, ShardId};
use serde::{Deserialize, Serialize};

pub(crate) use founding::usable;
pub use layout::Change;

use crate::model::{NodeView, Overview, ShardView, Stage};

/// What an operator wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
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
        /// Accepts fewer replicas where no other node can take one.
        #[serde(default)]
        fewer_replicas: bool,
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
    /// Moves one replica, adds one, or takes one away.
    ShardMove {
        /// Of this shard.
        shard: ShardId,
        /// Away from this node.
        from: Option<NodeId>,
        /// To this node.
        to: Option<NodeId>,
    },
    /// Gives leadership to another replica.
    ShardTransfer {
        /// Of this shard.
        shard: ShardId,
        /// To this node.
        to: NodeId,
    },
    /// Prefers a leader from now on.
    ShardPin {
        /// Of this shard.
        shard: ShardId,
        /// The preferred leader.
        leader: NodeId,
    },
    /// Founds a data shard anew and empty, on other nodes, whose replicas are lost.
    ShardFound {
        /// The shard.
        shard: ShardId,
        /// Accepts that replicas which still live, too few to elect a leader, are given up.
        #[serde(default)]
        abandon: bool,
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
    /// Grants no new holds of an event; what is held may still be paid.
    EventQuiesce {
        /// The event's id.
        event: String,
    },
    /// Grants holds of it again.
    EventResume {
        /// The event's id.
        event: String,
    },
    /// Lets an event whose sale is not made yet live in another shard.
    EventMove {
        /// The event's id.
        event: String,
        /// The shard.
        shard: ShardId,
    },
    /// Adds a change to the staged layout.
    LayoutStage {
        /// The change.
        change: Change,
    },
    /// Puts the staged layout in force.
    LayoutApply {
        /// Its number, so that nobody applies what he has not seen.
        version: u64,
    },
    /// Forgets the staged layout.
    LayoutRevert,
    /// Lets leaders be moved by load, or not.
    BalancerSet {
        /// Whether.
        on: bool,
    },
    /// Holds back new changes of replicas, or lets them begin again.
    MovesPause {
        /// Whether they are held back.
        paused: bool,
    },
    /// Spreads replicas and leaders evenly now.
    Rebalance,
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

impl Order {
    /// Whether it is carried out with the application's help.
    #[must_use]
    pub fn is_about_an_event(&self) -> bool {
        matches!(
            self,
            Self::EventQuiesce { .. } | Self::EventResume { .. } | Self::EventMove { .. }
        )
    }
}

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
    /// The meta group would not do it now; says why and what to do first.
    #[error("{0}")]
    Conflict(String),
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
        Order::NodeDrain { node, fewer_replicas } => nodes::drain(grid, *node, *fewer_replicas),
        Order::NodeRemove { node } => nodes::remove(grid, *node),
        Order::NodeRecover { node } => nodes::recover(grid, *node),
        Order::ShardMove { shard, from, to } => shards::change(grid, *shard, (*from, *to)),
        Order::ShardTransfer { shard, to } => shards::transfer(grid, *shard, *to),
        Order::ShardPin { shard, leader } => shards::pin(grid, *shard, *leader),
        Order::ShardFound { shard, abandon } => founding::plan(grid, *shard, *abandon),
        Order::ShardSnapshot { shard } => shards::snapshot(grid, *shard),
        Order::EventPin { event, shard } => event_pin(grid, event, *shard),
        Order::EventQuiesce { event } => {
            Ok(Plan::one(format!("grant no new holds of event {event}")))
        }
        Order::EventResume { event } => {
            Ok(Plan::one(format!("grant holds of event {event} again")))
        }
        Order::EventMove { event, shard } => {
            data_shard(grid, *shard)?;
            Ok(Plan::one(format!("let event {event} live in shard {shard}")))
        }
        Order::LayoutStage { change } => layout::stage(grid, change),
        Order::LayoutApply { version } => layout::apply(grid, *version),
        Order::LayoutRevert => layout::revert(grid),
        Order::BalancerSet { on } => Ok(balancer_set(grid, *on)),
        Order::MovesPause { paused } => Ok(moves_pause(grid, *paused)),
        Order::Rebalance => {
            Ok(Plan::one("spread replicas and leaders evenly over the active nodes".to_owned()))
        }
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

fn balancer_set(grid: &Overview, on: bool) -> Plan {
    let state = if on { "on" } else { "off" };
    if grid.balancer.on == on {
        return Plan::nothing(format!("the balancer is {state} already"));
    }
    Plan::one(format!("switch the balancer {state}"))
}

fn moves_pause(grid: &Overview, paused: bool) -> Plan {
    if grid.balancer.moves_paused == paused {
        let state = if paused { "paused" } else { "allowed" };
        return Plan::nothing(format!("changes of replicas are {state} already"));
    }
    Plan::one(if paused {
        "begin no new change of replicas; those under way are finished".to_owned()
    } else {
        "let changes of replicas begin again".to_owned()
    })
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
