//! The door: the first scan wins, whoever asks how often; what was let in offline is kept, and told when
//! it should not have been; void codes have their reasons.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;
use uuid::Uuid;

use crate::documents::{paid, tickets};
use crate::person::PASSWORD;
use crate::staff::Call;
use crate::support::{Answer, Order, STAFF_TOKEN, Shop};

fn scan_of(code: &str) -> Value {
    json!({"code": code, "gate": "north", "nonce": Uuid::new_v4()})
}

fn code(tickets: &[Value], at: usize) -> &str {
    tickets[at]["code"].as_str().expect("a code")
}

impl Shop {
    async fn scan(&self, scan: &Value) -> Answer {
        self.call(Method::POST, "/checkins", STAFF_TOKEN, Some(scan)).await
    }

    async fn ticket_status(&self, order: &Order, at: usize) -> String {
        tickets(self, order).await[at]["status"].as_str().expect("a status").to_owned()
    }
}

/// What devices go by.
fn verdict(answer: &Answer) -> (String, String, bool) {
    let (status, reason) = (answer.text("/status"), answer.text("/reason"));
    (status.to_owned(), reason.to_owned(), answer.body["conflict"] == true)
}

fn is(status: &str, reason: &str, conflict: bool) -> (String, String, bool) {
    (status.to_owned(), reason.to_owned(), conflict)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_scan_wins_and_a_repeat_is_the_same_scan() {
    let shop = Shop::open().await;
    let order = paid(&shop, "door", &[0, 1]).await;
    let codes = tickets(&shop, &order).await;
    let first = scan_of(code(&codes, 0));
    let admitted = shop.scan(&first).await.expect(200);
    assert_eq!(verdict(&admitted), is("admitted", "", false));
    assert_eq!(admitted.text("/first/gate"), "north");
    assert_eq!(verdict(&shop.scan(&first).await.expect(200)), is("admitted", "", false), "again");
    let second = shop.scan(&scan_of(code(&codes, 0))).await.expect(200);
    assert_eq!(verdict(&second), is("refused", "already_used", false));
    assert_eq!(second.body["first"], admitted.body["first"], "and when that was");
    assert_eq!(shop.ticket_status(&order, 0).await, "used");
    assert_eq!(shop.ticket_status(&order, 1).await, "valid");

    // The same ticket at ten gates at once.
    let scans: Vec<Value> = (0..10).map(|_| scan_of(code(&codes, 1))).collect();
    let asked = scans.iter().map(|scan| shop.scan(scan));
    let answers = futures_util::future::join_all(asked).await;
    let inside = answers.iter().filter(|answer| answer.text("/status") == "admitted");
    assert_eq!(inside.count(), 1, "{answers:?}");

    let mut stolen = first.clone();
    stolen["code"] = json!(code(&codes, 1));
    assert_eq!(shop.scan(&stolen).await.expect(422).code(), "idempotency_conflict");
    let door = shop.call(Method::GET, "/events/door/checkins", STAFF_TOKEN, None).await;
    assert_eq!(door.expect(200).body, json!({"used": 2, "refused": 10, "conflicts": 0}));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scan_uses_one_ticket_however_it_is_sent() {
    let shop = Shop::open().await;
    let order = paid(&shop, "nonce", &[0]).await;
    let codes = tickets(&shop, &order).await;
    let scan = scan_of(code(&codes, 0));
    // Another upload of the same nonce is being written at this moment.
    let (mut other, mut watch) = (shop.database().await, shop.database().await);
    other.execute("begin").await.expect("begun");
    sqlx::query(
        "insert into office.checkin (nonce, ticket_id, gate, at, forced, status, conflict)
         values ($1::uuid, 't9-9-9', 'north', now(), false, 'admitted', false)",
    )
    .bind(scan["nonce"].as_str())
    .execute(&mut other)
    .await
    .expect("written, not committed");
    let finish = async {
        crate::support::until("the scan waits for it", async || {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_one(&mut watch)
            .await
            .expect("counted");
            (waiting > 0).then_some(())
        })
        .await;
        other.execute("commit").await.expect("committed");
    };
    let (answer, ()) = tokio::join!(shop.scan(&scan), finish);
    assert_eq!(answer.expect(422).code(), "idempotency_conflict");
    assert_eq!(shop.ticket_status(&order, 0).await, "valid", "nobody came in by it");
    let again = shop.scan(&scan_of(code(&codes, 0))).await.expect(200);
    assert_eq!(verdict(&again), is("admitted", "", false));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn void_codes_are_refused_with_their_reasons() {
    let shop = Shop::open().await;
    let order = paid(&shop, "void", &[0, 1, 2]).await;
    let codes = tickets(&shop, &order).await;
    let moves = json!({"moves": [{"from": "A-1-2", "to": "A-1-6"}]});
    let path = format!("/orders/{}/reassign", order.id);
    Call::post(&path, &moves).send(&shop).await.expect(200);
    let replaced = shop.scan(&scan_of(code(&codes, 1))).await.expect(200);
    assert_eq!(verdict(&replaced), is("refused", "replaced", false));
    let path = format!("/orders/{}/refunds", order.id);
    Call::post(&path, &json!({"seats": ["A-1-1"]})).send(&shop).await.expect(201);
    let refunded = shop.scan(&scan_of(code(&codes, 0))).await.expect(200);
    assert_eq!(verdict(&refunded), is("refused", "refunded", false));

    let good = code(&codes, 2);
    let mut forged = good.to_owned();
    forged.replace_range(good.len() - 5..good.len() - 4, "-");
    let other = paid(&shop, "elsewhere", &[0]).await;
    let other = tickets(&shop, &other).await;
    for (scan, reason) in [
        (scan_of("https://example.org"), "unknown_code"),
        (scan_of(&forged.replace("A-1-3", "A-1-4")), "not_signed"),
        (
            json!({"code": code(&other, 0), "gate": "north", "nonce": Uuid::new_v4(),
            "event_id": "void"}),
            "wrong_event",
        ),
    ] {
        let answer = shop.scan(&scan).await.expect(200);
        assert_eq!(verdict(&answer), is("refused", reason, false), "{scan}");
    }
    // Long after the event: the device's word of when it was counts.
    let mut db = shop.database().await;
    let over = "update office.event set starts_at = now() - interval '2 days' where id = 'void'";
    db.execute(over).await.expect("it is over");
    let hours_ago = |hours: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        json!(at.to_string())
    };
    crate::support::until("the office knows it", async || {
        let event = shop.get("/api/v1/events/void", "").await.expect(200);
        (event.text("/starts_at") < hours_ago(24).as_str()?).then_some(())
    })
    .await;
    let expired = shop.scan(&scan_of(good)).await.expect(200);
    assert_eq!(verdict(&expired), is("refused", "expired", false));
    assert_eq!(shop.ticket_status(&order, 0).await, "expired");
    let mut in_time = scan_of(good);
    in_time["at"] = hours_ago(49);
    assert_eq!(shop.scan(&in_time).await.expect(200).text("/status"), "admitted", "D62");
    assert_eq!(shop.ticket_status(&order, 0).await, "used");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d63_of_two_offline_scans_the_earlier_is_first_and_somebody_is_told() {
    let shop = Shop::open().await;
    let order = paid(&shop, "offline", &[0, 1]).await;
    let codes = tickets(&shop, &order).await;
    let at = |minute: u32| format!("2026-11-20T19:{minute:02}:00Z");
    let offline = |gate: &str, minute: u32| {
        json!({"code": code(&codes, 0), "gate": gate, "nonce": Uuid::new_v4(), "force": true,
            "at": at(minute)})
    };
    let uploads = json!({"scans": [offline("south", 7), offline("north", 5), offline("west", 9)]});
    let call = || shop.call(Method::POST, "/checkins/batch", STAFF_TOKEN, Some(&uploads));
    let decided = call().await.expect(200).body;
    let words: Vec<_> = decided["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| (one["status"].as_str(), one["conflict"] == true, one["first"]["gate"].as_str()))
        .collect();
    let (admitted, refused) = (Some("admitted"), Some("refused"));
    assert_eq!(
        words,
        [
            (admitted, false, Some("south")),
            (admitted, true, Some("north")),
            (refused, true, Some("north")),
        ]
    );
    let again = call().await.expect(200).body;
    assert_eq!(again["items"][1]["status"], "admitted", "an upload may be sent again");
    let door = shop.call(Method::GET, "/events/offline/checkins", STAFF_TOKEN, None).await;
    assert_eq!(door.expect(200).body["conflicts"], 2);

    // An earlier time alone does not make a scan the first: only what was let in by then does.
    let mut late = scan_of(code(&codes, 0));
    late["at"] = json!(at(1));
    let late = shop.scan(&late).await.expect(200);
    assert_eq!(verdict(&late), is("refused", "already_used", false));
    // Let in by a ticket that was void by then.
    let path = format!("/orders/{}/refunds", order.id);
    Call::post(&path, &json!({"seats": ["A-1-2"]})).send(&shop).await.expect(201);
    let mut void = scan_of(code(&codes, 1));
    void["force"] = json!(true);
    assert_eq!(verdict(&shop.scan(&void).await.expect(200)), is("refused", "refunded", true));
    // A refusal of which the device did not hear: it let somebody in, and says so later.
    let mut unheard = scan_of(code(&codes, 0));
    let refused = shop.scan(&unheard).await.expect(200);
    assert_eq!(verdict(&refused), is("refused", "already_used", false));
    unheard["force"] = json!(true);
    for _ in 0..2 {
        let told = shop.scan(&unheard).await.expect(200);
        assert_eq!(verdict(&told), is("refused", "already_used", true));
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stewards_are_let_to_the_door_and_nobody_else() {
    let shop = Shop::open().await;
    let order = paid(&shop, "stewards", &[0]).await;
    let codes = tickets(&shop, &order).await;
    let scan = scan_of(code(&codes, 0));
    let anna = shop.person("anna", 1).await;
    shop.call(Method::POST, "/checkins", "", Some(&scan)).await.expect(401);
    shop.call(Method::POST, "/checkins", &anna.access, Some(&scan)).await.expect(403);
    let admin = shop.login("admin", "first password").await.expect(200);
    let path = format!("/admin/accounts/{}/role", anna.id);
    let role = json!({"role": "steward"});
    shop.call(Method::PUT, &path, admin.text("/access_token"), Some(&role)).await.expect(204);
    let steward = shop.login("anna", PASSWORD).await.expect(200);
    let steward = steward.text("/access_token");
    let admitted = shop.call(Method::POST, "/checkins", steward, Some(&scan)).await.expect(200);
    assert_eq!(admitted.text("/status"), "admitted");
    // A steward is at the door and nowhere else.
    shop.call(Method::GET, "/admin/jobs", steward, None).await.expect(403);
    for (wrong, pointer) in [
        (json!({"code": "x", "gate": " ", "nonce": Uuid::new_v4()}), "/gate"),
        (json!({"code": "x", "gate": "n", "nonce": Uuid::new_v4(), "at": "noon"}), "/at"),
        (
            json!({"code": "x", "gate": "n", "nonce": Uuid::new_v4(), "at": "2090-01-01T00:00:00Z"}),
            "/at",
        ),
    ] {
        let refused = shop.call(Method::POST, "/checkins", steward, Some(&wrong)).await.expect(400);
        assert_eq!(refused.text("/errors/0/pointer"), pointer, "{wrong}");
    }
    let wrong = json!({"code": "x", "gate": "n", "nonce": "seven"});
    shop.call(Method::POST, "/checkins", steward, Some(&wrong)).await.expect(400);
    let none = json!({"scans": []});
    shop.call(Method::POST, "/checkins/batch", steward, Some(&none)).await.expect(400);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_get_the_key_and_what_is_void() {
    let shop = Shop::open().await;
    let order = paid(&shop, "revoked", &[0, 1, 2]).await;
    let path = "/events/revoked/revocations";
    let mut db = shop.with_tables().await;
    // The data writer's rows, as it would have written them.
    db.execute("create view grid.watermark as select 0 as shard_id, now() as complete_up_to")
        .await
        .expect("a watermark");
    let rows = "insert into grid.order_seat (order_id, event_id, seat_id, price_minor, status, version)
        values ($1, 'revoked', 'A-1-1', 1, 'refunded', 1), ($1, 'revoked', 'A-1-2', 1, 'released', 1),
            ($1, 'revoked', 'A-1-3', 1, 'sold', 1), ('o9-9', 'revoked', 'A-1-4', 1, 'released', 1)";
    sqlx::query(rows).bind(&order.id).execute(&mut db).await.expect("rows");
    for (id, paid) in [(order.id.as_str(), true), ("o9-9", false)] {
        sqlx::query(
            "insert into grid.sale_order select (jsonb_populate_record(null::grid.sale_order, $1)).*",
        )
        .bind(json!({"order_id": id, "event_id": "revoked", "hold_id": "h1-1", "status": "paid",
            "contact": "", "total_minor": 1, "currency": "RUB", "version": 1,
            "created_at": "2026-11-20T19:00:00Z", "expires_at": "2026-11-20T19:00:00Z",
            "updated_at": "2026-11-20T19:00:00Z",
            "paid_at": if paid { json!("2026-11-20T19:00:00Z") } else { Value::Null }}))
        .execute(&mut db)
        .await
        .expect("an order");
    }
    let list = shop.call(Method::GET, path, STAFF_TOKEN, None).await.expect(200);
    let ticket = |seat: u32| format!("{}-{seat}", order.id.replacen('o', "t", 1));
    assert_eq!(
        list.body["items"],
        json!([
            {"ticket_id": ticket(0), "seat": "A-1-1", "reason": "refunded"},
            {"ticket_id": ticket(1), "seat": "A-1-2", "reason": "replaced"},
        ])
    );
    use base64::Engine;
    let key = base64::engine::general_purpose::STANDARD.decode(list.text("/verify_key"));
    assert_eq!(key.map(|key| key.len()), Ok(32));
    shop.call(Method::GET, "/events/nowhere/revocations", STAFF_TOKEN, None).await.expect(404);
    shop.call(Method::GET, path, "", None).await.expect(401);
    shop.close().await;
}
