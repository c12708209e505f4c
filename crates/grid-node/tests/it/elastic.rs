//! Nodes that come, replicas that move while commands are written, nodes that go: nothing that was
//! acknowledged is lost, and no node takes part with a log that is not its own.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_node::meta::{MetaCommand, MetaReply, NodeState, OperationKind, Switches};
use grid_node::{AdminAnswer, AdminRequest, NodeId, ReadFrom, ReplicaReport};

use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;
use crate::writer::{SHARD, Writer};

/// Three founders, snapshots after 32 KiB of log, and a controller that leaves replicas alone.
async fn founders() -> Grid {
    let grid = Grid::start_with(3, |c| {
        c.raft.rebalance_ms = 0;
        c.snapshot.after_log_bytes = 32 << 10;
    })
    .await;
    let switches = Switches { balancer: false, moves_paused: true };
    assert_eq!(grid.change(MetaCommand::Switch { switches }).await, MetaReply::Done);
    grid
}

/// Starts a newcomer and waits until the registry and everybody knows it; returns its id.
async fn newcomer(grid: &mut Grid, name: NodeId) -> NodeId {
    grid.prepare_newcomer(name);
    grid.start_node(name).await;
    let id = grid.nodes[&name].node_id();
    for node in grid.nodes.values() {
        let knows = || node.grid_state().filter(|state| state.node(id).is_some()).map(drop);
        wait_for("the newcomer to be known", knows).await;
    }
    let begin = MetaCommand::Begin { kind: OperationKind::AddNode { node: id } };
    assert!(matches!(grid.change(begin).await, MetaReply::Begun(_)));
    id
}

