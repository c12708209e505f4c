//! Nodes come and go under load.

use std::time::Duration;

use e2e::System;
use e2e::drill::{Load, knob};

use super::reconciles;

/// A fourth unit is started and added, which brings it its share of replicas and leaders; then unit
/// 1 is drained and removed. Expected: every request succeeds, at worst later, while leaders move; no
/// answer contradicts another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_added_and_another_is_drained_and_removed() {
    let system = System::start();
    let mut load = Load::start(&system, knob("ELASTIC_S", 25)).await;
    let steps: [(&str, &[&str]); 3] = [
        ("a fourth unit is added", &["node", "add"]),
        ("unit 1 is drained", &["node", "drain", "1"]),
        ("unit 1 is removed", &["node", "remove", "1"]),
    ];
    for (what, words) in steps {
        load.mark(what);
        done(&system, words);
    }
    load.mark("the new grid alone");
    let verdict = load.judge(&system, "a unit added, one drained and removed").await;
    verdict.holds_promises().pauses_at_most(Duration::from_secs(knob("GAP_MAX_S", 10)));
    let units: Vec<u32> = system.units().iter().map(|unit| unit.node).collect();
    assert!(!units.contains(&1) && units.len() == 3, "units {units:?} are left");
    reconciles(&system);
}

/// Gives an order to the operator's tool and waits until it is carried out.
#[track_caller]
fn done(system: &System, words: &[&str]) {
    let args = [&["ctl"], words, &["--wait", "--timeout", "120"]].concat();
    let output = system.run(&args);
    let told = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "{words:?}: {told:?}");
}
