//! Staff keeps the catalogue: artists, venues, plans and events, from a draft to its sale.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::staff::Call;
use crate::support::{Answer, STAFF_TOKEN, Shop, read, until};

async fn post(shop: &Shop, path: &str, body: Value) -> Answer {
    Call::post(path, &body).send(shop).await
}

async fn patch(shop: &Shop, path: &str, if_match: Option<&str>, body: Value) -> Answer {
    Call { method: Method::PATCH, if_match, ..Call::post(path, &body) }.send(shop).await
}

async fn delete(shop: &Shop, path: &str) -> Answer {
    Call { method: Method::DELETE, ..Call::get(path) }.send(shop).await
}

/// Pointers of all faults.
fn faults(answer: &Answer) -> Vec<String> {
    let all = answer.body["errors"].as_array().expect("faults").iter();
    all.map(|fault| fault["pointer"].as_str().expect("a pointer").to_owned()).collect()
}

async fn venue(shop: &Shop) -> String {
    let form = json!({"name": "Blue Hall", "city": "Тверь", "address": "Набережная, 5",
        "timezone": "Europe/Moscow"});
    post(shop, "/venues", form).await.expect(201).text("/id").to_owned()
}

/// Two rows of two seats and an area.
fn plan_form(venue: &str) -> Value {
    let seat = |number: &str, tier: &str, x: f64| json!({"number": number, "tier": tier, "x": x, "y": 1.25});
    json!({"venue_id": venue, "name": "Small", "sections": [
        {"id": "B", "name": "Balcony", "kind": "seated", "rows": [
            {"label": "1", "seats": [seat("1", "best", 1.0), seat("2", "best", 2.0)]},
            {"label": "2", "seats": [seat("1", "best", 1.5), seat("2", "best", 2.5)]}]},
        {"id": "floor", "name": "Floor", "kind": "area", "capacity": 50, "tier": "dance"}]})
}

fn event_form(venue: &str, plan: &str, artists: &[&str]) -> Value {
    let price = |value: &str| json!({"value": value, "currency": "RUB"});
    json!({"name": "Blue Night", "description": "One evening.", "artist_ids": artists,
        "venue_id": venue, "plan_id": plan, "starts_at": "2090-05-01T19:00:00+03:00",
        "currency": "RUB",
        "tiers": [{"id": "best", "name": "Best", "price": price("2500.00")},
            {"id": "dance", "name": "Dance", "price": price("900.00")}],
        "sale": {"opens_at": "2020-01-01T00:00:00Z", "closes_at": "2090-05-01T15:00:00Z",
            "short_notice_reason": null},
        "limits": {"per_person": 4, "per_hold": 3}, "hold_ttl_s": 120})
}

