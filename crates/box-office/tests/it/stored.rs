//! Orders that the grid has forgotten are read from the data writer's tables.

use http_api::token::TokenKey;
use sqlx::{Connection, Executor, PgConnection};

use crate::support::Shop;

/// The tables as the data writer makes them.
const TABLES: &str = include_str!("../../../data-writer/migrations/0001_tables.sql");

const ROWS: &str = "
    insert into grid.seat values ('old-show', 'B-4-12', 'B', '4', '12', 'balcony', 'free', null,
        null, null, 250000, 'RUB', 9, now());
    insert into grid.sale_order values ('o77-5', 'old-show', 'h77-4', 'expired', null, 'sealed',
        250000, 'RUB', '2027-01-01T10:00:00Z', '2027-01-01T10:05:00Z', null, 9, now());
    insert into grid.order_seat values ('o77-5', 'old-show', 'B-4-12', 250000, 'released', 9);
    insert into grid.payment (payment_id, event_id, order_id, provider, method, status,
        amount_minor, currency, started_at, version, updated_at)
        values ('p77-6', 'old-show', 'o77-5', 'sandbox', 'sbp', 'canceled', 250000, 'RUB',
        '2027-01-01T10:01:00Z', 9, now());
";

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_order_is_still_readable_by_its_owner() {
    let shop = Shop::open().await;
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    database.execute("create schema grid").await.expect("schema");
    database.execute(TABLES).await.expect("the data writer's tables");
    database.execute(ROWS).await.expect("rows");
    database.close().await.expect("close");

    let token = TokenKey::new(&[1; 32]).token("h77-4".parse().unwrap());
    let order = shop.get("/api/v1/orders/o77-5", &token).await.expect(200);
    assert_eq!(order.text("/status"), "expired");
    assert_eq!(order.text("/hold_id"), "h77-4");
    assert_eq!(order.text("/total/value"), "2500.00");
    assert_eq!(order.text("/seats/0/id"), "B-4-12");
    assert_eq!(order.text("/payments/0/status"), "canceled");
    assert_eq!(order.text("/expires_at"), "2027-01-01T10:05:00.000Z");
    assert_eq!(order.body["expires_in"], 0);
    for token in ["", "x"] {
        let none = shop.get("/api/v1/orders/o77-5", token).await.expect(404);
        assert_eq!(none.code(), "order_not_found");
    }
    shop.close().await;
}
