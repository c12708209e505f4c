//! Payments that do not simply succeed: refusals, silence, other amounts, several payments.

use serde_json::json;
use uuid::Uuid;

use crate::support::{Shop, Wish, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_leaves_the_order_open_for_another() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let first = shop.pay(&order).await;
    shop.decide(&first, json!({"outcome": "fail"})).await;
    until("the payment is canceled", async || {
        let now = shop.read_order(&order).await;
        (now["payments"][0]["status"] == "canceled").then_some(())
    })
    .await;
    let now = shop.read_order(&order).await;
    assert_eq!(now["status"], "pending_payment");
    assert_eq!(now["payments"][0]["cancel_reason"], "insufficient_funds");
    let second = shop.pay(&order).await;
    shop.decide(&second, json!({"outcome": "succeed"})).await;
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
    assert_eq!(paid["refunds"], json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_gateway_is_asked_again_with_the_same_key() {
    let shop = Shop::with(Wish { payment_create_ms_max: 6_000, ..Wish::default() }).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.faults(json!({"create": {"mode": "error_500_after_execute", "times": 1}})).await;
    let payment = shop.pay(&order).await;
    assert_eq!(shop.read_order(&order).await["payments"].as_array().unwrap().len(), 1);
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_creation_is_resolved_by_a_retry_with_the_same_key() {
    let shop = Shop::with(Wish { payment_create_ms_max: 600, ..Wish::default() }).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.faults(json!({"create": {"mode": "drop_after_execute"}})).await;
    let key = Uuid::now_v7();
    let unknown = shop.try_pay(&order, key).await.expect(503);
    assert_eq!(unknown.code(), "outcome_unknown");
    assert!(unknown.headers.contains_key("retry-after"));
    shop.no_faults().await;
    let before = jiff::Timestamp::now();
    let resolved = shop.try_pay(&order, key).await.expect(201);
    assert!(resolved.replayed());
    let now = shop.read_order(&order).await;
    assert_eq!(now["payments"].as_array().unwrap().len(), 1, "one payment, not two");
    let page = resolved.text("/confirmation/confirmation_url").to_owned();
    let payment = crate::support::Payment { id: resolved.text("/id").into(), page };
    let made = shop.at_gateway(&payment).await["created_at"].as_str().unwrap().to_owned();
    let made: jiff::Timestamp = made.parse().expect("a time");
    assert!(made < before, "the retry found the payment of the first try, it made no other");
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_attempt_and_names_itself() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.faults(json!({"create": {"mode": "refuse", "times": 1}})).await;
    let key = Uuid::now_v7();
    let refused = shop.try_pay(&order, key).await.expect(409);
    assert_eq!(refused.code(), "payment_refused");
    let again = shop.try_pay(&order, key).await.expect(409);
    assert_eq!(again.code(), "payment_refused", "the same key gets the same answer");
    let other = shop.try_pay(&order, Uuid::now_v7()).await.expect(201);
    assert!(other.body["confirmation"]["confirmation_url"].is_string());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notification_may_come_before_the_answer() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.faults(json!({"create": {"mode": "notify_before_answer", "times": 1}})).await;
    let answer = shop.try_pay(&order, Uuid::now_v7()).await.expect(201);
    assert!(!answer.text("/id").is_empty());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_is_never_confirmed_and_goes_back() {
    let mut shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.start_worker(|_| {});
    shop.decide(&payment, json!({"outcome": "amount_mismatch"})).await;
    let refunded = until("the other amount went back", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "succeeded").then_some(now)
    })
    .await;
    assert_eq!(refunded["payments"][0]["settled_as"], "refunded");
    assert_eq!(refunded["status"], "pending_payment", "the hold still waits for right money");
    assert_ne!(refunded["refunds"][0]["amount"]["value"], refunded["total"]["value"]);
    shop.close().await;
}

/// D9: it never buys anything, and it does not stay with us either.
#[tokio::test(flavor = "multi_thread")]
async fn contradicting_money_goes_back() {
    for outcome in ["currency_mismatch", "metadata_mismatch"] {
        let mut shop = Shop::open().await;
        let order = shop.order(&shop.hold(&[0]).await).await;
        let payment = shop.pay(&order).await;
        shop.start_worker(|_| {});
        shop.decide(&payment, json!({"outcome": outcome})).await;
        let refunded = until("the money went back", async || {
            let now = shop.read_order(&order).await;
            (now["refunds"][0]["status"] == "succeeded").then_some(now)
        })
        .await;
        assert_eq!(refunded["payments"][0]["settled_as"], "refunded", "{outcome}");
        assert_eq!(refunded["status"], "pending_payment", "the hold still waits for right money");
        let taken = shop.at_gateway(&payment).await;
        assert_eq!(taken["refunded_amount"], taken["amount"], "{outcome}");
        shop.close().await;
    }
}
