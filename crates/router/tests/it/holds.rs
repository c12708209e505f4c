//! Holds: granted, refused, replayed, read back, released, expired.

use http::Method;
use inventory::HoldId;
use serde_json::{Value, json};

use crate::client::{Answer, Client, key, until};
use crate::system::System;

const HOLDS: &str = "/api/v1/events/hall/holds";

fn token(held: &Answer) -> String {
    held.json()["token"].as_str().expect("a token").to_owned()
}

fn path(held: &Answer) -> String {
    format!("/api/v1/holds/{}", held.json()["id"].as_str().expect("an id"))
}

async fn release(client: &Client, held: &Answer) -> Answer {
    client.send(Method::DELETE, &path(held), &[("x-hold-token", &token(held))], b"").await
}

#[tokio::test]
async fn a_granted_hold_is_told_as_the_contract_says() {
    let system = System::start().await;
    let client = system.client();
    let held = client.hold(&json!({"seats": ["B-1-1", "A-1-3"]})).await;
    assert_eq!(held.status, 201, "{held:?}");
    let body = held.json();
    assert!(body["id"].as_str().expect("an id").parse::<HoldId>().is_ok());
    let front = json!({"id": "A-1-3", "section": "A", "row": "1", "number": "3", "tier": "front",
        "price": {"value": "5000.00", "currency": "RUB"}});
    assert_eq!(body["seats"][0], front, "seats come in plan order");
    assert_eq!(body["seats"].as_array().map(Vec::len), Some(2));
    assert_eq!(body["total"], json!({"value": "5999.50", "currency": "RUB"}));
    assert_eq!((&body["event_id"], &body["status"]), (&json!("hall"), &json!("held")));
    assert_eq!((&body["next_to_each_other"], body.get("step")), (&json!(false), None));
    assert_eq!(body["expires_in"], 5);
    assert_eq!(body["version"].to_string(), held.header("grid-version"));
    assert_eq!(held.header("location"), path(&held));
    assert_eq!(held.header("cache-control"), "no-store");

    let best = json!({"best": {"number": 3, "tiers": ["back"], "sections": ["A"],
        "max_price": {"value": "3500.00", "currency": "RUB"}}});
    let best = client.hold(&best).await.json();
    assert_eq!(best["step"], "adjacent_no_orphan");
    assert_eq!(best["next_to_each_other"], true);
    assert_eq!(best["seats"][2]["tier"], "back");
}

#[tokio::test]
async fn one_key_has_one_effect() {
    let system = System::start().await;
    let client = system.client();
    let (body, key) = (json!({"seats": ["A-1-1"]}), key());
    let first = client.post(HOLDS, &key, &body).await;
    let again = client.post(HOLDS, &key, &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        ("", "true")
    );
    let other_router = system.second_router().await;
    assert_eq!(other_router.post(HOLDS, &key, &body).await.json(), first.json());
    let other = client.post(HOLDS, &key, &json!({"seats": ["A-1-2"]})).await;
    assert_eq!(other.problem(), (422, "idempotency_conflict".to_owned()));
}

#[tokio::test]
async fn two_shoppers_one_seat() {
    let system = System::start().await;
    let (a, b) = (system.client(), system.second_router().await);
    for seat in ["A-1-1", "A-1-2", "A-1-3", "A-1-4"] {
        let body = json!({"seats": [seat, "B-1-1"]});
        let (x, y) = tokio::join!(a.hold(&body), b.hold(&body));
        let (won, lost) = if x.status == 201 { (x, y) } else { (y, x) };
        assert_eq!(won.status, 201);
        assert_eq!(lost.problem(), (409, "seat_taken".to_owned()));
        let both = json!([{"id": seat, "status": "held"}, {"id": "B-1-1", "status": "held"}]);
        assert_eq!(lost.json()["seats"], both);
        // Whoever lost learns it from the map at once, on either router.
        assert_eq!(a.seats().await[seat], "held");
        assert_eq!(b.seats().await[seat], "held");
        assert_eq!(release(&a, &won).await.status, 204);
    }
}

#[tokio::test]
async fn shoppers_see_their_own_holds_at_once() {
    let system = System::start().await;
    let client = system.client();
    assert_eq!(client.seats().await["A-2-1"], "free");
    for seat in 1..=10 {
        let id = format!("A-2-{seat}");
        let held = client.hold(&json!({"seats": [id]})).await;
        assert_eq!(client.seats().await[&id], "held");
        release(&client, &held).await;
        assert_eq!(client.seats().await[&id], "free");
    }
}

