//! How people are told things: their choices over HTTP, the language and the ways of letters, what the
//! ledger says of money, and reminders.

use box_office::contact::{BuyerForm, Contact};
use box_office::language::Language;
use box_office::sealing::ContactKey;
use inventory::HoldId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Executor, PgConnection};
use uuid::Uuid;

use crate::person::{Person, form};
use crate::staff::row_of;
use crate::support::{Shop, until};

/// The tables as the data writer makes them.
const TABLES: [&str; 4] = [
    include_str!("../../../data-writer/migrations/0001_tables.sql"),
    include_str!("../../../data-writer/migrations/0002_ledger.sql"),
    include_str!("../../../data-writer/migrations/0003_writer.sql"),
    include_str!("../../../data-writer/migrations/0004_views.sql"),
];

/// The tables, as of now, with an event of shard 1.
pub async fn tables(shop: &Shop) -> PgConnection {
    let mut db = shop.database().await;
    db.execute("create schema grid").await.expect("schema");
    for tables in TABLES {
        db.execute(tables).await.expect("the data writer's tables");
    }
    let rows = "select grid.ensure_ledger_partition(1800000000000);
        insert into grid.writer_checkpoint values (1, 1, 1, 9, 1, now(),
            decode(repeat('00', 32), 'hex'), now() + interval '1 day');
        insert into grid.event values ('show', 77, 'Show', now(), 1, 1, 'RUB', now(), now(), 1000, 6,
            1, now())";
    db.execute(rows).await.expect("rows");
    db
}

/// A contact as an order seals it: a guest's, or a person's own.
pub async fn sealed(db: &mut PgConnection, hold: &str, person: Option<&Person>) -> Vec<u8> {
    let buyer = BuyerForm {
        name: "Анна".to_owned(),
        email: person.map_or("guest@example.org", |person| &person.email).to_owned(),
        phone: None,
    };
    let consents = ["personal_data".to_owned()];
    let contact = Contact::check(&buyer, &consents, &[], 1).expect("a good one");
    let plain = contact.reading(Some(Language::En)).to_bytes();
    let (keys, hold): (_, HoldId) = (ContactKey::new(&[2; 32]), hold.parse().expect("an id"));
    let Some(person) = person else { return keys.seal(hold, &plain).expect("sealed") };
    let id = Uuid::parse_str(&person.id).expect("an id");
    let wrapped: Vec<u8> =
        sqlx::query_scalar("select person_key from office.account where id = $1")
            .bind(id)
            .fetch_one(db)
            .await
            .expect("a key");
    let key = keys.person(id, &wrapped).expect("the person's key");
    key.seal(hold, &plain).expect("sealed")
}

/// Puts a notice in about an order of the hold `h77-<no>`.
pub async fn put_notice(db: &mut PgConnection, kind: &str, no: u32, person: Option<&Person>) {
    let hold = format!("h77-{no}");
    let contact = sealed(db, &hold, person).await;
    sqlx::query(
        "insert into office.notice (about, event_id, kind, facts, contact, sealed_to, once, at)
         values ($1, 'demo-hall', $2, '{\"seats\":[]}', $3, $4, $5, now())",
    )
    .bind(format!("o77-{no}"))
    .bind(kind)
    .bind(contact)
    .bind(format!("hold:{hold}"))
    .bind(format!("{kind} {no}"))
    .execute(db)
    .await
    .expect("a notice");
}

pub async fn choose(shop: &Shop, person: &Person, body: &Value) {
    shop.call(Method::PUT, "/me/notifications", &person.access, Some(body)).await.expect(200);
}

