//! Nodes whose log lost its end in a power cut, or all of it: they do not help to forget what was
//! acknowledged (invariants I4, I5).

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use grid_node::{GridClient, NodeId, ReadFrom};

use crate::grid::{Grid, PATIENCE, soon, wait_for};
use crate::toy::command;

async fn grid_with_words() -> (Grid, GridClient, NodeId) {
    let mut grid = Grid::start_with(3, |c| c.raft.rebalance_ms = 0).await;
    let client = grid.client();
    for request in 0..10 {
        client
            .submit(1, command(request, &format!("w{request}")), soon())
            .await
            .expect("committed");
    }
    let leader = grid.leader(1).await;
    for node in 1..=3 {
        wait_for("all replicas", || (grid.words(node, 1).len() == 10).then_some(())).await;
    }
    // A group that is still being founded has nothing to lose, and nothing to go on with.
    for node in 1..=3 {
        let founded = || {
            let status = grid.nodes[&node].status();
            status.shards.iter().all(|s| s.applied_index.is_some() && !s.doubtful).then_some(())
        };
        wait_for("all groups to be founded", founded).await;
    }
    // All of it is on disk everywhere before anything is cut.
    grid.stop_node(if leader == 1 { 2 } else { 1 }).await;
    (grid, client, leader)
}

/// Loses the end of a stopped node's log as a power cut might: its last bytes never reached the
/// disk, and the system was started anew.
fn cut_log(grid: &Grid, node: NodeId, bytes: usize) {
    damage_log(grid, node, |content, records| {
        let end = records[records.len() - 1] + RECORD_HEADER_BYTES;
        content[end.saturating_sub(bytes).max(HEADER_BYTES)..].fill(0);
    });
}

/// Damages the last segment of a stopped node, as if in a power cut; `change` gets the offsets of its
/// records, the end marker last.
pub fn damage_log(grid: &Grid, node: NodeId, change: impl FnOnce(&mut [u8], &[usize])) {
    let dir = grid.data_dir(node).join("log");
    let segment =
        |path: &std::path::PathBuf| fs::read(path).is_ok_and(|b| b.starts_with(b"SGWALSEG"));
    let mut segments: Vec<_> =
        fs::read_dir(&dir).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    segments.retain(segment);
    segments.sort();
    let last = segments.last().expect("a segment");
    let mut content = fs::read(last).expect("readable");
    let records = records(&content);
    change(&mut content, &records);
    fs::write(last, content).expect("writable");
    fs::write(dir.join("boot"), "an earlier start").expect("writable");
}

const HEADER_BYTES: usize = 4096;
const RECORD_HEADER_BYTES: usize = 48;

/// Offsets of a segment's records, the end marker last.
fn records(segment: &[u8]) -> Vec<usize> {
    const END: u8 = 8;
    let mut offsets = vec![HEADER_BYTES];
    loop {
        let at = offsets[offsets.len() - 1];
        if segment[at + 40] == END {
            return offsets;
        }
        let body = u32::from_le_bytes(segment[at..at + 4].try_into().expect("four bytes"));
        offsets.push(at + RECORD_HEADER_BYTES + (body as usize).next_multiple_of(8));
    }
}

/// One bit of the last record is wrong. Whether the mark that it was synced is left, too.
fn flip_last_record(grid: &Grid, node: NodeId, marked: bool) {
    damage_log(grid, node, |content, records| {
        let [.., last, end] = records else { panic!("no record") };
        content[last + RECORD_HEADER_BYTES] ^= 1;
        if !marked {
            content[end + RECORD_HEADER_BYTES..].fill(0);
        }
    });
}

fn is_doubtful(grid: &Grid, node: NodeId) -> bool {
    grid.nodes[&node].status().shards.iter().any(|shard| shard.doubtful)
}

async fn words(client: &GridClient) -> usize {
    let words = client.query(1, Bytes::new(), ReadFrom::Leader, soon()).await.expect("answered");
    String::from_utf8_lossy(&words).lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_majority_with_cut_logs_serves_only_with_the_one_that_remembers() {
    let (mut grid, client, leader) = grid_with_words().await;
    grid.stop().await;
    let cut: Vec<_> = (1..=3).filter(|id| *id != leader).collect();
    for node in &cut {
        cut_log(&grid, *node, 900);
        grid.start_node(*node).await;
        assert!(is_doubtful(&grid, *node), "the cut was noticed");
    }
    let short = Instant::now() + Duration::from_secs(3);
    let refused = client.submit(1, command(99, "without the past"), short).await;
    assert!(refused.is_err(), "two that forgot are no quorum");
    grid.start_node(leader).await;
    assert_eq!(words(&client).await, 10, "nothing acknowledged is lost");
    for node in cut {
        wait_for("the node to be made good", || (!is_doubtful(&grid, node)).then_some(())).await;
        let doubt = grid.data_dir(node).join("log/doubt");
        wait_for("the doubt to be forgotten", || (!doubt.exists()).then_some(())).await;
        wait_for("all words", || (grid.words(node, 1).len() == 10).then_some(())).await;
    }
    grid.stop().await;
}

/// The hard case: one bit of the last acknowledged record is wrong on two of three, which looks just
/// like a torn end. Refusing to serve is right, serving without the record would be the bug.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_majority_whose_last_record_is_damaged_does_not_serve_without_the_third() {
    let (mut grid, client, leader) = grid_with_words().await;
    grid.stop().await;
    let damaged: Vec<_> = (1..=3).filter(|id| *id != leader).collect();
    for node in &damaged {
        flip_last_record(&grid, *node, false);
        grid.start_node(*node).await;
        assert!(is_doubtful(&grid, *node), "the damage was noticed");
    }
    let short = Instant::now() + Duration::from_secs(3);
    let refused = client.submit(1, command(99, "without the past"), short).await;
    assert!(refused.is_err(), "two that are not sure are no quorum");
    grid.start_node(leader).await;
    assert_eq!(words(&client).await, 10, "nothing acknowledged is lost");
    grid.stop().await;
}