#[tokio::test]
async fn a_hold_is_its_owners_alone() {
    let system = System::start().await;
    let client = system.client();
    let held = client.hold(&json!({"seats": ["A-1-1"]})).await;
    let read = async |token: &str| client.get(&path(&held), &[("x-hold-token", token)]).await;
    let mine = read(&token(&held)).await;
    assert_eq!(mine.status, 200);
    let (mut given, told) = (held.json(), mine.json());
    let left = told["expires_in"].as_u64().expect("seconds");
    assert!(left <= 5, "{told}");
    // What is told once, and what passes.
    given.as_object_mut().expect("an object").remove("token");
    given["expires_in"] = left.into();
    assert_eq!(told, given);
    for wrong in ["", "x", &token(&held)[1..]] {
        assert_eq!(read(wrong).await.problem(), (404, "hold_not_found".to_owned()));
        let headers = [("x-hold-token", wrong)];
        let gone = client.send(Method::DELETE, &path(&held), &headers, b"").await;
        assert_eq!(gone.problem(), (404, "hold_not_found".to_owned()));
    }
    assert_eq!(client.seats().await["A-1-1"], "held");
    assert_eq!(release(&client, &held).await.status, 204);
    assert_eq!(release(&client, &held).await.status, 204, "once more changes nothing");
    assert_eq!(read(&token(&held)).await.problem(), (404, "hold_not_found".to_owned()));
}

#[tokio::test]
async fn an_expired_hold_is_gone_and_its_seat_free() {
    let system = System::start().await;
    let client = system.client();
    let held = client.hold(&json!({"seats": ["A-1-1"]})).await;
    let answer = until("it expires", async || {
        let answer = client.get(&path(&held), &[("x-hold-token", &token(&held))]).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.problem(), (410, "hold_expired".to_owned()));
    assert_eq!(release(&client, &held).await.problem(), (410, "hold_expired".to_owned()));
    until("the seat is free", async || (client.seats().await["A-1-1"] == "free").then_some(()))
        .await;
}

#[tokio::test]
async fn refusals_change_nothing() {
    let system = System::start().await;
    system.open("later", 3_800_000_000_000).await;
    let client = system.client();
    let best = |number: u16, tier: &str| json!({"best": {"number": number, "tiers": [tier]}});
    let seven: Vec<String> = (1..=7).map(|n| format!("A-1-{n}")).collect();
    let table: [(&str, Value, (u16, &str)); 4] = [
        ("hall", json!({"seats": seven}), (409, "limit_per_person")),
        ("hall", best(6, "side"), (409, "not_enough_seats")),
        ("later", best(1, "side"), (409, "sale_not_open")),
        ("nowhere", best(1, "side"), (404, "event_not_found")),
    ];
    for (event, body, (status, code)) in table {
        let answer = client.post(&format!("/api/v1/events/{event}/holds"), &key(), &body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{body}");
        match code {
            "limit_per_person" => assert_eq!(answer.json()["limit"], 6),
            "sale_not_open" => assert_eq!(answer.json()["opens_at"], "2090-06-01T11:33:20.000Z"),
            _ => {}
        }
    }
    assert!(client.seats().await.values().all(|status| status == "free"));
}

#[tokio::test]
async fn a_crowd_on_few_seats_sells_each_once() {
    let system = System::start().await;
    let client = system.client();
    let mut shoppers = tokio::task::JoinSet::new();
    for at in 0..100 {
        let client = client.clone();
        shoppers.spawn(async move {
            let seat = format!("A-{}-{}", at % 2 + 1, at / 2 % 10 + 1);
            let answer = client.hold(&json!({"seats": [seat]})).await;
            (seat, answer.status.as_u16())
        });
    }
    let mut won = std::collections::BTreeMap::<String, u32>::new();
    while let Some(done) = shoppers.join_next().await {
        let (seat, status) = done.expect("no panic");
        assert!(matches!(status, 201 | 409), "{status}");
        *won.entry(seat).or_default() += u32::from(status == 201);
    }
    assert_eq!(won.len(), 20);
    assert!(won.values().all(|n| *n == 1), "{won:?}");
}