async fn report(grid: &Grid) -> ReplicaReport {
    let leader = grid.leader(SHARD).await;
    let request = AdminRequest::Replica { shard: SHARD };
    match grid.nodes[&leader].admin(request, soon()).await {
        AdminAnswer::Replica(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// Adds a replica and takes one away, step by step as the controller does.
async fn move_replica(grid: &Grid, add: Option<NodeId>, remove: Option<NodeId>) {
    let voters: BTreeSet<NodeId> = report(grid).await.voters.into_iter().collect();
    let start = MetaCommand::StartMove { shard: SHARD, add, remove, operation: 1 };
    assert_eq!(grid.change(start).await, MetaReply::Done);
    let mut grown = voters.clone();
    if let Some(node) = add {
        add_learner(grid, node).await;
        grown.insert(node);
        set_voters(grid, &grown).await;
    }
    if let Some(node) = remove {
        grown.remove(&node);
        set_voters(grid, &grown).await;
    }
    let replicas = grown.into_iter().collect();
    assert_eq!(grid.change(MetaCommand::Publish { shard: SHARD, replicas }).await, MetaReply::Done);
}

/// Lets a node follow the shard and waits until it has nearly everything.
async fn add_learner(grid: &Grid, node: NodeId) {
    let here = || grid.nodes[&node].shard(SHARD);
    wait_for("the replica to be opened", here).await;
    let request = AdminRequest::AddLearner { shard: SHARD, node };
    assert_eq!(grid.administer(request).await, AdminAnswer::Done);
    let deadline = soon();
    loop {
        let report = report(grid).await;
        let caught_up = |f: &&grid_node::FollowerReport| f.node == node && f.lag <= 64;
        if report.followers.iter().any(|f| caught_up(&f)) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{report:?}");
        tokio::task::yield_now().await;
    }
}

async fn set_voters(grid: &Grid, voters: &BTreeSet<NodeId>) {
    let voters = voters.iter().copied().collect();
    let request = AdminRequest::SetVoters { shard: SHARD, voters };
    assert_eq!(grid.administer(request).await, AdminAnswer::Done);
}

async fn dropped(grid: &Grid, node: NodeId) {
    let gone = || grid.nodes[&node].shard(SHARD).is_none().then_some(());
    wait_for("the replica to be dropped", gone).await;
    let snapshots = grid.data_dir(node).join(format!("snapshots/{SHARD:05}"));
    wait_for("the snapshots to go", || (!snapshots.exists()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_moves_to_a_newcomer_under_load_and_back() {
    let mut grid = founders().await;
    grid.leader(SHARD).await;
    let four = newcomer(&mut grid, 4).await;
    assert_eq!(four, 4);
    let client = grid.client();
    let writer = Writer::start(client.clone());
    // The leader itself is the one to go.
    let leader = grid.leader(SHARD).await;
    move_replica(&grid, Some(four), Some(leader)).await;
    dropped(&grid, leader).await;
    let voters: BTreeSet<_> = report(&grid).await.voters.into_iter().collect();
    let expected: BTreeSet<NodeId> = (1..=4).filter(|id| *id != leader).collect();
    assert_eq!(voters, expected);
    // It comes back under the same shard number with a fresh log.
    move_replica(&grid, Some(leader), None).await;
    wait_for("four voters", || (grid.status(leader, SHARD).voters.len() == 4).then_some(())).await;
    wait_for("the doubt to end", || (!grid.status(leader, SHARD).doubtful).then_some(())).await;
    move_replica(&grid, None, Some(four)).await;
    dropped(&grid, four).await;
    let acknowledged = writer.finish(&client).await;
    for node in 1..=3 {
        wait_for("equal replicas", || {
            (grid.words(node, SHARD).len() as u64 == acknowledged).then_some(())
        })
        .await;
    }
    // All of it is still so after a restart of everything.
    grid.stop().await;
    for id in 1..=4 {
        grid.start_node(id).await;
    }
    let words = client.query(SHARD, Bytes::new(), ReadFrom::Leader, soon()).await;
    let words = String::from_utf8(words.expect("answered").to_vec()).expect("text");
    assert_eq!(words.lines().count() as u64, acknowledged);
    assert!(grid.nodes[&4].shard(SHARD).is_none(), "what was dropped stays dropped");
    assert_eq!(grid.nodes[&4].node_id(), 4, "the id that was given is kept");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_die_at_each_step_of_a_move_and_it_goes_on() {
    let mut grid = founders().await;
    grid.leader(SHARD).await;
    let four = newcomer(&mut grid, 4).await;
    let client = grid.client();
    let writer = Writer::start(client.clone());
    let start =
        MetaCommand::StartMove { shard: SHARD, add: Some(four), remove: None, operation: 1 };
    assert_eq!(grid.change(start).await, MetaReply::Done);
    wait_for("the replica", || grid.nodes[&four].shard(SHARD)).await;
    // The newcomer dies with an empty replica.
    grid.kill_node(4);
    grid.start_node(4).await;
    add_learner(&grid, four).await;
    // It dies as a learner, then the leader dies.
    grid.kill_node(4);
    grid.start_node(4).await;
    let leader = grid.leader(SHARD).await;
    grid.kill_node(leader);
    grid.start_node(leader).await;
    set_voters(&grid, &BTreeSet::from([1, 2, 3, 4])).await;
    // The leader dies between two sets of voters, and the next one finishes the change.
    let leader = grid.leader(SHARD).await;
    let request = AdminRequest::SetVoters { shard: SHARD, voters: vec![2, 3, 4] };
    let changing = grid.nodes[&leader].admin(request, soon());
    let _ = tokio::time::timeout(std::time::Duration::from_millis(2), changing).await;
    grid.kill_node(leader);
    grid.start_node(leader).await;
    set_voters(&grid, &BTreeSet::from([2, 3, 4])).await;
    let replicas = vec![2, 3, 4];
    assert_eq!(grid.change(MetaCommand::Publish { shard: SHARD, replicas }).await, MetaReply::Done);
    dropped(&grid, 1).await;
    // It dies right after it has dropped the replica.
    grid.kill_node(1);
    grid.start_node(1).await;
    assert!(grid.nodes[&1].shard(SHARD).is_none());
    let acknowledged = writer.finish(&client).await;
    for node in 2..=4 {
        wait_for("equal replicas", || {
            (grid.words(node, SHARD).len() as u64 == acknowledged).then_some(())
        })
        .await;
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_replicas_serves_routes_and_waits_for_work() {
    let mut grid = founders().await;
    let four = newcomer(&mut grid, 4).await;
    assert!(grid.nodes[&four].shards().is_empty());
    let active = || {
        let state = grid.nodes[&four].grid_state()?;
        (state.node(four)?.state == NodeState::Active).then_some(())
    };
    wait_for("the word that it may hold replicas", active).await;
    let client = grid.client();
    client.pin("event", soon()).await.expect("pinned");
    wait_for("the pin", || {
        let state = grid.nodes[&four].grid_state()?;
        state.pins().any(|(key, _)| key == "event").then_some(())
    })
    .await;
    // It finds its grid again by what it remembers, without the node that it was told of.
    grid.stop_node(4).await;
    grid.stop_node(1).await;
    grid.start_node(4).await;
    assert_eq!(grid.nodes[&4].node_id(), four);
    client.pin("another", soon()).await.expect("pinned");
    wait_for("the other pin", || {
        let state = grid.nodes[&four].grid_state()?;
        state.pins().any(|(key, _)| key == "another").then_some(())
    })
    .await;
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_node_returns_under_a_new_id_once_it_was_given_up() {
    let mut grid = founders().await;
    grid.leader(SHARD).await;
    let registered = || {
        let state = grid.nodes[&1].grid_state()?;
        state.nodes().values().all(|node| node.log_id.is_some()).then_some(())
    };
    wait_for("the registry", registered).await;
    grid.stop_node(3).await;
    std::fs::remove_dir_all(grid.data_dir(3)).expect("removable");
    let error = grid.try_start(3).await.expect_err("it has lost its log").to_string();
    assert!(error.contains("ctl node recover 3"), "{error}");
    let begin = MetaCommand::Begin { kind: OperationKind::RecoverNode { node: 3 } };
    assert!(matches!(grid.change(begin).await, MetaReply::Begun(_)));
    grid.start_node(3).await;
    assert_eq!(grid.nodes[&3].node_id(), 4, "a new id");
    let state = grid.nodes[&3].grid_state();
    let state = match state {
        Some(state) => state,
        None => wait_for("a view", || grid.nodes[&3].grid_state()).await,
    };
    assert_eq!(state.node(3).map(|node| node.state), Some(NodeState::Lost));
    assert_eq!(state.node(4).and_then(|node| node.replaces), Some(3));
    // The id is kept, whatever the configuration says.
    grid.stop_node(3).await;
    grid.start_node(3).await;
    assert_eq!(grid.nodes[&3].node_id(), 4);
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_handed_over_when_a_node_stops() {
    let mut grid = founders().await;
    let client = grid.client();
    client.submit(SHARD, command(0, "w0"), soon()).await.expect("acknowledged");
    let leader = grid.leader(SHARD).await;
    let term = grid.status(leader, SHARD).term;
    grid.stop_node(leader).await;
    let next = grid.leader(SHARD).await;
    assert_eq!(grid.status(next, SHARD).term, term + 1, "one vote, no second election");
    client.submit(SHARD, command(1, "w1"), soon()).await.expect("acknowledged");
    grid.stop().await;
}
