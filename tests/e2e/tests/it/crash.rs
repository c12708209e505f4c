//! Processes die; what was acknowledged stays.

use std::process::Stdio;
use std::time::Duration;

use e2e::{Client, System, until};
use serde_json::{Value, json};

#[tokio::test]
async fn everything_killed_at_once_comes_back_as_acknowledged() {
    let mut system = System::start();
    let client = Client::new(&system.url());
    let free = client.seats("demo-hall", "free").await;
    let paid = client.hold("demo-hall", json!({"seats": [free[0]]})).await.expect("free");
    let order = client.buy(&paid, "succeed").await;
    client.until_order(&order, &paid.token, "paid").await;
    let mut held = vec![];
    for seat in &free[1..40] {
        held.push(client.hold("demo-hall", json!({"seats": [seat]})).await.expect("free"));
    }
    let placed = client.order(&held[0]).await;
    assert_eq!(placed.status, 201);

    system.kill_all();
    system.start_again();

    client.until_order(&order, &paid.token, "paid").await;
    let still = client.seats("demo-hall", "held").await;
    for hold in &held {
        assert!(still.contains(&hold.seats[0]), "{} was acknowledged and is gone", hold.id);
    }
    let id = placed.body["id"].as_str().expect("an id");
    client.until_order(id, &held[0].token, "pending_payment").await;
    assert!(system.run(&["reconcile"]).status.success());
    assert_eq!(system.stop(), Some(0));
}

#[tokio::test]
async fn the_leading_unit_dies_during_an_on_sale() {
    let system = System::start();
    let args = ["bench", "onsale", "--event", "demo-hall", "--buyers", "700", "--rate", "100"];
    let crowd = system.command(&args).arg("--json").stdout(Stdio::piped()).spawn();
    let crowd = crowd.expect("the crowd comes");
    let client = Client::new(&system.url());
    until("the sale is under way", Duration::from_secs(30), || async {
        let counts = client.get("/events/demo-hall/availability", None).await.body;
        (counts["sold"].as_u64() > Some(50)).then_some(())
    })
    .await;

    let event = system.run(&["ctl", "event", "show", "demo-hall", "--json"]);
    let event: Value = serde_json::from_slice(&event.stdout).expect("ctl prints JSON");
    let leader = event["leader"].as_u64().expect("a leader");
    let units = |system: &System| {
        let all = system.processes().into_iter();
        all.filter(|p| p.role == "unit").collect::<Vec<_>>()
    };
    let unit = units(&system).into_iter().find(|u| u64::from(u.node) == leader).expect("runs");
    System::kill(&unit);

    let done = tokio::task::spawn_blocking(|| crowd.wait_with_output()).await.expect("no panic");
    let done = done.expect("the crowd goes home");
    let report = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{report}\n{}", system.log());
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["failed"], json!({}), "{report}");
    assert!(report["seats_bought"].as_u64() > Some(1_000), "{report}");
    until("the unit is back", Duration::from_secs(20), || async {
        let back = units(&system).into_iter().any(|u| u.node == unit.node && u.pid != unit.pid);
        back.then_some(())
    })
    .await;
    assert!(system.run(&["reconcile"]).status.success());
}
