//! Seat maps: complete, as changes, waiting.

use std::time::{Duration, Instant};

use inventory::{SeatIx, SeatStatus};
use processing_unit::MapChanges;

use crate::harness::{Cluster, named};

#[tokio::test]
async fn a_map_is_told_whole_then_as_changes() {
    let cluster = Cluster::start(1).await;
    let event = cluster.open("demo", 300).await;
    cluster.held(event, named(&[1])).await;
    let whole = cluster.grid.seat_map(event, None, Duration::ZERO, cluster.deadline()).await;
    let whole = whole.expect("a map");
    let MapChanges::Full(bits) = &whole.changes else { panic!("{whole:?}") };
    assert_eq!((bits.len(), bits[0]), (6, 0b0000_0100));
    assert_eq!((whole.total.free, whole.total.held), (21, 1));
    assert_eq!(whole.tiers[0].held, 1);

    cluster.held(event, named(&[2])).await;
    let known = Some(whole.version);
    let next = cluster.grid.seat_map(event, known, Duration::ZERO, cluster.deadline()).await;
    let changes = next.expect("a map").changes;
    assert_eq!(changes, MapChanges::Since(vec![(SeatIx(2), SeatStatus::Held)]));
}

#[tokio::test]
async fn a_waiting_question_answers_at_the_change_or_when_its_time_is_over() {
    let cluster = Cluster::start(1).await;
    let event = cluster.open("demo", 300).await;
    let map = cluster.grid.seat_map(event, None, Duration::ZERO, cluster.deadline()).await;
    let known = Some(map.expect("a map").version);
    let asked = Instant::now();
    let patience = Duration::from_millis(200);
    let same = cluster.grid.seat_map(event, known, patience, cluster.deadline()).await;
    assert_eq!(Some(same.expect("a map").version), known);
    assert!(asked.elapsed() >= patience);

    let grid = cluster.grid.clone();
    let deadline = cluster.deadline();
    let waiting = tokio::spawn(async move {
        grid.seat_map(event, known, Duration::from_secs(10), deadline).await
    });
    cluster.held(event, named(&[7])).await;
    let told = waiting.await.expect("no panic").expect("a map");
    assert_eq!(told.changes, MapChanges::Since(vec![(SeatIx(7), SeatStatus::Held)]));
}
