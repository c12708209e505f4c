//! Holds end by themselves, soon after their deadline and exactly once.

use std::time::{Duration, Instant};

use inventory::{Change, HoldEnd};
use processing_unit::HoldAnswer;

use crate::harness::{Cluster, named};

#[tokio::test]
async fn a_hold_ends_within_a_moment_of_its_deadline() {
    let cluster = Cluster::start(1).await;
    let long = cluster.open("long", 1_800).await;
    cluster.held(long, named(&[0])).await;
    // A shorter hold in the same shard comes later and is due earlier.
    let event = cluster.open("short", 5).await;
    let held = cluster.held(event, named(&[3])).await;
    let granted = Instant::now();
    let map = cluster.grid.seat_map(event, None, Duration::ZERO, cluster.deadline()).await;
    let version = map.expect("a map").version;
    let wait = Duration::from_secs(8);
    let freed = cluster.grid.seat_map(event, Some(version), wait, cluster.deadline()).await;
    let after = granted.elapsed();
    assert_eq!(freed.expect("a map").total.free, 22);
    assert!(after >= Duration::from_millis(4_900), "freed after {after:?}");
    assert!(after <= Duration::from_millis(5_500), "freed after {after:?}");
    let ended = cluster.grid.hold(held.hold, cluster.deadline()).await.expect("remembered");
    assert_eq!(ended, HoldAnswer::Ended(HoldEnd::Expired));
    let shard = cluster.grid.shard_of(event, cluster.deadline()).await.expect("pinned");
    let feed = cluster.feed(shard, Default::default()).await;
    let ends = feed.records.iter().filter(|r| matches!(r.change, Change::HoldExpired { .. }));
    assert_eq!(ends.count(), 1);
}
