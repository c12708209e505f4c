//! The fault switches: set, shown, used up, cleared, refused when they make no sense; and each mode
//! as a raw client sees it.

use std::time::{Duration, Instant};

use payments::{CreateRefund, PaymentProvider, PaymentStatus, ProviderError, RefundStatus};
use serde_json::{Value, json};

use crate::harness::{SECRET, SHOP, Seller, Stand, wish};

#[tokio::test]
async fn switches_are_shown_used_up_and_cleared() {
    let stand = Stand::start().await;
    assert_eq!(stand.get("/faults").await, (200, json!({})));
    let set = json!({
        "create": { "mode": "error_500", "times": 2 },
        "read": { "mode": "slow", "delay_ms": 1 },
    });
    assert_eq!(stand.faults(set).await, 200);
    assert!(stand.provider.create_payment(wish(true)).await.is_err());
    let left = json!({
        "create": { "mode": "error_500", "times": 1, "delay_ms": 0 },
        "read": { "mode": "slow", "delay_ms": 1 },
    });
    assert_eq!(stand.get("/faults").await, (200, left));
    assert!(stand.provider.create_payment(wish(true)).await.is_err());
    let payment = stand.create(true).await;
    for _ in 0..3 {
        stand.read(&payment).await;
    }
    assert!(stand.get("/faults").await.1.get("create").is_none());
    assert!(stand.get("/faults").await.1.get("read").is_some());
    let cleared = stand.http.delete(format!("{}/faults", stand.url)).send().await.unwrap();
    assert_eq!(cleared.status(), 204);
    assert_eq!(stand.get("/faults").await, (200, json!({})));
    stand.stop().await;
}

#[tokio::test]
async fn senseless_switches_are_refused_and_nothing_is_set() {
    let stand = Stand::start().await;
    let wrong = [
        json!({ "crate": { "mode": "slow" } }),
        json!({ "create": { "mode": "explode" } }),
        json!({ "create": { "mode": "slow", "often": true } }),
        json!({ "create": { "times": 1 } }),
        json!({ "create": { "mode": "slow", "times": 0 } }),
        json!({ "create": { "mode": "slow", "delay_ms": -5 } }),
        json!({ "create": { "mode": "slow", "delay_ms": 3_600_001 } }),
        json!({ "read": { "mode": "notify_before_answer" } }),
        json!({ "create": { "mode": "reject" } }),
        json!({ "notify": { "mode": "error_500" } }),
        json!({ "create": { "mode": "slow" }, "read": { "mode": "pending" } }),
        json!([]),
    ];
    for body in wrong {
        assert_eq!(stand.faults(body.clone()).await, 400, "{body}");
    }
    assert_eq!(stand.get("/faults").await, (200, json!({})));
    stand.stop().await;
}

/// What the call says, and whether it was executed: only then is there a new line in the journal.
async fn executed(stand: &Stand, mode: &str) -> (ProviderError, bool) {
    let journal = stand.dir.path().join("sandbox.journal");
    assert_eq!(stand.faults(json!({ "create": { "mode": mode, "times": 1 } })).await, 200);
    let before = std::fs::metadata(&journal).unwrap().len();
    let error = stand.provider.create_payment(wish(true)).await.unwrap_err();
    (error, std::fs::metadata(&journal).unwrap().len() > before)
}

