//! Staff calls about what somebody holds or bought: seated elsewhere, taken away, refunded, the
//! whole event cancelled; and a limit for one person.

use inventory::{Actor, Choice, Command, Envelope, EventNo, HoldSeats, Outcome, SeatIx};
use serde_json::{Value, json};

use crate::staff::{Call, row_of};
use crate::support::{Order, Shop, soon, until};

async fn paid(shop: &Shop, event: EventNo, seats: &[u32]) -> Order {
    let order = shop.order(&shop.hold_in(event, seats).await).await;
    let payment = shop.pay(&order).await;
    shop.decide(&payment, json!({"outcome": "succeed"})).await;
    shop.until_status(&order, "paid").await;
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_seated_elsewhere_and_get_their_money_back() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let event = shop.publish(row_of("owners", 6)).await;
    let order = paid(&shop, event, &[0, 1]).await;
    let path = format!("/orders/{}/reassign", order.id);
    let moves = json!({"moves": [{"from": "A-1-1", "to": "A-1-6"}], "block": true});
    let call = Call::post(&path, &moves);
    let moved = call.send(&shop).await.expect(200);
    let ids = |order: &Value| {
        let seats = order["seats"].as_array().expect("seats").iter();
        seats.map(|seat| seat["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&moved.body), ["A-1-2", "A-1-6"]);
    assert!(call.send(&shop).await.expect(200).replayed());
    let taken = json!({"moves": [{"from": "A-1-2", "to": "A-1-6"}]});
    let taken = Call::post(&path, &taken).send(&shop).await.expect(409);
    assert_eq!((taken.code(), taken.text("/seats/0/status")), ("seat_taken", "sold"));
    let stranger = json!({"moves": [{"from": "A-1-3", "to": "A-1-4"}]});
    Call::post(&path, &stranger).send(&shop).await.expect(400);

    // Half of one seat's price.
    let path = format!("/orders/{}/refunds", order.id);
    let half = json!({"seats": ["A-1-2"], "share_basis_points": 5_000});
    let refund = Call::post(&path, &half).send(&shop).await.expect(201);
    assert_eq!(refund.text("/amount/value"), "500.00");
    shop.until_status(&order, "partially_refunded").await;
    until("the money is back", async || {
        let now = shop.read_order(&order).await;
        (now["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    let retry = format!("/refunds/{}/retry", refund.text("/refund_id"));
    let retry = Call::post(&retry, &json!({})).send(&shop).await.expect(409);
    assert_eq!(retry.text("/refund_status"), "succeeded");

    // The other seat is taken out of the hall, with one that somebody holds.
    let hold = shop.hold_in(event, &[2]).await;
    let remove = json!({"remove": ["A-1-6", "A-1-3", "A-1-4"]});
    let removed = Call::post("/events/owners/seats", &remove).send(&shop).await.expect(200);
    assert_eq!((removed.text("/holds/0"), &removed.body["seats"]), (hold.id.as_str(), &json!(3)));
    assert_eq!(removed.body["refunds"].as_array().map(Vec::len), Some(1));
    let done = shop.until_status(&order, "refunded").await;
    assert_eq!(done["refunds"][1]["amount"]["value"], "1000.00");
    let nobody = Call::get("/orders/o1-99999").send(&shop).await.expect(404);
    assert_eq!(nobody.code(), "order_not_found");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d54_a_cancelled_event_gives_all_money_back_and_says_how_far_it_is() {
    let mut shop = Shop::open().await;
    shop.start_worker(|_| {});
    let event = shop.publish(row_of("cancelled", 4)).await;
    let progress = Call::get("/events/cancelled/cancel");
    assert_eq!(progress.send(&shop).await.expect(404).code(), "not_found");
    let order = paid(&shop, event, &[0, 1]).await;
    let waiting = shop.order(&shop.hold_in(event, &[2]).await).await;
    let none = json!({});
    let call = Call::post("/events/cancelled/cancel", &none);
    assert_eq!(call.send(&shop).await.expect(202).text("/state"), "cancelled");
    call.send(&shop).await.expect(202);
    let done = until("nothing is left to do", async || {
        let now = progress.send(&shop).await.expect(200).body;
        (now["cancel"]["done"] == true && now["refunds"]["succeeded"] == 1).then_some(now)
    })
    .await;
    assert_eq!((&done["holds"], &done["seats"]["sold"]), (&json!(0), &json!(0)));
    shop.until_status(&order, "refunded").await;
    shop.until_status(&waiting, "cancelled").await;
    shop.close().await;
}

async fn hold_as(shop: &Shop, event: EventNo, person: u128, seats: &[u32]) -> Outcome {
    let choice = Choice::Seats(seats.iter().map(|at| SeatIx(*at)).collect());
    let wish = HoldSeats { person: Some(person), ..HoldSeats::of(event, 1, choice) };
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command: Command::Hold(wish) };
    shop.grid.command(event, &envelope, soon()).await.expect("an answer").outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_gets_another_limit() {
    let shop = Shop::open().await;
    let mut hall = row_of("limits", 6);
    hall["per_person_max"] = json!(1);
    let event = shop.publish(hall).await;
    let Outcome::Held(held) = hold_as(&shop, event, 7, &[0]).await else { panic!("no hold") };
    assert!(matches!(hold_as(&shop, event, 7, &[1]).await, Outcome::Refused(_)));
    let more = json!({"hold_id": held.hold.to_string(), "max": 3});
    let set = Call::post("/events/limits/limits", &more).send(&shop).await.expect(200);
    assert_eq!(set.text("/person"), format!("{:032x}", 7));
    assert!(matches!(hold_as(&shop, event, 7, &[1, 2]).await, Outcome::Held(_)));
    assert!(matches!(hold_as(&shop, event, 8, &[3, 4]).await, Outcome::Refused(_)));
    for wrong in [json!({"max": 3}), json!({"hold_id": held.hold.to_string(), "max": 5_000})] {
        Call::post("/events/limits/limits", &wrong).send(&shop).await.expect(400);
    }
    let gone = json!({"order_id": "o1-1", "max": 3});
    Call::post("/events/limits/limits", &gone).send(&shop).await.expect(404);
    shop.close().await;
}
