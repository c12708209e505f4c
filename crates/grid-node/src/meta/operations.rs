//! Operators' goals: begun, steered, reported on. Checks whether a goal is safe happen here, before
//! anything is begun; how it is reached is the planner's and the controller's work.

use std::collections::BTreeSet;

use super::{
    MetaRefusal, MetaReply, MetaState, NodeState, Operation, OperationKind, OperationState, Outcome,
};
use crate::{NodeId, ShardId};

/// Operations that are not over, at a time.
const RUNNING_MAX: usize = 64;
/// Operations that are over and still shown.
const OVER_MAX: usize = 64;
/// Longest note, in bytes.
const NOTE_BYTES_MAX: usize = 512;

impl MetaState {
    /// Whether an operation could be begun now.
    ///
    /// # Errors
    /// [`MetaRefusal`] saying what is in the way and what to do first.
    pub fn check_operation(&self, kind: &OperationKind) -> Result<(), MetaRefusal> {
        match kind {
            OperationKind::AddNode { node } => self.check_add(*node),
            OperationKind::DrainNode { node, fewer_replicas } => {
                self.check_drain(*node, *fewer_replicas)
            }
            OperationKind::RemoveNode { node } => self.check_remove(*node),
            OperationKind::RecoverNode { node } => self.check_recover(*node),
            OperationKind::MoveReplica { shard, add, remove } => {
                self.check_move(*shard, (*add, *remove))
            }
            OperationKind::TransferLeader { shard, to } => self.check_leader(*shard, *to),
            OperationKind::Rebalance | OperationKind::ApplyLayout { .. } => Ok(()),
            OperationKind::Activate { version } => self.check_activate(*version),
            OperationKind::FoundShard { shard, lost, replicas } => {
                self.check_founding(*shard, (lost, replicas))
            }
        }
    }

    pub(super) fn begin(&mut self, kind: OperationKind, at_ms: u64) -> Outcome {
        // A shard is founded anew by the same nodes at most once.
        let same =
            |known: &&Operation| known.kind == kind && (!known.state.is_over() || kind.is_kept());
        if let Some(known) = self.operations.values().find(same) {
            return Ok(MetaReply::Begun(known.id));
        }
        self.check_operation(&kind)?;
        let reply = self.open_operation(kind.clone(), at_ms)?;
        match kind {
            OperationKind::AddNode { node } => self.set_node_state(node, NodeState::Active),
            OperationKind::DrainNode { node, .. } => {
                self.set_node_state(node, NodeState::Draining);
            }
            OperationKind::RemoveNode { node } => self.set_node_state(node, NodeState::Removed),
            OperationKind::RecoverNode { node } => {
                self.set_node_state(node, NodeState::Lost);
                self.abort_moves_to(node);
            }
            OperationKind::TransferLeader { shard, to } => {
                self.prefer(shard, to)?;
            }
            OperationKind::Activate { version } => self.version = version,
            OperationKind::FoundShard { shard, replicas, .. } => self.found_anew(shard, replicas),
            OperationKind::MoveReplica { .. }
            | OperationKind::Rebalance
            | OperationKind::ApplyLayout { .. } => {}
        }
        Ok(reply)
    }

    /// Writes an operation down without looking at what it wants.
    pub(super) fn open_operation(&mut self, kind: OperationKind, at_ms: u64) -> Outcome {
        let running = self.running().count();
        if running >= RUNNING_MAX {
            return Err(MetaRefusal::Conflict(format!("{RUNNING_MAX} operations are running")));
        }
        let id = self.next_operation;
        self.next_operation += 1;
        let operation = Operation {
            id,
            kind,
            state: OperationState::Running,
            note: String::new(),
            moves_done: 0,
            moves_total: 0,
            begun_at_ms: at_ms,
            changed_at_ms: at_ms,
        };
        self.operations.insert(id, operation);
        self.forget_oldest();
        self.touch();
        Ok(MetaReply::Begun(id))
    }