async fn draft(shop: &Shop) -> Answer {
    let venue = venue(shop).await;
    let plan = post(shop, "/plans", plan_form(&venue)).await.expect(201);
    post(shop, "/events", event_form(&venue, plan.text("/id"), &["northern-wind"]))
        .await
        .expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artist_is_made_once_edited_cleared_and_removed() {
    let shop = Shop::open().await;
    let form = json!({"name": "Ночной трамвай · Night Tram", "occupation": "Band", "genre": "Jazz",
        "bio": null, "works": [{"title": "Depot", "year": 2024}]});
    let call = Call::post("/artists", &form);
    let made = call.send(&shop).await.expect(201);
    let id = made.text("/id").to_owned();
    assert!(id.starts_with("night-tram-"), "{id}");
    let again = call.send(&shop).await.expect(201);
    assert!(again.replayed() && again.text("/id") == id, "the same key makes one");
    let other = json!({"name": "Other"});
    let conflict = Call { body: Some(&other), ..call }.send(&shop).await.expect(422);
    assert_eq!(conflict.code(), "idempotency_conflict");

    let path = format!("/artists/{id}");
    assert_eq!(
        patch(&shop, &path, None, json!({})).await.expect(428).code(),
        "precondition_required"
    );
    let edit = json!({"genre": null, "bio": "Two trams, one depot."});
    let edited = patch(&shop, &path, Some("\"1\""), edit).await.expect(200);
    assert_eq!(
        (&edited.body["genre"], edited.text("/bio")),
        (&Value::Null, "Two trams, one depot.")
    );
    assert_eq!((edited.text("/occupation"), &edited.body["revision"]), ("Band", &json!(2)));
    let late = patch(&shop, &path, Some("\"1\""), json!({"name": "X"})).await.expect(412);
    assert_eq!(late.code(), "version_mismatch");
    until("shoppers read it", async || {
        let shown = shop.get(&format!("/api/v1/artists/{id}"), "").await;
        (shown.status == 200 && shown.body["genre"].is_null()).then_some(())
    })
    .await;

    assert_eq!(delete(&shop, "/artists/northern-wind").await.expect(409).code(), "refused_unsafe");
    delete(&shop, &path).await.expect(204);
    assert_eq!(Call::get(&path).send(&shop).await.expect(404).code(), "artist_not_found");
    let url = shop.database.as_ref().expect("its own").url().to_owned();
    let mut db = PgConnection::connect(&url).await.expect("connected");
    let changes: Vec<(String, bool)> = sqlx::query_as(
        "select action, subject is not null from office.change where entity_id = $1 order by id",
    )
    .bind(&id)
    .fetch_all(&mut db)
    .await
    .expect("the record of changes");
    let words: Vec<_> = changes.iter().map(|(action, known)| (action.as_str(), *known)).collect();
    assert_eq!(words, [("created", true), ("edited", true), ("deleted", true)]);
    db.close().await.expect("closed");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_forms_are_refused_with_every_fault_named() {
    let shop = Shop::open().await;
    let works =
        json!({"name": " ", "works": [{"title": "", "year": 2024}, {"title": "B", "year": 99}]});
    let wrong = post(&shop, "/artists", works).await.expect(400);
    assert_eq!(faults(&wrong), ["/name", "/works/0/title", "/works/1/year"]);
    let unknown = post(&shop, "/artists", json!({"name": "A", "age": 3})).await.expect(400);
    assert_eq!(unknown.code(), "invalid_request");
    let zone = json!({"name": "V", "city": "C", "address": "A", "timezone": "Mars/Olympus"});
    assert_eq!(faults(&post(&shop, "/venues", zone).await.expect(400)), ["/timezone"]);
    let nowhere = post(&shop, "/plans", plan_form("nowhere")).await.expect(400);
    assert_eq!(faults(&nowhere), ["/venue_id"]);

    let venue = venue(&shop).await;
    let mut twice = plan_form(&venue);
    twice["sections"][1]["id"] = json!("B");
    assert_eq!(faults(&post(&shop, "/plans", twice).await.expect(400)), ["/sections"]);
    let plan = post(&shop, "/plans", plan_form(&venue)).await.expect(201).text("/id").to_owned();
    let good = event_form(&venue, &plan, &[]);
    for (pointer, value, expected) in [
        ("/name", json!(""), vec!["/name"]),
        ("/name", json!("Ы".repeat(101)), vec!["/name"]),
        ("/artist_ids", json!(["nobody"]), vec!["/artist_ids/0"]),
        ("/venue_id", json!("nowhere"), vec!["/venue_id"]),
        ("/venue_id", json!("white-hall"), vec!["/plan_id"]),
        ("/plan_id", json!("none"), vec!["/plan_id"]),
        ("/plan_id", Value::Null, vec!["/plan_id"]),
        ("/starts_at", json!("soon"), vec!["/starts_at"]),
        ("/currency", json!("rubles"), vec!["/currency", "/tiers/0/price", "/tiers/1/price"]),
        ("/tiers/0/price/value", json!("1.234"), vec!["/tiers/0/price"]),
        ("/tiers/1/id", json!("other"), vec!["/tiers"]),
        ("/sale/closes_at", json!("2019-01-01T00:00:00Z"), vec!["/sale/closes_at"]),
        ("/sale/opens_at", json!("2090-03-15T00:00:00Z"), vec!["/sale/short_notice_reason"]),
        (
            "/limits",
            json!({"per_person": 0, "per_hold": 101}),
            vec!["/limits/per_person", "/limits/per_hold"],
        ),
        ("/hold_ttl_s", json!(4), vec!["/hold_ttl_s"]),
        ("/hold_ttl_s", json!(1_801), vec!["/hold_ttl_s"]),
    ] {
        let mut form = good.clone();
        *form.pointer_mut(pointer).expect("a member") = value;
        let answer = post(&shop, "/events", form).await.expect(400);
        assert_eq!(faults(&answer), expected, "{pointer}");
    }
    let mut terms = good.clone();
    terms["rules"] = json!({"offer_ttl_s": 1});
    assert_eq!(faults(&post(&shop, "/events", terms).await.expect(400)), ["/rules"]);
    let list = Call::get("/events?limit=100").send(&shop).await.expect(200);
    assert_eq!(list.body["items"].as_array().map(Vec::len), Some(4), "nothing was made");
    for wrong in ["/events?limit=0", "/artists?colour=red"] {
        assert_eq!(Call::get(wrong).send(&shop).await.expect(400).code(), "invalid_request");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_comes_from_a_spreadsheet_and_is_read_back() {
    let shop = Shop::open().await;
    let venue = venue(&shop).await;
    let send = async |query: &str, text: &str| {
        let url = format!("{}/api/v1/admin/plans?{query}", shop.office);
        let request = shop.http.post(url).bearer_auth(STAFF_TOKEN);
        let request = request.header("content-type", "text/csv; charset=utf-8");
        read(request.body(text.to_owned())).await
    };
    let text = "section,row,number,tier,x,y,flags\nB,1,1,best,1,2.5,\n\
        B,1,2,best,2,2.5,accessible\nfloor,,500,dance,,,area\n";
    let named = format!("venue_id={venue}&name=From%20a%20file");
    let made = send(&named, text).await.expect(201);
    let id = made.text("/id").to_owned();
    let stored = Call::get(&format!("/plans/{id}")).send(&shop).await.expect(200);
    assert_eq!(
        stored.body["sections"][0]["rows"][0]["seats"][1],
        json!({"number": "2", "tier": "best", "x": 2.0, "y": 2.5, "accessible": true, "companion": false})
    );
    assert_eq!(stored.body["sections"][1]["capacity"], json!(500));
    let wrong =
        send(&named, "section,row,number,tier,x,y,flags\nB,1,1,best,1,2,vip\n").await.expect(400);
    assert!(
        wrong.body["errors"][0]["detail"].as_str().is_some_and(|d| d.starts_with("line 2:")),
        "{wrong:?}"
    );
    send("name=x", text).await.expect(400);
    let renamed =
        patch(&shop, &format!("/plans/{id}"), Some("\"1\""), json!({"name": "New"})).await;
    assert_eq!(renamed.expect(200).body["sections"], stored.body["sections"], "only the name");
    let list = Call::get("/plans").send(&shop).await.expect(200);
    assert_eq!(
        (list.text("/items/0/name"), &list.body["items"][0]["sections"]),
        ("New", &Value::Null)
    );
    assert_eq!(
        delete(&shop, &format!("/venues/{venue}")).await.expect(409).code(),
        "refused_unsafe"
    );
    delete(&shop, &format!("/plans/{id}")).await.expect(204);
    delete(&shop, &format!("/venues/{venue}")).await.expect(204);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_from_draft_to_its_sale() {
    let shop = Shop::open().await;
    let made = draft(&shop).await;
    let id = made.text("/id").to_owned();
    let path = format!("/events/{id}");
    assert_eq!((made.text("/status"), &made.body["grid"]), ("draft", &Value::Null));
    assert_eq!(made.text("/starts_at"), "2090-05-01T16:00:00.000Z");
    assert_eq!(
        shop.get(&format!("/api/v1/events/{id}"), "").await.expect(404).code(),
        "event_not_found"
    );

    let cheaper = json!({"tiers": [
        {"id": "best", "name": "Best", "price": {"value": "2000.00", "currency": "RUB"}},
        {"id": "dance", "name": "Dance", "price": {"value": "800.00", "currency": "RUB"}}],
        "rules": {"fee": {"basis_points": 1000}}});
    let edited = patch(&shop, &path, Some("\"1\""), cheaper).await.expect(200);
    assert_eq!(edited.text("/tiers/0/price/value"), "2000.00");

    let none = json!({});
    let published = Call::post(&format!("{path}/publish"), &none).send(&shop).await.expect(200);
    assert_eq!(
        (published.text("/status"), published.text("/grid/state")),
        ("published", "on_sale")
    );
    assert_eq!(published.body["grid"]["seats"]["total"], json!(54));
    Call::post(&format!("{path}/publish"), &none).send(&shop).await.expect(200);
    let shown = shop.get(&format!("/api/v1/events/{id}"), "").await.expect(200);
    assert_eq!((shown.text("/name"), shown.text("/tiers/0/fee/value")), ("Blue Night", "200.00"));
    assert_eq!(shown.body["limits"]["per_person"], json!(4));

    let revision = published.body["revision"].to_string();
    let tag = format!("\"{revision}\"");
    for (member, change) in [
        ("hold_ttl_s", json!({"hold_ttl_s": 60})),
        ("limits", json!({"limits": {"per_person": 9}})),
        ("starts_at", json!({"starts_at": "2091-01-01T00:00:00Z"})),
        ("rules", json!({"rules": {"waitlist_ttl_s": 60}})),
    ] {
        let kept = patch(&shop, &path, Some(&tag), change).await.expect(409);
        assert_eq!((kept.code(), kept.text("/member")), ("event_state", member));
    }
    let words = json!({"name": "Blue Nights", "artist_ids": ["vera-solntseva", "northern-wind"],
        "sale": {"closes_at": "2090-04-30T12:00:00Z"}});
    let edited = patch(&shop, &path, Some(&tag), words).await.expect(200);
    assert_eq!(edited.text("/grid/closes_at"), "2090-04-30T12:00:00.000Z", "told to the grid");
    until("the new name and bill are shown", async || {
        let shown = shop.get(&format!("/api/v1/events/{id}"), "").await.body;
        let bill = shown["artists"].as_array().map(Vec::len);
        (shown["name"] == "Blue Nights" && bill == Some(2)).then_some(())
    })
    .await;
    assert_eq!(delete(&shop, &path).await.expect(409).code(), "refused_unsafe");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_removed_and_one_whose_time_is_over_is_not_published() {
    let shop = Shop::open().await;
    let made = draft(&shop).await;
    let path = format!("/events/{}", made.text("/id"));
    let past = json!({"starts_at": "2021-05-01T19:00:00Z",
        "sale": {"closes_at": "2021-05-01T18:00:00Z"}});
    patch(&shop, &path, Some("\"1\""), past).await.expect(200);
    let none = json!({});
    let over = Call::post(&format!("{path}/publish"), &none).send(&shop).await.expect(409);
    assert_eq!(over.code(), "event_state");
    delete(&shop, &path).await.expect(204);
    assert_eq!(Call::get(&path).send(&shop).await.expect(404).code(), "event_not_found");
    shop.close().await;
}
