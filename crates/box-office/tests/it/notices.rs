//! Gateways' notifications: repeated, forged, lost, reordered, malformed. They are hints; what they
//! say is never believed.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::support::{Payment, Shop, until};

fn notice(payment: &Payment, event: &str) -> String {
    let reference = payment.page.rsplit('/').next().unwrap();
    json!({
        "type": "notification",
        "event": event,
        "object": {"id": reference, "status": "succeeded", "metadata": {"payment_id": payment.id}},
    })
    .to_string()
}

async fn journal(shop: &Shop) -> Vec<(String, i32, Option<String>)> {
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    let rows = sqlx::query_as("select status, times, note from office.webhook_event order by id")
        .fetch_all(&mut database)
        .await
        .expect("journal");
    database.close().await.expect("close");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_said_many_times_settles_once() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "duplicate"})).await;
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!(paid["refunds"], json!([]));
    until("all repeats are in the journal", async || {
        let rows = journal(&shop).await;
        let said: i32 = rows.iter().map(|(_, times, _)| times).sum();
        (said >= 10 && rows.iter().all(|(status, ..)| status == "done")).then_some(())
    })
    .await;
    let now = shop.read_order(&order).await;
    assert_eq!(now["payments"].as_array().unwrap().len(), 1);
    assert_eq!(now["refunds"], json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_notification_changes_nothing_and_does_not_spoil_the_true_one() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    let forged = notice(&payment, "payment.succeeded");
    shop.notify("sandbox", forged.clone()).await.expect(200);
    until("the forged one was looked at", async || {
        let rows = journal(&shop).await;
        (rows.first()?.0 == "ignored").then_some(())
    })
    .await;
    assert_eq!(shop.read_order(&order).await["status"], "pending_payment");
    shop.decide(&payment, json!({"outcome": "lost_notification"})).await;
    // The same words again, true this time.
    shop.notify("sandbox", forged).await.expect(200);
    shop.until_status(&order, "paid").await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_no_after_a_yes_is_not_believed() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "reorder"})).await;
    shop.until_status(&order, "paid").await;
    until("both notifications were looked at", async || {
        let rows = journal(&shop).await;
        (rows.len() >= 2 && rows.iter().all(|(status, ..)| status != "received")).then_some(())
    })
    .await;
    assert_eq!(shop.read_order(&order).await["status"], "paid");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_kept_and_ignored() {
    let shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "unknown_order"})).await;
    let stranger = Payment { id: "p1-99".into(), page: "http://x/pay/no-such-object".into() };
    shop.notify("sandbox", notice(&stranger, "payment.succeeded")).await.expect(200);
    let unhandled = notice(&payment, "deal.closed");
    shop.notify("sandbox", unhandled).await.expect(200);
    until("all three were looked at", async || {
        let rows = journal(&shop).await;
        (rows.len() == 3 && rows.iter().all(|(status, ..)| status == "ignored")).then_some(())
    })
    .await;
    assert_eq!(shop.read_order(&order).await["status"], "pending_payment");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_and_not_kept() {
    let shop = Shop::open().await;
    for body in ["", "x", "{}", "[]", r#"{"type":"notification","event":"payment.succeeded"}"#] {
        let answer = shop.notify("sandbox", body).await.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{body}");
    }
    let large = "x".repeat(70_000);
    assert_eq!(shop.notify("sandbox", large).await.expect(413).code(), "too_large");
    assert_eq!(shop.notify("paypal", "{}").await.expect(404).code(), "not_found");
    assert_eq!(journal(&shop).await, []);
    shop.close().await;
}