    pub(super) fn steer(&mut self, id: u64, to: OperationState, at_ms: u64) -> Outcome {
        let operation = self.operation_mut(id)?;
        if operation.state == to {
            return Ok(MetaReply::Done);
        }
        if operation.state.is_over() {
            return Err(MetaRefusal::Conflict(format!("operation {id} is over")));
        }
        let canceled = match to {
            OperationState::Running | OperationState::Paused => None,
            OperationState::Canceled => Some(operation.kind.clone()),
            OperationState::Done | OperationState::Failed(_) => {
                return Err(MetaRefusal::Invalid("an operator pauses, resumes or cancels".into()));
            }
        };
        operation.state = to;
        operation.changed_at_ms = at_ms;
        self.touch();
        if let Some(kind) = canceled {
            self.abort_moves(id);
            self.undo(&kind);
        }
        Ok(MetaReply::Done)
    }

    /// What canceling takes back at once: a draining node stays in service.
    fn undo(&mut self, kind: &OperationKind) {
        let layout = |other: &Operation| matches!(other.kind, OperationKind::ApplyLayout { .. });
        if self.running().any(layout) {
            // It may want the node empty, too; its own end settles that.
            return;
        }
        for node in self.drained_by(kind) {
            self.set_node_state(node, NodeState::Active);
        }
    }

    fn running(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values().filter(|operation| !operation.state.is_over())
    }

    /// The draining nodes whose drain ends with an operation of this kind.
    fn drained_by(&self, kind: &OperationKind) -> Vec<NodeId> {
        let drain = |of: &OperationKind, node: NodeId| match of {
            OperationKind::DrainNode { node: drained, .. } => *drained == node,
            _ => false,
        };
        // A layout drains those that no operation of their own drains.
        let ends = |node: NodeId| match kind {
            OperationKind::ApplyLayout { .. } => !self.running().any(|o| drain(&o.kind, node)),
            _ => drain(kind, node),
        };
        let draining = self.nodes.values().filter(|n| n.state == NodeState::Draining);
        draining.map(|node| node.id).filter(|node| ends(*node)).collect()
    }

    /// Replicas of which an operation of this kind has yet to empty nodes: it is not done before,
    /// whichever operation moves them.
    pub(crate) fn left_to_drain(&self, kind: &OperationKind) -> Vec<ShardId> {
        let left: BTreeSet<ShardId> =
            self.drained_by(kind).into_iter().flat_map(|node| self.shards_of(node)).collect();
        left.into_iter().collect()
    }

    pub(super) fn report(
        &mut self,
        id: u64,
        (state, mut note, moves_total): (OperationState, String, u32),
        at_ms: u64,
    ) -> Outcome {
        let kind = self.operation_mut(id)?.kind.clone();
        let unfinished = !self.left_to_drain(&kind).is_empty();
        let operation = self.operation_mut(id)?;
        if operation.state.is_over() {
            return Ok(MetaReply::Done);
        }
        truncate(&mut note, NOTE_BYTES_MAX);
        // Pausing is the operator's; the controller only ends an operation.
        let ends = state.is_over() && (state != OperationState::Done || !unfinished);
        let state = if ends { state } else { operation.state.clone() };
        let same = operation.state == state
            && operation.note == note
            && operation.moves_total == moves_total;
        if same {
            return Ok(MetaReply::Done);
        }
        operation.note = note;
        operation.moves_total = moves_total;
        operation.changed_at_ms = at_ms;
        operation.state = state.clone();
        self.touch();
        if state == OperationState::Done {
            for node in self.drained_by(&kind) {
                self.set_node_state(node, NodeState::Drained);
            }
        }
        Ok(MetaReply::Done)
    }

    fn operation_mut(&mut self, id: u64) -> Result<&mut Operation, MetaRefusal> {
        let missing = || MetaRefusal::NotFound(format!("operation {id}"));
        self.operations.get_mut(&id).ok_or_else(missing)
    }

    /// Bounds the table: the oldest that are over go first.
    fn forget_oldest(&mut self) {
        let over = self.operations.values().filter(|o| o.state.is_over() && !o.kind.is_kept());
        let over = over.map(|o| o.id);
        let over: Vec<u64> = over.collect();
        for id in over.iter().take(over.len().saturating_sub(OVER_MAX)) {
            self.operations.remove(id);
        }
    }

