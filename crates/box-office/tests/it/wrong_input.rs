//! Wrong input: the documented problem, nothing changed.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Shop, form, pay_form, watch_errors};

/// A body with one member set to something, or removed by `null`.
fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    if value == json!("(removed)") {
        parent.remove(name)
    } else {
        parent.insert(name.into(), value)
    };
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn orders() {
    let errors = watch_errors();
    let shop = Shop::open().await;
    let hold = shop.hold(&[0]).await;
    let good = form(&hold.id);
    for (pointer, value) in [
        ("/colour", json!("red")),
        ("/hold_id", json!(7)),
        ("/hold_id", json!("(removed)")),
        ("/buyer", json!("(removed)")),
        ("/buyer/name", json!("")),
        ("/buyer/email", json!("nobody")),
        ("/buyer/phone", json!("12")),
        ("/buyer/age", json!(7)),
        ("/consents", json!([])),
        ("/consents", json!("personal_data")),
        ("/consents", json!(["marketing"])),
        ("/channels", json!(["pigeon"])),
    ] {
        let body = with(good.clone(), pointer, value);
        let answer = shop.post("/api/v1/orders", &hold.token, Uuid::now_v7(), &body).await;
        let answer = answer.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{body}");
        assert!(answer.body["errors"].is_array(), "{body}");
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/problem+json");
    }
    for id in ["", "x", "h1-99999", "h99-1", "o1-1"] {
        let body = with(good.clone(), "/hold_id", json!(id));
        let answer = shop.post("/api/v1/orders", &hold.token, Uuid::now_v7(), &body).await;
        assert_eq!(answer.expect(404).code(), "hold_not_found", "{id}");
    }
    shop.order(&hold).await;
    shop.close().await;
    assert_eq!(errors(), Vec::<String>::new(), "wrong input is nobody's alarm");
}

#[tokio::test(flavor = "multi_thread")]
async fn payments() {
    let errors = watch_errors();
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let path = format!("/api/v1/orders/{}/payments", order.id);
    for (pointer, value) in [
        ("/provider", json!("paypal")),
        ("/provider", json!("(removed)")),
        ("/method", json!("cash")),
        ("/method", json!(null)),
        ("/return_url", json!("javascript:alert(1)")),
        ("/return_url", json!("/orders")),
        ("/return_url", json!("ftp://evil.example/x")),
        ("/card_number", json!("4111111111111111")),
    ] {
        let body = with(pay_form(), pointer, value);
        let answer = shop.post(&path, &order.token, Uuid::now_v7(), &body).await.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{body}");
        if pointer == "/return_url" {
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    assert_eq!(shop.read_order(&order).await["payments"], json!([]));
    shop.close().await;
    assert_eq!(errors(), Vec::<String>::new(), "wrong input is nobody's alarm");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_types_sizes_and_methods() {
    let errors = watch_errors();
    let shop = Shop::open().await;
    let hold = shop.hold(&[0]).await;
    let url = format!("{}/api/v1/orders", shop.office);
    let post = || shop.http.post(&url).header("x-hold-token", &hold.token);
    let status = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("a problem");
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let good = form(&hold.id);
    let is = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(status(post().json(&good)).await, is(400, "idempotency_key_required"));
    let bad_key = post().json(&good).header("idempotency-key", "seven");
    assert_eq!(status(bad_key).await, is(400, "invalid_request"));
    let keyed = || post().header("idempotency-key", Uuid::now_v7().to_string());
    let text = keyed().header("content-type", "text/plain").body(good.to_string());
    assert_eq!(status(text).await, is(415, "unsupported_media_type"));
    let broken = keyed().header("content-type", "application/json").body("{");
    assert_eq!(status(broken).await, is(400, "invalid_request"));
    let large = keyed().json(&json!({"hold_id": "x".repeat(70_000)}));
    assert_eq!(status(large).await, is(413, "too_large"));
    let deadline = keyed().json(&good).header("grid-deadline-ms", "-5");
    assert_eq!(status(deadline).await, is(400, "invalid_request"));
    assert_eq!(status(shop.http.delete(&url)).await, is(405, "method_not_allowed"));
    let nowhere = shop.http.get(format!("{}/api/v1/nowhere", shop.office));
    assert_eq!(status(nowhere).await, is(404, "not_found"));
    for path in
        ["orders/x", "orders/o1-0", "orders/o01-1", "orders/%ff", "payments/p-1", "refunds/9"]
    {
        let (status, _) = status(shop.http.get(format!("{}/api/v1/{path}", shop.office))).await;
        assert_eq!(status, 404, "{path}");
    }
    shop.order(&hold).await;
    shop.close().await;
    assert_eq!(errors(), Vec::<String>::new(), "wrong input is nobody's alarm");
}
