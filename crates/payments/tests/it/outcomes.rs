//! Every outcome of the payment page: what becomes true, and what the seller is told.

use payments::{Currency, GatewayPayment, PaymentStatus, sandbox::Outcome};
use serde_json::{Value, json};

use crate::harness::{Seller, Stand};

async fn stand_and_seller() -> (Stand, Seller) {
    let seller = Seller::start().await;
    let url = seller.url.clone();
    (Stand::with(|config| config.notify_url = url).await, seller)
}

async fn decide(stand: &Stand, outcome: &str) -> GatewayPayment {
    let payment = stand.create(true).await;
    let (status, answer) = stand.decide(&payment, json!({ "outcome": outcome })).await;
    assert_eq!(status, 200, "{answer}");
    payment
}

/// The events about that payment, in the order of arrival.
fn events(heard: &[Value], payment: &GatewayPayment) -> Vec<String> {
    let about = |notice: &&Value| notice["object"]["id"] == payment.provider_ref.as_str();
    heard.iter().filter(about).map(|n| n["event"].as_str().unwrap().to_owned()).collect()
}

fn canceled(reason: &str) -> PaymentStatus {
    PaymentStatus::Canceled { reason: reason.to_owned() }
}

#[tokio::test]
async fn succeed_takes_the_money_and_tells_once() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "succeed").await;
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Succeeded);
    let heard = seller.hears(|heard| !heard.is_empty()).await;
    assert_eq!(heard[0]["type"], "notification");
    assert_eq!(heard[0]["event"], "payment.succeeded");
    assert_eq!(heard[0]["object"]["id"], payment.provider_ref.as_str());
    assert_eq!(heard[0]["object"]["status"], "succeeded");
    assert_eq!(heard[0]["object"]["amount"]["value"], "3500.00");
    stand.stop().await;
    assert_eq!(seller.heard().len(), 1);
}

#[tokio::test]
async fn succeed_in_two_stages_reserves_and_each_step_is_told() {
    let (stand, seller) = stand_and_seller().await;
    let payment = stand.create(false).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::WaitingForCapture);
    seller.hears(|heard| events(heard, &payment) == ["payment.waiting_for_capture"]).await;
    use payments::PaymentProvider;
    let captured = stand.provider.capture("k1", &payment.provider_ref, payment.amount).await;
    assert_eq!(captured.unwrap().status, PaymentStatus::Succeeded);
    seller.hears(|heard| events(heard, &payment).len() == 2).await;
    assert_eq!(events(&seller.heard(), &payment)[1], "payment.succeeded");
    stand.stop().await;
}

#[tokio::test]
async fn fail_cancels_with_the_reason() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "fail").await;
    assert_eq!(stand.read(&payment).await.status, canceled("insufficient_funds"));
    seller.hears(|heard| events(heard, &payment) == ["payment.canceled"]).await;
    let chosen = stand.create(true).await;
    let decision = json!({ "outcome": "fail", "reason": "3d_secure_failed" });
    stand.decide(&chosen, decision).await;
    assert_eq!(stand.read(&chosen).await.status, canceled("3d_secure_failed"));
    stand.stop().await;
}

#[tokio::test]
async fn late_and_slow_happen_after_their_delay() {
    let (stand, seller) = stand_and_seller().await;
    for outcome in ["late", "slow", "succeed"] {
        let payment = stand.create(true).await;
        let decision = json!({ "outcome": outcome, "delay_ms": 300 });
        let (_, answer) = stand.decide(&payment, decision).await;
        assert_eq!(answer["status"], "pending", "{outcome}");
        assert!(answer["due_at"].is_string());
        assert!(events(&seller.heard(), &payment).is_empty());
        stand.read_until(&payment, |p| p.status == PaymentStatus::Succeeded).await;
        seller.hears(|heard| events(heard, &payment) == ["payment.succeeded"]).await;
    }
    // Without a delay of the script, late is later than any hold.
    let payment = stand.create(true).await;
    let before = jiff::Timestamp::now();
    let (_, answer) = stand.decide(&payment, json!({ "outcome": "late" })).await;
    let due: jiff::Timestamp = answer["due_at"].as_str().unwrap().parse().unwrap();
    let wait = due.duration_since(before).as_secs();
    assert!((399..=401).contains(&wait), "{wait}");
    stand.stop().await;
}

#[tokio::test]
async fn never_waits_until_it_expires() {
    let seller = Seller::start().await;
    let url = seller.url.clone();
    let stand = Stand::with(|config| {
        config.notify_url = url;
        config.pending_ttl_ms = 400;
    })
    .await;
    let payment = decide(&stand, "never").await;
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Pending);
    let ended = stand.read_until(&payment, |p| p.status.is_final()).await;
    assert_eq!(ended.status, canceled("expired_on_confirmation"));
    seller.hears(|heard| events(heard, &payment) == ["payment.canceled"]).await;
    stand.stop().await;
}

#[tokio::test]
async fn a_late_payment_outlives_the_gateways_own_hour() {
    let stand = Stand::with(|config| config.pending_ttl_ms = 100).await;
    let payment = stand.create(true).await;
    stand.decide(&payment, json!({ "outcome": "late", "delay_ms": 600 })).await;
    let ended = stand.read_until(&payment, |p| p.status.is_final()).await;
    assert_eq!(ended.status, PaymentStatus::Succeeded);
    stand.stop().await;
}

#[tokio::test]
async fn reserved_money_goes_back_when_nobody_captures() {
    let stand = Stand::with(|config| config.capture_ttl_ms = 200).await;
    let payment = stand.create(false).await;
    stand.decide(&payment, json!({ "outcome": "succeed" })).await;
    let ended = stand.read_until(&payment, |p| p.status.is_final()).await;
    assert_eq!(ended.status, canceled("expired_on_capture"));
    stand.stop().await;
}

