//! The sandbox's API by hand: headers, validation and forms that the adapter never shows.

use serde_json::{Value, json};

use crate::harness::{SECRET, SHOP, Stand};

fn body() -> Value {
    json!({
        "amount": { "value": "10.00", "currency": "RUB" },
        "payment_method_data": { "type": "bank_card" },
        "confirmation": { "type": "redirect", "return_url": "https://shop.example/back" },
        "capture": true,
        "description": "Test",
        "metadata": { "order_id": "o1" },
    })
}

async fn post(stand: &Stand, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
    let mut request = stand.http.post(format!("{}{path}", stand.url));
    request = request.basic_auth(SHOP, Some(SECRET)).json(body);
    if let Some(key) = key {
        request = request.header("Idempotence-Key", key);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn answers_have_the_documented_form() {
    let stand = Stand::start().await;
    let (status, payment) = post(&stand, "/v3/payments", Some("k1"), &body()).await;
    assert_eq!(status, 200);
    assert_eq!(payment["status"], "pending");
    assert_eq!(payment["paid"], false);
    assert_eq!(payment["test"], true);
    assert_eq!(payment["amount"], json!({ "value": "10.00", "currency": "RUB" }));
    assert_eq!(payment["recipient"]["account_id"], SHOP);
    assert_eq!(payment["metadata"]["order_id"], "o1");
    let created_at = payment["created_at"].as_str().unwrap();
    assert_eq!((created_at.len(), created_at.ends_with('Z')), (24, true), "{created_at}");
    let page = payment["confirmation"]["confirmation_url"].as_str().unwrap();
    assert!(page.starts_with(&format!("{}/pay/", stand.url)));
    stand.stop().await;
}

#[tokio::test]
async fn wrong_bodies_are_refused_and_leave_no_trace() {
    let stand = Stand::start().await;
    let wrong: [(&str, &str, Value); 16] = [
        ("/amount", "amount", Value::Null),
        ("/amount/value", "amount.value", json!("10")),
        ("/amount/value", "amount.value", json!("0.00")),
        ("/amount/value", "amount.value", json!("-1.00")),
        ("/amount/value", "amount.value", json!(10)),
        ("/amount/currency", "amount.currency", json!("rub")),
        ("/payment_method_data/type", "payment_method_data.type", json!("cash")),
        ("/confirmation", "confirmation", json!("redirect")),
        ("/confirmation/type", "confirmation.type", json!("embedded")),
        ("/confirmation/return_url", "confirmation.return_url", json!("javascript:alert(1)")),
        ("/confirmation/return_url", "confirmation.return_url", json!("/relative")),
        ("/confirmation/return_url", "confirmation.return_url", json!("x".repeat(3_000))),
        ("/capture", "capture", json!("yes")),
        ("/description", "description", json!("x".repeat(129))),
        ("/metadata", "metadata", json!([1])),
        ("/metadata/order_id", "metadata", json!({ "deep": 1 })),
    ];
    for (pointer, parameter, value) in wrong {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        let (status, error) = post(&stand, "/v3/payments", Some("k"), &body).await;
        assert_eq!((status, &error["code"]), (400, &json!("invalid_request")), "{pointer}");
        let found = error["parameter"].as_str().unwrap();
        assert!(found.starts_with(parameter), "{pointer}: {error}");
        assert_eq!(error["type"], "error");
    }
    // The key was not used up by refusals.
    assert_eq!(post(&stand, "/v3/payments", Some("k"), &body()).await.0, 200);
    stand.stop().await;
}

#[tokio::test]
async fn sbp_has_one_stage_only() {
    let stand = Stand::start().await;
    let mut sbp = body();
    sbp["payment_method_data"]["type"] = json!("sbp");
    assert_eq!(post(&stand, "/v3/payments", Some("k1"), &sbp).await.0, 200);
    sbp["capture"] = json!(false);
    let (status, error) = post(&stand, "/v3/payments", Some("k2"), &sbp).await;
    assert_eq!((status, error["parameter"].as_str()), (400, Some("capture")));
    stand.stop().await;
}

#[tokio::test]
async fn keys_are_required_bounded_and_bound_to_the_request() {
    let stand = Stand::start().await;
    let long = "k".repeat(65);
    for key in [None, Some(""), Some(long.as_str())] {
        let (status, error) = post(&stand, "/v3/payments", key, &body()).await;
        assert_eq!((status, error["parameter"].as_str()), (400, Some("Idempotence-Key")));
    }
    let (_, payment) = post(&stand, "/v3/payments", Some("k"), &body()).await;
    let refund = json!({ "payment_id": payment["id"], "amount": body()["amount"] });
    let (status, error) = post(&stand, "/v3/refunds", Some("k"), &refund).await;
    assert_eq!((status, error["parameter"].as_str()), (400, Some("Idempotence-Key")), "{error}");
    stand.stop().await;
}

#[tokio::test]
async fn one_key_used_at_once_makes_one_payment() {
    let stand = Stand::start().await;
    let body = body();
    let calls = (0..32).map(|_| post(&stand, "/v3/payments", Some("same"), &body));
    let answers = futures_util::future::join_all(calls).await;
    let mut ids: Vec<_> = answers.iter().map(|(_, payment)| payment["id"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    stand.stop().await;
}

#[tokio::test]
async fn strangers_and_strange_requests_are_refused() {
    let stand = Stand::start().await;
    let url = format!("{}/v3/payments", stand.url);
    let status = |request: reqwest::RequestBuilder| async {
        request.send().await.unwrap().status().as_u16()
    };
    let http = &stand.http;
    assert_eq!(status(http.post(&url).json(&body())).await, 401);
    assert_eq!(status(http.get(format!("{url}/x")).basic_auth(SHOP, Some("no"))).await, 401);
    let almost = SECRET.replace("shop", "shoP");
    assert_eq!(status(http.get(format!("{url}/x")).basic_auth(SHOP, Some(almost))).await, 401);
    let ours = |request: reqwest::RequestBuilder| request.basic_auth(SHOP, Some(SECRET));
    assert_eq!(status(ours(http.get(format!("{url}/none")))).await, 404);
    assert_eq!(status(ours(http.get(format!("{}/v3/deals", stand.url)))).await, 404);
    assert_eq!(status(ours(http.delete(&url))).await, 405);
    let keyed = || ours(http.post(&url)).header("Idempotence-Key", "k");
    assert_eq!(status(keyed().body("{}")).await, 415);
    let json_text = |text: String| keyed().header("Content-Type", "application/json").body(text);
    assert_eq!(status(json_text("[1]".to_owned())).await, 400);
    assert_eq!(status(json_text("{".to_owned())).await, 400);
    assert_eq!(status(json_text("x".repeat(70_000))).await, 413);
    assert_eq!(stand.get("/livez").await.0, 200);
    assert_eq!(stand.get("/readyz").await.0, 200);
    stand.stop().await;
}

#[tokio::test]
async fn a_full_gateway_turns_new_payments_away() {
    let stand = Stand::with(|config| config.payments_max = 1).await;
    assert_eq!(post(&stand, "/v3/payments", Some("k1"), &body()).await.0, 200);
    let (status, error) = post(&stand, "/v3/payments", Some("k2"), &body()).await;
    assert_eq!((status, error["code"].as_str()), (429, Some("too_many_requests")));
    assert_eq!(post(&stand, "/v3/payments", Some("k1"), &body()).await.0, 200);
    stand.stop().await;
}
