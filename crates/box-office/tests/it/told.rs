//! Notices to people: a turn in the waiting list, and what the ledger says happened to owners.

use http_api::token::TokenKey;
use inventory::{Actor, Command, Envelope, ReleaseHold};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::staff::{Call, row_of};
use crate::support::{Hold, Shop, soon, until};

/// The tables as the data writer makes them.
const TABLES: [&str; 4] = [
    include_str!("../../../data-writer/migrations/0001_tables.sql"),
    include_str!("../../../data-writer/migrations/0002_ledger.sql"),
    include_str!("../../../data-writer/migrations/0003_writer.sql"),
    include_str!("../../../data-writer/migrations/0004_views.sql"),
];

const ROWS: &str = "
    select grid.ensure_ledger_partition(1800000000000);
    insert into grid.writer_checkpoint values (1, 1, 1, 9, 1, now(), decode(repeat('00', 32), 'hex'),
        now());
    insert into grid.sale_order values ('o77-5', 'old-show', 'h77-4', 'paid', null, 'sealed',
        250000, 'RUB', '2027-01-01T10:00:00Z', '2027-01-01T10:05:00Z', null, 9, now());";

/// An owner's row of the ledger of shard 1: about an order, or else about a hold.
struct Row(i64, i32, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

async fn add(db: &mut PgConnection, row: Row) {
    let Row(index, ordinal, kind, status, order, hold) = row;
    sqlx::query(
        "insert into grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind, status,
             seat_id, subject, at, prev_hash, hash, order_id, hold_id)
         values (1, 1, $1, $2, 'old-show', $3, $4, 'A-1-' || $2, 'system',
             grid.from_ms(1800000000000), decode(repeat('00', 32), 'hex'),
             decode(repeat('00', 32), 'hex'), $5, $6)",
    )
    .bind(index)
    .bind(ordinal)
    .bind(kind)
    .bind(status)
    .bind(order)
    .bind(hold)
    .execute(db)
    .await
    .expect("a row");
}

