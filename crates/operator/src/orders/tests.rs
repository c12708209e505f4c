//! One line per order and state of the grid: refused with these words, or these steps.

use super::*;
use crate::model::{OperationView, Progress};
use crate::picture::tests::{change, joining, silence, well};
use crate::picture::{Facts, overview};

#[track_caller]
fn steps(order: &Order, facts: &Facts) -> usize {
    let plan = plan(order, &overview(facts)).unwrap_or_else(|e| panic!("{order:?}: {e}"));
    assert!(plan.needed, "{plan:?}");
    plan.steps.len()
}

#[track_caller]
fn nothing(order: &Order, facts: &Facts) {
    let plan = plan(order, &overview(facts)).unwrap_or_else(|e| panic!("{order:?}: {e}"));
    assert!(!plan.needed, "{plan:?}");
}

/// Refused as unsafe, with these words in the reason or the remedy.
#[track_caller]
fn refused(order: &Order, facts: &Facts, words: &str) {
    match plan(order, &overview(facts)) {
        Err(error @ Refusal::Unsafe { .. }) => {
            assert!(error.to_string().contains(words), "{error}");
        }
        other => panic!("{order:?}: {other:?}"),
    }
}

#[track_caller]
fn senseless(order: &Order, facts: &Facts, words: &str) {
    match plan(order, &overview(facts)) {
        Err(Refusal::Senseless(what)) => assert!(what.contains(words), "{what}"),
        other => panic!("{order:?}: {other:?}"),
    }
}

#[track_caller]
fn missing(order: &Order, facts: &Facts) {
    let result = plan(order, &overview(facts));
    assert!(matches!(result, Err(Refusal::Missing(_))), "{order:?}: {result:?}");
}

fn stage(facts: &mut Facts, node: NodeId, stage: Stage) {
    facts.table.nodes.get_mut(&node).expect("a node").state = stage;
}

/// Four nodes; node 4 joined and holds nothing.
fn with_spare() -> Facts {
    let mut facts = well(3, 4);
    let row = facts.table.nodes[&1].clone();
    facts.table.nodes.insert(4, row);
    let mut status = facts.statuses[&1].clone().expect("it answers");
    (status.node_id, status.shards) = (4, Vec::new());
    facts.statuses.insert(4, Ok(status));
    stage(&mut facts, 4, Stage::Spare);
    facts
}

#[test]
fn adding() {
    let add = |node| Order::NodeAdd { node };
    let mut facts = with_spare();
    assert_eq!(steps(&add(4), &facts), 2);
    nothing(&add(1), &facts);
    missing(&add(9), &facts);
    stage(&mut facts, 2, Stage::Draining);
    refused(&add(2), &facts, "operation cancel");
    stage(&mut facts, 2, Stage::Lost);
    senseless(&add(2), &facts, "new id");
    facts.statuses.insert(4, Err("refused".to_owned()));
    refused(&add(4), &facts, "start its unit");
    stage(&mut facts, 4, Stage::Removed);
    missing(&add(4), &facts);
}

#[test]
fn draining() {
    let drain = |node| Order::NodeDrain { node, fewer_replicas: false };
    let anyway = |node| Order::NodeDrain { node, fewer_replicas: true };
    let mut facts = with_spare();
    refused(&drain(1), &facts, "2 nodes would stay, and shards have 3 replicas; add a node first");
    assert_eq!(steps(&anyway(1), &facts), 4);
    stage(&mut facts, 4, Stage::Active);
    assert_eq!(steps(&drain(1), &facts), 4);
    silence(&mut facts, 2);
    refused(&drain(2), &facts, "seatgrid ctl node recover 2");
    refused(&drain(1), &facts, "2 nodes would stay");
    stage(&mut facts, 1, Stage::Drained);
    nothing(&drain(1), &facts);
    missing(&drain(9), &facts);
    let alone = well(1, 2);
    refused(&anyway(1), &alone, "no node would stay");
}

#[test]
fn draining_waits_for_a_dead_node_to_be_replaced() {
    let mut facts = well(5, 4);
    silence(&mut facts, 2);
    let order = Order::NodeDrain { node: 1, fewer_replicas: false };
    refused(&order, &facts, "first seatgrid ctl node recover 2 --wait");
}

#[test]
fn removing() {
    let remove = |node| Order::NodeRemove { node };
    let mut facts = with_spare();
    refused(&remove(1), &facts, "empty it first: seatgrid ctl node drain 1 --wait");
    assert_eq!(steps(&remove(4), &facts), 2, "a spare can leave at once");
    stage(&mut facts, 4, Stage::Active);
    refused(&remove(4), &facts, "node drain 4");
    stage(&mut facts, 4, Stage::Drained);
    assert_eq!(steps(&remove(4), &facts), 2);
    stage(&mut facts, 1, Stage::Lost);
    refused(&remove(1), &facts, "node recover 1 --wait");
}