#[tokio::test]
async fn expire_ends_the_wait_now() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "expire").await;
    assert_eq!(stand.read(&payment).await.status, canceled("expired_on_confirmation"));
    seller.hears(|heard| events(heard, &payment) == ["payment.canceled"]).await;
    stand.stop().await;
}

#[tokio::test]
async fn duplicate_tells_fifty_three_times() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "duplicate").await;
    let heard = seller.hears(|heard| events(heard, &payment).len() == 53).await;
    assert!(events(&heard, &payment).iter().all(|event| event == "payment.succeeded"));
    stand.stop().await;
}

#[tokio::test]
async fn reorder_tells_a_stale_cancellation_last() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "reorder").await;
    let heard = seller.hears(|heard| events(heard, &payment).len() == 2).await;
    assert_eq!(events(&heard, &payment), ["payment.succeeded", "payment.canceled"]);
    assert_eq!(heard[1]["object"]["status"], "canceled");
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Succeeded);
    stand.stop().await;
}

#[tokio::test]
async fn lost_notification_is_found_by_reading_only() {
    let (stand, seller) = stand_and_seller().await;
    let lost = decide(&stand, "lost_notification").await;
    assert_eq!(stand.read(&lost).await.status, PaymentStatus::Succeeded);
    let told = decide(&stand, "succeed").await;
    let heard = seller.hears(|heard| !events(heard, &told).is_empty()).await;
    assert!(events(&heard, &lost).is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn mismatches_show_in_the_object_and_in_the_notice() {
    let (stand, seller) = stand_and_seller().await;
    let amount = decide(&stand, "amount_mismatch").await;
    let read = stand.read(&amount).await;
    assert_eq!((read.amount.minor, read.captured.minor), (349_900, 349_900));
    let currency = decide(&stand, "currency_mismatch").await;
    assert_eq!(stand.read(&currency).await.amount.currency, Currency::USD);
    let metadata = decide(&stand, "metadata_mismatch").await;
    let read = stand.read(&metadata).await;
    assert_eq!(read.order_id.as_deref(), Some("another-order"));
    assert_eq!(read.payment_id.as_deref(), Some("another-payment"));
    let heard = seller.hears(|heard| heard.len() == 3).await;
    let about = heard.iter().find(|n| n["object"]["id"] == amount.provider_ref.as_str()).unwrap();
    assert_eq!(about["object"]["amount"]["value"], "3499.00");
    stand.stop().await;
}

#[tokio::test]
async fn forged_notification_says_what_is_not_true() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "forged_notification").await;
    seller.hears(|heard| events(heard, &payment) == ["payment.succeeded"]).await;
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Pending);
    // The payment can still be paid, or come to nothing.
    stand.decide(&payment, json!({ "outcome": "fail" })).await;
    assert_eq!(stand.read(&payment).await.status, canceled("insufficient_funds"));
    stand.stop().await;
}

#[tokio::test]
async fn unknown_order_is_a_true_payment_of_somebody_else() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "unknown_order").await;
    let heard = seller.hears(|heard| heard.len() == 1).await;
    assert_eq!(heard[0]["event"], "payment.succeeded");
    let foreign = heard[0]["object"]["id"].as_str().unwrap();
    assert_ne!(foreign, payment.provider_ref);
    use payments::PaymentProvider;
    let read = stand.provider.read_payment(foreign).await.unwrap();
    assert_eq!(read.status, PaymentStatus::Succeeded);
    assert!(read.order_id.unwrap().starts_with("unknown-order-"));
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Pending);
    stand.stop().await;
}

#[tokio::test]
async fn a_decision_is_final_and_its_repeat_harmless() {
    let (stand, seller) = stand_and_seller().await;
    let payment = decide(&stand, "succeed").await;
    assert_eq!(stand.decide(&payment, json!({ "outcome": "succeed" })).await.0, 200);
    let (status, problem) = stand.decide(&payment, json!({ "outcome": "fail" })).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("already_decided")));
    let late = stand.create(true).await;
    stand.decide(&late, json!({ "outcome": "late" })).await;
    assert_eq!(stand.decide(&late, json!({ "outcome": "succeed" })).await.0, 409);
    let wall = decide(&stand, "succeed").await;
    let heard = seller.hears(|heard| !events(heard, &wall).is_empty()).await;
    assert_eq!(events(&heard, &payment).len(), 1);
    stand.stop().await;
}

#[tokio::test]
async fn wrong_decisions_are_refused() {
    let stand = Stand::start().await;
    let payment = stand.create(true).await;
    let wrong = [
        json!({}),
        json!({ "outcome": "win" }),
        json!({ "outcome": "succeed", "extra": 1 }),
        json!({ "outcome": "late", "delay_ms": -1 }),
        json!({ "outcome": "late", "delay_ms": 86_400_001 }),
        json!({ "outcome": "fail", "reason": "<b>" }),
        json!([]),
    ];
    for body in wrong {
        let (status, problem) = stand.decide(&payment, body.clone()).await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)), "{body}");
    }
    let nobody = format!("{}/pay/none", stand.url);
    assert_eq!(stand.post(&nobody, json!({ "outcome": "succeed" })).await.0, 404);
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Pending);
    stand.stop().await;
}

#[test]
fn every_outcome_has_one_name() {
    for outcome in Outcome::ALL {
        let name = serde_json::to_value(outcome).unwrap();
        assert_eq!(name, outcome.as_str());
    }
}
