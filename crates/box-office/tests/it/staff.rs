//! Staff calls about a sale: who may call, seats, plan, codes, window.

use inventory::{
    Actor, Choice, Command, Envelope, EventNo, HoldSeats, Outcome, Refusal, SeatIx, SetWindow,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::support::{Answer, STAFF_TOKEN, Shop, read, soon, until};

/// One row of so many seats at 1,000.00.
pub fn row_of(id: &str, seats: usize) -> Value {
    let seat = |n: usize| json!({"number": n.to_string(), "tier": "all", "x": 100 * n, "y": 0});
    let seats: Vec<Value> = (1..=seats).map(seat).collect();
    json!({
        "id": id, "codes": [],
        "tiers": [{"id": "all", "name": "All", "price_minor": 100_000}],
        "plan": {"version": 1, "sections": [
            {"id": "A", "name": "Stalls", "rows": [{"label": "1", "seats": seats}]}]},
        "rules": {"waitlist_ttl_s": 300},
    })
}

/// A call of staff.
pub struct Call<'a> {
    pub method: Method,
    pub path: &'a str,
    pub key: Uuid,
    pub if_match: Option<&'a str>,
    pub body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, key: Uuid::now_v7(), if_match: None, body: None }
    }

    pub fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    pub async fn send(&self, shop: &Shop) -> Answer {
        let url = format!("{}/api/v1/admin{}", shop.office, self.path);
        let mut request = shop.http.request(self.method.clone(), url).bearer_auth(STAFF_TOKEN);
        request = request.header("idempotency-key", self.key.to_string());
        if let Some(tag) = self.if_match {
            request = request.header("if-match", tag);
        }
        if let Some(body) = self.body {
            request = request.json(body);
        }
        read(request).await
    }
}

