//! Fiscal receipts of partial refunds, and refunds whose receipt the gateway refuses.

use box_office::ReceiptConfig;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::documents::paid;
use crate::support::{Shop, until};

/// What the gateway told of the refund of an amount.
async fn told(shop: &Shop, word: &str) -> Value {
    let mut db = shop.database().await;
    until("the gateway's notice of the refund", async || {
        let bodies: Vec<Vec<u8>> = sqlx::query_scalar("select body from office.webhook_event")
            .fetch_all(&mut db)
            .await
            .expect("the journal");
        let notices = bodies.iter().filter_map(|body| serde_json::from_slice::<Value>(body).ok());
        let mut refunds = notices.filter(|notice| notice["event"] == "refund.succeeded");
        refunds.find(|notice| notice.to_string().contains(word)).map(|mut one| one["object"].take())
    })
    .await
}

/// A shop whose gateway makes receipts of refunds.
async fn shop() -> Shop {
    let mut shop = Shop::open().await;
    shop.start_worker(|config| {
        let sandbox = config.providers.get_mut("sandbox").expect("the provider");
        let email = "shop@example.org".to_owned();
        sandbox.receipts = Some(ReceiptConfig { vat_code: 4, tax_system_code: None, email });
    });
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn d21_a_partial_refund_has_a_receipt_of_its_amount() {
    let shop = shop().await;
    let order = paid(&shop, "receipts", &[0, 1, 2, 3]).await;
    let path = format!("/api/v1/orders/{}/refunds", order.id);
    for (seats, amount) in [(json!(["A-1-2"]), "1000.00"), (json!(["A-1-1", "A-1-3"]), "2000.00")] {
        let wish = json!({"seats": seats, "reason": "ill"});
        let made = shop.post(&path, &order.token, Uuid::now_v7(), &wish).await.expect(201);
        assert_eq!(made.text("/amount/value"), amount);
        let refund = told(&shop, amount).await;
        assert_eq!(refund["receipt_positions"], json!(["Возврат: билеты на мероприятие"]));
        assert_eq!(refund["amount"]["value"], amount);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d21_a_refused_receipt_keeps_no_money_from_going_back() {
    let shop = shop().await;
    let order = paid(&shop, "receipts", &[0, 1]).await;
    shop.faults(json!({"refund": {"mode": "refuse", "times": 1}})).await;
    let path = format!("/api/v1/orders/{}/refunds", order.id);
    let wish = json!({"seats": ["A-1-2"], "reason": "ill"});
    shop.post(&path, &order.token, Uuid::now_v7(), &wish).await.expect(201);
    let refund = told(&shop, "1000.00").await;
    // The same look asked again without it; a later one would have asked with it.
    assert_eq!(refund["receipt_positions"], Value::Null, "{refund}");
    shop.close().await;
}
