//! The admin API on the wire: statuses, codes and shapes, on a real port.

use std::net::SocketAddr;

use axum::middleware::from_fn;
use http_api::server::{self, ServerLimits};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::console::tests::Fake;

struct Api {
    at: SocketAddr,
    _stop: DropGuard,
}

impl Api {
    async fn start(fake: Fake) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let access = Access::new(any, None).expect("open on loopback");
        let routes =
            routes(fake.console().0, access, Router::new()).layer(from_fn(http_api::carry));
        let listener = server::bind(any).await.expect("a free port");
        let at = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, routes, ServerLimits::default(), stop.clone()));
        Self { at, _stop: stop.drop_guard() }
    }

    async fn send(&self, head: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.at).await.expect("connects");
        let length = body.len();
        let text = format!(
            "{head}\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}")))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(&format!("GET /admin/v1/{path} HTTP/1.1"), "").await
    }

    async fn give(&self, order: Value) -> (u16, Value) {
        let head = "POST /admin/v1/orders HTTP/1.1\r\nContent-Type: application/json";
        self.send(head, &order.to_string()).await
    }
}

#[tokio::test]
async fn questions_have_answers() {
    let api = Api::start(Fake::new(4)).await;
    for (path, pointer, expected) in [
        ("overview", "/asked", json!(1)),
        ("nodes", "/3/state", json!("active")),
        ("nodes/2", "/reachable", json!(true)),
        ("shards", "/0/health", json!("healthy")),
        ("shards/1", "/leader", json!(2)),
        ("shards/1/digests", "/0/applied_index", json!(9)),
        ("operations", "", json!([])),
        ("issues", "", json!([])),
        ("layout", "/replicas_wanted", json!(3)),
        ("balancer", "/on", json!(true)),
        ("upgrade", "/active", json!(1)),
    ] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, body.pointer(pointer)), (200, Some(&expected)), "{path}: {body}");
    }
    for path in ["nodes/9", "shards/9", "operations/9", "events/no-such-event"] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, &body["code"]), (404, &json!("not_found")), "{path}: {body}");
    }
}

#[tokio::test]
async fn orders_are_given_tried_and_refused() {
    let api = Api::start(Fake::new(3)).await;
    let drain = json!({ "order": "node_drain", "node": 1 });
    let (status, body) = api.give(json!({ "order": drain })).await;
    assert_eq!((status, &body["code"]), (409, &json!("refused_unsafe")), "{body}");
    assert!(body["remedy"].as_str().is_some_and(|text| text.contains("node add")), "{body}");

    let anyway = json!({ "order": "node_drain", "node": 1, "fewer_replicas": true });
    let (status, body) = api.give(json!({ "order": anyway, "dry_run": true })).await;
    assert_eq!((status, &body["operation"], &body["dry_run"]), (200, &json!(null), &json!(true)));
    assert_eq!(api.get("operations").await.1, json!([]));

    let (status, body) = api.give(json!({ "order": anyway })).await;
    assert_eq!((status, &body["operation"]), (200, &json!(1)), "{body}");
    let (_, operation) = api.get("operations/1").await;
    assert_eq!(
        (&operation["what"], &operation["state"]),
        (&json!("drain node 1"), &json!("running"))
    );

    let pin = json!({ "order": "event_pin", "event": "gala", "shard": 2 });
    assert_eq!(api.give(json!({ "order": pin })).await.0, 200);
    let (_, event) = api.get("events/gala").await;
    assert_eq!((&event["shard"], &event["replicas"]), (&json!(2), &json!([3, 1, 2])));
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let api = Api::start(Fake::new(3)).await;
    for order in [
        json!({ "order": { "order": "explode" } }),
        json!({ "order": { "order": "node_drain" } }),
        json!({ "order": { "order": "node_drain", "node": 1, "force": true } }),
        json!({ "order": { "order": "shard_move", "shard": 1 } }),
        json!({ "order": { "order": "rebalance" }, "dry-run": true }),
    ] {
        let (status, body) = api.give(order.clone()).await;
        assert_eq!((status, &body["code"]), (400, &json!("invalid_request")), "{order}: {body}");
    }
    let head = "POST /admin/v1/orders HTTP/1.1\r\nContent-Type: application/json\r\n\
                Origin: http://evil.example";
    let (status, body) = api.send(head, r#"{"order":{"order":"rebalance"}}"#).await;
    assert_eq!((status, &body["code"]), (403, &json!("csrf")), "{body}");
}

#[tokio::test]
async fn without_a_leader_nothing_is_ordered_and_a_lost_answer_is_unknown() {
    let mut fake = Fake::new(3);
    fake.leaderless = true;
    let api = Api::start(fake).await;
    let (status, body) = api.give(json!({ "order": { "order": "rebalance" } })).await;
    assert_eq!((status, &body["code"]), (503, &json!("no_leader")), "{body}");
    assert_eq!(api.get("overview").await.0, 200);

    let mut fake = Fake::new(3);
    fake.deaf = true;
    let api = Api::start(fake).await;
    let (status, body) = api.give(json!({ "order": { "order": "rebalance" } })).await;
    assert_eq!((status, &body["code"]), (503, &json!("outcome_unknown")), "{body}");
}