#[tokio::test]
async fn each_mode_is_executed_or_not_as_documented() {
    let stand = Stand::start().await;
    stand.create(true).await;
    let table = [
        ("error_500", false),
        ("error_500_after_execute", true),
        ("refuse", false),
        ("too_many_requests", false),
        ("drop", false),
        ("drop_after_execute", true),
        ("malformed", true),
        ("oversized", true),
        ("redirect", false),
    ];
    for (mode, expected) in table {
        let (error, done) = executed(&stand, mode).await;
        assert_eq!(done, expected, "{mode}");
        let sorted = match error {
            ProviderError::Refused { .. } => "refused",
            ProviderError::Unavailable { .. } => "unavailable",
            ProviderError::Unknown { .. } => "unknown",
        };
        let expected = match mode {
            "refuse" => "refused",
            "too_many_requests" => "unavailable",
            _ => "unknown",
        };
        assert_eq!(sorted, expected, "{mode}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn silence_ends_when_the_sandbox_stops() {
    let stand = Stand::start().await;
    for mode in ["timeout", "timeout_after_execute"] {
        stand.faults(json!({ "create": { "mode": mode, "times": 1 } })).await;
        let call = stand.provider.create_payment(wish(true));
        let early = tokio::time::timeout(Duration::from_millis(200), call).await;
        assert!(early.is_err(), "{mode} was answered");
    }
    stand.faults(json!({ "read": { "mode": "timeout" } })).await;
    let provider = stand.provider.clone();
    let hanging = tokio::spawn(async move { provider.read_payment("some").await });
    let started = Instant::now();
    stand.stop().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn slow_answers_truthfully_and_late() {
    let stand = Stand::start().await;
    stand.faults(json!({ "create": { "mode": "slow", "delay_ms": 250, "times": 1 } })).await;
    let started = Instant::now();
    let payment = stand.create(true).await;
    assert!(started.elapsed() >= Duration::from_millis(250));
    assert_eq!(payment.status, PaymentStatus::Pending);
    stand.stop().await;
}

#[tokio::test]
async fn every_call_has_its_own_switch() {
    let stand = Stand::start().await;
    let paid = stand.create(true).await;
    stand.decide(&paid, json!({ "outcome": "succeed" })).await;
    let refund = refund_of(&stand, &paid.provider_ref, "r0").await.unwrap();
    let reserved = stand.create(false).await;
    stand.decide(&reserved, json!({ "outcome": "succeed" })).await;
    let (provider, id) = (&stand.provider, reserved.provider_ref.as_str());
    let switch = |operation: &str| json!({ operation: { "mode": "refuse", "times": 1 } });
    stand.faults(switch("read")).await;
    assert!(provider.read_payment(id).await.is_err());
    stand.faults(switch("cancel")).await;
    assert!(provider.cancel("c1", id).await.is_err());
    stand.faults(switch("capture")).await;
    assert!(provider.capture("c2", id, reserved.amount).await.is_err());
    stand.faults(switch("refund")).await;
    assert!(refund_of(&stand, &paid.provider_ref, "r1").await.is_err());
    stand.faults(switch("read_refund")).await;
    assert!(provider.read_refund(&refund.provider_ref).await.is_err());
    assert!(provider.read_refund(&refund.provider_ref).await.is_ok());
    assert_eq!(stand.read(&reserved).await.status, PaymentStatus::WaitingForCapture);
    stand.stop().await;
}

async fn refund_of(
    stand: &Stand,
    payment_ref: &str,
    key: &str,
) -> Result<payments::GatewayRefund, ProviderError> {
    let request = CreateRefund {
        idempotence_key: key.to_owned(),
        payment_ref: payment_ref.to_owned(),
        amount: payments::Money::new(100, payments::Currency::RUB),
        description: String::new(),
        receipt: None,
    };
    stand.provider.create_refund(request).await
}

#[tokio::test]
async fn refunds_can_hang_and_can_be_rejected() {
    let stand = Stand::start().await;
    let paid = stand.create(true).await;
    stand.decide(&paid, json!({ "outcome": "succeed" })).await;
    let switch = json!({ "refund": { "mode": "pending", "times": 1, "delay_ms": 200 } });
    stand.faults(switch).await;
    let pending = refund_of(&stand, &paid.provider_ref, "r1").await.unwrap();
    assert_eq!(pending.status, RefundStatus::Pending);
    let settled = async {
        loop {
            let now = stand.provider.read_refund(&pending.provider_ref).await.unwrap();
            if now.status == RefundStatus::Succeeded {
                return;
            }
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, settled).await.unwrap();
    stand.faults(json!({ "refund": { "mode": "reject", "times": 1 } })).await;
    let rejected = refund_of(&stand, &paid.provider_ref, "r2").await.unwrap();
    assert!(matches!(rejected.status, RefundStatus::Canceled { .. }));
    // A rejected refund gives nothing back and leaves the rest refundable.
    assert_eq!(stand.read(&paid).await.refunded.minor, 100);
    stand.stop().await;
}

#[tokio::test]
async fn the_notice_can_come_before_the_answer() {
    let seller = Seller::start().await;
    let url = seller.url.clone();
    let stand = Stand::with(|config| config.notify_url = url).await;
    stand.faults(json!({ "create": { "mode": "notify_before_answer", "times": 1 } })).await;
    let payment = stand.create(true).await;
    let heard = seller.heard();
    assert_eq!(heard.len(), 1, "the notice was there before the answer");
    assert_eq!(heard[0]["object"]["id"], payment.provider_ref.as_str());
    assert_eq!(payment.status, PaymentStatus::Pending);
    assert_eq!(stand.read(&payment).await.status, PaymentStatus::Succeeded);
    stand.stop().await;
}

#[tokio::test]
async fn notices_can_be_lost_and_doubled() {
    let seller = Seller::start().await;
    let url = seller.url.clone();
    let stand = Stand::with(|config| config.notify_url = url).await;
    stand.faults(json!({ "notify": { "mode": "drop", "times": 1 } })).await;
    let lost = stand.create(true).await;
    stand.decide(&lost, json!({ "outcome": "succeed" })).await;
    let used_up = async { while stand.get("/faults").await.1 != json!({}) {} };
    tokio::time::timeout(crate::harness::PATIENCE, used_up).await.unwrap();
    stand.faults(json!({ "notify": { "mode": "duplicate", "times": 1 } })).await;
    let twice = stand.create(true).await;
    stand.decide(&twice, json!({ "outcome": "succeed" })).await;
    let heard = seller.hears(|heard| heard.len() == 2).await;
    let about = |notice: &Value| notice["object"]["id"] == twice.provider_ref.as_str();
    assert!(heard.iter().all(about));
    stand.stop().await;
}

#[tokio::test]
async fn strangers_do_not_use_up_a_switch() {
    let stand = Stand::start().await;
    stand.faults(json!({ "create": { "mode": "refuse", "times": 1 } })).await;
    let url = format!("{}/v3/payments", stand.url);
    let stranger = stand.http.post(&url).basic_auth(SHOP, Some("wrong")).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let wrong_method = stand.http.get(&url).basic_auth(SHOP, Some(SECRET)).send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
    assert!(stand.provider.create_payment(wish(true)).await.is_err());
    stand.stop().await;
}
