//! A shard whose replicas are all lost, founded anew and empty by other nodes while the grid lives.
//!
//! What it held comes back from elsewhere or not at all: that is the application's. Here stands who may
//! found it. A node that ever had a replica of the lost shard never gets one again: its disk may still
//! hold the old log, which must not meet the new one (invariant I5). The operations that say so are
//! kept for ever, within a bound.

use std::collections::BTreeSet;

use super::moves::REPLICAS_MAX;
use super::{MetaRefusal, MetaState, NodeState, OperationKind};
use crate::{NodeId, ShardId};

/// Shards founded anew in the life of a grid: each is a disaster, and its record is kept.
const FOUNDINGS_MAX: usize = 256;

impl OperationKind {
    /// Whether an operation is remembered when it is over.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::FoundShard { .. })
    }
}

impl MetaState {
    /// Nodes that had a replica of a shard before it was founded anew.
    #[must_use]
    pub fn outlived(&self, shard: ShardId) -> BTreeSet<NodeId> {
        self.foundings(shard).flat_map(|(lost, _)| lost).copied().collect()
    }

    /// Whether a node is one of those that founded a shard anew.
    #[must_use]
    pub fn founded_anew(&self, shard: ShardId, node: NodeId) -> bool {
        self.foundings(shard).last().is_some_and(|(_, founders)| founders.contains(&node))
    }

    /// Nodes given up and founders, of each time that a shard was founded anew.
    fn foundings(&self, shard: ShardId) -> impl Iterator<Item = (&Vec<NodeId>, &Vec<NodeId>)> {
        self.operations.values().filter_map(move |operation| match &operation.kind {
            OperationKind::FoundShard { shard: of, lost, replicas } if *of == shard => {
                Some((lost, replicas))
            }
            _ => None,
        })
    }

    pub(super) fn check_founding(
        &self,
        shard: ShardId,
        (lost, replicas): (&[NodeId], &[NodeId]),
    ) -> Result<(), MetaRefusal> {
        if shard == 0 {
            return Err(MetaRefusal::Invalid("the meta group is never founded anew".into()));
        }
        let missing = || MetaRefusal::NotFound(format!("shard {shard}"));
        let record = self.shards.get(&shard).ok_or_else(missing)?;
        let added = record.moving.and_then(|moving| moving.add);
        let known: BTreeSet<NodeId> = record.replicas.iter().copied().chain(added).collect();
        if known != lost.iter().copied().collect() {
            let reason = format!("the replicas of shard {shard} are on nodes {known:?} by now");
            return Err(MetaRefusal::Conflict(reason));
        }
        let founders: BTreeSet<NodeId> = replicas.iter().copied().collect();
        if founders.is_empty() || founders.len() != replicas.len() || founders.len() > REPLICAS_MAX
        {
            return Err(MetaRefusal::Invalid("not a set of founders".into()));
        }
        for node in founders {
            if self.node_of(node)?.state != NodeState::Active {
                return Err(MetaRefusal::Unsafe(format!("node {node} takes no replicas")));
            }
            // invariant: I5
            if known.contains(&node) || self.outlived(shard).contains(&node) {
                let reason = format!("node {node} has had a replica of shard {shard}");
                return Err(MetaRefusal::Unsafe(reason));
            }
        }
        if self.operations.values().filter(|known| known.kind.is_kept()).count() >= FOUNDINGS_MAX {
            let reason = format!("shards were founded anew {FOUNDINGS_MAX} times");
            return Err(MetaRefusal::Conflict(reason));
        }
        Ok(())
    }

    /// The shard is where nothing of it ever was. Its log begins with the first version, as all do.
    pub(super) fn found_anew(&mut self, shard: ShardId, replicas: Vec<NodeId>) {
        if let Some(record) = self.shards.get_mut(&shard) {
            record.replicas = replicas;
            record.moving = None;
            record.version = 1;
            // invariant: I7
            record.epoch += 1;
            self.touch();
        }
    }
}
