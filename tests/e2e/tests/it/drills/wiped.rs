//! A unit returns without what it had acknowledged.

use std::time::Duration;

use e2e::drill::{Drill, Load, knob, lasts, pause_max};
use e2e::{System, until};

use super::{asked, ordered, reconciles};

/// The unit that loses its disk.
const UNIT: u32 = 2;
/// What it says when it is started on an empty one.
const REFUSAL: &str = "node 2 is known with another data directory";

/// A unit's data is gone and it is started again under its old id. Expected: it is refused, since a
/// log that forgot what it acknowledged must not vote under the old name; the other two go on. Given
/// up by `node recover`, its process comes back under a new id, and every shard has three replicas
/// again. Requests wait for an election at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_unit_is_refused_and_recovered_under_a_new_id() {
    let drill = Drill::begin("unit wiped, refused, recovered");
    let system = System::start();
    let mut load = Load::start(&system, knob("WIPED_S", 15)).await;
    let unit = system.units().into_iter().find(|unit| unit.node == UNIT).expect("it runs");
    load.mark("unit 2 is killed and its disk is empty");
    let place = system.data_dir().join(format!("units/{UNIT}"));
    std::fs::rename(&place, system.scratch("gone")).expect("the data goes");
    System::kill(&unit);
    until("it is refused", Duration::from_secs(60), || async {
        system.file(&format!("logs/unit-{UNIT}.log")).contains(REFUSAL).then_some(())
    })
    .await;
    assert_eq!(asked(&system, &["node", "show", "2"])["reachable"], false);
    let refused = system.run(&["ctl", "node", "recover", "1"]);
    assert_eq!(refused.status.code(), Some(3), "a living node is not given up");
    load.mark("it is given up");
    ordered(&system, &["node", "recover", "2"]);
    let back = system.until_back(&unit).await;
    assert_eq!(back.node, UNIT, "the same process, as its supervisor counts");
    until("every shard has three living replicas", Duration::from_secs(120), || async {
        let shards = asked(&system, &["shard", "list"]);
        let shards = shards.as_array()?;
        shards.iter().all(|shard| shard["health"] == "healthy").then_some(())
    })
    .await;
    load.calm();
    lasts(Duration::from_secs(2)).await;
    let nodes = asked(&system, &["node", "list"]);
    let nodes = nodes.as_array().expect("a list of nodes").iter().map(|node| node["node"].as_u64());
    let nodes: Vec<u64> = nodes.flatten().collect();
    assert!(nodes.contains(&4), "a new id: {nodes:?}");
    load.judge(&system, &drill).await.pauses_at_most(pause_max());
    reconciles(&system);
}
