//! Snapshots that bound the log, survive restarts, bring a follower up to date, and are not
//! believed when damaged; a log that no snapshot leads up to is refused (invariant I14).

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use grid_node::{GridClient, NodeId, ReadFrom};

use crate::grid::{Grid, looks, soon, wait_for};
use crate::toy::command;

/// Snapshots after 32 KiB of log.
async fn grid() -> Grid {
    Grid::start_with(3, |c| {
        c.snapshot.after_log_bytes = 32 << 10;
        c.log.segment_bytes = 64 << 10;
        c.batch.command_bytes_max = 32 << 10;
        c.raft.rebalance_ms = 0;
    })
    .await
}

async fn write(client: &GridClient, requests: std::ops::Range<u64>) {
    for request in requests {
        let word = format!("{request}-{}", "x".repeat(1000));
        client.submit(1, command(request, &word), soon()).await.expect("committed");
    }
}

async fn count(client: &GridClient) -> usize {
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    String::from_utf8_lossy(&words).lines().count()
}

/// Writes until the node has forgotten the beginning of its log; returns the next request.
async fn write_until_purged(grid: &Grid, client: &GridClient, node: NodeId, from: u64) -> u64 {
    let mut next = from;
    until_purged(grid, node, async || {
        write(client, next..next + 20).await;
        next += 20;
    })
    .await;
    next
}

/// Goes on writing, a turn at each look, until the node has forgotten more of its log. By time and
/// not by turns: a quick disk takes any number of them before a snapshot is due.
async fn until_purged(grid: &Grid, node: NodeId, mut write: impl AsyncFnMut()) {
    let already = grid.status(node, 1).purged_index;
    let deadline = soon();
    let mut looks = looks();
    while grid.status(node, 1).purged_index == already {
        assert!(Instant::now() < deadline, "the log is never purged");
        looks.tick().await;
        write().await;
    }
}

fn snapshot_files(grid: &Grid, node: NodeId) -> Vec<PathBuf> {
    let dir = grid.data_dir(node).join("snapshots/00001");
    let mut files: Vec<_> =
        fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "snapshot"));
    files.sort();
    files
}