#[test]
fn recovering() {
    let recover = |node| Order::NodeRecover { node };
    let mut facts = with_spare();
    refused(&recover(2), &facts, "stop its unit for good first");
    silence(&mut facts, 2);
    assert_eq!(steps(&recover(2), &facts), 3);
    silence(&mut facts, 3);
    refused(&recover(2), &facts, "shards 0, 1, 2, 3, 4 have no quorum without node 2");
    missing(&recover(9), &facts);
}

#[test]
fn moving_a_replica() {
    let to = |from, to| Order::ShardMove { shard: 1, from: Some(from), to: Some(to) };
    let mut facts = with_spare();
    refused(&to(1, 4), &facts, "seatgrid ctl node add 4");
    stage(&mut facts, 4, Stage::Lost);
    refused(&to(1, 4), &facts, "node 4 is lost; its id is never used again");
    stage(&mut facts, 4, Stage::Active);
    assert_eq!(steps(&to(1, 4), &facts), 4);
    assert_eq!(steps(&to(2, 4), &facts), 5, "the leader hands over first");
    senseless(&to(1, 2), &facts, "node 2 has a replica of shard 1 already");
    nothing(&to(4, 2), &facts);
    senseless(&to(1, 1), &facts, "to itself");
    missing(&to(1, 9), &facts);
    missing(&Order::ShardMove { shard: 99, from: Some(1), to: Some(4) }, &facts);
    missing(&Order::ShardMove { shard: 1, from: Some(9), to: Some(2) }, &facts);
    senseless(&Order::ShardMove { shard: 1, from: None, to: None }, &facts, "names the node");
    facts.table.shards.get_mut(&1).expect("shard 1").moving = Some(joining(4));
    assert_eq!(steps(&to(1, 4), &facts), 4, "the same move again is the same order");
    let fifth = facts.table.nodes[&4].clone();
    facts.table.nodes.insert(5, fifth);
    refused(&to(1, 5), &facts, "node 5 does not answer");
    let status = facts.statuses[&4].clone();
    facts.statuses.insert(5, status);
    refused(&to(1, 5), &facts, "are being changed");
    senseless(&to(4, 5), &well_with_five(), "node 4 has no replica of shard 1; nodes 2, 3, 1 have");
}

#[test]
fn adding_and_taking_away_a_replica() {
    let more = Order::ShardMove { shard: 1, from: None, to: Some(4) };
    let fewer = |node| Order::ShardMove { shard: 1, from: Some(node), to: None };
    let mut facts = with_spare();
    stage(&mut facts, 4, Stage::Active);
    assert_eq!(steps(&more, &facts), 3);
    assert_eq!(steps(&fewer(1), &facts), 1);
    assert_eq!(steps(&fewer(2), &facts), 2, "the leader hands over first");
    nothing(&fewer(4), &facts);
    silence(&mut facts, 3);
    refused(&fewer(1), &facts, "shard 1 would have 1 living replicas; give --to as well");
}

fn well_with_five() -> Facts {
    let mut facts = with_spare();
    let row = facts.table.nodes[&1].clone();
    facts.table.nodes.insert(5, row);
    facts
}

#[test]
fn handing_over_leadership() {
    let to = |to| Order::ShardTransfer { shard: 1, to };
    let mut facts = with_spare();
    assert_eq!(steps(&to(3), &facts), 1);
    nothing(&to(2), &facts);
    senseless(&to(4), &facts, "node 4 does not vote in shard 1; nodes 2, 3, 1 do");
    change(&mut facts, 3, 1, |replica| replica.doubtful = true);
    refused(&to(3), &facts, "seatgrid ctl shard show 1");
    change(&mut facts, 2, 1, |replica| replica.serving = false);
    refused(&to(1), &facts, "shard 1 has no leader");
    facts.statuses.insert(1, Err("refused".to_owned()));
    refused(&to(1), &facts, "node 1 does not answer");
}

#[test]
fn preferring_a_leader_and_writing_snapshots() {
    let facts = with_spare();
    assert_eq!(steps(&Order::ShardPin { shard: 1, leader: 3 }, &facts), 1);
    nothing(&Order::ShardPin { shard: 1, leader: 2 }, &facts);
    senseless(&Order::ShardPin { shard: 1, leader: 4 }, &facts, "does not vote");
    assert_eq!(steps(&Order::ShardSnapshot { shard: 1 }, &facts), 1);
    let mut silent = facts;
    silent.statuses.clear();
    refused(&Order::ShardSnapshot { shard: 1 }, &silent, "no replica of shard 1 answers");
}

