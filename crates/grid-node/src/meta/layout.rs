//! The staged layout: changes gathered, looked at, then applied together under the version that was
//! looked at, so that two operators cannot apply each other's half.

use super::nodes::check_zone;
use super::{LayoutChange, MetaRefusal, MetaReply, MetaState, NodeState, OperationKind, Outcome};

/// Changes that may wait to be applied.
const STAGED_MAX: usize = 256;

impl MetaState {
    pub(super) fn stage(&mut self, change: LayoutChange) -> Outcome {
        self.check_change(&change)?;
        if self.layout.staged.contains(&change) {
            return Ok(MetaReply::Done);
        }
        if self.layout.staged.len() >= STAGED_MAX {
            return Err(MetaRefusal::Conflict(format!("{STAGED_MAX} changes are staged already")));
        }
        self.layout.staged.push(change);
        self.touch();
        Ok(MetaReply::Done)
    }

    fn check_change(&self, change: &LayoutChange) -> Result<(), MetaRefusal> {
        match change {
            LayoutChange::Add { node } => self.check_add(*node),
            LayoutChange::Drain { node } => match self.node_of(*node)?.state {
                NodeState::Active | NodeState::Draining => Ok(()),
                _ => Err(MetaRefusal::Invalid(format!("node {node} is not active"))),
            },
            LayoutChange::Zone { node, zone } => {
                self.node_of(*node)?;
                check_zone(zone)
            }
            LayoutChange::Replicas { count } => match count {
                1 | 3 | 5 => Ok(()),
                _ => Err(MetaRefusal::Invalid("a shard has 1, 3 or 5 replicas".into())),
            },
        }
    }

    pub(super) fn apply_layout(&mut self, version: u64, at_ms: u64) -> Outcome {
        if version == self.layout.version && self.layout.staged.is_empty() {
            // Asked again after an answer was lost.
            let kind = OperationKind::ApplyLayout { version };
            let known = self.operations.values().find(|operation| operation.kind == kind);
            if let Some(operation) = known {
                return Ok(MetaReply::Begun(operation.id));
            }
        }
        if version != self.layout.version + 1 {
            let reason = format!(
                "the next layout has version {}: look at it again with `seatgrid ctl layout show`",
                self.layout.version + 1
            );
            return Err(MetaRefusal::Conflict(reason));
        }
        let mut after = self.with_staged();
        self.check_room(&after, false)?;
        after.layout.version = version;
        after.layout.staged.clear();
        let reply = after.open_operation(OperationKind::ApplyLayout { version }, at_ms)?;
        *self = after;
        Ok(reply)
    }

    /// The state as it were with the staged layout applied; for previews.
    #[must_use]
    pub fn with_staged(&self) -> Self {
        let mut after = self.clone();
        for change in &self.layout.staged {
            if self.check_change(change).is_err() {
                // The node was given up since: its id never comes back.
                continue;
            }
            match change {
                LayoutChange::Add { node } => after.set_node_state(*node, NodeState::Active),
                LayoutChange::Drain { node } => after.set_node_state(*node, NodeState::Draining),
                LayoutChange::Zone { node, zone } => {
                    if let Some(record) = after.nodes.get_mut(node) {
                        record.zone.clone_from(zone);
                    }
                }
                LayoutChange::Replicas { count } => after.replicas = *count,
            }
        }
        after
    }

    pub(super) fn revert_layout(&mut self) -> Outcome {
        if !self.layout.staged.is_empty() {
            self.layout.staged.clear();
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    /// Whether the active nodes suffice for all replicas once everything is moved.
    pub(super) fn check_room(&self, after: &Self, fewer: bool) -> Result<(), MetaRefusal> {
        let (have, need) = (after.active_nodes().len(), after.replicas_wanted());
        if have == 0 {
            return Err(MetaRefusal::Unsafe("no active node would be left".into()));
        }
        // A grid that never had enough nodes may change; it must not lose some.
        let fewest = need.min(self.active_nodes().len());
        if have < fewest && !fewer {
            let reason = format!(
                "active nodes left: {have}, for {need} replicas of each shard: add a node first, or \
                 accept fewer (node drain --allow-fewer-replicas, layout stage replicas)"
            );
            return Err(MetaRefusal::Unsafe(reason));
        }
        Ok(())
    }
}