async fn status(shop: &Shop, event: EventNo, seat: u32) -> String {
    let checked = shop.grid.check(event, soon()).await.expect("the event");
    checked.seats[seat as usize].status.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_staff_without_a_token_of_the_file() {
    let shop = Shop::open().await;
    let url = format!("{}/api/v1/admin/events/demo-hall/pause", shop.office);
    for token in [None, Some(""), Some("token-of-the-staff-in-test"), Some("first password")] {
        let mut request =
            shop.http.post(&url).header("idempotency-key", Uuid::now_v7().to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(read(request).await.expect(401).code(), "unauthenticated");
    }
    let sale = Call::get("/events/demo-hall").send(&shop).await.expect(200);
    assert_eq!(sale.text("/grid/state"), "on_sale");

    let none = json!({});
    let call = Call::post("/events/demo-hall/pause", &none);
    assert_eq!(call.send(&shop).await.expect(200).text("/state"), "paused");
    assert!(call.send(&shop).await.expect(200).replayed());
    let resumed = Call::post("/events/demo-hall/resume", &none).send(&shop).await.expect(200);
    assert_eq!(resumed.text("/state"), "on_sale");
    let nowhere = Call::post("/events/nowhere/pause", &none).send(&shop).await.expect(404);
    assert_eq!(nowhere.code(), "event_not_found");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_kept_back_given_free_and_added() {
    let shop = Shop::open().await;
    let event = shop.publish(row_of("row", 3)).await;
    let path = "/events/row/seats";
    let block = json!({"block": ["A-1-1", "A-1-2"]});
    let call = Call::post(path, &block);
    let done = call.send(&shop).await.expect(200);
    assert_eq!((done.text("/action"), &done.body["seats"]), ("blocked", &json!(2)));
    assert_eq!(status(&shop, event, 1).await, "blocked");
    assert!(call.send(&shop).await.expect(200).replayed());
    let twice = Call::post(path, &block).send(&shop).await.expect(409);
    assert_eq!((twice.code(), twice.text("/seats/0/id")), ("seat_taken", "A-1-1"));
    Call::post(path, &json!({"unblock": ["A-1-2"]})).send(&shop).await.expect(200);
    assert_eq!(status(&shop, event, 1).await, "free");

    for (wrong, pointer) in [
        (json!({"block": ["A-1-9"]}), "/block/0"),
        (json!({"block": [], "unblock": ["A-1-1"]}), ""),
        (json!({"remove": []}), "/remove"),
        (json!({"block_area": {"id": "A", "quantity": 1}}), "/block_area/id"),
        (
            json!({"add": [{"section": "A", "row": "2", "number": "1", "tier": "gold", "x": 1,
            "y": 2}]}),
            "/add/0",
        ),
    ] {
        let answer = Call::post(path, &wrong).send(&shop).await.expect(400);
        assert_eq!(answer.text("/errors/0/pointer"), pointer, "{wrong}");
    }

    let seat = |section: &str, number: u32| {
        json!({"section": section, "row": "2", "number": number.to_string(), "tier": "all",
            "x": 1.5, "y": 2.0})
    };
    let more = json!({"add": [seat("A", 1), seat("A", 2), seat("B", 1)]});
    let added = Call::post(path, &more).send(&shop).await.expect(200);
    assert_eq!((&added.body["seats"], &added.body["plan_version"]), (&json!(3), &json!(2)));
    // A retry with another key, of which the first answer was lost.
    let again = Call::post(path, &more).send(&shop).await.expect(200);
    assert_eq!(again.body["plan_version"], json!(2));
    let order = shop.order(&shop.hold_in(event, &[5]).await).await;
    assert_eq!(shop.read_order(&order).await["seats"][0]["id"], "B-2-1");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_replaced_by_one_that_loses_no_seat() {
    let shop = Shop::open().await;
    shop.publish(row_of("hall", 2)).await;
    let seat = |n: u32| json!({"number": n.to_string(), "tier": "all", "x": n, "y": 0});
    let plan = |seats: &[u32]| {
        let seats: Vec<Value> = seats.iter().map(|n| seat(*n)).collect();
        json!({"sections": [
            {"kind": "seated", "id": "A", "name": "Parterre", "rows": [{"label": "1", "seats": seats}]},
            {"kind": "area", "id": "F", "name": "Floor", "capacity": 50, "tier": "floor"}],
            "tiers": [{"id": "all", "name": "All", "price": {"value": "1200.00", "currency": "RUB"}},
                {"id": "floor", "name": "Floor", "price": {"value": "500", "currency": "RUB"}}]})
    };
    let (path, good) = ("/events/hall/plan", plan(&[1, 2]));
    let put = |body, if_match| Call { method: Method::PUT, if_match, ..Call::post(path, body) };
    assert_eq!(put(&good, None).send(&shop).await.expect(428).code(), "precondition_required");
    let old = put(&good, Some("\"7\"")).send(&shop).await.expect(412);
    assert_eq!((old.code(), &old.body["plan_version"]), ("version_mismatch", &json!(1)));
    let other = plan(&[1, 3]);
    let lost = put(&other, Some("\"1\"")).send(&shop).await.expect(412);
    assert_eq!(lost.text("/seat"), "A-1-2");
    let done = put(&good, Some("\"1\"")).send(&shop).await.expect(200);
    assert_eq!((&done.body["seats"], &done.body["plan_version"]), (&json!(50), &json!(2)));
    put(&good, Some("\"1\"")).send(&shop).await.expect(200);
    let block = json!({"block_area": {"id": "F", "quantity": 20}});
    let kept = Call::post("/events/hall/seats", &block).send(&shop).await.expect(200);
    assert_eq!(kept.body["seats"], json!(20));
    let sale = Call::get("/events/hall").send(&shop).await.expect(200);
    assert_eq!(sale.body["grid"]["seats"]["blocked"], json!(20));
    // The catalogue has it, too, for whoever opens the sale anew.
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    let stored: Value = sqlx::query_scalar("select plan from office.event where id = 'hall'")
        .fetch_one(&mut db)
        .await
        .expect("the plan");
    assert_eq!(
        (&stored["version"], &stored["sections"][1]["area"]["capacity"]),
        (&json!(2), &json!(50))
    );
    db.close().await.expect("closed");
    shop.close().await;
}

async fn with_code(shop: &Shop, event: EventNo, code: &str) -> Outcome {
    let choice = Choice::Seats(vec![SeatIx(0)]);
    let promo = Some(http_api::code_hash("codes", code));
    let wish = HoldSeats { promo, ..HoldSeats::of(event, 1, choice) };
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command: Command::Hold(wish) };
    shop.grid.command(event, &envelope, soon()).await.expect("an answer").outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_come_and_go() {
    let shop = Shop::open().await;
    let event = shop.publish(row_of("codes", 1)).await;
    let path = "/events/codes/codes";
    let code = |code: &str| {
        json!({"code": code, "kind": "promo", "basis_points": 500,
            "from": "2020-01-01T00:00:00Z", "until": "2090-01-01T00:00:00Z"})
    };
    let two = json!({"codes": [code("Spring"), code("Summer")]});
    let told = Call::post(path, &two).send(&shop).await.expect(200);
    assert_eq!((told.text("/1/code"), &told.body[1]["in_force"]), ("Summer", &json!(true)));
    let Outcome::Held(held) = with_code(&shop, event, "SPRING").await else { panic!("no hold") };
    let used = Call::get(path).send(&shop).await.expect(200);
    assert_eq!(used.body[0]["held_seats"], json!(1));

    let gone = Call { method: Method::DELETE, ..Call::get("/events/codes/codes/spring") };
    gone.send(&shop).await.expect(204);
    gone.send(&shop).await.expect(204);
    let left = Call::get(path).send(&shop).await.expect(200);
    assert_eq!((left.text("/0/code"), &left.body[1]), ("Summer", &Value::Null));
    let refused = with_code(&shop, event, "SPRING").await;
    assert_eq!(
        refused,
        Outcome::Refused(Refusal::SeatTaken {
            seats: vec![(SeatIx(0), inventory::SeatStatus::Held)]
        }),
        "the seat is looked at first"
    );
    // The publisher may tell an older copy of the catalogue once more; the next copy ends it.
    let mut last = held.hold;
    until("the code works for nobody", async || {
        let release = Command::ReleaseHold(inventory::ReleaseHold { hold: last });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command: release };
        shop.grid.command(event, &envelope, soon()).await.ok()?;
        match with_code(&shop, event, "SPRING").await {
            Outcome::Held(again) => {
                last = again.hold;
                None
            }
            outcome => (outcome == Outcome::Refused(Refusal::CodeNotValid)).then_some(()),
        }
    })
    .await;

    // Taken out of the catalogue behind the office's back: it does not work in the grid, either.
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    sqlx::query("update office.event set codes = '[]' where id = 'codes'")
        .execute(&mut db)
        .await
        .expect("edited");
    db.close().await.expect("closed");
    until("the code is void", async || {
        let known = shop.grid.codes(event, soon()).await.ok()?;
        let summer = http_api::code_hash("codes", "summer");
        known.iter().any(|one| one.code.hash == summer && one.code.until_ms == 1).then_some(())
    })
    .await;
    assert_eq!(with_code(&shop, event, "summer").await, Outcome::Refused(Refusal::CodeNotValid));
    let wrong = json!({"codes": [{"code": "", "kind": "promo", "from": "x", "until": "y"}]});
    let wrong = Call::post(path, &wrong).send(&shop).await.expect(400);
    assert_eq!(wrong.text("/errors/0/pointer"), "/codes/0/code");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_edited_closed_and_told_whenever_it_was_edited() {
    let shop = Shop::open().await;
    let event = shop.publish(row_of("window", 1)).await;
    let path = "/events/window";
    let edit = json!({"sale": {"closes_at": "2080-01-01T00:00:00Z"}});
    let patch = |if_match| Call { method: Method::PATCH, if_match, ..Call::post(path, &edit) };
    assert_eq!(patch(None).send(&shop).await.expect(428).code(), "precondition_required");
    let known = Call::get(path).send(&shop).await.expect(200);
    let tag = known.headers["etag"].to_str().expect("text").to_owned();
    let edited = patch(Some(&tag)).send(&shop).await.expect(200);
    assert_eq!(edited.text("/grid/closes_at"), "2080-01-01T00:00:00.000Z");
    assert_eq!(patch(Some(&tag)).send(&shop).await.expect(412).code(), "version_mismatch");
    let late = json!({"sale": {"opens_at": "2079-01-01T00:00:00Z"}});
    let tag = edited.headers["etag"].to_str().expect("text").to_owned();
    let late = Call { method: Method::PATCH, if_match: Some(&tag), ..Call::post(path, &late) };
    let late = late.send(&shop).await.expect(400);
    assert_eq!(late.text("/errors/0/pointer"), "/sale/short_notice_reason");

    // The grid has another window than the catalogue, as after an edit while no office was there.
    let other = SetWindow { event, opens_at_ms: 1, closes_at_ms: 4_000_000_000_000 };
    let command = Command::SetWindow(other);
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    shop.grid.command(event, &envelope, soon()).await.expect("set");
    let url = shop.database.as_ref().expect("a database of its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    sqlx::query("update office.event set hold_ttl_s = 301 where id = 'window'")
        .execute(&mut db)
        .await
        .expect("edited");
    db.close().await.expect("closed");
    until("the catalogue's window is told", async || {
        let sale = Call::get(path).send(&shop).await;
        (sale.text("/grid/closes_at") == "2080-01-01T00:00:00.000Z").then_some(())
    })
    .await;

    let none = json!({});
    let closed = Call::post("/events/window/close", &none);
    // The publisher may tell an older copy of the window once more; the next copy ends it.
    for _ in 0..2 {
        until("the sale is closed", async || {
            let answer = closed.send(&shop).await.expect(200);
            (answer.text("/grid/state") == "closed").then_some(())
        })
        .await;
    }
    shop.close().await;
}
