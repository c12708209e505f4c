//! Refused attempts reach a writer: with time, address and code, in batches that are repeated under
//! their number until they are kept.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::{Method, StatusCode};
use http_api::AttemptBatch;
use http_api::access::{Access, Claims, Role};
use http_api::server::{ServerLimits, bind, serve};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{key, until};
use crate::system::System;

/// A writer that keeps a batch at the second try.
#[derive(Clone, Default)]
struct Writer {
    heard: Arc<Mutex<Vec<AttemptBatch>>>,
}

impl Writer {
    async fn start(&self) -> SocketAddr {
        let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let routes = Router::new().route("/admin/v1/attempts", post(keep)).with_state(self.clone());
        tokio::spawn(serve(listener, routes, ServerLimits::default(), CancellationToken::new()));
        address
    }

    /// Attempts of the batches that were kept, as text.
    fn kept(&self) -> Vec<String> {
        let heard = self.heard.lock();
        let kept = heard.iter().enumerate().filter(|(at, batch)| {
            heard[..*at].iter().any(|earlier| earlier.number == batch.number)
        });
        kept.flat_map(|(_, batch)| &batch.attempts)
            .map(|a| {
                let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
                let ip = a.ip.map_or_else(String::new, |ip| ip.to_string());
                let (hold, order) = (id(&a.hold_id), id(&a.order_id));
                format!("{} {} {hold} {order} {} {ip} {}", a.kind, a.event_id, a.subject, a.status)
            })
            .collect()
    }
}

async fn keep(State(writer): State<Writer>, Json(batch): Json<AttemptBatch>) -> StatusCode {
    let mut heard = writer.heard.lock();
    let is_known = heard.iter().any(|earlier| earlier.number == batch.number);
    heard.push(batch);
    if is_known { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE }
}

#[tokio::test]
async fn what_is_refused_is_told_to_a_writer() {
    let writer = Writer::default();
    let at = writer.start().await;
    let gone: SocketAddr = "127.0.0.1:1".parse().expect("an address");
    let system = System::start_with(|config| config.writers = vec![gone, at]).await;
    let client = system.client();
    let seat = json!({"seats": ["A-1-1"]});
    assert_eq!(client.hold(&seat).await.status, 201, "what succeeds is in the ledger by the grid");
    assert_eq!(client.hold(&seat).await.problem(), (409, "seat_taken".to_owned()));
    let nowhere = "/api/v1/events/nowhere/holds";
    assert_eq!(client.post(nowhere, &key(), &seat).await.status, 404);
    let release = client.send(Method::DELETE, "/api/v1/holds/h1-1", &[], b"").await;
    assert_eq!(release.status, 404, "without its token it is nobody's");
    client.get("/api/v1/holds/h9-9", &[]).await;
    let expected = [
        "hold_refused hall - - guest 127.0.0.1 seat_taken",
        "hold_refused nowhere - - guest 127.0.0.1 event_not_found",
        "hold_release_refused  h1-1 - guest 127.0.0.1 hold_not_found",
    ];
    until("all are kept", async || (writer.kept().len() >= expected.len()).then_some(())).await;
    assert_eq!(writer.kept(), expected);
    let heard = writer.heard.lock().clone();
    let numbers: Vec<u64> = heard.iter().map(|batch| batch.number).collect();
    assert!(numbers.is_sorted() && heard.iter().all(|batch| batch.source == heard[0].source));
    assert!(heard.iter().flat_map(|batch| &batch.attempts).all(|a| a.at_ms > 1_700_000_000_000));
}

/// The last refusals of a router that stops are sent before it ends.
#[tokio::test]
async fn a_router_that_stops_sends_what_waits() {
    let writer = Writer::default();
    let at = writer.start().await;
    let system = System::start_with(|config| config.writers = vec![at]).await;
    let client = system.client();
    let answer = client.post("/api/v1/orders/o1-1/cancel", &key(), &json!({})).await;
    assert!(!answer.status.is_success(), "{}", answer.text());
    system.shutdown.cancel();
    until("it is kept", async || (!writer.kept().is_empty()).then_some(())).await;
    assert!(writer.kept()[0].starts_with("order_cancel_refused  - o1-1 guest"));
}

/// A refusal names the account that was signed in, by header or by cookie; whoever shows a token that is
/// none is a guest.
#[tokio::test]
async fn who_is_signed_in_is_told_with_the_refusal() {
    let writer = Writer::default();
    let at = writer.start().await;
    let dir = tempfile::TempDir::new().expect("a directory");
    let keys = dir.path().join("access");
    std::fs::write(&keys, [5; 32]).expect("written");
    let system = System::start_with(|config| {
        (config.writers, config.access_key_file) = (vec![at], Some(keys));
    })
    .await;
    let access = Access::new(&[[5; 32]], false);
    let (ann, bob) = (Uuid::from_u128(0xa), Uuid::from_u128(0xb));
    let token = |account| {
        let claims = Claims::now(account, Uuid::from_u128(1), Role::User, String::new());
        access.issue(&claims).expect("a key is there")
    };
    let bearer = format!("Bearer {}", token(ann));
    let cookie = format!("{}={}", access.names().access(), token(bob));
    let client = system.client();
    let cancel = "/api/v1/orders/o1-1/cancel";
    let release = "/api/v1/holds/h1-1";
    client.send(Method::DELETE, release, &[("authorization", &bearer)], b"").await;
    client.send(Method::POST, cancel, &[("cookie", &cookie)], b"{}").await;
    client.send(Method::DELETE, release, &[("authorization", "Bearer x.y.z")], b"").await;
    until("all are kept", async || (writer.kept().len() >= 3).then_some(())).await;
    let kept = writer.kept();
    assert!(kept[0].starts_with(&format!("hold_release_refused  h1-1 - {ann} ")), "{kept:?}");
    assert!(kept[1].starts_with(&format!("order_cancel_refused  - o1-1 {bob} ")), "{kept:?}");
    assert!(kept[2].starts_with("hold_release_refused  h1-1 - guest "), "{kept:?}");
}
