//! Idempotency keys from headers.

use axum::Router;
use axum::routing::post;
use http_api::IdempotencyKey;
use http_api::server::ServerLimits;

use crate::support::{send, start};

#[tokio::test]
async fn keys_are_uuids_and_version_7_tells_its_time() {
    let echo = |key: IdempotencyKey| async move {
        let key = key.of(7);
        format!("{:x} {} {:?}", key.id, key.hash, key.made_at_ms)
    };
    let routes = Router::new().route("/", post(echo));
    let server = start(routes, ServerLimits::default()).await;
    let ask = async |header: &str| send(server.address, "POST", "/", &[header], b"").await;

    let v7 = ask("Idempotency-Key: 019aa5d1-2c00-7000-8000-000000000001").await;
    assert_eq!(v7.body, "19aa5d12c0070008000000000000001 7 Some(1763718540288)");
    let v4 = ask("Idempotence-Key: 9F8B2F52-7C57-4B4B-9C0E-2D3B6C1A7E11").await;
    assert_eq!(v4.body, "9f8b2f527c574b4b9c0e2d3b6c1a7e11 7 None");

    let missing = ask("X-Other: 1").await;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.json()["code"], "idempotency_key_required");
    for wrong in ["", "17", "not-a-uuid", "00000000-0000-0000-0000-000000000000"] {
        let answer = ask(&format!("Idempotency-Key: {wrong}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("invalid_request")));
    }
}

#[tokio::test]
async fn two_lines_must_say_one_key() {
    let echo = |key: IdempotencyKey| async move { key.0.to_string() };
    let server = start(Router::new().route("/", post(echo)), ServerLimits::default()).await;
    let ask = async |lines: &[&str]| send(server.address, "POST", "/", lines, b"").await;
    let (key, other) =
        ("9f8b2f52-7c57-4b4b-9c0e-2d3b6c1a7e11", "019aa5d1-2c00-7000-8000-000000000001");
    let line = |name: &str, key: &str| format!("{name}: {key}");
    let (first, alias) = (line("Idempotency-Key", key), line("Idempotence-Key", key));
    for same in [&first, &alias] {
        assert_eq!(ask(&[&first, same]).await.body, key);
    }
    for name in ["Idempotency-Key", "Idempotence-Key"] {
        for wrong in [other, "17"] {
            let answer = ask(&[&first, &line(name, wrong)]).await;
            assert_eq!(answer.status, 400, "{name}: {wrong}: {}", answer.body);
            assert_eq!(answer.json()["errors"][0]["header"], "Idempotency-Key");
        }
    }
}
