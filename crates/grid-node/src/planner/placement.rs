//! Which replica moves next.

use std::collections::{BTreeMap, BTreeSet};

use crate::meta::{MetaState, NodeState, OperationKind, ShardRecord};
use crate::{NodeId, ShardId};

/// Steps of one plan: more than 256 shards with five replicas each can need.
const PLAN_LEN_MAX: usize = 4096;

/// A change of one shard's replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The shard.
    pub shard: ShardId,
    /// The node that gets a replica.
    pub add: Option<NodeId>,
    /// The node that gives its replica up.
    pub remove: Option<NodeId>,
}

/// What may be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Away from one node; without a replacement only if fewer replicas are accepted.
    Evacuate {
        /// The node.
        node: NodeId,
        /// Whether a replica may go without another one in its place.
        fewer: bool,
    },
    /// This change and no other.
    One(Change),
    /// Whatever brings the placement nearer to the even one.
    Everything,
}

impl Scope {
    /// What an operation may move; `None` for operations that move no replicas.
    #[must_use]
    pub fn of(kind: &OperationKind) -> Option<Self> {
        match *kind {
            OperationKind::AddNode { .. }
            | OperationKind::Rebalance
            | OperationKind::ApplyLayout { .. } => Some(Self::Everything),
            OperationKind::DrainNode { node, fewer_replicas } => {
                Some(Self::Evacuate { node, fewer: fewer_replicas })
            }
            OperationKind::RecoverNode { node } => Some(Self::Evacuate { node, fewer: false }),
            OperationKind::MoveReplica { shard, add, remove } => {
                Some(Self::One(Change { shard, add, remove }))
            }
            OperationKind::RemoveNode { .. }
            | OperationKind::FoundShard { .. }
            | OperationKind::TransferLeader { .. }
            | OperationKind::Activate { .. } => None,
        }
    }
}

/// The next change within a scope; `None` when nothing is left to be begun now.
#[must_use]
pub fn next_change(state: &MetaState, scope: &Scope) -> Option<Change> {
    let map = Map::of(state);
    match scope {
        Scope::One(change) => map.one(change),
        Scope::Evacuate { node, fewer } => map.evacuate(*node, *fewer),
        Scope::Everything => {
            let leaving = map.unfit.iter().find_map(|node| map.evacuate(*node, false));
            leaving.or_else(|| map.repair()).or_else(|| map.trim()).or_else(|| map.balance())
        }
    }
}

/// All changes within a scope, one after the other, as if each had been carried out.
#[must_use]
pub fn plan(state: &MetaState, scope: &Scope) -> Vec<Change> {
    let mut state = state.clone();
    let mut changes = Vec::new();
    while changes.len() < PLAN_LEN_MAX
        && let Some(change) = next_change(&state, scope)
    {
        state.imagine(change.shard, (change.add, change.remove));
        changes.push(change);
    }
    changes
}

/// Who should found a lost shard anew: as many usable nodes as replicas are wanted, or as there are,
/// none of which ever had a replica of it; spread over zones, the emptiest first.
#[must_use]
pub fn founders(state: &MetaState, shard: ShardId, usable: &BTreeSet<NodeId>) -> Vec<NodeId> {
    let mut map = Map::of(state);
    map.held.retain(|node, _| usable.contains(node) && !state.involves(shard, *node));
    let mut founders = Vec::new();
    while founders.len() < state.replicas_wanted()
        && let Some(node) = map.newcomer((shard, &founders), None)
    {
        founders.push(node);
    }
    founders
}

/// Replicas as they will be once all changes under way have ended.
struct Map<'a> {
    state: &'a MetaState,
    shards: BTreeMap<ShardId, Vec<NodeId>>,
    /// Replicas on each active node.
    held: BTreeMap<NodeId, usize>,
    /// Nodes that must be left.
    unfit: BTreeSet<NodeId>,
}

impl<'a> Map<'a> {
    fn of(state: &'a MetaState) -> Self {
        let settled = |record: &ShardRecord| match record.moving.filter(|m| !m.aborted) {
            Some(moving) => record.replicas_after((moving.add, moving.remove)),
            None => record.replicas.clone(),
        };
        let shards: BTreeMap<_, _> =
            state.shards().iter().map(|(shard, record)| (*shard, settled(record))).collect();
        let mut held: BTreeMap<NodeId, usize> =
            state.active_nodes().into_iter().map(|node| (node, 0)).collect();
        for node in shards.values().flatten() {
            if let Some(held) = held.get_mut(node) {
                *held += 1;
            }
        }
        let leaves = |state| matches!(state, NodeState::Draining | NodeState::Lost);
        let unfit = state.nodes().values().filter(|n| leaves(n.state)).map(|n| n.id).collect();
        Self { state, shards, held, unfit }
    }

    /// Shards that may be changed now.
    fn idle(&self) -> impl Iterator<Item = (ShardId, &Vec<NodeId>)> {
        let idle = |shard| self.state.shards().get(shard).is_some_and(|r| r.moving.is_none());
        self.shards.iter().filter(move |(shard, _)| idle(*shard)).map(|(s, r)| (*s, r))
    }

