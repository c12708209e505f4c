//! How old a seat map may be, above all while the shard has no leader.

use serde_json::json;

use crate::client::{until, within};
use crate::system::System;

#[tokio::test]
async fn other_routers_are_at_most_so_far_behind() {
    let system = System::start().await;
    let (a, b) = (system.client(), system.second_router().await);
    assert_eq!(b.seats().await["A-1-1"], "free");
    assert_eq!(a.hold(&json!({"seats": ["A-1-1"]})).await.status, 201);
    let fresh = b.get("/api/v1/events/hall/availability?fresh=true", &[]).await.json();
    assert_eq!(fresh["held"], 1, "{fresh}");
    assert_eq!(a.hold(&json!({"seats": ["A-1-2"]})).await.status, 201);
    let held = std::time::Instant::now();
    until("it is seen", async || (b.seats().await["A-1-2"] == "held").then_some(())).await;
    assert!(held.elapsed().as_millis() < 2_000, "{:?}", held.elapsed());
}

#[tokio::test]
async fn without_a_leader_an_old_map_is_shown_as_old_and_nothing_is_held() {
    let mut system = System::start_with(|config| config.map_stale_max_ms = 3_000).await;
    let client = system.client();
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    client.seats().await;
    system.stop_unit().await;
    let impatient = [("grid-deadline-ms", "200")];
    let path = "/api/v1/events/hall/availability";
    let old = until("the map is older than usual", async || {
        let answer = client.get(path, &impatient).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        (body["age_ms"].as_u64() > Some(250)).then_some(body)
    })
    .await;
    assert_eq!((&old["held"], &old["free"]), (&json!(1), &json!(25)));

    let now = client.get(&format!("{path}?fresh=true"), &impatient).await;
    assert_eq!(now.problem(), (503, "no_leader".to_owned()));
    assert!(!now.header("retry-after").is_empty());
    let hold = json!({"seats": ["A-1-2"]}).to_string();
    let key = crate::client::key();
    let headers = [("content-type", "application/json"), ("idempotency-key", &key), impatient[0]];
    let holds = "/api/v1/events/hall/holds";
    let held = client.send(http::Method::POST, holds, &headers, hold.as_bytes()).await;
    assert_eq!(held.status, 503, "{held:?}");
    assert!(["no_leader", "outcome_unknown"].contains(&held.problem().1.as_str()), "{held:?}");

    let too_old = until("the map is too old", async || {
        let answer = client.get(path, &impatient).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(too_old.problem(), (503, "no_leader".to_owned()));
    within("readiness follows", async {
        until("not ready", async || (client.get("/readyz", &[]).await.status == 503).then_some(()))
            .await;
    })
    .await;
    assert_eq!(client.get("/livez", &[]).await.status, 200);
}
