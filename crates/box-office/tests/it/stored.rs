//! Orders that the grid has forgotten are read from the data writer's tables.

use http_api::token::TokenKey;
use sqlx::{Connection, Executor, PgConnection};

use crate::support::{Shop, Wish};

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

/// What a replica lacks of the data writer's tables to tell how far it is.
const WATERMARK: &str = "
    create table grid.writer_checkpoint (shard_id int primary key, applied_at timestamptz);
    create view grid.watermark as
        select shard_id, applied_at as complete_up_to from grid.writer_checkpoint;
    insert into grid.event (event_id, event_no, name, starts_at, shard_id, plan_version, currency,
        opens_at, closes_at, hold_ttl_ms, per_hold_max, version, updated_at)
        values ('old-show', 77, 'Old', now(), 1, 1, 'RUB', now(), now(), 1, 1, 1, now());
    insert into grid.writer_checkpoint values (1, now());
";

async fn tables(url: &str) -> PgConnection {
    let mut database = PgConnection::connect(url).await.expect("database");
    database.execute("create schema grid").await.expect("schema");
    for sql in [TABLES, ROWS, WATERMARK] {
        database.execute(sql).await.expect("tables and rows");
    }
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_from_the_replica_while_it_is_there_and_recent() {
    let replica = local_postgres::testing::database();
    let replica_url = Some(replica.url().to_owned());
    let shop = Shop::with(Wish { replica_url, ..Wish::default() }).await;
    let primary = tables(shop.database.as_ref().expect("shared").url()).await;
    let mut copy = tables(replica.url()).await;
    copy.execute("update grid.sale_order set status = 'cancelled'").await.expect("a mark");
    let token = TokenKey::new(&[1; 32]).token("h77-4".parse().unwrap());
    let read = async || {
        let answer = shop.get("/api/v1/orders/o77-5", &token).await;
        let told = answer.headers.get("grid-complete-up-to").and_then(|told| told.to_str().ok());
        let told = told.unwrap_or_default().to_owned();
        (answer.expect(200).text("/status").to_owned(), told)
    };
    let (status, told) = read().await;
    assert_eq!(status, "cancelled", "the replica's own");
    assert!(told.ends_with('Z'), "{told}");

    copy.execute("update grid.writer_checkpoint set applied_at = now() - interval '1 hour'")
        .await
        .expect("older");
    let (status, newer) = read().await;
    assert_eq!(status, "expired", "too old, so the primary's");
    assert!(newer.ends_with('Z'), "{newer}");

    copy.close().await.expect("close");
    drop(replica);
    assert_eq!(read().await.0, "expired", "the replica is away");
    primary.close().await.expect("close");
    shop.close().await;
}
