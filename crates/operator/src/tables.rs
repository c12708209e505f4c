//! The meta group's state as the picture needs it, and orders as the meta group takes them. The one
//! place that knows both vocabularies.

use grid_node::meta::{
    LayoutChange, MetaCommand, MetaRefusal, MovePhase, NodeRecord, NodeState, Operation,
    OperationKind, OperationState, ReplicaMove, ShardRecord, Switches,
};
use grid_node::{MetaState, ShardId, planner};

use crate::model::{BalancerView, LayoutView, MoveView, OperationView, Overview, Progress, Stage};
use crate::orders::{Change, Order, Refusal, usable};
use crate::picture::{NodeRow, ShardRow, Table};

impl From<&MetaState> for Table {
    fn from(state: &MetaState) -> Self {
        let layout = state.layout();
        let staged = layout.staged.iter().map(|change| Change::from(change).sentence());
        let switches = state.switches();
        Self {
            revision: state.revision(),
            active_version: state.version(),
            nodes: state.nodes().iter().map(|(id, record)| (*id, record.into())).collect(),
            shards: state.shards().iter().map(|(id, record)| (*id, record.into())).collect(),
            operations: state.operations().values().map(OperationView::from).collect(),
            balancer: BalancerView { on: switches.balancer, moves_paused: switches.moves_paused },
            layout: LayoutView {
                version: layout.version,
                replicas_wanted: u32::try_from(state.replicas_wanted()).unwrap_or(u32::MAX),
                staged: staged.collect(),
            },
        }
    }
}

impl From<&NodeRecord> for NodeRow {
    fn from(record: &NodeRecord) -> Self {
        Self {
            state: record.state.into(),
            client: record.addresses.client,
            admin: record.addresses.admin,
            zone: record.zone.clone(),
            versions: record.versions,
            replaces: record.replaces,
        }
    }
}

impl From<NodeState> for Stage {
    fn from(state: NodeState) -> Self {
        match state {
            NodeState::Spare => Self::Spare,
            NodeState::Active => Self::Active,
            NodeState::Draining => Self::Draining,
            NodeState::Drained => Self::Drained,
            NodeState::Lost => Self::Lost,
            NodeState::Removed => Self::Removed,
        }
    }
}

impl From<&ShardRecord> for ShardRow {
    fn from(record: &ShardRecord) -> Self {
        Self {
            epoch: record.epoch,
            replicas: record.replicas.clone(),
            moving: record.moving.map(MoveView::from),
        }
    }
}

impl From<ReplicaMove> for MoveView {
    fn from(moving: ReplicaMove) -> Self {
        let phase = match moving.phase {
            _ if moving.aborted => "undoing",
            MovePhase::Planned => "planned",
            MovePhase::Learning => "learning",
            MovePhase::CaughtUp => "caught_up",
            MovePhase::Voting => "voting",
            MovePhase::LeaderMoved => "leader_moved",
            MovePhase::Shrunk => "shrunk",
        };
        Self { add: moving.add, remove: moving.remove, phase: phase.to_owned() }
    }
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        let (state, note) = match &operation.state {
            OperationState::Running => (Progress::Running, &operation.note),
            // What it waited for when it last went on says nothing any more.
            OperationState::Paused => (Progress::Paused, &String::new()),
            OperationState::Done => (Progress::Done, &String::new()),
            OperationState::Canceled => (Progress::Canceled, &String::new()),
            OperationState::Failed(why) => (Progress::Failed, why),
        };
        Self {
            id: operation.id,
            what: sentence(&operation.kind),
            state,
            moves_done: operation.moves_done,
            moves_total: operation.moves_total,
            note: note.clone(),
            began_ms: operation.begun_at_ms,
        }
    }
}

/// One change of replicas, as a plan has it.
pub(crate) fn move_sentence(change: &planner::Change) -> String {
    let planner::Change { shard, add, remove } = *change;
    sentence(&OperationKind::MoveReplica { shard, add, remove })
}

/// What an operation does.
fn sentence(kind: &OperationKind) -> String {
    match kind {
        OperationKind::AddNode { node } => format!("add node {node}"),
        OperationKind::DrainNode { node, .. } => format!("drain node {node}"),
        OperationKind::RemoveNode { node } => format!("remove node {node}"),
        OperationKind::RecoverNode { node } => format!("recover node {node}"),
        OperationKind::MoveReplica { shard, add, remove } => match (remove, add) {
            (Some(from), Some(to)) => format!("move shard {shard} from node {from} to node {to}"),
            (None, Some(to)) => format!("add a replica of shard {shard} on node {to}"),
            (Some(from), None) => format!("take the replica of shard {shard} off node {from}"),
            (None, None) => format!("check the replicas of shard {shard}"),
        },
        OperationKind::TransferLeader { shard, to } => format!("let node {to} lead shard {shard}"),
        OperationKind::Rebalance => "spread replicas and leaders".to_owned(),
        OperationKind::ApplyLayout { version } => format!("apply layout {version}"),
        OperationKind::Activate { version } => format!("activate version {version}"),
        OperationKind::FoundShard { shard, .. } => format!("found shard {shard} anew"),
    }
}

