//! Wrong requests: the documented problem, and nothing changed.

use http::Method;
use serde_json::{Value, json};

use crate::client::{Client, key};
use crate::system::System;

const HOLDS: &str = "/api/v1/events/hall/holds";
const STREAM: &str = "/api/v1/events/hall/seats/stream";

/// Method, address, headers, body, and the problem's status and code.
type Wrong<'a> = (Method, &'a str, Vec<(&'a str, &'a str)>, &'a [u8], (u16, &'a str));

/// Sends a head at once and the body so much later, as a slow line does.
async fn slowly(to: std::net::SocketAddr, head: &str, body: &str, later_ms: u64) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(to).await.expect("connects");
    let head = format!(
        "{head} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {}\r\nGrid-Deadline-Ms: 300\r\nContent-Length: {}\r\n\r\n",
        key(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sends");
    let later = std::time::Duration::from_millis(later_ms);
    let early = tokio::time::timeout(later, stream.peek(&mut [0])).await;
    early.expect_err("nothing is said before the body");
    stream.write_all(body.as_bytes()).await.expect("sends the body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test]
async fn the_time_that_a_body_takes_is_not_the_grids() {
    let system = System::start().await;
    let body = json!({"seats": ["A-1-1"]}).to_string();
    let hold = "POST /api/v1/events/hall/holds";
    let (status, answer) = slowly(system.public, hold, &body, 700).await;
    assert_eq!(status, 201, "{answer}");
    let (status, answer) = slowly(system.public, "POST /api/v1/orders", &body, 700).await;
    let left = answer.split("\"grid-deadline-ms\":\"").nth(1).and_then(|s| s.split('"').next());
    let left: u64 = left.and_then(|ms| ms.parse().ok()).expect("what is left");
    assert_eq!((status, left > 0), (200, true), "{answer}");
}

#[tokio::test]
async fn wrong_bodies_by_table() {
    let system = System::start().await;
    let client = system.client();
    let many: Vec<String> = (0..5_000).map(|n| format!("A-1-{n}")).collect();
    let hundred_one: Vec<String> = (0..101).map(|n| format!("A-1-{n}")).collect();
    let money = |value: &str, currency: &str| {
        let price = json!({"value": value, "currency": currency});
        json!({"best": {"number": 1, "max_price": price}})
    };
    #[rustfmt::skip]
    let table: Vec<(Value, &str)> = vec![
        (json!({"seats": ["A-1-1"], "vip": true}), "/vip"),
        (json!({"seats": ["A-1-1", "nowhere"]}), "/seats/1"),
        (json!({"seats": ["A-1-1", "A-1-1"]}), "/seats/1"),
        (json!({"seats": []}), "/seats"),
        (json!({"seats": "A-1-1"}), "/seats"),
        (json!({"seats": [7]}), "/seats/0"),
        (json!({"seats": many}), "/seats"),
        (json!({"seats": hundred_one}), "/seats"),
        (json!({}), ""),
        (json!([]), ""),
        (json!(null), ""),
        (json!({"seats": ["A-1-1"], "best": {"number": 1}}), ""),
        (json!({"best": {}}), "/best"),
        (json!({"best": {"number": 0}}), "/best/number"),
        (json!({"best": {"number": -1}}), "/best/number"),
        (json!({"best": {"number": 101}}), "/best/number"),
        (json!({"best": {"number": 4_000_000_000_u64}}), "/best/number"),
        (json!({"best": {"number": 1.5}}), "/best/number"),
        (json!({"best": {"number": "2"}}), "/best/number"),
        (json!({"best": {"number": 1, "tiers": ["front", "gold"]}}), "/best/tiers/1"),
        (json!({"best": {"number": 1, "sections": ["Z"]}}), "/best/sections/0"),
        (json!({"best": {"number": 1, "accessible_seats": 2}}), "/best/accessible_seats"),
        (json!({"best": {"number": 1, "together": "yes"}}), "/best/together"),
        (money("10", "USD"), "/best/max_price/currency"),
        (money("-1", "RUB"), "/best/max_price/value"),
        (money("1e9", "RUB"), "/best/max_price/value"),
        (json!({"area": {"id": "floor", "quantity": 2}}), "/area/id"),
        (json!({"area": {"id": "floor", "quantity": 0}}), "/area/quantity"),
        (json!({"area": {"id": "A", "quantity": 1}}), "/area/id"),
        (json!({"seats": ["A-1-1"], "promo_code": " "}), "/promo_code"),
        (json!({"seats": ["A-1-1"], "presale_code": "X".repeat(65)}), "/presale_code"),
    ];
    for (body, pointer) in table {
        let answer = client.hold(&body).await;
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(answer.problem(), (400, "invalid_request".to_owned()), "{shown}");
        let error = &answer.json()["errors"][0];
        assert_eq!(error["pointer"], pointer, "{shown}: {error}");
        assert!(error["detail"].as_str().is_some_and(|text| text.len() < 300), "{shown}: {error}");
        assert_eq!(answer.json()["instance"], HOLDS);
    }
    assert!(client.seats().await.values().all(|status| status == "free"));
}

#[tokio::test]
async fn wrong_requests_by_table() {
    let system = System::start().await;
    let client = system.client();
    let json_kind = ("content-type", "application/json");
    let key = key();
    let keyed = ("idempotency-key", key.as_str());
    let invalid = (400, "invalid_request");
    let not_a_uuid = ("idempotency-key", "17");
    let text_kind = ("content-type", "text/plain");
    let (one, huge) = (br#"{"seats":["A-1-1"]}"#.to_vec(), vec![b' '; 4 << 20]);
    #[rustfmt::skip]
    let table: Vec<Wrong<'_>> = vec![
        (Method::POST, HOLDS, vec![json_kind], &one, (400, "idempotency_key_required")),
        (Method::POST, HOLDS, vec![json_kind, not_a_uuid], &one, invalid),
        (Method::POST, HOLDS, vec![json_kind, keyed, ("grid-deadline-ms", "soon")], &one, invalid),
        (Method::POST, HOLDS, vec![keyed, text_kind], &one, (415, "unsupported_media_type")),
        (Method::POST, HOLDS, vec![keyed], &one, (415, "unsupported_media_type")),
        (Method::POST, HOLDS, vec![json_kind, keyed], b"{\"seats\":[", invalid),
        (Method::POST, HOLDS, vec![json_kind, keyed], &[0xff; 50], invalid),
        (Method::POST, HOLDS, vec![json_kind, keyed], b"", invalid),
        (Method::POST, HOLDS, vec![json_kind, keyed], &huge, (413, "too_large")),
        (Method::PUT, HOLDS, vec![], b"", (405, "method_not_allowed")),
        (Method::GET, HOLDS, vec![], b"", (405, "method_not_allowed")),
        (Method::POST, "/api/v1/events/hall/seats", vec![], b"", (405, "method_not_allowed")),
        (Method::GET, "/api/v1/events/nowhere/seats", vec![], b"", (404, "event_not_found")),
        (Method::GET, "/api/v1/events/nowhere/plan", vec![], b"", (404, "event_not_found")),
        (Method::GET, "/api/v1/events/nowhere/availability", vec![], b"", (404, "event_not_found")),
        (Method::GET, "/api/v1/events/nowhere/seats/stream", vec![], b"", (404, "event_not_found")),
        (Method::GET, "/api/v1/events/%FF%FE/seats", vec![], b"", (404, "not_found")),
        (Method::GET, "/api/v1/events/a%20b/seats", vec![], b"", (404, "event_not_found")),
        (Method::GET, "/api/v1/events/hall/seats?fresh=perhaps", vec![], b"", invalid),
        (Method::GET, "/api/v1/events/hall/seats?frehs=true", vec![], b"", invalid),
        (Method::GET, STREAM, vec![("last-event-id", "x")], b"", invalid),
        (Method::GET, "/api/v1/holds/h0-0", vec![], b"", (404, "hold_not_found")),
        (Method::GET, "/api/v1/holds/h1-1", vec![], b"", (404, "hold_not_found")),
        (Method::DELETE, "/api/v1/holds/x", vec![], b"", (404, "hold_not_found")),
        (Method::PATCH, "/api/v1/holds/h1-1", vec![json_kind], &one, (404, "hold_not_found")),
        (Method::PATCH, "/api/v1/holds/h1-1", vec![], b"", (415, "unsupported_media_type")),
        (Method::PUT, "/api/v1/holds/h1-1", vec![], b"", (405, "method_not_allowed")),
        (Method::GET, "/api/v1/no/such/thing", vec![], b"", (404, "not_found")),
        (Method::GET, "/no/such/thing", vec![], b"", (404, "not_found")),
        (Method::GET, "/assets/../key", vec![], b"", (404, "not_found")),
    ];
    for (method, path, headers, body, (status, code)) in table {
        let answer = client.send(method.clone(), path, &headers, body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{method} {path} {headers:?}");
    }
    assert!(client.seats().await.values().all(|status| status == "free"));
    an_event_that_comes_later_is_found(&system, &client).await;
}

/// Having asked for an event before it existed must not hide it for long.
async fn an_event_that_comes_later_is_found(system: &System, client: &Client) {
    system.open("nowhere", 0).await;
    crate::client::until("it is found", async || {
        let answer = client.get("/api/v1/events/nowhere/seats", &[]).await;
        (answer.status == 200).then_some(())
    })
    .await;
}
