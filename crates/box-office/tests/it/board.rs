//! What the board of sales shows beside seats: how gateways do, and when held seats come back.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::staff::Call;
use crate::support::{Shop, Wish, read, until};

async fn gateway(shop: &Shop) -> Value {
    let told = Call::get("/gateways").send(shop).await.expect(200).body;
    let items = told["items"].as_array().expect("items");
    items.iter().find(|one| one["name"] == "sandbox").expect("the sandbox").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_seen_to_answer_and_to_be_silent() {
    let shop = Shop::with(Wish { payment_create_ms_max: 600, ..Wish::default() }).await;
    let url = format!("{}/api/v1/admin/gateways", shop.office);
    assert_eq!(read(shop.http.get(url)).await.expect(401).code(), "unauthenticated");
    let unused = gateway(&shop).await;
    assert_eq!((&unused["state"], &unused["calls"]), (&json!("unused"), &json!(0)));
    assert!(unused["p95_ms"].is_null(), "{unused}");

    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.pay(&order).await;
    let answers = gateway(&shop).await;
    assert_eq!(answers["state"], "answers", "{answers}");
    assert!(answers["calls"].as_u64() >= Some(1) && answers["failures"] == 0, "{answers}");
    assert!(answers["p50_ms"].as_u64() >= Some(1), "{answers}");

    shop.faults(json!({"create": {"mode": "error_500"}})).await;
    let other = shop.order(&shop.hold(&[1]).await).await;
    let key = Uuid::now_v7();
    let rests = until("the gateway rests", async || {
        shop.try_pay(&other, key).await;
        let seen = gateway(&shop).await;
        (seen["state"] == "rests").then_some(seen)
    })
    .await;
    assert!(rests["failures"].as_u64() >= Some(10), "{rests}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_seats_are_told_by_the_minute_in_which_they_come_back() {
    let shop = Shop::open().await;
    let expiring = async || {
        let told = Call::get("/events/demo-hall").send(&shop).await.expect(200).body;
        told["grid"]["expiring"].clone()
    };
    assert_eq!(expiring().await, json!({"by_minute": [0, 0, 0, 0, 0], "later": 0}));
    shop.hold(&[0, 1, 2]).await;
    shop.hold(&[5]).await;
    let told = expiring().await;
    let all: u64 =
        told["by_minute"].as_array().expect("minutes").iter().filter_map(Value::as_u64).sum();
    assert_eq!(all + told["later"].as_u64().unwrap_or(0), 4, "{told}");
    assert_eq!(told["by_minute"][0], 0, "a hold lasts longer than that: {told}");
    shop.close().await;
}
