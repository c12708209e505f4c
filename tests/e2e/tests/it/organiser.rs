//! An organiser's year with the real processes: artist, hall and event, from the draft to its sale; a seat
//! that is taken out of it; and the evening that is cancelled. Whoever had bought is told and paid back.

use std::time::Duration;

use e2e::{Answer, Client, Held, System, until, uuid_v7};
use reqwest::Method;
use serde_json::{Value, json};

use crate::door::Staff;

const PATIENCE: Duration = Duration::from_secs(60);

async fn made(staff: &Staff<'_>, path: &str, form: Value) -> Answer {
    let answer = staff.send(Method::POST, path, Some(form)).await;
    assert_eq!(answer.status, 201, "{path}: {:?}", answer.body);
    answer
}

fn id(answer: &Answer) -> String {
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// Edits under a condition; staff calls send none by themselves.
async fn edit(staff: &Staff<'_>, path: &str, tag: Option<&str>, form: Value) -> Answer {
    let key = uuid_v7();
    let mut headers = vec![("Authorization", staff.bearer.as_str()), ("Idempotency-Key", &key)];
    headers.extend(tag.map(|tag| ("If-Match", tag)));
    staff.client.send(Method::PATCH, path, Some(form), &headers).await
}

/// A row of three seats and a floor.
async fn plan(staff: &Staff<'_>, venue: &str) -> String {
    let seat = |n: u32| json!({"number": n.to_string(), "tier": "best", "x": n, "y": 1});
    let form = json!({"venue_id": venue, "name": "Small", "sections": [
        {"id": "B", "name": "Balcony", "kind": "seated", "rows": [
            {"label": "1", "seats": [seat(1), seat(2), seat(3)]}]},
        {"id": "floor", "name": "Floor", "kind": "area", "capacity": 50, "tier": "dance"}]});
    id(&made(staff, "/admin/plans", form).await)
}

fn event_form(artist: &str, venue: &str, plan: &str) -> Value {
    let price = |value: &str| json!({"value": value, "currency": "RUB"});
    let tier = |id: &str, value: &str| json!({"id": id, "name": id, "price": price(value)});
    json!({"name": "Blue Night", "description": "One evening.", "artist_ids": [artist],
        "venue_id": venue, "plan_id": plan, "starts_at": "2090-05-01T19:00:00+03:00",
        "currency": "RUB", "tiers": [tier("best", "2500.00"), tier("dance", "900.00")],
        "sale": {"opens_at": "2020-01-01T00:00:00Z", "closes_at": "2090-05-01T15:00:00Z",
            "short_notice_reason": null},
        "limits": {"per_person": 4, "per_hold": 3}, "hold_ttl_s": 120})
}

/// Makes artist, hall and draft; what is wrong is named and makes nothing.
async fn drafted(staff: &Staff<'_>) -> String {
    let form = json!({"name": "Night Tram", "occupation": "Band", "genre": "Jazz",
        "bio": "Two trams.", "works": [{"title": "Depot", "year": 2024}]});
    let artist = id(&made(staff, "/admin/artists", form).await);
    let path = format!("/admin/artists/{artist}");
    let clear = json!({"genre": null});
    assert_eq!(edit(staff, &path, None, clear.clone()).await.status, 428);
    assert_eq!(edit(staff, &path, Some("\"1\""), clear.clone()).await.body["genre"], Value::Null);
    assert_eq!(edit(staff, &path, Some("\"1\""), clear).await.code(), "version_mismatch");
    let hall = json!({"name": "Blue Hall", "city": "Тверь", "address": "Набережная, 5",
        "timezone": "Europe/Moscow"});
    let venue = id(&made(staff, "/admin/venues", hall).await);
    let plan = plan(staff, &venue).await;
    let mut late = event_form(&artist, &venue, &plan);
    late["sale"]["opens_at"] = json!("2090-03-15T00:00:00Z");
    let late = staff.send(Method::POST, "/admin/events", Some(late)).await;
    let pointer = &late.body["errors"][0]["pointer"];
    assert_eq!((late.status.as_u16(), pointer), (400, &json!("/sale/short_notice_reason")));
    id(&made(staff, "/admin/events", event_form(&artist, &venue, &plan)).await)
}

/// Somebody who has bought a seat of the event.
async fn buyer(client: &Client, event: &str, seat: &str) -> (Held, String) {
    let held = client.hold(event, json!({"seats": [seat]})).await.expect("a free seat");
    let order = client.buy(&held, "succeed").await;
    client.until_order(&order, &held.token, "paid").await;
    (held, order)
}

/// The money of an order is back, and a letter about it has come.
async fn paid_back(system: &System, client: &Client, (held, order): &(Held, String), word: &str) {
    client.until_order(order, &held.token, "refunded").await;
    until("the money is back", PATIENCE, || async {
        let now = client.get(&format!("/orders/{order}"), Some(&held.token)).await;
        (now.body["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    let url = format!("{}/mailbox?to=anna@example.org", system.file("sandbox.url"));
    until(&format!("a letter says {word}"), PATIENCE, || async {
        let letters: Value = serde_json::from_str(&client.read(&url, None).await).ok()?;
        let has = |letter: &&Value| {
            let text = letter["text"].as_str().unwrap_or_default();
            text.contains(order) && text.contains(word)
        };
        letters.as_array()?.iter().find(has).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn an_evening_is_announced_sold_made_smaller_and_cancelled() {
    let system = System::start();
    let client = Client::new(&system.url());
    let nobody = Staff { client: &client, bearer: "Bearer x.y.z".to_owned() };
    assert_eq!(nobody.send(Method::GET, "/admin/events", None).await.status, 401);
    let staff = Staff::sign_in(&system, &client).await;
    let event = drafted(&staff).await;
    assert_eq!(client.get(&format!("/events/{event}"), None).await.code(), "event_not_found");
    let path = format!("/admin/events/{event}");
    let published = staff.send(Method::POST, &format!("{path}/publish"), None).await;
    assert_eq!(published.body["status"], "published", "{:?}", published.body);
    until("the grid sells it", PATIENCE, || async {
        let sale = staff.send(Method::GET, &path, None).await;
        (sale.body["grid"]["state"] == "on_sale").then_some(())
    })
    .await;
    until("shoppers find it", PATIENCE, || async {
        let found = client.get("/events?q=blue", None).await;
        (found.body["items"][0]["id"] == event.as_str()).then_some(())
    })
    .await;

    let first = buyer(&client, &event, "B-1-1").await;
    let second = buyer(&client, &event, "B-1-2").await;
    let removed = json!({"remove": ["B-1-1"]});
    let removed = staff.send(Method::POST, &format!("{path}/seats"), Some(removed)).await;
    assert_eq!(removed.status, 200, "{:?}", removed.body);
    paid_back(&system, &client, &first, "B-1-1").await;
    assert_eq!(staff.send(Method::DELETE, &path, None).await.code(), "refused_unsafe");

    let cancelled = staff.send(Method::POST, &format!("{path}/cancel"), None).await;
    assert!(cancelled.status.is_success(), "{:?}", cancelled.body);
    let late = client.hold(&event, json!({"seats": ["B-1-3"]})).await.expect_err("no more");
    assert_eq!(late.code(), "event_cancelled");
    paid_back(&system, &client, &second, "Blue Night").await;
    let progress = until("the campaign is over", PATIENCE, || async {
        let told = staff.send(Method::GET, &format!("{path}/cancel"), None).await.body;
        (told["cancel"]["done"] == json!(true)).then_some(told)
    })
    .await;
    assert_eq!(
        (&progress["state"], &progress["refunds"]["dead"]),
        (&json!("cancelled"), &json!(0))
    );
    let ledger = "/admin/audit?kind=refund_succeeded&limit=10";
    until("the ledger has both refunds", PATIENCE, || async {
        let told = staff.send(Method::GET, ledger, None).await;
        let orders = [&first.1, &second.1];
        let text = told.body.to_string();
        orders.iter().all(|order| text.contains(order.as_str())).then_some(())
    })
    .await;
}
