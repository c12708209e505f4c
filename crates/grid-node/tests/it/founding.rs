//! The first moments of a grid: whatever happens to a founder, its groups begin.

use std::sync::Arc;
use std::time::{Duration, Instant};

use grid_node::meta::{MetaCommand, MetaReply, OperationKind};
use grid_node::{AdminAnswer, AdminRequest, NodeId};

use crate::cut_logs::damage_log;
use crate::fail_stop::FailingDisk;
use crate::grid::{Grid, PATIENCE, soon, wait_for};
use crate::toy::command;

/// Every group takes commands.
async fn works(grid: &Grid) {
    let client = grid.client();
    for shard in [1, 2] {
        let written = client.submit(shard, command(1, "one"), soon()).await;
        written.expect("the group was founded");
    }
    let meta = client.admin_leader(0, &AdminRequest::Meta { fresh: true }, soon()).await;
    assert!(matches!(meta, Ok(AdminAnswer::Meta(_))), "{meta:?}");
}

/// Node 2 should lead shard 1, node 1 the meta group: whichever dies, its process is started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founder_that_dies_at_any_write_founds_when_it_is_back() {
    for syncs in 0..8 {
        let founder = NodeId::from(syncs % 2 + 1);
        let mut grid = Grid::prepare(3, |_| {});
        for node in (1..=3).filter(|node| *node != founder) {
            grid.start_node(node).await;
        }
        let disk = FailingDisk::that_fails_after(syncs);
        if grid.try_start_on(founder, Arc::new(disk)).await.is_ok() {
            let failed = grid.nodes[&founder].failed();
            tokio::time::timeout(PATIENCE, failed).await.expect("its disk fails");
            grid.kill_node(founder);
        }
        grid.start_node(founder).await;
        works(&grid).await;
        grid.stop().await;
    }
}

/// Keeps the first records of a node's log, as if power had failed before the others were written.
fn keep_records(grid: &Grid, node: NodeId, count: usize) {
    damage_log(grid, node, |content, records| {
        let end = records[count.min(records.len() - 1)];
        content[end..].fill(0);
    });
    // What the node had learnt by then of a grid that is not founded: nothing.
    let _ = std::fs::remove_file(grid.data_dir(node).join("meta-view"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_during_the_founding_is_not_its_end() {
    // Records left of each node's log: nothing, founding entries, votes, and all mixed.
    for left in [[0, 0, 0], [0, 7, 7], [7, 0, 0], [3, 1, 5], [5, 8, 2]] {
        let mut grid = Grid::prepare(3, |_| {});
        for node in 1..=3 {
            grid.start_node(node).await;
        }
        let leaders = || [1, 2].iter().all(|s| grid.status(1, *s).leader.is_some()).then_some(());
        wait_for("leaders", leaders).await;
        grid.stop().await;
        for (node, records) in (1..=3).zip(left) {
            keep_records(&grid, node, records);
        }
        for node in 1..=3 {
            grid.start_node(node).await;
        }
        works(&grid).await;
        grid.stop().await;
    }
}

/// Of four founders each shard has three: one that never comes holds up those it should be in, until
/// an operator gives it up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founder_that_never_comes_is_given_up_and_the_others_found() {
    let mut grid = Grid::prepare(4, |_| {});
    for node in 1..=3 {
        grid.start_node(node).await;
    }
    let client = grid.client();
    wait_for("the registry", || grid.nodes[&1].grid_state().map(drop)).await;
    let short = Instant::now() + Duration::from_secs(2);
    let early = client.submit(1, command(1, "early"), short).await;
    assert!(early.is_err(), "the fourth may have more than the others: {early:?}");
    let recover = MetaCommand::Begin { kind: OperationKind::RecoverNode { node: 4 } };
    assert!(matches!(grid.change(recover).await, MetaReply::Begun(_)));
    works(&grid).await;
    wait_for("another replica in its place", || {
        let state = grid.nodes[&1].grid_state()?;
        state.shards().values().all(|shard| !shard.replicas.contains(&4)).then_some(())
    })
    .await;
    grid.stop().await;
}
