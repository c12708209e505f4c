//! The waiting list and offers over HTTP: strict order, holds of one's own, late money answered.

use inventory::{Actor, Command, Envelope, EventNo, Outcome, ReleaseHold};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Hold, Order, Payment, Shop, form, read, soon, until};

/// One row of so many seats at 1,000.00, with a waiting list and offers.
fn hall(id: &str, seats: usize, hold_ttl_s: u32) -> Value {
    let seat = |n: usize| json!({"number": n.to_string(), "tier": "all", "x": 100 * n, "y": 0});
    let seats: Vec<Value> = (1..=seats).map(seat).collect();
    json!({
        "id": id, "hold_ttl_s": hold_ttl_s, "codes": [],
        "tiers": [{"id": "all", "name": "All", "price_minor": 100_000}],
        "plan": {"version": 1, "sections": [
            {"id": "A", "name": "Stalls", "rows": [{"label": "1", "seats": seats}]}]},
        "rules": {"waitlist_ttl_s": 300, "offer_ttl_s": 600},
    })
}

async fn release(shop: &Shop, event: EventNo, hold: &Hold) {
    let command = Command::ReleaseHold(ReleaseHold { hold: hold.id.parse().expect("an id") });
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    let reply = shop.grid.command(event, &envelope, soon()).await.expect("an answer");
    assert_eq!(reply.outcome, Outcome::Released);
}

async fn delete(shop: &Shop, place: &Hold) -> u16 {
    let url = format!("{}/api/v1/waitlist/{}", shop.office, place.id);
    let request = shop.http.delete(url).header("x-hold-token", &place.token);
    request.send().await.expect("an answer").status().as_u16()
}

async fn join(shop: &Shop, number: u16) -> Hold {
    let body = json!({"number": number});
    let joined = shop.post("/api/v1/events/small/waitlist", "", Uuid::now_v7(), &body).await;
    let joined = joined.expect(201);
    Hold { id: joined.text("/id").to_owned(), token: joined.text("/token").to_owned() }
}

