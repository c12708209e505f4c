//! PostgreSQL goes away in the middle of a sale: checkout does not notice.

use local_postgres::{LocalPostgres, Options};
use serde_json::json;

use crate::support::{Shop, Wish};

#[tokio::test(flavor = "multi_thread")]
async fn checkout_goes_on_without_the_database() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let postgres = LocalPostgres::start(Options::new(dir.path())).await.expect("PostgreSQL");
    let url = postgres.url().to_owned();
    let mut shop = Shop::with(Wish { database_url: Some(url), ..Wish::default() }).await;
    postgres.stop().await.expect("stops");

    let order = shop.order(&shop.hold(&[0, 1]).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    let path = format!("/api/v1/orders/{}/tickets", order.id);
    assert_eq!(shop.get(&path, &order.token).await.expect(200).body.as_array().unwrap().len(), 2);

    shop.get("/api/v1/events/demo-hall", "").await.expect(200);
    shop.get("/api/v1/orders/o1-999", "").await.expect(404);
    let ready = shop.http.get(format!("{}/readyz", shop.admin)).send().await.expect("probe");
    assert!(ready.status().is_success(), "its absence makes nothing unready");

    // The poller needs it for nothing either.
    let order = shop.order(&shop.hold(&[2]).await).await;
    let payment = shop.pay(&order).await;
    shop.start_worker(|_| {});
    shop.decide(&payment, json!({"outcome": "lost_notification"})).await;
    shop.until_status(&order, "paid").await;
    shop.close().await;
    LocalPostgres::remove(dir.path()).expect("remove");
}
