//! Operators' goals carried out by the controller while commands are written: nodes are added,
//! drained, removed and replaced, and whoever drives may die.

use std::collections::BTreeSet;
use std::sync::Arc;

use grid_node::meta::{
    LayoutChange, MetaCommand, MetaReply, MetaState, NodeState, OperationKind, OperationState,
};

use grid_node::{GridNode, NodeId};

use crate::grid::{Grid, PATIENCE, wait_for};
use crate::toy::Toy;
use crate::writer::{SHARD, Writer};

const META: u32 = 0;

async fn founders() -> Grid {
    let grid = Grid::start(3).await;
    wait_for("the founding layout", || grid.nodes[&1].grid_state()).await;
    // Each group is founded once all its voters have met.
    for shard in [1, 2] {
        grid.leader(shard).await;
    }
    grid
}

async fn newcomer(grid: &mut Grid, name: NodeId) -> NodeId {
    grid.prepare_newcomer(name);
    grid.start_node(name).await;
    grid.nodes[&name].node_id()
}

/// Begins an operation.
pub async fn begin(grid: &Grid, kind: OperationKind) -> u64 {
    match grid.change(MetaCommand::Begin { kind }).await {
        MetaReply::Begun(id) => id,
        other => panic!("{other:?}"),
    }
}

/// The newest state that any node has.
pub fn newest(grid: &Grid) -> Arc<MetaState> {
    let states = grid.nodes.values().filter_map(|node| node.grid_state());
    states.max_by_key(|state| state.revision()).expect("a founded grid")
}

/// Waits until an operation is done; panics with what it waits for.
pub async fn done(grid: &Grid, operation: u64) {
    let over = || {
        let state = newest(grid);
        let operation = state.operations().get(&operation)?;
        operation.state.is_over().then(|| operation.state.clone())
    };
    let ends = wait_for("end of the operation", over);
    let Ok(state) = tokio::time::timeout(PATIENCE.mul_f32(0.9), ends).await else {
        let state = newest(grid);
        panic!("{:#?}\n{:#?}", state.operations().get(&operation), state.shards());
    };
    assert_eq!(state, OperationState::Done);
}

