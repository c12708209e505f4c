//! Wrong inputs: the documented problem, nothing changed, nothing logged as an error.

use e2e::{Answer, Client, System, uuid_v7};
use reqwest::Method;
use serde_json::{Value, json};

struct Case {
    name: &'static str,
    method: Method,
    path: &'static str,
    body: Option<Value>,
    keyed: bool,
    expected: (u16, &'static str),
}

fn post(
    name: &'static str,
    path: &'static str,
    body: Value,
    expected: (u16, &'static str),
) -> Case {
    Case { name, method: Method::POST, path, body: Some(body), keyed: true, expected }
}

fn get(name: &'static str, path: &'static str, expected: (u16, &'static str)) -> Case {
    Case { name, method: Method::GET, path, body: None, keyed: false, expected }
}

fn cases() -> Vec<Case> {
    let holds = "/events/demo-hall/holds";
    let invalid = (400, "invalid_request");
    let many: Vec<String> = (0..5_000).map(|n| format!("A-1-{n}")).collect();
    vec![
        get("unknown event", "/events/nowhere/seats", (404, "event_not_found")),
        get("unknown path", "/no/such/thing", (404, "not_found")),
        get("bad hold id", "/holds/h0-0", (404, "hold_not_found")),
        get("somebody's order", "/orders/o1-1", (404, "order_not_found")),
        post("unknown field", holds, json!({"seats": ["A-1-1"], "vip": true}), invalid),
        post("unknown seat", holds, json!({"seats": ["no-such-seat"]}), invalid),
        post("no seats", holds, json!({"seats": []}), invalid),
        post("twice the same", holds, json!({"seats": ["P-1-1", "P-1-1"]}), invalid),
        post("seats as text", holds, json!({"seats": "A-1-1"}), invalid),
        post("nothing asked", holds, json!({}), invalid),
        post("two wishes", holds, json!({"seats": ["A-1-1"], "best": {"number": 1}}), invalid),
        post("negative number", holds, json!({"best": {"number": -1}}), invalid),
        post("huge number", holds, json!({"best": {"number": 4_000_000_000_u64}}), invalid),
        post("too many seats", holds, json!({"seats": many}), invalid),
        post(
            "no event",
            "/events/nowhere/holds",
            json!({"best": {"number": 1}}),
            (404, "event_not_found"),
        ),
        post(
            "no hold",
            "/orders",
            json!({
                "hold_id": "h1-999999",
                "buyer": {"name": "A", "email": "a@example.org", "phone": "+79000000000"},
                "consents": ["personal_data"],
                "channels": ["email"],
            }),
            (404, "hold_not_found"),
        ),
        Case {
            name: "missing key",
            method: Method::POST,
            path: holds,
            body: Some(json!({"best": {"number": 1}})),
            keyed: false,
            expected: (400, "idempotency_key_required"),
        },
    ]
}

#[tokio::test]
async fn wrong_inputs_are_named_and_change_nothing() {
    let mut system = System::start();
    let client = Client::new(&system.url());
    for case in cases() {
        let key = uuid_v7();
        let headers = [("Idempotency-Key", key.as_str()), ("X-Hold-Token", "bm90LWEtdG9rZW4")];
        let headers = if case.keyed { &headers[..] } else { &headers[1..] };
        let answer = client.send(case.method, case.path, case.body, headers).await;
        problem(case.name, &answer, case.expected);
    }
    let wrong_method = client.send(Method::PUT, "/events/demo-hall/holds", None, &[]).await;
    assert_eq!(wrong_method.status, 405);
    raw_bodies(&system).await;

    assert_eq!(client.seats("demo-hall", "free").await.len(), 2_000);
    assert_eq!(system.stop(), Some(0));
    let log = system.log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[track_caller]
fn problem(name: &str, answer: &Answer, (status, code): (u16, &str)) {
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (status, code),
        "{name}: {:?}",
        answer.body
    );
    assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
    assert!(answer.body["title"].is_string() && answer.body["type"].is_string(), "{name}");
}

/// Bodies that are no JSON of ours at all.
async fn raw_bodies(system: &System) {
    let url = format!("{}/api/v1/events/demo-hall/holds", system.url());
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = reqwest::Client::new().post(&url).header("Content-Type", kind).body(body);
        async move {
            let answer =
                request.header("Idempotency-Key", uuid_v7()).send().await.expect("answers");
            answer.status().as_u16()
        }
    };
    assert_eq!(send("application/json", b"{\"seats\": [".to_vec()).await, 400);
    assert_eq!(send("application/json", vec![0xff; 100]).await, 400);
    assert_eq!(send("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(send("application/json", vec![b' '; 4 << 20]).await, 413);
}