    pub(super) fn check_add(&self, node: NodeId) -> Result<(), MetaRefusal> {
        match self.node_of(node)?.state {
            NodeState::Spare | NodeState::Active | NodeState::Drained => Ok(()),
            NodeState::Draining => {
                let reason = format!("node {node} is being drained: cancel that operation first");
                Err(MetaRefusal::Conflict(reason))
            }
            NodeState::Lost | NodeState::Removed => Err(MetaRefusal::Gone { node }),
        }
    }

    fn check_drain(&self, node: NodeId, fewer: bool) -> Result<(), MetaRefusal> {
        let record = self.node_of(node)?;
        if !record.state.is_member() {
            return Err(MetaRefusal::Gone { node });
        }
        let mut after = self.clone();
        after.set_node_state(node, NodeState::Draining);
        self.check_room(&after, fewer)
    }

    fn check_remove(&self, node: NodeId) -> Result<(), MetaRefusal> {
        match self.node_of(node)?.state {
            NodeState::Active | NodeState::Draining | NodeState::Lost
                if !self.shards_of(node).is_empty() =>
            {
                let reason = format!(
                    "node {node} still holds replicas: `seatgrid ctl node drain {node}` first"
                );
                Err(MetaRefusal::Unsafe(reason))
            }
            NodeState::Active if self.active_nodes().len() == 1 => {
                Err(MetaRefusal::Unsafe("it is the last active node".into()))
            }
            _ => Ok(()),
        }
    }

    fn check_recover(&self, node: NodeId) -> Result<(), MetaRefusal> {
        let record = self.node_of(node)?;
        if record.state == NodeState::Removed {
            return Err(MetaRefusal::Gone { node });
        }
        let last: Vec<ShardId> = self
            .shards
            .iter()
            .filter(|(_, shard)| self.quorum_without(shard, node).is_none())
            .map(|(id, _)| *id)
            .collect();
        if last.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "without node {node} shards {last:?} have no quorum: bring other replicas back first, \
             or recover them from the database"
        );
        Err(MetaRefusal::Unsafe(reason))
    }

    /// Replicas that are left without a node and with it lost, if they are a quorum.
    fn quorum_without(&self, shard: &super::ShardRecord, node: NodeId) -> Option<usize> {
        let alive = |id: &&NodeId| {
            **id != node && self.nodes.get(id).is_some_and(|n| n.state != NodeState::Lost)
        };
        let left = shard.replicas.iter().filter(alive).count();
        (left > shard.replicas.len() / 2 || !shard.replicas.contains(&node)).then_some(left)
    }

    fn check_leader(&self, shard: ShardId, to: NodeId) -> Result<(), MetaRefusal> {
        let missing = || MetaRefusal::NotFound(format!("shard {shard}"));
        let record = self.shards.get(&shard).ok_or_else(missing)?;
        if !record.replicas.contains(&to) {
            let reason = format!("node {to} has no voting replica of shard {shard}");
            return Err(MetaRefusal::Invalid(reason));
        }
        match self.node_of(to)?.state {
            NodeState::Active => Ok(()),
            _ => Err(MetaRefusal::Unsafe(format!("node {to} is not active"))),
        }
    }

    fn check_activate(&self, version: u32) -> Result<(), MetaRefusal> {
        if version < self.version {
            let reason = format!("the grid goes by version {} and never back", self.version);
            return Err(MetaRefusal::Invalid(reason));
        }
        let cannot = |n: &&super::NodeRecord| {
            n.state.is_member() && !(n.versions.0..=n.versions.1).contains(&version)
        };
        let behind: Vec<NodeId> = self.nodes.values().filter(cannot).map(|n| n.id).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let reason = format!("nodes {behind:?} cannot read version {version}: upgrade them first");
        Err(MetaRefusal::Unsafe(reason))
    }
}

/// Cuts a text at a character boundary.
fn truncate(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let mut end = bytes_max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}