/// Waits until every notice was looked at; how many messages of notices there are.
async fn written(db: &mut PgConnection) -> i64 {
    until("every notice was looked at", async || {
        let open: i64 =
            sqlx::query_scalar("select count(*) from office.notice where sent_at is null")
                .fetch_one(&mut *db)
                .await
                .expect("counted");
        (open == 0).then_some(())
    })
    .await;
    sqlx::query_scalar("select count(*) from office.message where kind = 'notice'")
        .fetch_one(db)
        .await
        .expect("counted")
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_are_checked_kept_and_gone_with_the_person() {
    let shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    let anna = shop.person("anna.told", 41).await;
    let path = "/me/notifications";
    shop.call(Method::GET, path, "", None).await.expect(401);
    let usual = shop.call(Method::GET, path, &anna.access, None).await.expect(200).body;
    assert_eq!((&usual["language"], usual["kinds"].as_array().unwrap().len()), (&Value::Null, 15));
    let of = |body: &Value, kind: &str| {
        let kinds = body["kinds"].as_array().expect("kinds");
        kinds.iter().find(|one| one["kind"] == kind).expect("the kind").clone()
    };
    assert_eq!(of(&usual, "seats_moved")["channels"], json!(["email"]));
    assert_eq!(of(&usual, "reminder")["channels"], json!(["email", "push", "telegram"]));

    let wish = json!({"language": "en", "kinds": [
        {"kind": "reminder", "channels": []},
        {"kind": "seats_moved", "channels": ["telegram", "email", "email"]}]});
    choose(&shop, &anna, &wish).await;
    let kept = shop.call(Method::GET, path, &anna.access, None).await.expect(200).body;
    assert_eq!(kept["language"], "en");
    assert_eq!(of(&kept, "reminder")["channels"], json!([]));
    let moved = of(&kept, "seats_moved");
    assert_eq!(
        (&moved["channels"], &moved["chosen"]),
        (&json!(["email", "telegram"]), &json!(true))
    );
    assert_eq!(of(&kept, "turn_came")["chosen"], json!(false));

    for (wrong, pointer) in [
        (json!({"kinds": [{"kind": "rumour", "channels": []}]}), "/kinds/0/kind"),
        (json!({"kinds": [{"kind": "reminder", "channels": ["pigeon"]}]}), "/kinds/0/channels/0"),
        (json!({"kinds": [{"kind": "event_cancelled", "channels": []}]}), "/kinds/0/channels"),
        (
            json!({"kinds": [{"kind": "reminder", "channels": []},
                {"kind": "reminder", "channels": []}]}),
            "/kinds/1/kind",
        ),
        (json!({"language": "de"}), "/language"),
    ] {
        let answer = shop.call(Method::PUT, path, &anna.access, Some(&wrong)).await.expect(400);
        assert_eq!(answer.text("/errors/0/pointer"), pointer, "{wrong}");
    }
    let same = shop.call(Method::GET, path, &anna.access, None).await.expect(200).body;
    assert_eq!(same, kept, "what is refused changes nothing");
    let export = shop.call(Method::GET, "/me/export", &anna.access, None).await.expect(200);
    assert_eq!(export.body["notifications"]["language"], "en");
    let noted = export.body["accesses"].as_array().expect("a list").iter();
    assert_eq!(noted.filter(|one| one["purpose"] == "notifications changed").count(), 1);

    shop.call(Method::DELETE, "/me", &anna.access, None).await.expect(204);
    let left: i64 = sqlx::query_scalar("select count(*) from office.notice_choice")
        .fetch_one(&mut db)
        .await
        .expect("counted");
    assert_eq!(left, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_come_in_the_chosen_language_and_only_when_wanted() {
    let mut shop = Shop::open().await;
    let mut db = shop.with_tables().await;
    shop.start_worker(|_| {});
    let anna = shop.person("anna.reads", 42).await;
    let both = shop.letter(&anna.email, 1).await;
    assert!(both.contains("Ваш код") && both.contains("Your code"), "{both}");
    let wish = json!({"language": "ru", "kinds": [{"kind": "hold_expired", "channels": []}]});
    choose(&shop, &anna, &wish).await;
    put_notice(&mut db, "hold_expired", 4, Some(&anna)).await;
    put_notice(&mut db, "seats_moved", 4, Some(&anna)).await;
    let letter = shop.letter(&anna.email, 2).await;
    assert!(letter.contains("места заменены") && !letter.contains("seats"), "{letter}");
    assert_eq!(written(&mut db).await, 1, "nobody is told what they do not want to hear");

    // A guest reads what the order's request asked for; a claimed order goes by the person's choice.
    put_notice(&mut db, "seats_moved", 5, None).await;
    let letter = shop.letter("guest@example.org", 1).await;
    assert!(letter.contains("seats were moved") && !letter.contains("места"), "{letter}");
    let claim = "insert into office.order_claim (order_id, account_id) values ('o77-6', $1)";
    let id = Uuid::parse_str(&anna.id).expect("an id");
    sqlx::query(claim).bind(id).execute(&mut db).await.expect("claimed");
    put_notice(&mut db, "seats_moved", 6, None).await;
    let letter = shop.letter("guest@example.org", 2).await;
    assert!(letter.contains("места заменены") && !letter.contains("seats"), "{letter}");

    // Codes go by mail whatever is chosen, in the same language.
    let change = json!({"field": "email", "value": "anna.new@example.org"});
    shop.call(Method::POST, "/me/changes", &anna.access, Some(&change)).await.expect(201);
    let code = shop.letter("anna.new@example.org", 1).await;
    assert!(code.contains("Ваш код") && !code.contains("Your code"), "{code}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_answered_in_the_language_of_its_request() {
    let mut shop = Shop::open().await;
    let url = format!("{}/api/v1/auth/register", shop.office);
    let request = shop.http.post(url).json(&form("brit", 43));
    let request = request.header("accept-language", "en-GB,ru;q=0.4");
    crate::support::read(request).await.expect(201);
    shop.start_worker(|_| {});
    let code = shop.letter("brit@example.org", 1).await;
    assert!(code.contains("Your code") && !code.contains("Ваш код"), "{code}");
    shop.close().await;
}

/// A row of the ledger about order 5 of the show, at this place of the log.
async fn happened(db: &mut PgConnection, index: i64, kind: &str, status: &str) {
    let refund = kind.starts_with("refund").then_some("r77-8");
    let payment = kind.starts_with("payment").then_some("p77-7");
    sqlx::query(
        "insert into grid.ledger (shard_id, incarnation, log_index, ordinal, event_id, kind, status,
             subject, at, prev_hash, hash, order_id, refund_id, payment_id, amount_minor)
         values (1, 1, $1, 0, 'show', $2, $3, 'system', grid.from_ms(1800000000000),
             decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), 'o77-5', $4, $5,
             250000)",
    )
    .bind(index)
    .bind(kind)
    .bind(status)
    .bind(refund)
    .bind(payment)
    .execute(db)
    .await
    .expect("a row");
}

async fn order(db: &mut PgConnection, id: u32, status: &str, paid_at: &str) {
    let hold = format!("h77-{id}");
    let contact = sealed(db, &hold, None).await;
    let text = format!(
        "insert into grid.sale_order values ('o77-{id}', 'show', '{hold}', '{status}', null, $1,
             250000, 'RUB', now(), now(), {paid_at}, 9, now())"
    );
    sqlx::query(sqlx::AssertSqlSafe(text)).bind(contact).execute(db).await.expect("an order");
}

async fn kinds(db: &mut PgConnection) -> Vec<String> {
    let all = sqlx::query_scalar("select kind from office.notice order by once");
    all.fetch_all(db).await.expect("notices")
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_hear_of_failed_and_late_money_of_refunds_and_of_holds_that_ended() {
    let mut shop = Shop::open().await;
    let mut db = tables(&shop).await;
    order(&mut db, 5, "pending_payment", "null").await;
    happened(&mut db, 11, "payment_settled", "canceled").await;
    happened(&mut db, 12, "order_expired", "expired").await;
    happened(&mut db, 13, "payment_settled", "refunded").await;
    happened(&mut db, 14, "refund_pending", "pending").await;
    happened(&mut db, 15, "refund_failed", "pending").await;
    happened(&mut db, 16, "refund_dead", "dead").await;
    happened(&mut db, 17, "refund_succeeded", "succeeded").await;
    happened(&mut db, 18, "payment_settled", "confirmed").await;
    shop.start_worker(|_| {});
    let told = until("all of it is told", async || {
        let told = kinds(&mut db).await;
        (told.len() >= 6).then_some(told)
    })
    .await;
    assert_eq!(
        told,
        [
            "payment_failed",
            "hold_expired",
            "payment_late",
            "refund_started",
            "refund_failed",
            "money_returned"
        ]
    );
    let letters = until("six letters are there", async || {
        let letters = shop.mailbox("guest@example.org").await;
        (letters.len() == 6).then_some(letters)
    })
    .await;
    let late = letters.iter().filter_map(|one| one["text"].as_str());
    let late = late.filter(|text| text.contains("the money goes back")).collect::<Vec<_>>();
    assert!(late.len() == 1 && late[0].contains("2500.00 RUB"), "{letters:?}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_reminded_once_of_each_start() {
    let mut shop = Shop::open().await;
    shop.publish(row_of("show", 2)).await;
    let mut db = tables(&shop).await;
    let soon = "update office.event set starts_at = now() + interval '1 hour' where id = 'show'";
    db.execute(soon).await.expect("it starts soon");
    // One who has had the tickets for long, one who just bought, one who gave them up.
    order(&mut db, 5, "paid", "now() - interval '3 days'").await;
    order(&mut db, 6, "paid", "now()").await;
    order(&mut db, 7, "refunded", "now() - interval '3 days'").await;
    shop.start_worker(|config| config.reminder_lead_s = 7_200);
    let letter = shop.letter("guest@example.org", 1).await;
    assert!(letter.contains("it starts soon") && letter.contains("Starts: "), "{letter}");
    until("the start is done", async || {
        let open: i64 =
            sqlx::query_scalar("select count(*) from office.reminder where done_at is null")
                .fetch_one(&mut db)
                .await
                .expect("counted");
        (open == 0).then_some(())
    })
    .await;
    assert_eq!(kinds(&mut db).await, ["reminder"]);

    let later = "update office.event set starts_at = starts_at + interval '5 minutes'
                 where id = 'show'";
    db.execute(later).await.expect("moved");
    shop.letter("guest@example.org", 2).await;
    assert_eq!(kinds(&mut db).await, ["reminder", "reminder"], "of the new start, once");
    shop.close().await;
}
