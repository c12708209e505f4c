//! Money that comes after the seats went back: the same seats if they are free, a refund if not,
//! and never both.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Shop, Wish, until};

fn short() -> Wish {
    Wish { hold_ttl_s: 5, ..Wish::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn free_seats_are_taken_again() {
    let shop = Shop::with(short()).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.until_status(&order, "expired").await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!(paid["payments"][0]["settled_as"], "retaken");
    let path = format!("/api/v1/orders/{}/tickets", order.id);
    shop.get(&path, &order.token).await.expect(200);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_seats_that_are_gone_is_given_back() {
    let mut shop = Shop::with(short()).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.until_status(&order, "expired").await;
    let winner = shop.order(&shop.hold(&[0]).await).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    let pending = shop.until_status(&order, "refund_pending").await;
    assert_eq!(pending["payments"][0]["settled_as"], "refunded");
    let path = format!("/api/v1/refunds/{}", pending["refunds"][0]["id"].as_str().unwrap());
    let refund = shop.get(&path, &order.token).await.expect(200);
    assert_eq!(refund.text("/status"), "pending");
    assert_eq!(refund.text("/amount/value"), "9500.00");
    assert_eq!(shop.get(&path, &winner.token).await.expect(404).code(), "refund_not_found");

    shop.start_worker(|_| {});
    let refunded = shop.until_status(&order, "refunded").await;
    assert_eq!(refunded["refunds"][0]["status"], "succeeded");
    assert_eq!(shop.at_gateway(&payment).await["refunded_amount"]["value"], "9500.00");
    assert_eq!(shop.read_order(&winner).await["seats"][0]["id"], "P-1-1");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_of_an_order_goes_back_and_the_tickets_stay() {
    let mut shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let first = shop.pay(&order).await;
    // The shopper is told "declined", starts another, and the first one succeeds after all.
    shop.decide(&first, json!({"outcome": "slow", "delay_ms": 400})).await;
    let settlement = crate::support::settlement(&shop);
    let id = first.id.parse().unwrap();
    settlement.give_up(id, "impatient", crate::support::soon()).await.expect("given up");
    let second = shop.pay(&order).await;
    shop.decide(&second, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    shop.start_worker(|_| {});
    let now = until("one of both payments went back", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "succeeded").then_some(now)
    })
    .await;
    assert_eq!(now["status"], "paid");
    assert_eq!(now["refunds"].as_array().unwrap().len(), 1);
    let path = format!("/api/v1/orders/{}/tickets", order.id);
    let tickets = shop.get(&path, &order.token).await.expect(200);
    assert_eq!(tickets.body[0]["status"], "valid");
    let refused = shop.try_pay(&order, Uuid::now_v7()).await.expect(409);
    assert_eq!(refused.code(), "order_state");
    shop.close().await;
}
