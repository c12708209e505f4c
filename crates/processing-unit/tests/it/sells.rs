//! Commands through the whole unit: committed, applied, answered, kept over a restart.

use inventory::{Change, Outcome, Refusal};
use processing_unit::{GridError, Query};

use crate::harness::{Cluster, hold, named, place};

#[tokio::test]
async fn a_seat_is_sold_and_survives_a_restart() {
    let mut cluster = Cluster::start(1).await;
    let event = cluster.open("demo", 300).await;
    let held = cluster.held(event, named(&[0, 1])).await;
    let lost = cluster.run(event, hold(event, named(&[1, 2]))).await;
    assert!(matches!(lost.outcome, Outcome::Refused(Refusal::SeatTaken { .. })), "{lost:?}");
    let placed = cluster.run(event, place(held.hold)).await;
    let Outcome::OrderPlaced(order) = placed.outcome else { panic!("{placed:?}") };

    cluster.restart().await;

    let order = cluster.grid.order(order.order, cluster.deadline()).await.expect("kept");
    assert_eq!(order.order.seats.len(), 2);
    let again = cluster.run(event, hold(event, named(&[0]))).await;
    assert!(matches!(again.outcome, Outcome::Refused(Refusal::SeatTaken { .. })), "{again:?}");
}

#[tokio::test]
async fn a_retry_with_the_same_key_acts_once() {
    let cluster = Cluster::start(1).await;
    let event = cluster.open("demo", 300).await;
    let envelope = cluster.keyed(hold(event, named(&[4])));
    let first = cluster.grid.command(event, &envelope, cluster.deadline()).await.expect("held");
    let again = cluster.grid.command(event, &envelope, cluster.deadline()).await.expect("held");
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.outcome, again.outcome);
}

#[tokio::test]
async fn the_leader_dies_and_the_rest_goes_on() {
    // invariants: I1, I3, I4, I6
    let mut cluster = Cluster::start(3).await;
    let event = cluster.open("demo", 300).await;
    let held = cluster.held(event, named(&[0])).await;
    let leader = cluster.leader_of(event).await;
    cluster.stop(leader).await;
    // The same client finds the next leader by itself.
    let other = cluster.held(event, named(&[1])).await;
    assert_ne!(held.hold, other.hold);
    let lost = cluster.run(event, hold(event, named(&[0]))).await;
    assert!(matches!(lost.outcome, Outcome::Refused(Refusal::SeatTaken { .. })), "{lost:?}");
    cluster.start_again(leader).await;
    cluster.until_replicas_agree(event).await;
}

#[tokio::test]
async fn pins_are_stable_and_unknown_events_are_said_to_be_unknown() {
    // invariant: I7
    let cluster = Cluster::start(1).await;
    let pin = cluster.grid.pin("one", cluster.deadline()).await.expect("pinned");
    let same = cluster.grid.pin("one", cluster.deadline()).await.expect("pinned");
    let other = cluster.grid.pin("two", cluster.deadline()).await.expect("pinned");
    assert_eq!(pin, same);
    assert_ne!(pin.number, other.number);
    let missing = cluster.grid.route("three", cluster.deadline()).await;
    assert_eq!(missing, Err(GridError::NotFound));
}

#[tokio::test]
async fn the_feed_tells_every_change_once_and_forgets_what_is_acknowledged() {
    let cluster = Cluster::start(1).await;
    let event = cluster.open("demo", 300).await;
    cluster.held(event, named(&[0, 1, 2])).await;
    let shard = cluster.grid.shard_of(event, cluster.deadline()).await.expect("pinned");
    let feed = cluster.feed(shard, Default::default()).await;
    assert!(matches!(feed.records[0].change, Change::SaleOpened { .. }));
    assert!(matches!(feed.records[1].change, Change::HoldGranted { .. }));
    let up_to = feed.records[1].last();
    cluster.grid.acknowledge(shard, up_to, cluster.deadline()).await.expect("trimmed");
    let rest = cluster.feed(shard, up_to).await;
    assert_eq!((rest.records.len(), rest.acknowledged), (0, up_to));
    let nobody = Query::Order("o9-9".parse().unwrap());
    let answer = cluster.grid.query(shard, &nobody, cluster.deadline()).await;
    assert_eq!(answer, Err(GridError::NotFound));
}