impl From<&LayoutChange> for Change {
    fn from(change: &LayoutChange) -> Self {
        match change {
            LayoutChange::Add { node } => Self::Add { node: *node },
            LayoutChange::Drain { node } => Self::Drain { node: *node },
            LayoutChange::Zone { node, zone } => Self::Zone { node: *node, zone: zone.clone() },
            LayoutChange::Replicas { count } => Self::Replicas { count: *count },
        }
    }
}

impl From<&Change> for LayoutChange {
    fn from(change: &Change) -> Self {
        match change {
            Change::Add { node } => Self::Add { node: *node },
            Change::Drain { node } => Self::Drain { node: *node },
            Change::Zone { node, zone } => Self::Zone { node: *node, zone: zone.clone() },
            Change::Replicas { count } => Self::Replicas { count: *count },
        }
    }
}

/// A refusal of the meta group in the operator's words.
impl From<MetaRefusal> for Refusal {
    fn from(refusal: MetaRefusal) -> Self {
        match refusal {
            MetaRefusal::NotFound(_) | MetaRefusal::Gone { .. } => {
                Self::Missing(refusal.to_string())
            }
            MetaRefusal::Invalid(what) => Self::Senseless(what),
            MetaRefusal::WrongLog { .. } => Self::Conflict(refusal.to_string()),
            MetaRefusal::Unsafe(what) | MetaRefusal::Conflict(what) => Self::Conflict(what),
        }
    }
}

/// The command of the meta group that carries an order out; `None` for orders that go to nodes.
pub(crate) fn command(order: &Order, state: &MetaState, grid: &Overview) -> Option<MetaCommand> {
    let begin = |kind| Some(MetaCommand::Begin { kind });
    let steer = |id, to| Some(MetaCommand::Steer { operation: id, to });
    let switch = |switches| Some(MetaCommand::Switch { switches });
    let switches = state.switches();
    match *order {
        Order::NodeAdd { node } => begin(OperationKind::AddNode { node }),
        Order::NodeDrain { node, fewer_replicas } => {
            begin(OperationKind::DrainNode { node, fewer_replicas })
        }
        Order::NodeRemove { node } => begin(OperationKind::RemoveNode { node }),
        Order::NodeRecover { node } => begin(OperationKind::RecoverNode { node }),
        Order::ShardMove { shard, from, to } => {
            begin(OperationKind::MoveReplica { shard, add: to, remove: from })
        }
        Order::ShardTransfer { shard, to } => begin(OperationKind::TransferLeader { shard, to }),
        Order::ShardPin { shard, leader } => Some(MetaCommand::Prefer { shard, node: leader }),
        Order::ShardFound { shard, .. } => begin(founding(state, grid, shard)),
        Order::ShardSnapshot { .. }
        | Order::EventQuiesce { .. }
        | Order::EventResume { .. }
        | Order::EventMove { .. } => None,
        Order::EventPin { ref event, shard } => Some(pin(event, shard, state)),
        Order::LayoutStage { ref change } => Some(MetaCommand::Stage { change: change.into() }),
        Order::LayoutApply { version } => Some(MetaCommand::ApplyLayout { version }),
        Order::LayoutRevert => Some(MetaCommand::RevertLayout),
        Order::BalancerSet { on } => switch(Switches { balancer: on, ..switches }),
        Order::MovesPause { paused } => switch(Switches { moves_paused: paused, ..switches }),
        Order::Rebalance => begin(OperationKind::Rebalance),
        Order::OperationPause { id } => steer(id, OperationState::Paused),
        Order::OperationResume { id } => steer(id, OperationState::Running),
        Order::OperationCancel { id } => steer(id, OperationState::Canceled),
        Order::UpgradeActivate { version } => begin(OperationKind::Activate { version }),
    }
}

/// On nodes that answer: the tables do not know which do.
fn founding(state: &MetaState, grid: &Overview, shard: ShardId) -> OperationKind {
    let record = state.shards().get(&shard);
    let added = record.and_then(|record| record.moving).and_then(|moving| moving.add);
    let voters = record.into_iter().flat_map(|record| record.replicas.iter().copied());
    let replicas = planner::founders(state, shard, &usable(grid).collect());
    OperationKind::FoundShard { shard, lost: voters.chain(added).collect(), replicas }
}

fn pin(event: &str, shard: Option<u32>, state: &MetaState) -> MetaCommand {
    let key = event.to_owned();
    match shard {
        Some(shard) => MetaCommand::PinTo { key, shard, moved: false },
        None => {
            let data = state.shards().keys().filter(|shard| **shard > 0).count();
            MetaCommand::Pin { key, shards: u32::try_from(data).unwrap_or(u32::MAX) }
        }
    }
}
