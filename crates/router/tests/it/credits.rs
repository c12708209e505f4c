//! More holds at once than a shard is given: the others are told at once to come back, whatever else
//! goes through, and nobody's seat is lost by it.

use http::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Answer, key, until};
use crate::system::System;

const HOLDS: &str = "/api/v1/events/hall/holds";
/// Holds asked for at once.
const CROWD: usize = 16;

async fn crowd(system: &System) -> Vec<Answer> {
    let mut asking = JoinSet::new();
    for _ in 0..CROWD {
        let client = system.client();
        asking.spawn(
            async move { client.post(HOLDS, &key(), &json!({"best": {"number": 1}})).await },
        );
    }
    asking.join_all().await
}

#[tokio::test]
async fn holds_beyond_the_credit_are_refused_at_once_and_others_pass() {
    let one = |config: &mut router::RouterConfig| {
        (config.hold_credits_min, config.hold_credits_max) = (1, 1);
    };
    let system = System::start_with(one).await;
    let client = system.client();
    let mut granted = Vec::new();
    let refused = until("a crowd meets itself", async || {
        let (held, others): (Vec<_>, Vec<_>) =
            crowd(&system).await.into_iter().partition(|answer| answer.status == 201);
        granted.extend(held);
        others.into_iter().find(|answer| answer.status == 503)
    })
    .await;
    assert_eq!(refused.problem(), (503, "overloaded".to_owned()));
    let after: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=3).contains(&after), "{after}");
    // Nothing happened to those who were refused, and what is no hold needs no credit.
    let seats = client.seats().await;
    let held = seats.values().filter(|status| *status == "held").count();
    assert_eq!(held, granted.len());
    let told = granted[0].json();
    let path = format!("/api/v1/holds/{}", told["id"].as_str().expect("an id"));
    let token = told["token"].as_str().expect("a token");
    let released = client.send(Method::DELETE, &path, &[("x-hold-token", token)], b"").await;
    assert_eq!(released.status, 204);
    let metrics = client.get("/metrics", &[]).await;
    let shed = "seatgrid_router_holds_shed_total{reason=\"credit\"}";
    let line = metrics.text().lines().find(|line| line.starts_with(shed)).expect("counted");
    assert!(!line.ends_with(" 0"), "{line}");
}