/// Invariant I14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_left_behind_catches_up_by_snapshot() {
    let mut grid = grid().await;
    let client = grid.client();
    let leader = grid.leader(1).await;
    let behind = (1..=3).find(|id| *id != leader).expect("three nodes");
    write(&client, 0..5).await;
    grid.stop_node(behind).await;
    let written = write_until_purged(&grid, &client, leader, 5).await;
    grid.start_node(behind).await;
    wait_for("the follower to catch up", || {
        (grid.words(behind, 1).len() as u64 == written).then_some(())
    })
    .await;
    let status = grid.status(behind, 1);
    assert!(status.snapshot_index >= grid.status(leader, 1).purged_index, "{status:?}");
    assert!(!snapshot_files(&grid, behind).is_empty());
    // What it got counts: the grid goes on with it and without another one.
    let other = (1..=3).find(|id| ![leader, behind].contains(id)).expect("three nodes");
    grid.stop_node(other).await;
    write(&client, written..written + 5).await;
    grid.stop_node(behind).await;
    grid.start_node(behind).await;
    assert_eq!(count(&client).await as u64, written + 5);
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_from_snapshots_has_everything_and_a_damaged_one_is_passed_over() {
    let mut grid = grid().await;
    let client = grid.client();
    let node = grid.leader(1).await;
    let written = write_until_purged(&grid, &client, node, 0).await;
    assert!(grid.status(node, 1).log_bytes < written * 1000, "{:?}", grid.status(node, 1));
    grid.stop().await;
    let files = snapshot_files(&grid, node);
    assert_eq!(files.len(), 2, "the newest and the one before");
    let newest = files.last().expect("two files");
    let mut bytes = fs::read(newest).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(newest, bytes).expect("writable");
    // An interrupted write leaves this behind.
    fs::write(newest.with_extension("tmp"), b"half").expect("writable");
    for id in 1..=3 {
        grid.start_node(id).await;
    }
    assert_eq!(count(&client).await as u64, written);
    wait_for("the node with the older snapshot", || {
        (grid.words(node, 1).len() as u64 == written).then_some(())
    })
    .await;
    assert!(!newest.with_extension("tmp").exists());
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_snapshots_are_gone_refuses_to_start_and_says_why() {
    let mut grid = grid().await;
    let client = grid.client();
    let node = grid.leader(1).await;
    write_until_purged(&grid, &client, node, 0).await;
    grid.stop().await;
    for file in snapshot_files(&grid, node) {
        fs::remove_file(file).expect("removable");
    }
    let error = grid.try_start(node).await.expect_err("the log does not reach back").to_string();
    assert!(error.contains("shard 1") && error.contains("snapshots/00001"), "{error}");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_shard_does_not_keep_the_log_of_a_busy_one_from_being_freed() {
    let mut grid = Grid::start_with(1, |c| {
        c.snapshot.after_log_bytes = 3 << 20;
        c.log.segment_bytes = 256 << 10;
        c.batch.command_bytes_max = 64 << 10;
    })
    .await;
    let client = grid.client();
    let word = "x".repeat(60_000);
    // Too much for the log to move out of the way, too little for a snapshot of its own.
    for request in 0..30 {
        client.submit(2, command(request, &word), soon()).await.expect("committed");
    }
    assert_eq!(grid.status(1, 2).snapshot_index, None);
    for request in 0..60 {
        client.submit(1, command(request, &word), soon()).await.expect("committed");
    }
    let last = grid.status(1, 2).last_log_index;
    wait_for("the idle shard to let go", || (grid.status(1, 2).purged_index == last).then_some(()))
        .await;
    grid.stop().await;
    grid.start_node(1).await;
    wait_for("the state", || (grid.words(1, 2).len() == 30).then_some(())).await;
    grid.stop().await;
}

/// Damage to the file that is being sent is found by the receiver and repaired by a new snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_snapshot_rots_under_it_makes_another_for_its_follower() {
    let mut grid = grid().await;
    let client = grid.client();
    let leader = grid.leader(1).await;
    let behind = (1..=3).find(|id| *id != leader).expect("three nodes");
    write(&client, 0..5).await;
    grid.stop_node(behind).await;
    let written = write_until_purged(&grid, &client, leader, 5).await;
    let newest = snapshot_files(&grid, leader).pop().expect("a snapshot");
    let mut bytes = fs::read(&newest).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).expect("writable");
    grid.start_node(behind).await;
    wait_for("the follower to catch up", || {
        (grid.words(behind, 1).len() as u64 == written).then_some(())
    })
    .await;
    wait_for("the figures", || {
        let installed = grid.status(behind, 1).snapshot_index;
        (installed >= grid.status(leader, 1).purged_index).then_some(())
    })
    .await;
    grid.stop().await;
}

/// A transfer slowed down to many pieces goes on after the receiver was killed in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_survives_the_death_of_its_receiver() {
    let mut grid = Grid::start_with(3, |c| {
        c.snapshot.after_log_bytes = 256 << 10;
        c.snapshot.send_bytes_per_s = 1 << 20;
        c.log.segment_bytes = 256 << 10;
        c.batch.command_bytes_max = 64 << 10;
        c.raft.rebalance_ms = 0;
    })
    .await;
    let client = grid.client();
    let leader = grid.leader(1).await;
    let behind = (1..=3).find(|id| *id != leader).expect("three nodes");
    grid.stop_node(behind).await;
    let word = "x".repeat(20_000);
    let mut written = 0;
    until_purged(&grid, leader, async || {
        client.submit(1, command(written, &word), soon()).await.expect("committed");
        written += 1;
    })
    .await;
    grid.start_node(behind).await;
    let dir = grid.data_dir(behind).join("snapshots/00001");
    let arrived = || {
        let files = fs::read_dir(&dir).ok()?.filter_map(Result::ok);
        let part = files.into_iter().find(|f| f.path().extension().is_some_and(|e| e == "part"))?;
        let bytes = part.metadata().ok()?.len();
        (bytes > 0).then_some(bytes)
    };
    wait_for("the first pieces", arrived).await;
    grid.kill_node(behind);
    let kept = arrived().expect("what came stays");
    grid.start_node(behind).await;
    wait_for("more of the same transfer", || {
        let caught_up = grid.words(behind, 1).len() as u64 == written;
        (caught_up || arrived()? >= kept).then_some(())
    })
    .await;
    wait_for("the follower to catch up", || {
        (grid.words(behind, 1).len() as u64 == written).then_some(())
    })
    .await;
    assert!(arrived().is_none(), "nothing half is left");
    grid.stop().await;
}
