//! What is too much is refused, and what came too late is never carried out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use grid_node::{ClientError, SubmitError};

use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_answers_busy_and_loses_nothing_it_took() {
    let mut grid = Grid::start_with(3, |c| {
        c.batch.queue_len_max = 4;
        c.batch.commands_max = 1;
        c.batch.in_flight_max = 1;
    })
    .await;
    let leader = grid.leader(1).await;
    let shard = grid.shard(leader, 1);
    let submits = (0..200).map(|request| shard.submit(command(request, "w"), soon()));
    let outcomes = join_all(submits).await;
    let taken = outcomes.iter().filter(|o| o.is_ok()).count();
    let busy = outcomes.iter().filter(|o| **o == Err(SubmitError::Busy)).count();
    assert_eq!(taken + busy, 200, "{outcomes:?}");
    assert!(taken > 0 && busy > 0, "{taken} taken, {busy} refused");
    assert_eq!(shard.read(|toy| toy.words.len()), taken);
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_in_the_queue_are_bounded_too() {
    let mut grid = Grid::start_with(1, |c| {
        c.batch.command_bytes_max = 100_000;
        c.batch.queue_bytes_max = 150_000;
        c.batch.in_flight_max = 1;
    })
    .await;
    let leader = grid.leader(1).await;
    let shard = grid.shard(leader, 1);
    let word = "w".repeat(90_000);
    let outcomes = join_all((0..8).map(|r| shard.submit(command(r, &word), soon()))).await;
    let (taken, busy): (Vec<_>, Vec<_>) = outcomes.iter().partition(|o| o.is_ok());
    assert!(
        !taken.is_empty() && busy.iter().all(|o| **o == Err(SubmitError::Busy)),
        "{outcomes:?}"
    );
    assert!(!busy.is_empty());
    // What was taken or refused has given its bytes back.
    shard.submit(command(9, &word), soon()).await.expect("there is room again");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_over_the_limit_are_refused_and_large_ones_go_alone() {
    let mut grid = Grid::start(3).await;
    let client = grid.client();
    let limit = 1 << 20;
    let large = command(1, &"l".repeat(limit - 8));
    client.submit(1, large, soon()).await.expect("as large as allowed");
    let leader = grid.leader(1).await;
    let over = command(2, &"l".repeat(limit - 7));
    let refused = grid.shard(leader, 1).submit(over.clone(), soon()).await;
    assert_eq!(refused, Err(SubmitError::TooLarge));
    assert_eq!(client.submit(1, over, soon()).await, Err(ClientError::TooLarge));
    let far_over = Bytes::from(vec![0; 17 << 20]);
    assert_eq!(client.submit(1, far_over, soon()).await, Err(ClientError::TooLarge));
    client.submit(1, command(3, "small"), soon()).await.expect("the connection still works");
    for node in 1..=3 {
        wait_for("all replicas", || (grid.words(node, 1).len() == 2).then_some(())).await;
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_in_the_queue_is_never_carried_out() {
    let mut grid = Grid::start_with(3, |c| {
        c.batch.in_flight_max = 1;
        c.batch.commands_max = 1;
        c.raft.rebalance_ms = 0;
    })
    .await;
    let client = grid.client();
    let leader = grid.leader(1).await;
    let shard = grid.shard(leader, 1);
    let past = Instant::now();
    assert_eq!(shard.submit(command(1, "past"), past).await, Err(SubmitError::Expired));
    let followers: Vec<_> = (1..=3).filter(|id| *id != leader).collect();
    for follower in &followers {
        grid.kill_node(*follower);
    }
    // The first goes into the log and waits for a quorum, the second waits behind it.
    let short = Instant::now() + Duration::from_millis(200);
    let (first, second) = tokio::join!(
        shard.submit(command(2, "first"), short),
        shard.submit(command(3, "second"), short),
    );
    assert_eq!((first, second.is_err()), (Err(SubmitError::Unknown), true));
    for follower in followers {
        grid.start_node(follower).await;
    }
    client.submit(1, command(4, "third"), soon()).await.expect("committed");
    for node in 1..=3 {
        let words = wait_for("all replicas", || {
            Some(grid.words(node, 1)).filter(|words| words.contains(&"third".to_owned()))
        })
        .await;
        assert!(!words.iter().any(|word| word == "second" || word == "past"), "{words:?}");
    }
    grid.stop().await;
}
