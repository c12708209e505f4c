//! Fiscal receipts of partial refunds: the seats that were given back, with what the gateway was told.

use box_office::ReceiptConfig;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::documents::paid;
use crate::support::{Shop, until};

/// What the gateway told of refunds of a seat.
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

#[tokio::test(flavor = "multi_thread")]
async fn d21_a_partial_refund_names_the_seats_on_its_receipt() {
    let mut shop = Shop::open().await;
    shop.start_worker(|config| {
        let sandbox = config.providers.get_mut("sandbox").expect("the provider");
        let email = "shop@example.org".to_owned();
        sandbox.receipts = Some(ReceiptConfig { vat_code: 4, tax_system_code: None, email });
    });
    let order = paid(&shop, "receipts", &[0, 1, 2]).await;
    let path = format!("/api/v1/orders/{}/refunds", order.id);
    for (seat, amount) in [("A-1-2", "1000.00"), ("A-1-1", "1000.00")] {
        let wish = json!({"seats": [seat], "reason": "ill"});
        let made = shop.post(&path, &order.token, Uuid::now_v7(), &wish).await.expect(201);
        assert_eq!(made.text("/amount/value"), amount);
        let number = seat.rsplit('-').next().expect("a number");
        let refund = told(&shop, &format!("билет Stalls, 1, {number}")).await;
        assert_eq!(
            refund["receipt_positions"],
            json!([format!("Возврат: билет Stalls, 1, {number}")])
        );
        assert_eq!(refund["amount"]["value"], amount);
    }
    shop.close().await;
}
