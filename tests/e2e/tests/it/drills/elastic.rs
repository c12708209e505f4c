//! Nodes come and go under load.

use std::time::Duration;

use e2e::System;
use e2e::drill::{Drill, Load, knob, lasts, pause_max};

use super::{asked, ordered, reconciles};

/// Before the first change and after the last: what the changes are compared with.
const QUIET: Duration = Duration::from_secs(3);

/// A fourth unit is started and added, which brings it its share of replicas and leaders; half of all
/// leaders are moved by hand; then unit 1 is drained and removed. Expected: every request succeeds, at
/// worst later, while leaders move; no answer contradicts another. On a machine that keeps up with the
/// load (`STRICT`) nobody even has to send a request again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_added_and_another_is_drained_and_removed() {
    let drill = Drill::begin("unit added, leaders moved, one removed");
    let system = System::start();
    let mut load = Load::start(&system, knob("ELASTIC_S", 25)).await;
    lasts(QUIET).await;
    load.mark("a fourth unit is added");
    ordered(&system, &["node", "add"]);
    load.mark("half of the leaders are moved");
    let moved = move_half_of_the_leaders(&system);
    load.mark("unit 1 is drained");
    ordered(&system, &["node", "drain", "1"]);
    load.mark("unit 1 is removed");
    ordered(&system, &["node", "remove", "1"]);
    load.calm();
    let verdict = load.judge(&system, &drill).await;
    verdict.pauses_at_most(pause_max());
    if knob("STRICT", 0) == 1 {
        verdict.nothing_repeated();
    }
    drill.note(&format!("{moved} leaders were moved by hand"));
    let units: Vec<u32> = system.units().iter().map(|unit| unit.node).collect();
    assert!(!units.contains(&1) && units.len() == 3, "units {units:?} are left");
    reconciles(&system);
}

/// Every second shard gets another leader among its replicas; how many.
fn move_half_of_the_leaders(system: &System) -> usize {
    let shards = asked(system, &["shard", "list"]);
    let shards = shards.as_array().expect("a list of shards").iter().step_by(2);
    let moves = shards.map(|shard| {
        let replicas = shard["replicas"].as_array().expect("replicas");
        // Unit 1 is about to go.
        let other = replicas.iter().find(|node| **node != shard["leader"] && **node != 1);
        let other = other.expect("another replica").to_string();
        ordered(system, &["shard", "transfer-leader", &shard["shard"].to_string(), "--to", &other]);
    });
    moves.count()
}