    fn one(&self, change: &Change) -> Option<Change> {
        let replicas = &self.shards.get(&change.shard)?;
        let left = |wanted: bool, node: Option<NodeId>| {
            node.filter(|node| replicas.contains(node) != wanted)
        };
        let (add, remove) = (left(true, change.add), left(false, change.remove));
        let idle = self.state.shards().get(&change.shard)?.moving.is_none();
        (idle && (add.is_some() || remove.is_some())).then_some(Change { add, remove, ..*change })
    }

    fn evacuate(&self, node: NodeId, fewer: bool) -> Option<Change> {
        for (shard, replicas) in self.idle().filter(|(_, replicas)| replicas.contains(&node)) {
            let surplus = replicas.len() > self.state.replicas_wanted();
            let add = if surplus { None } else { self.newcomer((shard, replicas), Some(node)) };
            if add.is_some() || ((surplus || fewer) && replicas.len() > 1) {
                return Some(Change { shard, add, remove: Some(node) });
            }
        }
        None
    }

    /// A shard with too few replicas gets one more.
    fn repair(&self) -> Option<Change> {
        let wanted = self.state.replicas_wanted().min(self.held.len());
        let (shard, add) = self
            .idle()
            .filter(|(_, replicas)| replicas.len() < wanted)
            .find_map(|(shard, replicas)| Some((shard, self.newcomer((shard, replicas), None)?)))?;
        Some(Change { shard, add: Some(add), remove: None })
    }

    /// A shard with too many replicas loses the one on the fullest node, not its preferred leader.
    fn trim(&self) -> Option<Change> {
        let wanted = self.state.replicas_wanted().max(1);
        let (shard, replicas) = self.idle().find(|(_, replicas)| replicas.len() > wanted)?;
        let remove = *replicas[1..].iter().max_by_key(|node| self.held.get(node))?;
        Some(Change { shard, add: None, remove: Some(remove) })
    }

    /// From the fullest node to the emptiest while they differ by two or more, never making the
    /// spread over zones worse; then out of a zone that holds two replicas of a shard.
    fn balance(&self) -> Option<Change> {
        let mut by_load: Vec<(usize, NodeId)> = self.held.iter().map(|(n, h)| (*h, *n)).collect();
        by_load.sort_unstable();
        for &(least, to) in &by_load {
            for &(most, from) in by_load.iter().rev() {
                if most < least + 2 {
                    break;
                }
                let change = |(shard, replicas): (ShardId, &Vec<NodeId>)| {
                    self.may_swap((shard, replicas), from, to).then_some(shard)
                };
                // Followers first: a moved leader costs a hand-over.
                let follows = |replicas: &[NodeId]| replicas.first() != Some(&from);
                let shard = self.idle().filter(|(_, r)| follows(r)).find_map(change);
                if let Some(shard) = shard.or_else(|| self.idle().find_map(change)) {
                    return Some(Change { shard, add: Some(to), remove: Some(from) });
                }
            }
        }
        self.spread()
    }

    fn may_swap(&self, (shard, replicas): (ShardId, &[NodeId]), from: NodeId, to: NodeId) -> bool {
        let rest = || replicas.iter().copied().filter(|node| *node != from);
        replicas.contains(&from)
            && !replicas.contains(&to)
            && !self.state.outlived(shard).contains(&to)
            && self.in_zone_of(to, rest()) <= self.in_zone_of(from, rest())
    }

    /// Out of a shared zone, when that does not unbalance the nodes.
    fn spread(&self) -> Option<Change> {
        for (shard, replicas) in self.idle() {
            for &from in replicas {
                let rest: Vec<NodeId> = replicas.iter().copied().filter(|n| *n != from).collect();
                if self.in_zone_of(from, rest.iter().copied()) == 0 {
                    continue;
                }
                let to = self.newcomer((shard, replicas), Some(from))?;
                let fits = self.held.get(&to) < self.held.get(&from);
                if fits && self.in_zone_of(to, rest.iter().copied()) == 0 {
                    return Some(Change { shard, add: Some(to), remove: Some(from) });
                }
            }
        }
        None
    }

    /// The best active node for one more replica: another zone first, then the emptiest.
    fn newcomer(
        &self,
        (shard, replicas): (ShardId, &[NodeId]),
        leaving: Option<NodeId>,
    ) -> Option<NodeId> {
        let rest = || replicas.iter().copied().filter(move |node| Some(*node) != leaving);
        let outlived = self.state.outlived(shard);
        let free = |node: &NodeId| !replicas.contains(node) && !outlived.contains(node);
        let candidates = self.held.iter().filter(|(node, _)| free(node));
        let rank =
            |(node, held): &(&NodeId, &usize)| (self.in_zone_of(**node, rest()), **held, **node);
        candidates.min_by_key(rank).map(|(node, _)| *node)
    }

    /// How many of some nodes are in a node's zone.
    fn in_zone_of(&self, node: NodeId, others: impl Iterator<Item = NodeId>) -> usize {
        let zone = |node| self.state.node(node).map(|record| record.zone.as_str());
        // Nodes without a zone share nothing with each other.
        let own = zone(node).filter(|zone| !zone.is_empty());
        own.map_or(0, |own| others.filter(|other| zone(*other) == Some(own)).count())
    }
}
