//! Plan, seats and availability as the contract writes them; entity tags.

use serde_json::json;

use crate::hall::SEATS;
use crate::system::System;

#[tokio::test]
async fn the_plan() {
    let system = System::start().await;
    let client = system.client();
    let path = "/api/v1/events/hall/plan";
    let answer = client.get(path, &[]).await;
    assert_eq!(answer.status, 200);
    let plan = answer.json();
    assert_eq!(plan["event_id"], "hall");
    assert_eq!((&plan["version"], &plan["seat_count"]), (&json!(1), &json!(SEATS)));
    let price = json!({"value": "999.50", "currency": "RUB"});
    assert_eq!(plan["tiers"][2], json!({"id": "side", "name": "Side", "price": price}));
    let section = &plan["sections"][0];
    assert_eq!((&section["kind"], &section["name"]), (&json!("seated"), &json!("Section \"A\"")));
    let seat = json!({"number": "1", "tier": "back", "x": 1.5, "y": 2.25, "accessible": false});
    assert_eq!(section["rows"][1]["seats"][0], seat);

    let tag = answer.header("etag").to_owned();
    let again = client.get(path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), tag);
}

#[tokio::test]
async fn seats_as_json_and_as_bits() {
    let system = System::start().await;
    let client = system.client();
    let held = client.hold(&json!({"seats": ["A-1-2", "B-1-6"]})).await;
    assert_eq!(held.status, 201);

    let path = "/api/v1/events/hall/seats";
    let answer = client.get(path, &[]).await;
    let seats = answer.json()["seats"].as_array().expect("a list").clone();
    assert_eq!(seats.len(), SEATS);
    let second = json!({"id": "A-1-2", "section": "A", "row": "1", "number": "2",
        "tier": "front", "status": "held"});
    assert_eq!((&seats[0]["status"], &seats[1]), (&json!("free"), &second));
    assert_eq!(answer.json()["version"].to_string(), answer.header("grid-version"));
    assert_eq!(answer.header("content-type"), "application/json");

    let kind = "application/vnd.seatgrid.bitmap";
    let bitmap = client.get(path, &[("accept", kind)]).await;
    // Seat 1 in bits 2 and 3 of the first byte, seat 25 in bits 2 and 3 of the last.
    assert_eq!(&bitmap.body[..], [0b0100, 0, 0, 0, 0, 0, 0b0100]);
    assert_eq!(bitmap.header("content-type"), kind);
    assert_eq!(bitmap.header("grid-version"), answer.header("grid-version"));
    assert_eq!(bitmap.header("vary"), "Accept");

    let (tag, other) = (answer.header("etag").to_owned(), bitmap.header("etag").to_owned());
    assert_ne!(tag, other);
    let same = client.get(path, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (304, tag.as_str()));
    let same = client.get(path, &[("if-none-match", &other), ("accept", kind)]).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    assert_eq!(client.hold(&json!({"seats": ["A-1-1"]})).await.status, 201);
    assert_eq!(client.get(path, &[("if-none-match", &tag)]).await.status, 200);
}

#[tokio::test]
async fn availability_counts_by_section_and_tier() {
    let system = System::start().await;
    let client = system.client();
    client.hold(&json!({"seats": ["A-1-2", "A-2-1", "B-1-6"]})).await;
    let answer = client.get("/api/v1/events/hall/availability?fresh=true", &[]).await;
    let body = answer.json();
    let counts = ["total", "free", "held", "sold", "blocked"].map(|n| body[n].as_u64());
    assert_eq!(counts, [Some(26), Some(23), Some(3), Some(0), Some(0)]);
    assert_eq!(
        (&body["sections"][0]["id"], &body["sections"][0]["free"]),
        (&json!("A"), &json!(18))
    );
    assert_eq!(body["tiers"][2]["free"], 5);
    assert_eq!(body["tiers"][2]["price"], json!({"value": "999.50", "currency": "RUB"}));
    assert_eq!(body["version"].to_string(), answer.header("grid-version"));
    assert!(body["age_ms"].as_u64().is_some_and(|age| age < 1_000), "{body}");
    let as_of = body["as_of"].as_str().expect("text");
    assert!(as_of.ends_with('Z') && as_of.len() == 24, "{as_of}");
}