/// Where the mark is left that the damaged record had been synced, it is no torn end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_synced_record_is_damaged_does_not_start_and_says_where() {
    let (mut grid, _, leader) = grid_with_words().await;
    grid.stop().await;
    flip_last_record(&grid, leader, true);
    let refusal = grid.try_start(leader).await.expect_err("it does not start").to_string();
    assert!(refusal.contains("is damaged at offset"), "{refusal}");
    assert!(refusal.contains("replace it under a new node id"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_leader_sends_again_what_a_follower_lost() {
    let (mut grid, client, leader) = grid_with_words().await;
    let stopped = if leader == 1 { 2 } else { 1 };
    cut_log(&grid, stopped, 900);
    grid.start_node(stopped).await;
    wait_for("the node to be made good", || (!is_doubtful(&grid, stopped)).then_some(())).await;
    wait_for("all words", || (grid.words(stopped, 1).len() == 10).then_some(())).await;
    client.submit(1, command(10, "w10"), soon()).await.expect("committed");
    assert_eq!(grid.leader(1).await, leader, "nobody was disturbed");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grid_whose_logs_were_all_cut_goes_on_with_the_longest() {
    let (mut grid, client, leader) = grid_with_words().await;
    grid.stop().await;
    for node in 1..=3 {
        cut_log(&grid, node, if node == leader { 200 } else { 900 });
        grid.start_node(node).await;
    }
    let left = words(&client).await;
    assert!((8..=10).contains(&left), "{left} words are left of the longest log");
    for node in 1..=3 {
        wait_for("the node to be made good", || (!is_doubtful(&grid, node)).then_some(())).await;
    }
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_node_starts_with_what_is_left() {
    let mut grid = Grid::start(1).await;
    let client = grid.client();
    for request in 0..10 {
        client
            .submit(1, command(request, &format!("w{request}")), soon())
            .await
            .expect("committed");
    }
    grid.stop().await;
    cut_log(&grid, 1, 200);
    grid.start_node(1).await;
    let left = words(&client).await;
    assert!((8..=10).contains(&left), "{left} words are left");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_directory_does_not_outvote_the_one_that_remembers() {
    let (mut grid, client, leader) = grid_with_words().await;
    // One node is down already; what follows is known to the other two alone.
    let lagging = if leader == 1 { 2 } else { 1 };
    let wiped = (1..=3).find(|id| ![leader, lagging].contains(id)).expect("three nodes");
    client.submit(1, command(10, "w10"), soon()).await.expect("committed");
    grid.stop().await;
    fs::remove_dir_all(grid.data_dir(wiped)).expect("removable");
    grid.start_node(wiped).await;
    let failed = grid.nodes[&wiped].failed();
    grid.start_node(lagging).await;
    let short = Instant::now() + Duration::from_secs(3);
    let refused = client.submit(1, command(99, "without the past"), short).await;
    assert!(refused.is_err(), "one that forgot and one that never knew are no quorum");
    let reason = tokio::time::timeout(PATIENCE, failed).await.expect("the node gives up");
    assert!(reason.contains(&format!("ctl node recover {wiped}")), "{reason}");
    grid.kill_node(wiped);
    grid.start_node(leader).await;
    assert_eq!(words(&client).await, 11, "nothing acknowledged is lost");
    let error = wait_for_refusal(&mut grid, wiped).await;
    assert!(error.contains(&format!("ctl node recover {wiped}")), "{error}");
    grid.stop().await;
}

/// Starts a node until it is told that it does not belong here: at first the others may be asked
/// before they know more than it does.
async fn wait_for_refusal(grid: &mut Grid, node: NodeId) -> String {
    let deadline = soon();
    loop {
        assert!(Instant::now() < deadline, "node {node} is not refused");
        match grid.try_start(node).await {
            Err(error) if error.to_string().contains("data directory") => return error.to_string(),
            Err(_) => tokio::task::yield_now().await,
            Ok(()) => grid.stop_node(node).await,
        }
    }
}
