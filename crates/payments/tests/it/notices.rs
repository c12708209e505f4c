//! Notifications: repeated until 200, kept over a restart, told of refunds.

use payments::{CreateRefund, GatewayPayment, PaymentProvider, sandbox::SandboxConfig};
use serde_json::{Value, json};

use crate::harness::{Seller, Stand};

fn to(seller: &Seller) -> impl FnOnce(&mut SandboxConfig) + use<> {
    let url = seller.url.clone();
    move |config| config.notify_url = url
}

/// The notices about that payment.
fn about<'a>(heard: &'a [Value], payment: &GatewayPayment) -> Vec<&'a Value> {
    heard.iter().filter(|n| n["object"]["id"] == payment.provider_ref.as_str()).collect()
}

#[tokio::test]
async fn repeated_until_the_seller_says_200() {
    let seller = Seller::start().await;
    let stand = Stand::with(to(&seller)).await;
    for refusal in [500, 302, 404, 201] {
        seller.answer(refusal);
        let payment = stand.create(true).await;
        stand.decide(&payment, json!({ "outcome": "succeed" })).await;
        let heard = seller.hears(|heard| about(heard, &payment).len() >= 3).await;
        let same = about(&heard, &payment);
        assert!(same.iter().all(|notice| *notice == same[0]), "{refusal}");
    }
    stand.stop().await;
}

/// One more payment whose notice comes last shows that nothing else is being repeated.
async fn settled(stand: &Stand, seller: &Seller) {
    let wall = stand.create(true).await;
    stand.decide(&wall, json!({ "outcome": "succeed" })).await;
    seller.hears(|heard| !about(heard, &wall).is_empty()).await;
}

#[tokio::test]
async fn silence_stops_after_200() {
    let seller = Seller::start().await;
    let stand = Stand::with(to(&seller)).await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    seller.hears(|heard| heard.len() == 1).await;
    // Several retry waits of 20 ms would pass during these round trips.
    for _ in 0..5 {
        settled(&stand, &seller).await;
    }
    assert_eq!(about(&seller.heard(), &payment).len(), 1);
    stand.stop().await;
}

#[tokio::test]
async fn a_seller_who_is_away_hears_it_after_the_gateways_restart() {
    let seller = Seller::start().await;
    seller.answer(503);
    let stand = Stand::with(to(&seller)).await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    seller.hears(|heard| !heard.is_empty()).await;
    let dir = stand.dir.clone();
    stand.stop().await;
    let before = about(&seller.heard(), &payment).len();
    seller.answer(200);
    let stand = Stand::at(dir.clone(), dir.path(), to(&seller)).await;
    seller.hears(|heard| about(heard, &payment).len() == before + 1).await;
    settled(&stand, &seller).await;
    settled(&stand, &seller).await;
    stand.stop().await;
    // Now it is acknowledged, and a further restart tells it no more.
    let stand = Stand::at(dir.clone(), dir.path(), to(&seller)).await;
    settled(&stand, &seller).await;
    settled(&stand, &seller).await;
    assert_eq!(about(&seller.heard(), &payment).len(), before + 1);
    stand.stop().await;
}

#[tokio::test]
async fn refunds_are_told() {
    let seller = Seller::start().await;
    let stand = Stand::with(to(&seller)).await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    let refund = CreateRefund {
        idempotence_key: "r1".to_owned(),
        payment_ref: payment.provider_ref.clone(),
        amount: payment.amount,
        description: "cancelled".to_owned(),
        receipt: None,
    };
    let refund = stand.provider.create_refund(refund).await.unwrap();
    let is_refund = |notice: &Value| notice["event"] == "refund.succeeded";
    let heard = seller.hears(|heard| heard.iter().any(is_refund)).await;
    let notice = heard.iter().find(|notice| is_refund(notice)).unwrap();
    let parsed = stand.provider.parse_notification(notice.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.provider_ref, refund.provider_ref);
    assert_eq!(parsed.payment_ref.as_deref(), Some(payment.provider_ref.as_str()));
    stand.stop().await;
}

#[tokio::test]
async fn true_notices_parse_and_name_our_payment() {
    let seller = Seller::start().await;
    let stand = Stand::with(to(&seller)).await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    let heard = seller.hears(|heard| !heard.is_empty()).await;
    let parsed = stand.provider.parse_notification(heard[0].to_string().as_bytes()).unwrap();
    assert_eq!(parsed.provider_ref, payment.provider_ref);
    assert_eq!(parsed.payment_id, payment.payment_id);
    stand.stop().await;
}

#[tokio::test]
async fn a_crowd_is_told_completely() {
    let seller = Seller::start().await;
    let stand = Stand::with(to(&seller)).await;
    let buyers = (0..200).map(|_| async {
        let payment = stand.create(true).await;
        let (status, _) = stand.decide(&payment, json!({ "outcome": "succeed" })).await;
        assert_eq!(status, 200);
        payment.provider_ref
    });
    let mut bought = futures_util::future::join_all(buyers).await;
    let heard = seller.hears(|heard| heard.len() == 200).await;
    let id = |notice: &Value| notice["object"]["id"].as_str().unwrap().to_owned();
    let mut told: Vec<String> = heard.iter().map(id).collect();
    bought.sort_unstable();
    told.sort_unstable();
    assert_eq!(bought, told);
    stand.stop().await;
}
