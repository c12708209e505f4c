//! Where an event's order goes.

use operator::health::Health;

use super::*;

fn event(leader: Option<u64>) -> EventView {
    EventView {
        event_id: "gala".to_owned(),
        number: 1,
        shard: 5,
        leader,
        replicas: vec![1, 2, 3],
        epoch: 1,
        health: Health::Healthy,
    }
}

#[test]
fn an_event_moves_with_its_shard() {
    let (shard, to) = (5, 3);
    assert_eq!(toward(&event(Some(1)), to), Order::ShardTransfer { shard, to });
    let moved = |from| Order::ShardMove { shard, from: Some(from), to: Some(4) };
    assert_eq!(toward(&event(Some(2)), 4), moved(2), "the leader's replica goes");
    assert_eq!(toward(&event(None), 4), moved(1), "without a leader the preferred one");
}
