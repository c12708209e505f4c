//! A grid of many groups whose nodes all died at once: every group serves again, and how long that
//! takes. `SEATGRID_GROUPS=256` is the most that a grid may have.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use grid_node::GridClient;

use crate::grid::{Grid, PATIENCE, soon};
use crate::toy::command;

/// Quick enough for every run of the tests.
const GROUPS: u32 = 24;
/// Commands in each group's log.
const COMMANDS: u64 = 20;

fn groups() -> u32 {
    std::env::var("SEATGRID_GROUPS").ok().and_then(|count| count.parse().ok()).unwrap_or(GROUPS)
}

/// The time until every group has a node that serves it.
async fn all_serve(grid: &Grid, began: Instant) -> Duration {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let mut left: Vec<u32> = (1..=groups()).collect();
    let deadline = began + PATIENCE * 4;
    while !left.is_empty() {
        looks.tick().await;
        left.retain(|shard| {
            let serves = |node: &grid_node::GridNode<crate::toy::Toy>| {
                node.shard(*shard).is_some_and(|shard| shard.is_serving())
            };
            !grid.nodes.values().any(serves)
        });
        assert!(Instant::now() < deadline, "shards {left:?} are not served");
    }
    began.elapsed()
}

/// Writes a word for certain: with very many groups on one machine a leader may be deposed for its
/// silence in the middle, which leaves a command's end unknown. Repeating it is harmless.
async fn write(client: &GridClient, shard: u32, request: u64, word: &str) {
    let deadline = soon();
    while let Err(error) = client.submit(shard, command(request, word), soon()).await {
        assert!(Instant::now() < deadline, "shard {shard}: {error}");
    }
}

#[expect(clippy::print_stdout, reason = "the figure is what a long run is made for")]
fn report(founded: Duration, opened: Duration, serving: Duration) {
    let groups = groups();
    println!(
        "{groups} groups on three nodes: founded after {founded:?}; killed and started again, all \
         open after {opened:?}, all served after {serving:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_groups_recover_together() {
    let began = Instant::now();
    let mut grid = Grid::start_with(3, |config| {
        let defaults = grid_node::RaftConfig::default();
        config.shards = groups();
        config.raft.heartbeat_ms = defaults.heartbeat_ms;
        config.raft.election_min_ms = defaults.election_min_ms;
        config.raft.election_max_ms = defaults.election_max_ms;
        config.raft.rebalance_ms = 0;
    })
    .await;
    let founded = all_serve(&grid, began).await;
    let client = grid.client();
    for request in 0..COMMANDS {
        let word = format!("w{request}");
        join_all((1..=groups()).map(|shard| write(&client, shard, request, &word))).await;
    }
    for node in 1..=3 {
        grid.kill_node(node);
    }
    let began = Instant::now();
    for node in 1..=3 {
        grid.start_node(node).await;
    }
    let opened = began.elapsed();
    let serving = all_serve(&grid, began).await;
    report(founded, opened, serving);
    for shard in 1..=groups() {
        let node = grid.leader(shard).await;
        assert_eq!(grid.words(node, shard).len() as u64, COMMANDS, "shard {shard}");
    }
    grid.stop().await;
}
