//! Placement and leaders, by properties over many small grids and by a few tables.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::meta::tests::lines::{begun, founded, join, run};
use crate::meta::{MetaCommand, MetaState, NodeState, OperationKind};
use crate::{NodeId, ShardId};

fn carry_out(state: &mut MetaState, changes: &[Change]) {
    for change in changes {
        state.imagine(change.shard, (change.add, change.remove));
    }
}

fn held(state: &MetaState) -> BTreeMap<NodeId, usize> {
    let mut held: BTreeMap<_, _> = state.active_nodes().into_iter().map(|n| (n, 0)).collect();
    for node in state.shards().values().flat_map(|shard| &shard.replicas) {
        *held.entry(*node).or_default() += 1;
    }
    held
}

#[track_caller]
fn assert_even(state: &MetaState) {
    let held = held(state);
    let (least, most) = (held.values().min(), held.values().max());
    assert!(most <= least.map(|least| least + 1).as_ref(), "{held:?}");
    for (shard, record) in state.shards() {
        let distinct: BTreeSet<_> = record.replicas.iter().collect();
        assert_eq!(distinct.len(), record.replicas.len(), "shard {shard}");
        let wanted = state.replicas_wanted().min(state.active_nodes().len());
        assert_eq!(distinct.len(), wanted, "shard {shard}");
    }
}

#[test]
fn a_settled_grid_is_left_alone() {
    let mut state = founded(3);
    assert_eq!(plan(&state, &Scope::Everything), []);
    run(&mut state, join(100, None));
    assert_eq!(plan(&state, &Scope::Everything), [], "a spare node gets nothing");
}

#[test]
fn nodes_that_come_and_go_leave_an_even_grid_with_few_moves() {
    for first in 1..=5 {
        let mut state = founded(first);
        for added in 0..3_u64 {
            run(&mut state, join(u128::from(100 + added), None));
            let node = first + 1 + added;
            begun(&mut state, OperationKind::AddNode { node });
            let changes = plan(&state, &Scope::Everything);
            let total: usize = state.shards().values().map(|s| s.replicas.len()).sum();
            assert!(changes.len() <= total, "{} moves for {total} replicas", changes.len());
            carry_out(&mut state, &changes);
            assert_even(&state);
        }
        for node in 1..=first.min(3) {
            begun(&mut state, OperationKind::DrainNode { node, fewer_replicas: true });
            let changes = plan(&state, &Scope::Evacuate { node, fewer: true });
            carry_out(&mut state, &changes);
            assert_eq!(state.shards_of(node), [] as [ShardId; 0], "node {node} of {first}");
            let rest = plan(&state, &Scope::Everything);
            carry_out(&mut state, &rest);
            assert_even(&state);
        }
    }
}

#[test]
fn draining_touches_no_other_node() {
    let mut state = founded(5);
    begun(&mut state, OperationKind::DrainNode { node: 2, fewer_replicas: false });
    let changes = plan(&state, &Scope::Evacuate { node: 2, fewer: false });
    assert!(!changes.is_empty());
    assert!(changes.iter().all(|change| change.remove == Some(2) && change.add.is_some()));
}

#[test]
fn without_another_node_a_lost_replica_waits() {
    let mut state = founded(3);
    begun(&mut state, OperationKind::RecoverNode { node: 1 });
    assert_eq!(next_change(&state, &Scope::Evacuate { node: 1, fewer: false }), None);
    run(&mut state, join(100, Some(1)));
    let changes = plan(&state, &Scope::Evacuate { node: 1, fewer: false });
    assert!(changes.iter().all(|change| (change.add, change.remove) == (Some(4), Some(1))));
    assert_eq!(changes.len(), state.shards().len());
}

#[test]
fn replicas_are_spread_over_zones() {
    let mut state = founded(4);
    for (node, zone) in [(1, "a"), (2, "a"), (3, "b"), (4, "c")] {
        let change = crate::meta::LayoutChange::Zone { node, zone: zone.into() };
        run(&mut state, MetaCommand::Stage { change });
    }
    let mut state = state.with_staged();
    let changes = plan(&state, &Scope::Everything);
    carry_out(&mut state, &changes);
    let crowded = |replicas: &[NodeId]| replicas.contains(&1) && replicas.contains(&2);
    let bad = state.shards().values().filter(|shard| crowded(&shard.replicas)).count();
    // Four nodes, five groups of three: the two of zone a hold half of the replicas of an even
    // grid, so some groups must have both.
    assert!(bad <= 3, "{bad} groups have two replicas in one zone");
}

#[test]
fn a_shard_that_is_being_changed_is_left_alone() {
    let mut state = founded(4);
    begun(&mut state, OperationKind::DrainNode { node: 1, fewer_replicas: false });
    let scope = Scope::Evacuate { node: 1, fewer: false };
    let first = next_change(&state, &scope).expect("something to move");
    let Change { shard, add, remove } = first;
    run(&mut state, MetaCommand::StartMove { shard, add, remove, operation: 1 });
    assert_ne!(next_change(&state, &scope).map(|change| change.shard), Some(shard));
}

#[test]
fn leaders_leave_a_draining_node() {
    let mut state = founded(4);
    begun(&mut state, OperationKind::DrainNode { node: 1, fewer_replicas: false });
    while let Some(LeaderMove { shard, to }) = stranded_leader(&state) {
        assert_ne!(to, 1);
        run(&mut state, MetaCommand::Prefer { shard, node: to });
    }
    assert!(state.shards().values().all(|shard| shard.replicas[0] != 1));
}

#[test]
fn leaders_are_spread_by_load_and_then_rest() {
    let mut state = founded(3);
    // Shards 1 and 4 are led by the same node; shard 1 is busy, shard 4 a little less.
    let loads = ShardLoads::from([(1, 10_000), (4, 8_000), (2, 100), (3, 100)]);
    let first = next_leader(&state, &loads, &[]).expect("one node leads nearly everything");
    assert!([1, 4].contains(&first.shard));
    run(&mut state, MetaCommand::Prefer { shard: first.shard, node: first.to });
    assert_eq!(next_leader(&state, &loads, &[first.shard]), None, "it rests");
    assert_eq!(next_leader(&state, &loads, &[]), None, "and is well as it is");
}

#[test]
fn idle_leaders_are_spread_by_number() {
    let mut state = founded(3);
    for shard in 1..=4 {
        if state.shards()[&shard].replicas.contains(&1) {
            run(&mut state, MetaCommand::Prefer { shard, node: 1 });
        }
    }
    let mut moves = 0;
    while let Some(LeaderMove { shard, to }) = next_leader(&state, &ShardLoads::new(), &[]) {
        run(&mut state, MetaCommand::Prefer { shard, node: to });
        moves += 1;
        assert!(moves < 10, "it must come to rest");
    }
    let led = |node| state.shards().iter().filter(move |(s, r)| **s != 0 && r.replicas[0] == node);
    assert!((1..=3).all(|node| (1..=2).contains(&led(node).count())), "{:?}", state.shards());
    assert_eq!(state.node(1).map(|n| n.state), Some(NodeState::Active));
}