fn replicas(grid: &Grid) -> Vec<BTreeSet<NodeId>> {
    let state = newest(grid);
    state.shards().values().map(|shard| shard.replicas.iter().copied().collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_added_and_another_drained_and_removed_under_load() {
    let mut grid = founders().await;
    let client = grid.client();
    let writer = Writer::start(client.clone());
    let four = newcomer(&mut grid, 4).await;
    let added = begin(&grid, OperationKind::AddNode { node: four }).await;
    done(&grid, added).await;
    assert!(newest(&grid).shards_of(four).len() >= 2, "{:?}", newest(&grid).shards());
    let kind = OperationKind::DrainNode { node: 1, fewer_replicas: false };
    let drained = begin(&grid, kind).await;
    done(&grid, drained).await;
    assert_eq!(replicas(&grid), vec![BTreeSet::from([2, 3, 4]); 3]);
    wait_for("node 1 to be empty", || grid.nodes[&1].shards().is_empty().then_some(())).await;
    let removed = begin(&grid, OperationKind::RemoveNode { node: 1 }).await;
    done(&grid, removed).await;
    assert_eq!(newest(&grid).node(1).map(|node| node.state), Some(NodeState::Removed));
    grid.stop_node(1).await;
    writer.finish(&client).await;
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_drives_dies_and_its_successor_goes_on() {
    let mut grid = founders().await;
    let client = grid.client();
    let writer = Writer::start(client.clone());
    let four = newcomer(&mut grid, 4).await;
    let added = begin(&grid, OperationKind::AddNode { node: four }).await;
    let kind = OperationKind::DrainNode { node: 2, fewer_replicas: false };
    let drained = begin(&grid, kind).await;
    for _ in 0..3 {
        // Some change is under way, or all of it is over already.
        wait_for("a change", || {
            let state = newest(&grid);
            let over = state.operations().values().all(|o| o.state.is_over());
            let moving = state.shards().values().any(|shard| shard.moving.is_some());
            (moving || over).then_some(())
        })
        .await;
        let driver = meta_leader(&grid).await;
        grid.kill_node(driver);
        grid.start_node(driver).await;
    }
    done(&grid, added).await;
    done(&grid, drained).await;
    assert_eq!(replicas(&grid), vec![BTreeSet::from([1, 3, 4]); 3]);
    writer.finish(&client).await;
    grid.stop().await;
}

/// The name of the node that leads the meta group.
async fn meta_leader(grid: &Grid) -> NodeId {
    wait_for("a leader of the meta group", || {
        let leads = |node: &NodeId| grid.nodes[node].meta().is_some_and(|meta| meta.is_serving());
        grid.nodes.keys().copied().find(leads)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_node_is_replaced_on_all_its_shards() {
    let mut grid = founders().await;
    let registered = || {
        let state = grid.nodes[&1].grid_state()?;
        state.nodes().values().all(|node| node.log_id.is_some()).then_some(())
    };
    wait_for("the registry", registered).await;
    let client = grid.client();
    let writer = Writer::start(client.clone());
    grid.kill_node(3);
    let dir = grid.data_dir(3);
    let gone = || std::fs::remove_dir_all(&dir).is_ok() || !dir.exists();
    wait_for("the directory to go", || gone().then_some(())).await;
    let recovered = begin(&grid, OperationKind::RecoverNode { node: 3 }).await;
    grid.start_node(3).await;
    assert_eq!(grid.nodes[&3].node_id(), 4);
    done(&grid, recovered).await;
    assert_eq!(replicas(&grid), vec![BTreeSet::from([1, 2, 4]); 3]);
    writer.finish(&client).await;
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_is_handed_to_the_node_that_an_operator_names() {
    let mut grid = founders().await;
    for to in [2, 3, 1] {
        let moved = begin(&grid, OperationKind::TransferLeader { shard: SHARD, to }).await;
        done(&grid, moved).await;
        assert_eq!(newest(&grid).shards()[&SHARD].replicas[0], to);
        wait_for("the leader", || grid.shard(to, SHARD).is_serving().then_some(())).await;
    }
    assert_ne!(SHARD, META);
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_is_canceled_leaves_the_grid_whole() {
    let mut grid = founders().await;
    let client = grid.client();
    let writer = Writer::start(client.clone());
    let four = newcomer(&mut grid, 4).await;
    let added = begin(&grid, OperationKind::AddNode { node: four }).await;
    done(&grid, added).await;
    let kind = OperationKind::DrainNode { node: 1, fewer_replicas: false };
    let operation = begin(&grid, kind).await;
    let to = OperationState::Canceled;
    assert_eq!(grid.change(MetaCommand::Steer { operation, to }).await, MetaReply::Done);
    wait_for("rest", || {
        let state = newest(&grid);
        let canceled = state.operations()[&operation].state == OperationState::Canceled;
        let rest = state.shards().values().all(|shard| shard.moving.is_none());
        (canceled && rest).then_some(())
    })
    .await;
    assert_eq!(newest(&grid).node(1).map(|node| node.state), Some(NodeState::Active));
    assert!(replicas(&grid).iter().all(|replicas| replicas.len() == 3));
    writer.finish(&client).await;
    grid.stop().await;
}

/// Stages changes, applies them as the given version and waits for the end.
async fn apply_layout(grid: &Grid, version: u64, changes: Vec<LayoutChange>) {
    for change in changes {
        assert_eq!(grid.change(MetaCommand::Stage { change }).await, MetaReply::Done);
    }
    match grid.change(MetaCommand::ApplyLayout { version }).await {
        MetaReply::Begun(operation) => done(grid, operation).await,
        other => panic!("{other:?}"),
    }
}

/// Waits until every node hosts what the shard table says and nothing else.
async fn hosted_as_told(grid: &Grid) {
    wait_for("nodes that host what the table says", || {
        let state = newest(grid);
        let as_told = |(id, node): (&NodeId, &GridNode<Toy>)| {
            let mut told: BTreeSet<u32> = state.shards_of(*id).into_iter().collect();
            let meta = told.remove(&META);
            meta == node.meta().is_some()
                && told == node.shards().iter().map(|shard| shard.id()).collect()
        };
        grid.nodes.iter().all(as_told).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layout_of_single_replicas_and_back_leaves_every_node_as_told() {
    let mut grid = Grid::start_with(3, |config| config.shards = 12).await;
    wait_for("the founding layout", || grid.nodes[&1].grid_state()).await;
    for shard in 1..=12 {
        grid.leader(shard).await;
    }
    let client = grid.client();
    let writer = Writer::start(client.clone());
    apply_layout(
        &grid,
        1,
        vec![LayoutChange::Drain { node: 1 }, LayoutChange::Replicas { count: 1 }],
    )
    .await;
    assert_eq!(newest(&grid).node(1).map(|node| node.state), Some(NodeState::Drained));
    hosted_as_told(&grid).await;
    apply_layout(
        &grid,
        2,
        vec![LayoutChange::Add { node: 1 }, LayoutChange::Replicas { count: 3 }],
    )
    .await;
    assert_eq!(replicas(&grid), vec![BTreeSet::from([1, 2, 3]); 13]);
    hosted_as_told(&grid).await;
    writer.finish(&client).await;
    grid.stop().await;
}
