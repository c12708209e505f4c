//! What is passed on to the office, and what a shopper sees when it is away.

use http::Method;
use serde_json::json;

use crate::client::key;
use crate::system::System;

#[tokio::test]
async fn requests_arrive_whole_and_nobody_poses_as_a_proxy() {
    let system = System::start().await;
    let client = system.client();
    let headers = [
        ("content-type", "application/json"),
        ("x-hold-token", "secret"),
        ("x-request-id", "mine-1"),
        ("x-forwarded-for", "9.9.9.9"),
        ("forwarded", "for=9.9.9.9"),
        ("grid-deadline-ms", "5000"),
    ];
    let answer = client.send(Method::POST, "/api/v1/orders?a=b%20c", &headers, b"{\"x\":1}").await;
    assert_eq!(answer.status, 200);
    let told = answer.json();
    assert_eq!((&told["method"], &told["body"]), (&json!("POST"), &json!("{\"x\":1}")));
    assert_eq!(told["uri"], "/api/v1/orders?a=b%20c");
    let got = &told["headers"];
    assert_eq!(got["x-forwarded-for"], "127.0.0.1");
    assert_eq!((&got["x-hold-token"], &got["x-request-id"]), (&json!("secret"), &json!("mine-1")));
    assert_eq!((got.get("forwarded"), &got["content-length"]), (None, &json!("7")));
    let left: u64 = got["grid-deadline-ms"].as_str().and_then(|ms| ms.parse().ok()).expect("ms");
    assert!((3_000..=5_000).contains(&left), "{left}");
    assert_eq!((answer.header("x-kept"), answer.header("x-hop")), ("1", ""));
    assert_eq!(answer.header("x-request-id"), "mine-1");
}

#[tokio::test]
async fn whom_a_trusted_proxy_speaks_for_is_the_client() {
    let trusting = ["127.0.0.0/8".to_owned(), "10.0.0.0/8".to_owned()];
    let system = System::start_with(|config| config.trusted_proxies = trusting.into()).await;
    let headers =
        [("x-forwarded-for", "9.9.9.9, 198.51.100.7, 10.1.2.3"), ("x-real-ip", "8.8.8.8")];
    let answer = system.client().get("/api/v1/orders", &headers).await.json();
    assert_eq!(answer["headers"]["x-forwarded-for"], "198.51.100.7");
    assert_eq!(answer["headers"]["x-real-ip"], json!(null));
    assert_eq!(system.client().get("/metrics", &headers).await.status, 404);
}

#[tokio::test]
async fn bodies_passed_on_are_bounded() {
    let system = System::start_with(|config| config.office_body_bytes_max = 1_000).await;
    let client = system.client();
    let answer = client.send(Method::POST, "/api/v1/orders", &[], &[b'x'; 1_001]).await;
    assert_eq!(answer.problem(), (413, "too_large".to_owned()));
    let answer = client.send(Method::POST, "/api/v1/orders", &[], &[b'x'; 1_000]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_silent_office_is_an_unknown_outcome() {
    let system = System::start().await;
    let client = system.client();
    let headers = [("grid-deadline-ms", "100"), ("idempotency-key", &key())];
    let post = client.send(Method::POST, "/api/v1/never", &headers, b"{}").await;
    assert_eq!(post.problem(), (503, "outcome_unknown".to_owned()));
    assert!(!post.header("retry-after").is_empty());
    let get = client.get("/api/v1/never", &[("grid-deadline-ms", "100")]).await;
    assert_eq!(get.problem(), (503, "overloaded".to_owned()));
}

#[tokio::test]
async fn seats_are_sold_on_while_the_office_is_away() {
    let system = System::start_with(|config| {
        config.office = "127.0.0.1:1".parse().expect("an address");
    })
    .await;
    let client = system.client();
    let order = client.post("/api/v1/orders", &key(), &json!({})).await;
    assert_eq!(order.problem(), (503, "overloaded".to_owned()));
    assert!(!order.header("retry-after").is_empty());
    assert_eq!(client.hold(&json!({"seats": ["A-1-1"]})).await.status, 201);
    assert_eq!(client.seats().await["A-1-1"], "held");
    let document = client.get("/api/v1/openapi.json", &[]).await.json();
    assert!(document["paths"]["/api/v1/events/{id}/holds"]["post"].is_object());
}

#[tokio::test]
async fn one_document_for_both() {
    let system = System::start().await;
    let answer = system.client().get("/api/v1/openapi.json", &[]).await;
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in [
        "/api/v1/events/{id}/plan",
        "/api/v1/events/{id}/availability",
        "/api/v1/events/{id}/seats",
        "/api/v1/events/{id}/seats/stream",
        "/api/v1/events/{id}/holds",
        "/api/v1/holds/{id}",
        "/api/v1/orders",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    for schema in ["HoldRequest", "HoldAnswer", "Availability", "Money", "Order"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
}
