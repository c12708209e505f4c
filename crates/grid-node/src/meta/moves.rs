//! Changes of replicas: at most one per shard, begun, advanced and published step by step.
//!
//! Nothing here talks to groups. A published set of replicas is a fact about a group's voters that
//! the controller has seen; a phase only says where a successor goes on.

use std::collections::BTreeSet;

use super::{
    MetaRefusal, MetaReply, MetaState, MovePhase, NodeState, Outcome, ReplicaMove, ShardRecord,
};
use crate::{NodeId, ShardId};

/// Replicas of one shard at most, with one that is being added.
pub(super) const REPLICAS_MAX: usize = 7;

impl MetaState {
    /// Whether a change of a shard's replicas could be begun now.
    ///
    /// # Errors
    /// [`MetaRefusal`] saying what is in the way.
    pub fn check_move(
        &self,
        shard: ShardId,
        (add, remove): (Option<NodeId>, Option<NodeId>),
    ) -> Result<(), MetaRefusal> {
        let missing = || MetaRefusal::NotFound(format!("shard {shard}"));
        let record = self.shards.get(&shard).ok_or_else(missing)?;
        if record.moving.is_some() {
            let reason = format!("a change of shard {shard} is under way");
            return Err(MetaRefusal::Conflict(reason));
        }
        if add.is_none() && remove.is_none() {
            return Err(MetaRefusal::Invalid("a change adds or removes a replica".into()));
        }
        if let Some(node) = add {
            self.check_added(shard, record, node)?;
        }
        if let Some(node) = remove.filter(|node| !record.replicas.contains(node)) {
            let reason = format!("node {node} has no replica of shard {shard}");
            return Err(MetaRefusal::Invalid(reason));
        }
        if add.is_none() && record.replicas.len() == 1 {
            let reason = format!("it is the only replica of shard {shard}: add another one first");
            return Err(MetaRefusal::Unsafe(reason));
        }
        Ok(())
    }

    fn check_added(
        &self,
        shard: ShardId,
        record: &ShardRecord,
        node: NodeId,
    ) -> Result<(), MetaRefusal> {
        if self.node_of(node)?.state != NodeState::Active {
            let reason = format!("node {node} takes no replicas: `seatgrid ctl node add {node}`");
            return Err(MetaRefusal::Unsafe(reason));
        }
        if record.replicas.contains(&node) {
            let reason = format!("node {node} has a replica of shard {shard} already");
            return Err(MetaRefusal::Invalid(reason));
        }
        if self.outlived(shard).contains(&node) {
            let reason = format!(
                "node {node} had a replica of shard {shard} before it was founded anew: another node"
            );
            return Err(MetaRefusal::Unsafe(reason));
        }
        if record.replicas.len() >= REPLICAS_MAX {
            let reason = format!("a shard has at most {REPLICAS_MAX} replicas");
            return Err(MetaRefusal::Invalid(reason));
        }
        Ok(())
    }

    pub(super) fn start_move(
        &mut self,
        shard: ShardId,
        (add, remove): (Option<NodeId>, Option<NodeId>),
        operation: u64,
        at_ms: u64,
    ) -> Outcome {
        if let Some(moving) = self.shard_mut(shard)?.moving
            && (moving.add, moving.remove, moving.operation) == (add, remove, operation)
        {
            return Ok(MetaReply::Done);
        }
        self.check_move(shard, (add, remove))?;
        let moving = ReplicaMove {
            add,
            remove,
            phase: MovePhase::Planned,
            aborted: false,
            operation,
            begun_at_ms: at_ms,
        };
        self.shard_mut(shard)?.moving = Some(moving);
        self.touch();
        Ok(MetaReply::Done)
    }

    pub(super) fn advance_move(&mut self, shard: ShardId, phase: MovePhase) -> Outcome {
        let missing = || MetaRefusal::NotFound(format!("a change of shard {shard}"));
        let moving = self.shard_mut(shard)?.moving.as_mut().ok_or_else(missing)?;
        if moving.phase < phase {
            moving.phase = phase;
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    pub(super) fn publish(&mut self, shard: ShardId, replicas: Vec<NodeId>) -> Outcome {
        let distinct: BTreeSet<NodeId> = replicas.iter().copied().collect();
        let sound = !replicas.is_empty()
            && distinct.len() == replicas.len()
            && distinct.iter().all(|node| self.nodes.contains_key(node));
        if !sound {
            return Err(MetaRefusal::Invalid("not a set of replicas".into()));
        }
        let record = self.shard_mut(shard)?;
        if record.moving.is_none() && record.replicas == replicas {
            return Ok(MetaReply::Done);
        }
        let changed = record.replicas != replicas;
        let ended = record.moving.take();
        if changed {
            record.replicas = replicas;
            // invariant: I7
            record.epoch += 1;
        }
        if let Some(operation) = ended.and_then(|m| self.operations.get_mut(&m.operation)) {
            operation.moves_done += u32::from(changed);
        }
        self.touch();
        Ok(MetaReply::Done)
    }

    pub(super) fn prefer(&mut self, shard: ShardId, node: NodeId) -> Outcome {
        let record = self.shard_mut(shard)?;
        let Some(position) = record.replicas.iter().position(|replica| *replica == node) else {
            let reason = format!("node {node} has no voting replica of shard {shard}");
            return Err(MetaRefusal::Invalid(reason));
        };
        if position != 0 {
            record.replicas[..=position].rotate_right(1);
            self.touch();
        }
        Ok(MetaReply::Done)
    }

    /// As if a change had been carried out; for plans, never for the replicated state.
    pub(crate) fn imagine(&mut self, shard: ShardId, change: (Option<NodeId>, Option<NodeId>)) {
        if let Some(record) = self.shards.get_mut(&shard) {
            record.replicas = record.replicas_after(change);
        }
    }

    /// Wants the changes undone that would give a node a replica, which it can take no more.
    pub(super) fn abort_moves_to(&mut self, node: NodeId) {
        for record in self.shards.values_mut() {
            if let Some(moving) = record.moving.as_mut().filter(|m| m.add == Some(node))
                && moving.phase < MovePhase::Voting
            {
                moving.aborted = true;
            }
        }
        self.touch();
    }

    /// Wants the changes of an operation undone that have not gone too far.
    pub(super) fn abort_moves(&mut self, operation: u64) {
        for record in self.shards.values_mut() {
            if let Some(moving) = record.moving.as_mut().filter(|m| m.operation == operation)
                && moving.phase < MovePhase::Voting
            {
                moving.aborted = true;
            }
        }
        self.touch();
    }
}
