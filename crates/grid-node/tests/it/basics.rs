//! Writing, reading, pinning and restarting a healthy grid.

use std::collections::BTreeSet;

use bytes::Bytes;
use grid_node::{ClientError, ReadFrom};

use crate::grid::{Grid, soon, wait_for};
use crate::toy::{command, position};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_committed_on_all_replicas_and_read_back() {
    let mut grid = Grid::start(3).await;
    let client = grid.client();
    for (request, word) in [(1, "one"), (2, "two"), (3, "three")] {
        let reply = client.submit(1, command(request, word), soon()).await.expect("committed");
        assert_eq!(position(&reply), request - 1);
    }
    let again = client.submit(1, command(2, "two"), soon()).await.expect("committed");
    assert_eq!(position(&again), 1, "the same request has the same outcome");
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    assert_eq!(words, "one\ntwo\nthree");
    for node in 1..=3 {
        wait_for("replica", || (grid.words(node, 1).len() == 3).then_some(())).await;
    }
    assert_eq!(client.submit(9, command(1, "x"), soon_enough()).await, Err(ClientError::NoLeader));
    // Nobody was looked for, so nothing is said of leaders.
    let past = std::time::Instant::now();
    assert_eq!(client.submit(1, command(4, "late"), past).await, Err(ClientError::Busy));
    grid.stop().await;
}

/// Short, for what is expected to fail.
fn soon_enough() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_millis(300)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grid_of_one_node_works_and_remembers() {
    let mut grid = Grid::start(1).await;
    let client = grid.client();
    client.submit(2, command(1, "alone"), soon()).await.expect("committed");
    grid.stop().await;
    grid.start_node(1).await;
    let words = client.query(2, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    assert_eq!(words, "alone");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_acknowledged_is_there_after_a_restart_of_all() {
    let mut grid = Grid::start(3).await;
    let client = grid.client();
    for request in 0..50 {
        client
            .submit(1, command(request, &format!("w{request}")), soon())
            .await
            .expect("committed");
    }
    let pin = client.pin("event", soon()).await.expect("pinned");
    grid.stop().await;
    for id in 1..=3 {
        grid.start_node(id).await;
    }
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    let expected: Vec<String> = (0..50).map(|request| format!("w{request}")).collect();
    assert_eq!(words, expected.join("\n"));
    assert_eq!(client.pin("event", soon()).await, Ok(pin));
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_are_stable_spread_and_told_to_every_client() {
    let mut grid = Grid::start(3).await;
    let client = grid.client();
    let mut shards = BTreeSet::new();
    for n in 1..=4 {
        let key = format!("event-{n}");
        let pin = client.pin(&key, soon()).await.expect("pinned");
        assert_eq!(pin.number, n);
        assert_eq!(client.pin(&key, soon()).await, Ok(pin));
        shards.insert(pin.shard);
    }
    assert_eq!(shards, BTreeSet::from([1, 2]));
    let other = grid.client();
    let table = other.refresh_routes(soon()).await.expect("answered");
    assert_eq!(table.pins.len(), 4);
    assert_eq!(table.shard_of(1), Some(table.pins["event-1"].shard));
    wait_for("the pins in the background", || (client.routes().pins.len() == 4).then_some(()))
        .await;
    grid.stop().await;
}