#[test]
fn events() {
    let facts = well(3, 4);
    let pin = |shard| Order::EventPin { event: "gala".to_owned(), shard };
    assert_eq!(steps(&pin(None), &facts), 1);
    assert_eq!(steps(&pin(Some(4)), &facts), 1);
    missing(&pin(Some(5)), &facts);
    senseless(&pin(Some(0)), &facts, "meta group");
}

#[test]
fn layouts() {
    let apply = |version| Order::LayoutApply { version };
    let stage = |change| Order::LayoutStage { change };
    let mut facts = well(3, 4);
    facts.table.layout.version = 2;
    missing(&apply(3), &facts);
    nothing(&apply(2), &facts);
    nothing(&Order::LayoutRevert, &facts);
    missing(&stage(Change::Drain { node: 9 }), &facts);
    senseless(&stage(Change::Replicas { count: 2 }), &facts, "1, 3 or 5");
    let drain = Change::Drain { node: 1 };
    assert_eq!(steps(&stage(drain.clone()), &facts), 1);
    facts.table.layout.staged = vec![drain.sentence()];
    nothing(&stage(drain), &facts);
    refused(&apply(2), &facts, "layout 3 is staged, not 2");
    assert_eq!(steps(&apply(3), &facts), 1);
    assert_eq!(steps(&Order::LayoutRevert, &facts), 1);
}

#[test]
fn switches() {
    let mut facts = well(3, 4);
    nothing(&Order::BalancerSet { on: false }, &facts);
    assert_eq!(steps(&Order::BalancerSet { on: true }, &facts), 1);
    nothing(&Order::MovesPause { paused: false }, &facts);
    assert_eq!(steps(&Order::MovesPause { paused: true }, &facts), 1);
    facts.table.balancer.moves_paused = true;
    nothing(&Order::MovesPause { paused: true }, &facts);
    assert_eq!(steps(&Order::MovesPause { paused: false }, &facts), 1);
    assert_eq!(steps(&Order::Rebalance, &facts), 1);
}

#[test]
fn operations() {
    let mut facts = well(3, 4);
    missing(&Order::OperationPause { id: 7 }, &facts);
    let mut known = OperationView {
        id: 7,
        what: "drain node 2".to_owned(),
        state: Progress::Running,
        moves_done: 0,
        moves_total: 0,
        note: String::new(),
        began_ms: 0,
    };
    facts.table.operations = vec![known.clone()];
    for order in [
        Order::OperationPause { id: 7 },
        Order::OperationResume { id: 7 },
        Order::OperationCancel { id: 7 },
    ] {
        assert_eq!(steps(&order, &facts), 1);
    }
    known.state = Progress::Done;
    facts.table.operations = vec![known];
    nothing(&Order::OperationCancel { id: 7 }, &facts);
}

#[test]
fn activating_a_version() {
    let activate = |version| Order::UpgradeActivate { version };
    let mut facts = well(3, 4);
    nothing(&activate(1), &facts);
    senseless(&activate(0), &facts, "never goes back");
    refused(&activate(2), &facts, "node 1, 2, 3 cannot apply version 2");
    for node in facts.table.nodes.values_mut() {
        node.versions = (1, 2);
    }
    assert_eq!(steps(&activate(2), &facts), 2);
    facts.table.nodes.get_mut(&3).expect("node 3").versions = (1, 1);
    refused(&activate(2), &facts, "node 3 cannot apply");
    stage(&mut facts, 3, Stage::Removed);
    assert_eq!(steps(&activate(2), &facts), 2, "who left does not count");
}

#[test]
fn orders_have_a_json_form() {
    let order = Order::ShardMove { shard: 3, from: Some(1), to: Some(4) };
    let json = serde_json::to_string(&order).expect("JSON");
    assert_eq!(json, r#"{"order":"shard_move","shard":3,"from":1,"to":4}"#);
    assert_eq!(serde_json::from_str::<Order>(&json).expect("the same"), order);
}

#[test]
fn founding_a_shard_anew() {
    let found = |abandon| Order::ShardFound { shard: 1, abandon };
    let mut facts = with_spare();
    stage(&mut facts, 4, Stage::Active);
    refused(&found(true), &facts, "shard 1 lives: it has a leader");
    // Shard 1 is on nodes 2, 3, 1, of which the first leads.
    silence(&mut facts, 2);
    for node in [3, 1] {
        change(&mut facts, node, 1, |replica| replica.serving = false);
    }
    refused(&found(true), &facts, "that can elect a leader");
    facts.statuses.insert(3, Err("timed out".to_owned()));
    refused(&found(false), &facts, "--abandon-minority");
    assert_eq!(steps(&found(true), &facts), 2);
    facts.statuses.insert(1, Err("timed out".to_owned()));
    assert_eq!(steps(&found(false), &facts), 2);
    silence(&mut facts, 4);
    refused(&found(true), &facts, "start another unit");
    senseless(&Order::ShardFound { shard: 0, abandon: true }, &facts, "meta group");
}
