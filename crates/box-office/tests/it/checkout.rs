//! From a hold to tickets, and the answers on the way.

use box_office::ticket_code::TicketSigner;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Shop, form, pay_form};

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_sold_end_to_end() {
    let shop = Shop::open().await;
    let hold = shop.hold(&[0, 1]).await;
    let order = shop.order(&hold).await;
    let pending = shop.read_order(&order).await;
    assert_eq!(pending["status"], "pending_payment");
    assert_eq!(pending["event_id"], "demo-hall");
    assert_eq!(pending["hold_id"], hold.id);
    assert_eq!(pending["total"], json!({"value": "19000.00", "currency": "RUB"}));
    assert_eq!(pending["fees"], json!({"value": "0.00", "currency": "RUB"}));
    assert_eq!(pending["seats"][0]["id"], "P-1-1");
    assert_eq!(pending["seats"][0]["section"], "P");
    assert_eq!(pending["seats"][0]["row"], "1");
    assert_eq!(pending["seats"][0]["number"], "1");
    assert_eq!(pending["seats"][0]["tier"], "premium");
    assert_eq!(pending["seats"][0]["price"]["value"], "9500.00");
    assert!((290..=300).contains(&pending["expires_in"].as_u64().unwrap()), "{pending}");
    assert_eq!(pending["payments"], json!([]));
    assert_eq!(pending["refunds"], json!([]));

    let path = format!("/api/v1/orders/{}/tickets", order.id);
    let none_yet = shop.get(&path, &order.token).await.expect(409);
    assert_eq!(none_yet.code(), "order_state");

    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    let paid = shop.until_status(&order, "paid").await;
    assert_eq!(paid["expires_in"], 0);
    assert_eq!(paid["payments"][0]["status"], "succeeded");
    assert_eq!(paid["payments"][0]["settled_as"], "confirmed");
    assert!(paid["paid_at"].is_string());

    let tickets = shop.get(&path, &order.token).await.expect(200).body;
    assert_eq!(tickets.as_array().unwrap().len(), 2);
    let verifier = TicketSigner::new(&[3; 32]).verifier();
    for (ticket, seat) in tickets.as_array().unwrap().iter().zip(["P-1-1", "P-1-2"]) {
        assert_eq!(ticket["seat"], seat);
        assert_eq!(ticket["status"], "valid");
        let claim = verifier.verify(ticket["code"].as_str().unwrap()).expect("our signature");
        assert_eq!(claim.seat_id, seat);
        assert_eq!(claim.event_id, "demo-hall");
        assert_eq!(claim.ticket.to_string(), ticket["id"].as_str().unwrap());
        assert!(ticket["qr_svg"].as_str().unwrap().starts_with("<svg"));
    }
    assert_eq!(shop.get(&path, &order.token).await.body, tickets, "the same for ever");

    let path = format!("/api/v1/payments/{}", payment.id);
    let read = shop.get(&path, &order.token).await.expect(200);
    assert_eq!(read.text("/status"), "succeeded");
    assert_eq!(read.text("/settled_as"), "confirmed");
    assert!(read.body["confirmation"].is_null());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_with_the_same_key_are_the_same_and_marked() {
    let shop = Shop::open().await;
    let hold = shop.hold(&[10]).await;
    let (key, body) = (Uuid::now_v7(), form(&hold.id));
    let first = shop.post("/api/v1/orders", &hold.token, key, &body).await.expect(201);
    let again = shop.post("/api/v1/orders", &hold.token, key, &body).await.expect(201);
    assert!(!first.replayed() && again.replayed());
    assert_eq!(first.body, again.body);
    let mut other = body.clone();
    other["buyer"]["name"] = json!("Another");
    let conflict = shop.post("/api/v1/orders", &hold.token, key, &other).await.expect(422);
    assert_eq!(conflict.code(), "idempotency_conflict");
    let second = shop.post("/api/v1/orders", &hold.token, Uuid::now_v7(), &body).await.expect(409);
    assert_eq!(second.code(), "order_state");

    let order = crate::support::Order { id: first.text("/id").into(), token: hold.token };
    let key = Uuid::now_v7();
    let first = shop.try_pay(&order, key).await.expect(201);
    let again = shop.try_pay(&order, key).await.expect(201);
    assert!(!first.replayed() && again.replayed());
    assert_eq!(first.body, again.body);
    let second = shop.try_pay(&order, Uuid::now_v7()).await.expect(409);
    assert_eq!(second.code(), "payment_pending");
    assert_eq!(second.text("/payment"), first.text("/id"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_whoever_has_not_the_token() {
    let shop = Shop::open().await;
    let (hold, other) = (shop.hold(&[20]).await, shop.hold(&[21]).await);
    let order = shop.order(&hold).await;
    let payment = shop.pay(&order).await;
    for token in ["", "x", other.token.as_str()] {
        let get = async |path: String| shop.get(&path, token).await.expect(404);
        assert_eq!(get(format!("/api/v1/orders/{}", order.id)).await.code(), "order_not_found");
        let tickets = get(format!("/api/v1/orders/{}/tickets", order.id)).await;
        assert_eq!(tickets.code(), "order_not_found");
        let read = get(format!("/api/v1/payments/{}", payment.id)).await;
        assert_eq!(read.code(), "payment_not_found");
        let key = Uuid::now_v7();
        let placed = shop.post("/api/v1/orders", token, key, &form(&hold.id)).await.expect(404);
        assert_eq!(placed.code(), "hold_not_found");
        let path = format!("/api/v1/orders/{}/payments", order.id);
        let paid = shop.post(&path, token, key, &pay_form()).await.expect(404);
        assert_eq!(paid.code(), "order_not_found");
        let path = format!("/api/v1/orders/{}/cancel", order.id);
        let cancelled = shop.post(&path, token, key, &json!({})).await.expect(404);
        assert_eq!(cancelled.code(), "order_not_found");
    }
    assert_eq!(shop.read_order(&order).await["status"], "pending_payment");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_frees_its_seats_at_once() {
    let shop = Shop::open().await;
    let hold = shop.hold(&[30]).await;
    let order = shop.order(&hold).await;
    let (path, key) = (format!("/api/v1/orders/{}/cancel", order.id), Uuid::now_v7());
    let cancelled = shop.post(&path, &order.token, key, &json!({})).await.expect(200);
    assert_eq!(cancelled.text("/status"), "cancelled");
    let again = shop.post(&path, &order.token, key, &json!({})).await.expect(200);
    assert!(again.replayed());
    let other = shop.post(&path, &order.token, Uuid::now_v7(), &json!({})).await.expect(409);
    assert_eq!(other.code(), "order_state");
    let late = shop.try_pay(&order, Uuid::now_v7()).await.expect(409);
    assert_eq!(late.code(), "order_state");
    shop.hold(&[30]).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_hold_is_gone() {
    let shop = Shop::with(crate::support::Wish { hold_ttl_s: 5, ..Default::default() }).await;
    let hold = shop.hold(&[40]).await;
    let order = shop.order(&hold).await;
    let expired = shop.until_status(&order, "expired").await;
    assert_eq!(expired["expires_in"], 0);
    let body = form(&hold.id);
    let late = shop.post("/api/v1/orders", &hold.token, Uuid::now_v7(), &body).await.expect(410);
    assert_eq!(late.code(), "hold_expired");
    let late = shop.try_pay(&order, Uuid::now_v7()).await.expect(409);
    assert_eq!(late.code(), "order_state");
    shop.close().await;
}
