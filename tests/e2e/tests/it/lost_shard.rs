//! One shard of several has lost its replicas; it comes back from the tables while the others sell.

use std::process::Output;
use std::time::Duration;

use e2e::{Client, System, until};
use serde_json::{Value, json};

/// Units of the grid: five, so that the loss of two costs some shards their quorum and others not.
const UNITS: u32 = 5;
/// The units whose disks are lost.
const LOST: [u32; 2] = [4, 5];
const EVENTS: [&str; 2] = ["demo-hall", "demo-arena"];

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

fn asked(system: &System, args: &[&str]) -> Value {
    let output = system.run(&[&["ctl"], args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).expect("ctl prints JSON")
}

fn recover(system: &System, shard: u64, more: &[&str]) -> Output {
    let shard = shard.to_string();
    let args = ["ctl", "shard", "recover", &shard, "--from-database", "--json"];
    system.run(&[&args, more].concat())
}

/// Data shards that nobody leads.
fn leaderless(system: &System) -> Vec<u64> {
    let shards = asked(system, &["shard", "list"]);
    let shards = shards.as_array().expect("a list of shards").clone();
    let dead = shards.iter().filter(|shard| shard["leader"].is_null());
    dead.filter_map(|shard| shard["shard"].as_u64()).collect()
}

/// Waits out elections of a grid that has just begun on a busy machine.
async fn answers(client: &Client, event: &str) {
    until("the event's shard to answer", Duration::from_secs(60), || async {
        let seats = client.get(&format!("/events/{event}/seats"), None).await;
        (seats.status == 200).then_some(())
    })
    .await;
}

async fn buy(client: &Client, event: &str, seat: &str) -> (String, String) {
    let held = client.hold(event, json!({"seats": [seat]})).await.expect("the seat is free");
    let order = client.buy(&held, "succeed").await;
    client.until_order(&order, &held.token, "paid").await;
    (order, held.token)
}

/// Two units of five lose their disks.
async fn lose_disks(system: &System) {
    for unit in system.units().into_iter().filter(|unit| LOST.contains(&unit.node)) {
        let place = system.data_dir().join(format!("units/{}", unit.node));
        std::fs::rename(&place, system.scratch(&format!("gone-{}", unit.node))).expect("it goes");
        System::kill(&unit);
    }
    for node in LOST {
        let refusal = format!("node {node} is known with another data directory");
        until("the empty unit is refused", Duration::from_secs(90), || async {
            system.file(&format!("logs/unit-{node}.log")).contains(&refusal).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn lost_shards_come_back_while_the_others_sell() {
    let mut system = System::start_units(UNITS, &[]);
    let client = Client::new(&system.url());
    let place = |event| asked(&system, &["event", "show", event])["shard"].as_u64().expect("one");
    let shards = EVENTS.map(place);
    let mut bought = Vec::new();
    let mut free = Vec::new();
    for event in EVENTS {
        answers(&client, event).await;
        let seats = client.seats(event, "free").await;
        bought.push(buy(&client, event, &seats[0]).await);
        free.push(seats);
    }
    assert!(system.run(&["reconcile"]).status.success());

    lose_disks(&system).await;
    until("shards without a leader", Duration::from_secs(60), || async {
        (!leaderless(&system).is_empty()).then_some(())
    })
    .await;
    let dead = leaderless(&system);
    let (lost, living): (Vec<usize>, Vec<usize>) =
        (0..EVENTS.len()).partition(|at| dead.contains(&shards[*at]));
    assert!(!lost.is_empty() && !living.is_empty(), "{shards:?}, without a leader {dead:?}");
    let alive = shards[living[0]];
    let refused = recover(&system, alive, &[]);
    assert_eq!(refused.status.code(), Some(3), "it lives: {}", told(&refused));
    let refused = recover(&system, shards[lost[0]], &[]);
    assert_eq!(refused.status.code(), Some(3), "{}", told(&refused));
    assert!(told(&refused).contains("--abandon-minority"), "{}", told(&refused));
    bought.push(buy(&client, EVENTS[living[0]], &free[living[0]][1]).await);

    for shard in &dead {
        let done = recover(&system, *shard, &["--abandon-minority"]);
        let has_events = lost.iter().any(|at| shards[*at] == *shard);
        if has_events {
            assert_eq!(done.status.code(), Some(0), "{}", told(&done));
            let printed: Value = serde_json::from_slice(&done.stdout).expect("JSON");
            let run = &printed["shards"][0];
            assert_eq!(
                (run["shard"].as_u64(), run["incarnation"].as_u64()),
                (Some(*shard), Some(2))
            );
        } else {
            // Other demonstration events may be there, or none.
            assert!(matches!(done.status.code(), Some(0 | 3)), "{}", told(&done));
        }
    }
    assert_eq!(leaderless(&system), Vec::<u64>::new());
    for (order, token) in &bought {
        client.until_order(order, token, "paid").await;
    }
    for at in lost.iter().chain(&living) {
        let seat = &free[*at][2];
        until("the shard sells on", Duration::from_secs(60), || async {
            client.hold(EVENTS[*at], json!({"seats": [seat]})).await.ok()
        })
        .await;
    }
    fill_up(&system).await;
    let reconciled = system.run(&["reconcile"]);
    assert!(reconciled.status.success(), "{}", told(&reconciled));
    let verified = system.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(3), "a gap without signature: {}", told(&verified));
    let again = recover(&system, shards[lost[0]], &[]);
    assert_eq!(again.status.code(), Some(3), "it lives again: {}", told(&again));
    assert_eq!(system.stop(), Some(0));
}

/// The lost units return under new ids and fill every shard up again.
async fn fill_up(system: &System) {
    for node in LOST {
        let node = node.to_string();
        let given_up = system.run(&["ctl", "node", "recover", &node]);
        assert!(given_up.status.success(), "{}", told(&given_up));
    }
    let spread = system.run(&["ctl", "balancer", "run"]);
    assert!(spread.status.success(), "{}", told(&spread));
    until("three living replicas of every shard", Duration::from_secs(180), || async {
        let shards = asked(system, &["shard", "list"]);
        shards.as_array()?.iter().all(|shard| shard["health"] == "healthy").then_some(())
    })
    .await;
}