async fn place(shop: &Shop, place: &Hold) -> Value {
    shop.get(&format!("/api/v1/waitlist/{}", place.id), &place.token).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_who_waits_is_served_in_order_with_a_hold_of_their_own() {
    let shop = Shop::open().await;
    let event = shop.publish(hall("small", 3, 300)).await;
    let path = "/api/v1/events/small/waitlist";
    let free = shop.post(path, "", Uuid::now_v7(), &json!({"number": 1})).await.expect(409);
    assert_eq!(free.code(), "waitlist_state");
    let (two, one) = (shop.hold_in(event, &[0, 1]).await, shop.hold_in(event, &[2]).await);

    let (key, wish) = (
        Uuid::now_v7(),
        json!({"number": 2, "tiers": ["all"],
        "max_price": {"value": "1000.00", "currency": "RUB"}, "consents": ["personal_data"],
        "buyer": {"name": "Анна", "email": "anna@example.org"}, "channels": ["email"]}),
    );
    let first = shop.post(path, "", key, &wish).await.expect(201);
    let again = shop.post(path, "", key, &wish).await.expect(201);
    assert!(again.replayed());
    assert_eq!((&first.body, first.body["before"].as_u64()), (&again.body, Some(0)));
    let first = Hold { id: first.text("/id").to_owned(), token: first.text("/token").to_owned() };
    let twice = shop.post(path, &first.token, Uuid::now_v7(), &json!({"number": 1})).await;
    assert_eq!(twice.expect(409).text("/entry"), first.id);
    let second = join(&shop, 1).await;
    assert_eq!(place(&shop, &second).await["before"], 1);
    let spied = shop.get(&format!("/api/v1/waitlist/{}", first.id), &second.token).await;
    assert_eq!(spied.expect(404).code(), "not_found");

    // One seat is not enough for the head, and the next does not pass it.
    release(&shop, event, &one).await;
    assert_eq!(place(&shop, &second).await["status"], "waiting");
    release(&shop, event, &two).await;
    let turn = place(&shop, &first).await;
    assert_eq!(
        (&turn["status"], &place(&shop, &second).await["status"]),
        (&json!("offered"), &json!("offered"))
    );
    let (id, token) =
        (turn["hold"]["id"].as_str().unwrap(), turn["hold"]["token"].as_str().unwrap());
    let order = shop.post("/api/v1/orders", token, Uuid::now_v7(), &form(id)).await.expect(201);
    assert_eq!(order.body["seats"].as_array().map(Vec::len), Some(2));

    let third = join(&shop, 1).await;
    assert_eq!((delete(&shop, &third).await, delete(&shop, &third).await), (204, 204));
    shop.get(&format!("/api/v1/waitlist/{}", third.id), &third.token).await.expect(404);
    for (wrong, pointer) in [
        (json!({"number": 0}), "/number"),
        (json!({"number": 1, "tiers": ["gold"]}), "/tiers/0"),
        (json!({"number": 1, "max_price": {"value": "1", "currency": "USD"}}), "/max_price"),
    ] {
        let answer = shop.post(path, "", Uuid::now_v7(), &wrong).await.expect(400);
        assert_eq!(answer.text("/errors/0/pointer"), pointer);
    }
    let off = shop.post("/api/v1/events/none/waitlist", "", Uuid::now_v7(), &wish).await;
    assert_eq!(off.expect(404).code(), "event_not_found");
    shop.close().await;
}

/// Money that comes when the order's seat is sold to somebody else, while others are free.
async fn late(shop: &Shop, event: EventNo, seat: u32) -> (Order, Payment, Value) {
    let order = shop.order(&shop.hold_in(event, &[seat]).await).await;
    let payment = shop.pay(&order).await;
    shop.until_status(&order, "expired").await;
    let next = shop.order(&shop.hold_in(event, &[seat]).await).await;
    let paid = shop.pay(&next).await;
    shop.decide(&paid, json!({"outcome": "succeed"})).await;
    shop.until_status(&next, "paid").await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    let offered = until("other seats are offered", async || {
        let now = shop.read_order(&order).await;
        now["offer"].is_object().then_some(now)
    })
    .await;
    (order, payment, offered)
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_other_seats_are_offered_for_late_money_and_taken_or_not() {
    let mut shop = Shop::open().await;
    let event = shop.publish(hall("late", 8, 8)).await;
    let (order, payment, offered) = late(&shop, event, 0).await;
    assert_eq!(offered["offer"]["payment_id"], payment.id.as_str());
    assert_eq!(offered["payments"][0]["settled_as"], Value::Null);
    let seat = offered["offer"]["seats"][0]["id"].clone();
    assert_ne!(seat, offered["seats"][0]["id"]);
    assert_eq!(offered["offer"]["seats"][0]["price"]["value"], "1000.00");

    let path = format!("/api/v1/payments/{}/offer", payment.id);
    let stranger = shop.post(&path, "", Uuid::now_v7(), &json!({"accept": true})).await;
    assert_eq!(stranger.expect(404).code(), "payment_not_found");
    let key = Uuid::now_v7();
    let taken = shop.post(&path, &order.token, key, &json!({"accept": true})).await.expect(200);
    assert_eq!(taken.text("/settled_as"), "swapped");
    let again = shop.post(&path, &order.token, key, &json!({"accept": true})).await.expect(200);
    assert!(again.replayed());
    let other = shop.post(&path, &order.token, Uuid::now_v7(), &json!({"accept": false})).await;
    assert_eq!(other.expect(409).code(), "offer_gone");
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!((&paid["seats"][0]["id"], paid.get("offer")), (&seat, None));

    let (order, payment, _) = late(&shop, event, 4).await;
    let path = format!("/api/v1/payments/{}/offer", payment.id);
    let body = json!({"accept": false});
    let declined = shop.post(&path, &order.token, Uuid::now_v7(), &body).await.expect(200);
    assert_eq!(declined.text("/settled_as"), "refunded");
    shop.start_worker(|_| {});
    shop.until_status(&order, "refunded").await;
    shop.close().await;
}

/// A contact that lies in the grid and its logs opens for nobody once its person is erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_an_account_is_sealed_by_its_own_key() {
    let shop = Shop::open().await;
    let event = shop.publish(hall("small", 1, 300)).await;
    let _all = shop.hold_in(event, &[0]).await;
    let anna = shop.person("anna", 1).await;
    let wish = json!({"number": 1, "consents": ["personal_data"], "channels": ["email"],
        "buyer": {"name": "Анна", "email": "anna@example.org"}});
    let url = format!("{}/api/v1/events/small/waitlist", shop.office);
    let request = shop.http.post(url).bearer_auth(&anna.access).json(&wish);
    let joined = read(request.header("idempotency-key", Uuid::now_v7().to_string())).await;
    let id: inventory::WaitId = joined.expect(201).text("/id").parse().expect("an id");
    let contact = shop.grid.wait_entry(id, soon()).await.expect("a place").entry.contact;
    let owner = box_office::sealing::sealed_by(&contact);
    assert_eq!(owner.map(|id| id.to_string()), Some(anna.id));
    shop.close().await;
}
