//! Seats are sold, once each, and PostgreSQL says so.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::{Client, System, until, uuid_v7};
use serde_json::json;
use sqlx::Connection;
use tokio::task::JoinSet;

async fn sold_in_tables(system: &System, event: &str) -> i64 {
    let mut db = sqlx::PgConnection::connect(&system.file("database.url")).await.expect("connects");
    let sold = "select count(*) from grid.seat where status = 'sold' and event_id = $1";
    sqlx::query_scalar(sold).bind(event).fetch_one(&mut db).await.expect("counts")
}

/// Grid and PostgreSQL say the same once all is quiet (invariant I16).
#[track_caller]
fn reconciled(system: &System) {
    let done = system.run(&["reconcile"]);
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn one_seat_end_to_end() {
    let system = System::start();
    let client = Client::new(&system.url());
    let free = client.seats("demo-hall", "free").await;
    assert_eq!(free.len(), 2_000);
    assert_eq!(client.seats("demo-arena", "free").await.len(), 20_000);

    // Two shoppers, one seat, the same moment.
    let body = json!({"seats": [free[0], free[1]]});
    let (a, b) = tokio::join!(
        client.hold("demo-hall", body.clone()),
        client.hold("demo-hall", body.clone())
    );
    let (held, lost) = match (a, b) {
        (Ok(held), Err(lost)) | (Err(lost), Ok(held)) => (held, lost),
        (Ok(_), Ok(_)) => panic!("both hold the same seats"),
        (Err(a), Err(b)) => panic!("{:?} {:?}", a.body, b.body),
    };
    assert_eq!((lost.status.as_u16(), lost.code()), (409, "seat_taken"));
    assert_eq!(lost.body["seats"][0]["status"], "held");

    let order = client.buy(&held, "succeed").await;
    let paid = client.until_order(&order, &held.token, "paid").await;
    assert_eq!(paid["payments"][0]["settled_as"], "confirmed");
    let tickets = client.get(&format!("/orders/{order}/tickets"), Some(&held.token)).await;
    let tickets = tickets.body["items"].as_array().or(tickets.body.as_array()).cloned();
    assert_eq!(tickets.expect("a list").len(), 2);
    // Nobody else sees the order.
    assert_eq!(client.get(&format!("/orders/{order}"), None).await.status, 404);

    until("two seats are sold in PostgreSQL", Duration::from_secs(15), || async {
        (sold_in_tables(&system, "demo-hall").await == 2).then_some(())
    })
    .await;
    reconciled(&system);
}

/// The wanted seat, or the best one; `None` when best available has none left.
async fn take_one(client: Client, seat: String) -> Option<String> {
    let answer = match client.hold("demo-hall", json!({"seats": [seat]})).await {
        Ok(held) => return held.seats.into_iter().next(),
        Err(answer) => answer,
    };
    assert_eq!(answer.code(), "seat_taken", "{:?}", answer.body);
    match client.hold("demo-hall", json!({"best": {"number": 1}})).await {
        Ok(held) => held.seats.into_iter().next(),
        Err(answer) => {
            assert_eq!(answer.code(), "not_enough_seats", "{:?}", answer.body);
            None
        }
    }
}

#[tokio::test]
async fn two_thousand_buyers_two_thousand_seats() {
    let system = System::start();
    let client = Client::new(&system.url());
    let free = client.seats("demo-hall", "free").await;
    let mut buyers = JoinSet::new();
    for at in 0..2_000 {
        // Everybody wants a seat that somebody else wants too, and else the best.
        buyers.spawn(take_one(client.clone(), free[at / 2 * 2].clone()));
    }
    let mut owners = BTreeMap::<String, u32>::new();
    let mut left_over = 0;
    while let Some(seat) = buyers.join_next().await {
        match seat.expect("no panic") {
            Some(seat) => *owners.entry(seat).or_default() += 1,
            None => left_over += 1,
        }
    }
    assert!(owners.values().all(|n| *n == 1), "a seat is held twice");
    // Best available keeps back the few accessible seats that nobody named.
    assert!(left_over <= 20, "{left_over} got no seat");
    assert_eq!(owners.len() + left_over, 2_000);
    assert_eq!(client.seats("demo-hall", "held").await.len(), owners.len());
    reconciled(&system);
}

#[tokio::test]
async fn a_hold_without_payment_is_free_again_at_its_deadline() {
    let system = System::start_with(&[("SEATGRID_OFFICE__DEMO_HOLD_TTL_S", "5")]);
    let client = Client::new(&system.url());
    let seat = client.seats("demo-hall", "free").await[0].clone();
    let held = client.hold("demo-hall", json!({"seats": [seat]})).await.expect("free");
    let path = format!("/holds/{}", held.id);
    let live = client.get(&path, Some(&held.token)).await;
    assert_eq!((live.status.as_u16(), &live.body["status"]), (200, &json!("held")));
    assert!(live.body["expires_in"].as_f64().is_some_and(|s| s <= 5.0), "{:?}", live.body);
    let order = client.order(&held).await.body["id"].as_str().expect("an id").to_owned();
    until("the hold is over", Duration::from_secs(10), || async {
        let answer = client.get(&path, Some(&held.token)).await;
        (answer.status == 410).then(|| assert_eq!(answer.code(), "hold_expired"))
    })
    .await;
    client.until_order(&order, &held.token, "expired").await;
    let again = client.hold("demo-hall", json!({"seats": [seat]})).await;
    assert_ne!(again.expect("free again").id, held.id);
}

#[tokio::test]
async fn the_same_key_answers_the_same() {
    let system = System::start();
    let client = Client::new(&system.url());
    let free = client.seats("demo-hall", "free").await;
    let (path, key) = ("/events/demo-hall/holds", uuid_v7());
    let body = json!({"seats": [free[3]]});
    let first = client.post_with_key(path, body.clone(), None, &key).await;
    let again = client.post_with_key(path, body, None, &key).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!(first.body["token"], again.body["token"]);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = client.post_with_key(path, json!({"seats": [free[4]]}), None, &key).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_conflict"));
}
