//! Owners give tickets up by the table of the shop; what a gateway refuses for good is told to
//! administrators, tried again, or paid by hand.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::documents::{paid, tickets};
use crate::staff::Call;
use crate::support::{Order, STAFF_TOKEN, Shop, until};

/// The event is so many days ahead from now on.
async fn days_ahead(shop: &Shop, event: &str, days: i64) {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let at = at.to_string();
    let mut db = shop.database().await;
    sqlx::query("update office.event set starts_at = $2::timestamptz where id = $1")
        .bind(event)
        .bind(&at)
        .execute(&mut db)
        .await
        .expect("moved in the tables alone");
    until("the office knows it", async || {
        let known = shop.get(&format!("/api/v1/events/{event}"), "").await.expect(200);
        (known.text("/starts_at").get(..16) == at.get(..16)).then_some(())
    })
    .await;
}

async fn terms(shop: &Shop, order: &Order) -> Value {
    let path = format!("/api/v1/orders/{}/refund-terms", order.id);
    shop.get(&path, &order.token).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_the_table_says_what_goes_back_and_used_tickets_stay() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let order = paid(&shop, "giveback", &[0, 1, 2]).await;
    let path = format!("/api/v1/orders/{}/refunds", order.id);
    let one = |seat: &str| json!({"seats": [seat], "reason": "заболела"});
    days_ahead(&shop, "giveback", 7).await;
    assert_eq!(terms(&shop, &order).await["share_basis_points"], 5_000);
    let key = Uuid::now_v7();
    let half = shop.post(&path, &order.token, key, &one("A-1-1")).await.expect(201);
    assert_eq!(half.text("/amount/value"), "500.00");
    let again = shop.post(&path, &order.token, key, &one("A-1-1")).await.expect(201);
    assert!(again.replayed() && again.text("/refund_id") == half.text("/refund_id"));
    let other = shop.post(&path, &order.token, key, &one("A-1-2")).await.expect(422);
    assert_eq!(other.code(), "idempotency_conflict");
    until("the money is back", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(shop.post(&path, "a-strangers", Uuid::now_v7(), &one("A-1-2")).await.status, 404);

    days_ahead(&shop, "giveback", 1).await;
    let late = shop.post(&path, &order.token, Uuid::now_v7(), &one("A-1-2")).await.expect(409);
    assert_eq!((late.code(), late.text("/reason")), ("refund_refused", "too_late"));
    let repeat = async || shop.post(&path, &order.token, key, &one("A-1-1")).await.expect(201);
    assert!(repeat().await.replayed(), "what was decided in time stays so");
    // Moved: who bought for another time gets everything back, whatever the table says.
    let mut db = shop.database().await;
    db.execute(
        "insert into office.event_move (event_id, facts, at)
         values ('giveback', '{}', now() - interval '1 hour')",
    )
    .await
    .expect("a move before it was bought");
    assert_eq!(terms(&shop, &order).await["because"], "table", "bought for the new time");
    db.execute("update office.event_move set at = now()").await.expect("a move afterwards");
    days_ahead(&shop, "giveback", 0).await;
    let begun = terms(&shop, &order).await;
    assert_eq!(begun["share_basis_points"], 0, "it has begun, moved or not: {begun}");
    let begun = shop.post(&path, &order.token, Uuid::now_v7(), &one("A-1-2")).await.expect(409);
    assert_eq!(begun.text("/reason"), "too_late");
    days_ahead(&shop, "giveback", 1).await;
    let moved = terms(&shop, &order).await;
    assert_eq!(
        (&moved["share_basis_points"], &moved["because"]),
        (&json!(10_000), &json!("moved"))
    );
    let code = tickets(&shop, &order).await[0]["code"].clone();
    let scan = json!({"code": code, "gate": "n", "nonce": Uuid::new_v4()});
    shop.call(Method::POST, "/checkins", STAFF_TOKEN, Some(&scan)).await.expect(200);
    let used = shop.post(&path, &order.token, Uuid::now_v7(), &one("A-1-2")).await.expect(409);
    assert_eq!((used.code(), used.text("/reason")), ("refund_refused", "used"));
    let all = shop.post(&path, &order.token, Uuid::now_v7(), &json!({})).await.expect(409);
    assert_eq!(all.text("/reason"), "used", "not with the others either");
    let last = shop.post(&path, &order.token, Uuid::now_v7(), &one("A-1-3")).await.expect(201);
    assert_eq!(last.text("/amount/value"), "1000.00");
    assert_eq!(repeat().await.text("/refund_id"), half.text("/refund_id"), "used or not");
    for (wrong, pointer) in
        [(json!({"seats": ["Z-9-9"]}), "/seats/0"), (json!({"reason": "x".repeat(501)}), "/reason")]
    {
        let refused = shop.post(&path, &order.token, Uuid::now_v7(), &wrong).await.expect(400);
        assert_eq!(refused.text("/errors/0/pointer"), pointer);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d17_a_refund_that_fails_for_good_is_told_and_paid_by_hand() {
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    let order = paid(&shop, "byhand", &[0]).await;
    shop.person("boss", 1).await;
    db.execute("update office.account set role = 'administrator' where login_hash is not null")
        .await
        .expect("she is an administrator");
    let path = format!("/api/v1/orders/{}/refunds", order.id);
    shop.faults(json!({"refund": {"mode": "reject"}})).await;
    let refund = shop.post(&path, &order.token, Uuid::now_v7(), &json!({})).await.expect(201);
    let refund = refund.text("/refund_id").to_owned();
    let payout = format!("/refunds/{refund}/payout");
    // Many digits, none of them in a row that could be a card's.
    let by_hand = json!({"reference": "платёжное поручение 17 от 22.11.2026, дело 4810/2026"});
    let early = Call::post(&payout, &by_hand).send(&shop).await.expect(409);
    assert_eq!((early.code(), early.text("/refund_status")), ("order_state", "pending"));
    shop.start_worker(|config| config.refund_attempts_max = 1);
    until("it is given up", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "dead").then_some(())
    })
    .await;
    // The row that the data writer would write.
    sqlx::query(
        "insert into grid.refund (refund_id, event_id, payment_id, order_id, amount_minor, currency,
             status, attempts, last_error, created_at, version, updated_at)
         values ($1, 'byhand', 'p1-1', $2, 100000, 'RUB', 'dead', 1, 'closed card', now(), 1, now())",
    )
    .bind(&refund)
    .bind(&order.id)
    .execute(&mut db)
    .await
    .expect("a row");
    let letter = shop.letter("boss@example.org", 2).await;
    assert!(letter.contains(&format!("refund {refund}")), "{letter}");
    // It was tried again and failed again.
    db.execute("update grid.refund set updated_at = updated_at + interval '1 minute'")
        .await
        .expect("a later failure");
    let letter = shop.letter("boss@example.org", 3).await;
    assert!(letter.contains(&format!("refund {refund}")), "{letter}");
    let shown = async || {
        let errors = Call::get("/errors").send(&shop).await.expect(200).body;
        let ids = errors["items"].as_array().into_iter().flatten();
        ids.filter(|one| one["id"] == json!(refund)).count()
    };
    assert_eq!(shown().await, 1);
    for wrong in ["", "карта 4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111"] {
        let wrong = json!({"reference": wrong});
        Call::post(&payout, &wrong).send(&shop).await.expect(400);
    }
    let noted = Call::post(&payout, &by_hand).send(&shop).await.expect(200);
    assert_eq!(noted.text("/amount/value"), "1000.00");
    assert_eq!(Call::post(&payout, &by_hand).send(&shop).await.expect(200).body, noted.body);
    let other = json!({"reference": "another"});
    let taken = Call::post(&payout, &other).send(&shop).await.expect(409);
    assert_eq!((taken.code(), taken.text("/reference")), ("taken", noted.text("/reference")));
    assert_eq!(shown().await, 0, "what was paid by hand waits for nobody");
    // The gateway would pay it once more.
    let retry = format!("/refunds/{refund}/retry");
    let retried = Call::post(&retry, &json!({})).send(&shop).await.expect(409);
    assert_eq!(retried.code(), "taken");
    let now = shop.read_order(&order).await;
    assert_eq!(now["refunds"][0]["status"], "dead", "and nobody pays it again");
    shop.close().await;
}
