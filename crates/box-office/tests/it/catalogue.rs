//! The catalogue over HTTP: the demonstration events as the contract writes them.

use sqlx::{Connection, PgConnection};

use crate::support::{Shop, until};

#[tokio::test(flavor = "multi_thread")]
async fn events_artists_and_venues_are_read() {
    let shop = Shop::open().await;
    let list = shop.get("/api/v1/events", "").await.expect(200);
    let ids: Vec<_> =
        list.body["items"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, ["demo-hall", "demo-arena", "demo-open-air", "demo-club"]);
    assert!(list.body["next_cursor"].is_null());

    let event = shop.get("/api/v1/events/demo-hall", "").await.expect(200).body;
    assert_eq!(event["status"], "published");
    assert_eq!(event["hold_ttl_s"], 300);
    assert_eq!(event["limits"]["per_hold"], 6);
    assert_eq!(event["venue"]["timezone"], "Europe/Moscow");
    assert_eq!(event["tiers"][0]["price"]["value"], "9500.00");
    assert_eq!(event["tiers"][0]["price"]["currency"], "RUB");
    assert!(event["tiers"][0]["fee"].is_null(), "no fee there");
    let open_air = shop.get("/api/v1/events/demo-open-air", "").await.expect(200).body;
    let pit = &open_air["tiers"][0];
    assert_eq!(
        (&pit["price"]["value"], &pit["fee"]["value"]),
        (&"6000.00".into(), &"300.00".into())
    );
    let starts = event["starts_at"].as_str().unwrap();
    // Seven in the evening in Moscow.
    assert!(starts.ends_with("T16:00:00.000Z"), "{starts}");

    let artist = event["artists"][0]["id"].as_str().unwrap();
    let artist = shop.get(&format!("/api/v1/artists/{artist}"), "").await.expect(200);
    assert!(!artist.text("/name").is_empty());
    let venue = event["venue"]["id"].as_str().unwrap();
    shop.get(&format!("/api/v1/venues/{venue}"), "").await.expect(200);
    for (path, code) in [
        ("events/none", "event_not_found"),
        ("artists/none", "artist_not_found"),
        ("venues/none", "venue_not_found"),
        ("none", "not_found"),
    ] {
        let answer = shop.get(&format!("/api/v1/{path}"), "").await.expect(404);
        assert_eq!(answer.code(), code);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_pages_work_over_http() {
    let shop = Shop::open().await;
    let page = shop.get("/api/v1/events?limit=1", "").await.expect(200);
    let cursor = page.text("/next_cursor").to_owned();
    let next = shop.get(&format!("/api/v1/events?limit=1&cursor={cursor}"), "").await.expect(200);
    assert_eq!(next.text("/items/0/id"), "demo-arena");
    let cursor = next.text("/next_cursor");
    let last = shop.get(&format!("/api/v1/events?limit=2&cursor={cursor}"), "").await.expect(200);
    assert_eq!(last.text("/items/1/id"), "demo-club");
    assert!(last.body["next_cursor"].is_null());
    let found = shop.get("/api/v1/events?q=lanterns&city=petersburg", "").await.expect(200);
    assert_eq!(found.text("/items/0/id"), "demo-arena");
    for wrong in ["limit=0", "cursor=!", "from=soon", "colour=red"] {
        let answer = shop.get(&format!("/api/v1/events?{wrong}"), "").await.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{wrong}");
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn artists_come_in_pages_and_events_by_their_genre() {
    let shop = Shop::open().await;
    let all = shop.get("/api/v1/artists?limit=100", "").await.expect(200).body;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shop.get(&format!("/api/v1/artists?limit=1{cursor}"), "").await.expect(200);
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        assert_eq!(items.len(), 1);
        paged.extend(items);
        assert!(paged.len() < 50, "pages that go round");
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all["items"], serde_json::json!(paged));
    assert!(paged.len() > 1);
    for wrong in ["limit=0", "limit=101", "limit=x", "cursor=zz", "cursor=", "colour=red"] {
        let answer = shop.get(&format!("/api/v1/artists?{wrong}"), "").await.expect(400);
        assert_eq!(answer.code(), "invalid_request", "{wrong}");
    }
    let genre = paged.iter().find_map(|artist| artist["genre"].as_str()).expect("a genre");
    let found = shop.get(&format!("/api/v1/events?genre={}", genre.to_uppercase()), "").await;
    let found = found.expect(200).body["items"].as_array().cloned().expect("a list");
    let plays = |event: &serde_json::Value| {
        let bill = event["artists"].as_array().cloned().unwrap_or_default();
        bill.iter().any(|on| paged.iter().any(|a| a["id"] == on["id"] && a["genre"] == genre))
    };
    assert!(!found.is_empty() && found.iter().all(plays), "{found:?}");
    let none = shop.get("/api/v1/events?genre=no+such", "").await.expect(200);
    assert_eq!(none.body["items"], serde_json::json!([]));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_organiser_changes_is_shown_soon() {
    let shop = Shop::open().await;
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    sqlx::query("update office.event set name = 'Другое имя' where id = 'demo-hall'")
        .execute(&mut database)
        .await
        .expect("update");
    until("the new name is shown", async || {
        let event = shop.get("/api/v1/events/demo-hall", "").await.body;
        (event["name"] == "Другое имя").then_some(())
    })
    .await;
    database.close().await.expect("close");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_document_concerns_its_own_event_alone() {
    let shop = Shop::open().await;
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    let listed = async || {
        let list = shop.get("/api/v1/events", "").await.body;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let ids = items.iter().filter_map(|event| event["id"].as_str());
        ids.take_while(|id| *id != "demo-open-air").collect::<Vec<_>>().join(" ")
    };
    for (rules, expected) in [
        ("{\"no\": \"rule\"}", "demo-arena"),
        ("{\"fee\": \"dear\"}", "demo-arena"),
        ("{}", "demo-hall demo-arena"),
    ] {
        sqlx::query("update office.event set rules = $1::jsonb where id = 'demo-hall'")
            .bind(rules)
            .execute(&mut database)
            .await
            .expect("update");
        until("what can be read is listed", async || (listed().await == expected).then_some(()))
            .await;
    }
    database.close().await.expect("close");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_is_made_once_and_only_as_a_hash() {
    let shop = Shop::open().await;
    let url = shop.database.as_ref().expect("shared").url();
    let mut database = PgConnection::connect(url).await.expect("database");
    let hashes: Vec<String> = sqlx::query_scalar("select password_hash from office.account")
        .fetch_all(&mut database)
        .await
        .expect("accounts");
    assert_eq!(hashes.len(), 1);
    assert!(hashes[0].starts_with("$argon2id$"), "{}", hashes[0]);
    database.close().await.expect("close");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_of_the_routes_is_served() {
    let shop = Shop::open().await;
    let document = shop.get("/api/v1/openapi.json", "").await.expect(200);
    for path in ["/api/v1/orders", "/api/v1/orders/{id}/payments", "/api/v1/webhooks/{provider}"] {
        assert!(document.body["paths"][path]["post"].is_object(), "{path}");
    }
    shop.close().await;
}
