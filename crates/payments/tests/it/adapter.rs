//! The adapter by itself: its configuration, the registry, and gateways that do strange things.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, response::Redirect, routing::get};
use payments::{
    Method, PaymentProvider, ProviderError, Providers, Secret, YooKassa, YooKassaConfig,
};

use crate::harness::{SECRET, SHOP, adapter};

fn good() -> YooKassaConfig {
    YooKassaConfig {
        shop_id: SHOP.to_owned(),
        secret: Secret::new(SECRET),
        ..YooKassaConfig::default()
    }
}

#[test]
fn defaults_with_credentials_work() {
    let provider = YooKassa::new(good()).unwrap();
    assert_eq!(provider.name(), "yookassa");
    let sheet = provider.capabilities();
    assert!(sheet.two_stage(Method::BankCard) && !sheet.two_stage(Method::Sbp));
    assert!(sheet.supports(Method::Sbp) && !sheet.cancel_pending && sheet.partial_refund);
    assert_eq!(sheet.pending_ttl_ms(300_000), 3_600_000);
}

#[test]
fn wrong_fields_are_named() {
    type Change = fn(&mut YooKassaConfig);
    let wrong: [(&str, Change); 9] = [
        ("name", |c| c.name.clear()),
        ("shop_id", |c| c.shop_id.clear()),
        ("shop_id", |c| c.shop_id = "a:b".to_owned()),
        ("secret", |c| c.secret = Secret::default()),
        ("base_url", |c| c.base_url = "gateway".to_owned()),
        ("base_url", |c| c.base_url = "http://gateway.example".to_owned()),
        ("call_timeout_ms", |c| c.call_timeout_ms = 0),
        ("connect_timeout_ms", |c| c.connect_timeout_ms = c.call_timeout_ms + 1),
        ("answer_bytes_max", |c| c.answer_bytes_max = 1),
    ];
    for (field, change) in wrong {
        let mut config = good();
        change(&mut config);
        let error = YooKassa::new(config).unwrap_err().to_string();
        assert!(error.contains(field), "{field}: {error}");
        assert!(!error.contains(SECRET));
    }
}

#[test]
fn unknown_keys_are_errors() {
    let wrong = serde_json::json!({ "shop_id": "1", "shop": "2" });
    let error = serde_json::from_value::<YooKassaConfig>(wrong).unwrap_err();
    assert!(error.to_string().contains("unknown field `shop`"), "{error}");
}

#[test]
fn debug_forms_show_no_secret() {
    assert!(!format!("{:?}", good()).contains(SECRET));
    assert!(!format!("{:?}", YooKassa::new(good()).unwrap()).contains(SECRET));
}

#[test]
fn registry_finds_by_name_and_refuses_doubles() {
    let mut providers = Providers::new();
    providers.register(Arc::new(adapter("http://127.0.0.1:1"))).unwrap();
    providers.register(Arc::new(YooKassa::new(good()).unwrap())).unwrap();
    assert_eq!(providers.names().collect::<Vec<_>>(), ["sandbox", "yookassa"]);
    assert_eq!(providers.get("sandbox").unwrap().name(), "sandbox");
    assert!(providers.get("stripe").is_none());
    let error = providers.register(Arc::new(adapter("http://127.0.0.1:1"))).unwrap_err();
    assert!(error.to_string().contains("sandbox"));
}

const PAYMENT: &str = r#"{"id":"p1","status":"succeeded","test":false,
    "amount":{"value":"1.00","currency":"RUB"},"created_at":"2030-01-01T00:00:00.000Z"}"#;

/// A gateway that answers every read of a payment so.
async fn gateway(app: Router) -> YooKassa {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    adapter(&url)
}

async fn read_of(body: String) -> Result<payments::GatewayPayment, ProviderError> {
    let app = Router::new().route("/v3/payments/p1", get(move || async move { body }));
    gateway(app).await.read_payment("p1").await
}

#[tokio::test]
async fn the_least_complete_answer_is_enough() {
    let payment = read_of(PAYMENT.to_owned()).await.unwrap();
    assert_eq!((payment.captured.minor, payment.refunded.minor), (100, 0));
    assert_eq!((payment.payment_id, payment.order_id), (None, None));
    assert!(!payment.test);
}

#[tokio::test]
async fn answers_that_are_not_understood_are_unknown() {
    let strange = [
        PAYMENT.replace("succeeded", "lost"),
        PAYMENT.replace("1.00", "1"),
        PAYMENT.replace("RUB", "rub"),
        PAYMENT.replace("p1", "../p1"),
        PAYMENT.replace("2030-01-01", "yesterday"),
        PAYMENT.replace("\"test\":false,", ""),
        "[]".to_owned(),
        String::new(),
    ];
    for body in strange {
        let answer = read_of(body.clone()).await;
        assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn too_large_an_answer_is_not_read_though_it_is_good() {
    let padded = |bytes: usize| format!("{PAYMENT}{}", " ".repeat(bytes));
    assert!(read_of(padded(60_000)).await.is_ok());
    let answer = read_of(padded(70_000)).await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
}

#[tokio::test]
async fn redirects_are_not_followed_though_they_lead_to_a_good_answer() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    let elsewhere = move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        PAYMENT
    };
    let app = Router::new()
        .route("/v3/payments/p1", get(|| async { Redirect::temporary("/elsewhere") }))
        .route("/elsewhere", get(elsewhere));
    let answer = gateway(app).await.read_payment("p1").await;
    assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{answer:?}");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn status_codes_prove_only_what_they_prove() {
    use axum::http::StatusCode;
    for code in [201_u16, 202, 204, 408, 409, 425, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(code).unwrap();
        let app =
            Router::new().route("/v3/payments/p1", get(move || async move { (status, PAYMENT) }));
        let answer = gateway(app).await.read_payment("p1").await;
        assert!(matches!(answer, Err(ProviderError::Unknown { .. })), "{code}: {answer:?}");
    }
    for code in [400_u16, 401, 403, 404, 405, 415] {
        let status = StatusCode::from_u16(code).unwrap();
        let app =
            Router::new().route("/v3/payments/p1", get(move || async move { (status, "<html>") }));
        let answer = gateway(app).await.read_payment("p1").await;
        assert!(matches!(answer, Err(ProviderError::Refused { .. })), "{code}: {answer:?}");
    }
}
