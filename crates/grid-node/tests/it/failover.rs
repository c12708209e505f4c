//! Leaders that stop or die under load, and leadership that goes back to where it belongs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use grid_node::{GridClient, ReadFrom};

use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;

/// Writes one word after the other until told to stop; returns how many were acknowledged.
async fn write_until(client: GridClient, stop: Arc<AtomicBool>) -> u64 {
    let mut request = 0;
    while !stop.load(Ordering::SeqCst) {
        let word = format!("w{request}");
        client.submit(1, command(request, &word), soon()).await.expect("acknowledged at last");
        request += 1;
    }
    request
}

async fn check_all(client: &GridClient, acknowledged: u64) {
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    let words = String::from_utf8(words.to_vec()).expect("text");
    let expected: Vec<String> = (0..acknowledged).map(|request| format!("w{request}")).collect();
    assert_eq!(
        words.lines().collect::<Vec<_>>(),
        expected,
        "each acknowledged word once, in order"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_is_replaced_and_nothing_acknowledged_is_lost() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = grid.client();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_until(client.clone(), Arc::clone(&stop)));
    for _ in 0..2 {
        let before = grid.leader(1).await;
        let progress = grid.shard(before, 1).applied_index();
        wait_for("progress", || {
            (grid.shard(before, 1).applied_index() > progress + 20).then_some(())
        })
        .await;
        grid.kill_node(before);
        let after = grid.leader(1).await;
        assert_ne!(after, before);
        grid.start_node(before).await;
        let target = grid.shard(after, 1).applied_index();
        wait_for("the restarted node to catch up", || {
            (grid.shard(before, 1).applied_index() >= target).then_some(())
        })
        .await;
    }
    stop.store(true, Ordering::SeqCst);
    let acknowledged = writing.await.expect("the writer does not panic");
    check_all(&client, acknowledged).await;
    for node in 1..=3 {
        wait_for("equal replicas", || {
            (grid.words(node, 1).len() as u64 == acknowledged).then_some(())
        })
        .await;
        let stamps = grid.shard(node, 1).read(|toy| toy.stamps_ms.clone());
        assert!(stamps.is_sorted(), "time never decreases");
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_spread_and_return_to_the_preferred_node() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 100).await;
    let client = grid.client();
    assert_eq!((grid.leader(1).await, grid.leader(2).await), (2, 3));
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_until(client.clone(), Arc::clone(&stop)));
    grid.stop_node(2).await;
    assert_ne!(grid.leader(1).await, 2);
    grid.start_node(2).await;
    wait_for("the preferred leader", || grid.shard(2, 1).is_serving().then_some(())).await;
    stop.store(true, Ordering::SeqCst);
    let acknowledged = writing.await.expect("the writer does not panic");
    check_all(&client, acknowledged).await;
    grid.stop().await;
}
