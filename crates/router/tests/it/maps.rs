//! Seat maps are bounded: an idle one makes room, one that is watched does not.

use serde_json::json;

use crate::client::{key, until};
use crate::stream::Reader;
use crate::system::System;

#[tokio::test]
async fn an_idle_map_makes_room_and_a_watched_one_stays() {
    let system = System::start_with(|config| config.maps_max = 1).await;
    system.open("second", 0).await;
    let client = system.client();
    let seats = async |event: &str| {
        client.get(&format!("/api/v1/events/{event}/seats"), &[]).await.status.as_u16()
    };
    for _ in 0..3 {
        assert_eq!((seats("hall").await, seats("second").await), (200, 200));
    }
    let mut reader = Reader::open(&client, None).await;
    let refused = client.get("/api/v1/events/second/seats", &[]).await;
    assert_eq!(refused.problem(), (503, "overloaded".to_owned()));
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    assert_eq!(reader.event().await.data["s"], json!([["A-1-1", "h"]]));
    drop(reader);
    until("there is room again", async || (seats("second").await == 200).then_some(())).await;
}

#[tokio::test]
async fn a_map_that_nobody_uses_is_dropped_and_made_again() {
    let system = System::start_with(|config| {
        config.map_idle_ms = 300;
        config.map_poll_wait_ms = 200;
    })
    .await;
    let client = system.client();
    assert_eq!(client.seats().await["A-1-1"], "free");
    until("the map is dropped", async || {
        let text = client.get("/metrics", &[]).await.text().to_owned();
        text.contains("seatgrid_router_seat_maps 0").then_some(())
    })
    .await;
    let body = json!({"seats": ["A-1-1"]});
    assert_eq!(client.post("/api/v1/events/hall/holds", &key(), &body).await.status, 201);
    assert_eq!(client.seats().await["A-1-1"], "held");
}
