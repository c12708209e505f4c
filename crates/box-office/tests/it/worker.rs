//! The worker finds what notifications did not tell, and carries refunds out once.

use serde_json::json;

use crate::support::{Shop, Wish, soon, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notification_is_found_by_asking() {
    let mut shop = Shop::with(Wish { with_notifications: false, ..Wish::default() }).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.start_worker(|_| {});
    shop.start_worker(|_| {});
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!(paid["payments"][0]["settled_as"], "confirmed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_the_gateway_never_answered_is_given_up() {
    let wish = Wish { payment_create_ms_max: 600, ..Wish::default() };
    let mut shop = Shop::with(wish).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    shop.faults(json!({"create": {"mode": "error_500"}})).await;
    shop.try_pay(&order, uuid::Uuid::now_v7()).await.expect(503);
    shop.start_worker(|config| config.unanswered_payment_ms = 1_000);
    until("the attempt is given up", async || {
        let now = shop.read_order(&order).await;
        (now["payments"][0]["status"] == "canceled").then_some(())
    })
    .await;
    shop.no_faults().await;
    shop.pay(&order).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_tried_until_it_succeeds_and_the_money_goes_back_once() {
    let mut shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.faults(json!({"refund": {"mode": "error_500_after_execute", "times": 1}})).await;
    shop.decide(&payment, json!({"outcome": "amount_mismatch"})).await;
    shop.start_worker(|_| {});
    shop.start_worker(|_| {});
    let now = until("the refund succeeded", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "succeeded").then_some(now)
    })
    .await;
    let back = shop.at_gateway(&payment).await["refunded_amount"]["value"].clone();
    assert_eq!(back, now["refunds"][0]["amount"]["value"]);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_never_succeeds_is_given_to_a_person() {
    let mut shop = Shop::open().await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.faults(json!({"refund": {"mode": "reject"}})).await;
    shop.decide(&payment, json!({"outcome": "amount_mismatch"})).await;
    shop.start_worker(|config| config.refund_attempts_max = 1);
    until("the refund is dead", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "dead").then_some(())
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_office_left_in_the_journal_is_processed() {
    use sqlx::{Connection, PgConnection};
    let mut shop = Shop::with(Wish { with_notifications: false, ..Wish::default() }).await;
    let order = shop.order(&shop.hold(&[0]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    let reference = payment.page.rsplit('/').next().unwrap();
    let body = json!({
        "type": "notification", "event": "payment.succeeded", "object": {"id": reference},
    });
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    sqlx::query(
        "insert into office.webhook_event (provider, digest, body) values ('sandbox', 'x', $1)",
    )
    .bind(body.to_string().into_bytes())
    .execute(&mut database)
    .await
    .expect("a leftover");
    shop.start_worker(|_| {});
    shop.until_status(&order, "paid").await;
    until("its end is noted", async || {
        let status: String = sqlx::query_scalar("select status from office.webhook_event")
            .fetch_one(&mut database)
            .await
            .expect("journal");
        (status == "done").then_some(())
    })
    .await;
    database.close().await.expect("close");
    let event = shop.event_no().await;
    let shard = shop.grid.shard_of(event, soon()).await.expect("shard");
    let open = shop.grid.pending_money(shard, 10, soon()).await.expect("open money");
    assert_eq!((open.payments.len(), open.refunds.len()), (0, 0));
    shop.close().await;
}
