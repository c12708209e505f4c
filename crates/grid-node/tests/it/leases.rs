//! A leader that a quorum no longer hears neither serves nor answers fresh reads (invariant I6).

use std::time::{Duration, Instant};

use grid_node::{ReadError, SubmitError};

use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_the_leader_stops_serving() {
    let mut grid = Grid::start(3).await;
    let leader = grid.leader(1).await;
    let shard = grid.shard(leader, 1);
    shard.submit(command(1, "one"), soon()).await.expect("committed");
    assert_eq!(shard.read_fresh(soon(), |toy| toy.words.len()).await, Ok(1));
    for follower in (1..=3).filter(|id| *id != leader) {
        grid.kill_node(follower);
    }
    wait_for("the lease to end", || (!shard.is_serving()).then_some(())).await;
    let short = Instant::now() + Duration::from_millis(200);
    let read = shard.read_fresh(short, |toy| toy.words.len()).await;
    assert!(matches!(read, Err(ReadError::NotLeader { .. } | ReadError::Expired)), "{read:?}");
    let asked_at = Instant::now();
    let written = shard.submit(command(2, "two"), soon()).await;
    assert!(matches!(written, Err(SubmitError::NotLeader { .. })), "{written:?}");
    assert!(asked_at.elapsed() < Duration::from_secs(1), "at once, not at the deadline");
    assert_eq!(shard.read(|toy| toy.words.len()), 1, "a stale read is always possible");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_leader_without_a_quorum_is_told_when_the_lease_ends() {
    let mut grid = Grid::start_with(3, |c| {
        c.raft.rebalance_ms = 0;
        c.batch.in_flight_max = 1;
        c.batch.commands_max = 1;
        c.batch.queue_age_max_ms = 60_000;
    })
    .await;
    let leader = grid.leader(1).await;
    let shard = grid.shard(leader, 1);
    for follower in (1..=3).filter(|id| *id != leader) {
        grid.kill_node(follower);
    }
    // The first is in the log when the quorum is found missing; the second waits behind it, and the
    // third's deadline passes before.
    let asked_at = Instant::now();
    let (first, second, third) = tokio::join!(
        shard.submit(command(1, "first"), soon()),
        shard.submit(command(2, "second"), soon()),
        shard.submit(command(3, "third"), asked_at + Duration::from_millis(30)),
    );
    assert_eq!(first, Err(SubmitError::Unknown));
    assert!(matches!(second, Err(SubmitError::NotLeader { .. })), "{second:?}");
    assert!(third.is_err(), "{third:?}");
    assert!(asked_at.elapsed() < Duration::from_secs(5), "not at the deadline");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_refuses_and_names_the_leader() {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let leader = grid.leader(1).await;
    let follower = if leader == 1 { 2 } else { 1 };
    let shard = grid.shard(follower, 1);
    wait_for("a hint", || shard.leader_hint()).await;
    let hint = Some(leader);
    let written = shard.submit(command(1, "one"), soon()).await;
    assert_eq!(written, Err(SubmitError::NotLeader { hint }));
    let read = shard.read_fresh(soon(), |toy| toy.words.len()).await;
    assert_eq!(read, Err(ReadError::NotLeader { hint }));
    grid.stop().await;
}