async fn notices(shop: &Shop, path: &str, token: &str) -> Vec<Value> {
    let path = format!("/api/v1/{path}/notices");
    shop.get(&path, token).await.expect(200).body.as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_an_owner_is_told_once() {
    let mut shop = Shop::open().await;
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    db.execute("create schema grid").await.expect("schema");
    for tables in TABLES {
        db.execute(tables).await.expect("the data writer's tables");
    }
    db.execute(ROWS).await.expect("rows");
    let order = Some("o77-5");
    add(&mut db, Row(7, 0, "seat_sold", "sold", order, None)).await;
    add(&mut db, Row(8, 0, "seat_removed", "removed", order, None)).await;
    add(&mut db, Row(8, 1, "seat_removed", "removed", order, None)).await;
    add(&mut db, Row(9, 0, "hold_withdrawn", "free", None, Some("h77-6"))).await;
    shop.start_worker(|_| {});
    let tokens = TokenKey::new(&[1; 32]);
    let token = tokens.token("h77-4".parse().unwrap());
    let told = until("the owner is told", async || {
        let told = notices(&shop, "orders/o77-5", &token).await;
        (told.len() == 2).then_some(told)
    })
    .await;
    assert_eq!(told[0]["kind"], json!("seats_removed"));
    assert_eq!(told[1]["kind"], json!("purchase_confirmed"));
    assert_eq!(told[0]["facts"]["seats"], json!(["A-1-0", "A-1-1"]));
    let held = tokens.token("h77-6".parse().unwrap());
    let lost = notices(&shop, "holds/h77-6", &held).await;
    assert_eq!(lost[0]["kind"], "hold_withdrawn");

    // What comes later is told, and nothing of the earlier again.
    add(&mut db, Row(10, 0, "seat_removed", "reassigned", order, None)).await;
    let told = until("the move is told", async || {
        let told = notices(&shop, "orders/o77-5", &token).await;
        (told[0]["kind"] == "seats_moved").then_some(told)
    })
    .await;
    assert_eq!(told.len(), 3);
    let contact: Vec<u8> =
        sqlx::query_scalar("select contact from office.notice where kind = 'seats_moved'")
            .fetch_one(&mut db)
            .await
            .expect("the notice");
    assert_eq!(contact, b"sealed", "for whoever sends it");
    for path in ["/api/v1/orders/o77-5/notices", "/api/v1/holds/h77-6/notices"] {
        shop.get(path, "x").await.expect(404);
    }
    db.close().await.expect("closed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_told_once_that_their_event_was_moved() {
    let mut shop = Shop::open().await;
    shop.publish(row_of("old-show", 1)).await;
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    db.execute("create schema grid").await.expect("schema");
    for tables in TABLES {
        db.execute(tables).await.expect("the data writer's tables");
    }
    db.execute(ROWS).await.expect("rows");
    let event =
        "insert into grid.event values ('old-show', 77, 'Old show', now(), 1, 1, 'RUB', now(),
        now(), 1000, 6, 1, now())";
    db.execute(event).await.expect("the event's row");
    let before = "update grid.writer_checkpoint set applied_at = '2020-01-01';
        update grid.sale_order set created_at = '2020-01-01'";
    db.execute(before).await.expect("placed before, and the tables are late");
    let later = json!({"starts_at": "2091-07-01T19:00:00Z", "venue_id": "neva-arena"});
    let call = Call::post("/events/old-show/move", &later);
    let moved = call.send(&shop).await.expect(200);
    assert_eq!(
        (moved.text("/starts_at"), moved.text("/venue_id")),
        ("2091-07-01T19:00:00.000Z", "neva-arena")
    );
    shop.start_worker(|_| {});
    let token = TokenKey::new(&[1; 32]).token("h77-4".parse().unwrap());
    let told = until("the owner is told", async || {
        notices(&shop, "orders/o77-5", &token).await.into_iter().next()
    })
    .await;
    assert_eq!(
        (&told["kind"], &told["facts"]["to"]["venue_id"]),
        (&json!("event_moved"), &json!("neva-arena"))
    );

    // An order of before that reaches the tables late is told, too; then the move is done.
    let late =
        "insert into grid.sale_order values ('o77-6', 'old-show', 'h77-5', 'paid', null, 'sealed',
        250000, 'RUB', '2026-01-01T10:00:00Z', '2026-01-01T10:05:00Z', null, 9, now());
        update grid.writer_checkpoint set applied_at = now() + interval '1 hour'";
    db.execute(late).await.expect("a late order");
    until("the move is done", async || {
        let open: i64 =
            sqlx::query_scalar("select count(*) from office.event_move where done_at is null")
                .fetch_one(&mut db)
                .await
                .expect("counted");
        (open == 0).then_some(())
    })
    .await;
    call.send(&shop).await.expect(200);
    let told: i64 =
        sqlx::query_scalar("select count(*) from office.notice where kind = 'event_moved'")
            .fetch_one(&mut db)
            .await
            .expect("counted");
    assert_eq!(told, 2, "each owner once, however often it is asked");
    let draft = json!({"starts_at": "soon"});
    let wrong = Call::post("/events/old-show/move", &draft).send(&shop).await.expect(400);
    assert_eq!(wrong.text("/errors/0/pointer"), "/starts_at");
    db.close().await.expect("closed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_in_the_waiting_list_is_told_while_its_hold_lives() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let event = shop.publish(row_of("turns", 1)).await;
    let hold = shop.hold_in(event, &[0]).await;
    let path = "/api/v1/events/turns/waitlist";
    let joined = shop.post(path, "", Uuid::now_v7(), &json!({"number": 1})).await.expect(201);
    let place = Hold { id: joined.text("/id").to_owned(), token: joined.text("/token").to_owned() };
    let path = format!("waitlist/{}", place.id);
    assert_eq!(notices(&shop, &path, &place.token).await, Vec::<Value>::new());

    let release = Command::ReleaseHold(ReleaseHold { hold: hold.id.parse().expect("an id") });
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command: release };
    shop.grid.command(event, &envelope, soon()).await.expect("released");
    let told = until("the turn is told", async || {
        notices(&shop, &path, &place.token).await.into_iter().next()
    })
    .await;
    let now = shop.get(&format!("/api/v1/{path}"), &place.token).await.expect(200);
    assert_eq!(
        (&told["kind"], &told["facts"]["hold_id"]),
        (&json!("turn_came"), &now.body["hold"]["id"])
    );
    let stranger = shop.get(&format!("/api/v1/{path}/notices"), "x").await.expect(404);
    assert_eq!(stranger.code(), "not_found");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_fill_a_waiting_list() {
    let shop = Shop::open().await;
    let event = shop.publish(row_of("crowded", 1)).await;
    shop.hold_in(event, &[0]).await;
    let url = format!("{}/api/v1/events/crowded/waitlist", shop.office);
    let join = |address: &'static str, key: Uuid| {
        let request = shop.http.post(&url).json(&json!({"number": 1}));
        let request = request.header("x-forwarded-for", address);
        crate::support::read(request.header("idempotency-key", key.to_string()))
    };
    let first = Uuid::now_v7();
    join("198.51.100.7", first).await.expect(201);
    let mut refused = None;
    for _ in 0..30 {
        let answer = join("198.51.100.7", Uuid::now_v7()).await;
        if answer.status != 201 {
            refused = Some(answer.expect(429));
            break;
        }
    }
    assert_eq!(refused.expect("a limit").code(), "rate_limited");
    // A retry is no place more, and another address has places of its own.
    assert!(join("198.51.100.7", first).await.expect(201).replayed());
    join("203.0.113.9", Uuid::now_v7()).await.expect(201);
    shop.close().await;
}
