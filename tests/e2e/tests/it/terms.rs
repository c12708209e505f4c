//! What an event's terms promise, with real processes: standing places with a fee, seats before the
//! sale by code, the four ends of a captured payment, and one person's limit under fire.

use std::time::Duration;

use e2e::{Client, Held, System, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn standing_places_are_bought_by_quantity_with_their_fee() {
    let system = System::start();
    let client = Client::new(&system.url());
    let area = json!({"area": {"id": "field", "quantity": 3}});
    let answer = client.post("/events/demo-open-air/holds", area, None).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let sums = (&answer.body["fees"]["value"], &answer.body["total"]["value"]);
    assert_eq!(sums, (&json!("525.00"), &json!("11025.00")));
    assert_eq!(answer.body["seats"][2]["area"], true);
    let held = Held::of(&answer.body);
    let named = client.hold("demo-open-air", json!({"seats": [held.seats[0]]})).await;
    assert_eq!(named.expect_err("not by name").code(), "invalid_request");

    let order = client.buy(&held, "succeed").await;
    let paid = client.until_order(&order, &held.token, "paid").await;
    let sums = (&paid["fees"]["value"], &paid["payments"][0]["amount"]["value"]);
    assert_eq!(sums, (&json!("525.00"), &json!("11025.00")));
    let left = client.get("/events/demo-open-air/availability?fresh=true", None).await.body;
    let field = left["sections"].as_array().and_then(|all| all.iter().find(|s| s["id"] == "field"));
    assert_eq!(field.map(|s| &s["sold"]), Some(&json!(3)), "{left}");
    let more = json!({"area": {"id": "field", "quantity": 7}});
    let refused = client.hold("demo-open-air", more).await.expect_err("six at most");
    assert!(["invalid_request", "limit_per_person"].contains(&refused.code()), "{refused:?}");
}

#[tokio::test]
async fn a_presale_code_lets_in_before_the_sale_opens() {
    let system = System::start();
    let client = Client::new(&system.url());
    let best = |code: Value| json!({"best": {"number": 2}, "presale_code": code});
    let early = client.hold("demo-club", json!({"best": {"number": 2}})).await;
    let early = early.expect_err("too early");
    assert_eq!((early.status.as_u16(), early.code()), (409, "sale_not_open"));
    assert!(early.body["opens_at"].is_string(), "{:?}", early.body);
    let wrong = client.hold("demo-club", best(json!("FRONTSTAGE"))).await.expect_err("wrong");
    assert_eq!(wrong.code(), "code_invalid");
    let held = client.hold("demo-club", best(json!(" backstage "))).await.expect("let in");
    let order = client.buy(&held, "succeed").await;
    client.until_order(&order, &held.token, "paid").await;
}

/// An order of one seat whose hold is over, its payment not yet decided on.
async fn unpaid(client: &Client, event: &str, seat: &str) -> (Held, String, e2e::Answer) {
    let held = client.hold(event, json!({"seats": [seat]})).await.expect("free");
    let order = client.order(&held).await.body["id"].as_str().expect("an id").to_owned();
    let payment = client.pay(&order, &held.token).await;
    client.until_order(&order, &held.token, "expired").await;
    (held, order, payment)
}

async fn settled(client: &Client, order: &str, token: &str, end: &str) -> Value {
    until(&format!("the money of {order} is {end}"), Duration::from_secs(30), || async {
        let body = client.get(&format!("/orders/{order}"), Some(token)).await.body;
        (body["payments"][0]["settled_as"] == end).then_some(body)
    })
    .await
}

#[tokio::test]
async fn captured_money_ends_in_one_of_four_ways() {
    let system = System::start_with(&[("SEATGRID_OFFICE__DEMO_HOLD_TTL_S", "5")]);
    let client = Client::new(&system.url());
    // In time: confirmed.
    let held = client.hold("demo-hall", json!({"seats": ["P-1-1"]})).await.expect("free");
    let order = client.buy(&held, "succeed").await;
    settled(&client, &order, &held.token, "confirmed").await;
    // Late, and the seats are still free: taken again. Late, and they are sold: the money goes back,
    // or other seats are offered where the event says so.
    let (free, gone, offered) = tokio::join!(
        unpaid(&client, "demo-hall", "P-2-1"),
        unpaid(&client, "demo-hall", "P-3-1"),
        unpaid(&client, "demo-open-air", "S-1-1"),
    );
    for (event, seat) in [("demo-hall", "P-3-1"), ("demo-open-air", "S-1-1")] {
        let quicker = client.hold(event, json!({"seats": [seat]})).await.expect("free again");
        let order = client.buy(&quicker, "succeed").await;
        client.until_order(&order, &quicker.token, "paid").await;
    }
    let (held, order, payment) = free;
    client.decide(&payment, "succeed").await;
    assert_eq!(settled(&client, &order, &held.token, "retaken").await["status"], "paid");
    let (held, order, payment) = gone;
    client.decide(&payment, "succeed").await;
    settled(&client, &order, &held.token, "refunded").await;
    let refunded = client.until_order(&order, &held.token, "refunded").await;
    assert_eq!(refunded["refunds"][0]["amount"], refunded["total"]);

    let (held, order, payment) = offered;
    client.decide(&payment, "succeed").await;
    let path = format!("/orders/{order}");
    let offer = until("other seats are offered", Duration::from_secs(30), || async {
        let body = client.get(&path, Some(&held.token)).await.body;
        body["offer"].is_object().then(|| body["offer"].clone())
    })
    .await;
    assert_ne!(offer["seats"][0]["id"], "S-1-1");
    let answer = format!("/payments/{}/offer", offer["payment_id"].as_str().expect("a payment"));
    let taken = client.post(&answer, json!({"accept": true}), Some(&held.token)).await;
    assert_eq!((taken.status.as_u16(), &taken.body["settled_as"]), (200, &json!("swapped")));
    let paid = client.until_order(&order, &held.token, "paid").await;
    assert_eq!(paid["seats"][0]["id"], offer["seats"][0]["id"]);
}

#[tokio::test]
async fn a_hold_is_swapped_extended_and_gone_between_two_clicks() {
    let system = System::start_with(&[("SEATGRID_OFFICE__DEMO_HOLD_TTL_S", "5")]);
    let client = Client::new(&system.url());
    let held = client.hold("demo-hall", json!({"seats": ["P-1-1", "P-1-2"]})).await.expect("free");
    let path = format!("/holds/{}", held.id);
    let change = async |body: Value| {
        let key = e2e::uuid_v7();
        let headers = [("Idempotency-Key", key.as_str()), ("X-Hold-Token", held.token.as_str())];
        client.send(Method::PATCH, &path, Some(body), &headers).await
    };
    let swapped = change(json!({"seats": ["P-1-2", "P-1-3"]})).await;
    assert_eq!(swapped.status, 200, "{:?}", swapped.body);
    assert_eq!(swapped.body["seats"][1]["id"], "P-1-3");
    client.hold("demo-hall", json!({"seats": ["P-1-1"]})).await.expect("left by the swap");
    let late = client.hold("demo-arena", json!({"best": {"number": 1}})).await.expect("free");
    let extended = change(json!({"extend": true})).await;
    assert_eq!(extended.status, 200, "{:?}", extended.body);
    assert!(extended.body["expires_in"].as_u64().is_some_and(|s| s > 100), "{:?}", extended.body);
    // The arena allows no extension: its hold ends, and a click after that finds it gone.
    let gone = format!("/holds/{}", late.id);
    let click = until("the hold is over", Duration::from_secs(15), || async {
        let key = e2e::uuid_v7();
        let headers = [("Idempotency-Key", key.as_str()), ("X-Hold-Token", late.token.as_str())];
        let body = json!({"seats": [late.seats[0]]});
        let answer = client.send(Method::PATCH, &gone, Some(body), &headers).await;
        (answer.status == 410).then_some(answer)
    })
    .await;
    assert_eq!(click.code(), "hold_expired");
    assert_eq!(client.get(&path, Some(&held.token)).await.body["status"], "held", "extended");
}

#[tokio::test]
async fn one_persons_limit_holds_against_fifty_requests_at_once() {
    let system = System::start();
    let client = Client::new(&system.url());
    // A guest is known by the token of an earlier hold; the limit is six.
    let first = client.hold("demo-hall", json!({"best": {"number": 1}})).await.expect("free");
    let mut tries = JoinSet::new();
    for _ in 0..50 {
        let (client, token) = (client.clone(), first.token.clone());
        tries.spawn(async move {
            let body = json!({"best": {"number": 1}});
            client.post("/events/demo-hall/holds", body, Some(&token)).await
        });
    }
    let mut granted = 1;
    while let Some(answer) = tries.join_next().await {
        let answer = answer.expect("no panic");
        match answer.status.as_u16() {
            201 => granted += 1,
            _ => assert_eq!(answer.code(), "limit_per_person", "{:?}", answer.body),
        }
    }
    assert_eq!(granted, 6);
}
