//! The live stream: deltas, resuming, resync, comments, limits.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::client::{Client, within};
use crate::system::{SOON, System};

const STREAM: &str = "/api/v1/events/hall/seats/stream";

/// One event of a stream.
#[derive(Debug)]
pub struct Event {
    pub id: u64,
    pub name: String,
    pub data: Value,
}

/// A reader of one stream.
pub struct Reader {
    body: Incoming,
    text: String,
}

impl Reader {
    pub async fn open(client: &Client, last: Option<u64>) -> Self {
        let last = last.map(|last| last.to_string());
        let headers: Vec<(&str, &str)> =
            last.iter().map(|last| ("last-event-id", last.as_str())).collect();
        let response = client.open(http::Method::GET, STREAM, &headers, b"").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next block, comments included; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = within("the stream goes on", self.body.frame()).await?.ok()?;
            let data = frame.into_data().expect("data");
            self.text += std::str::from_utf8(&data).expect("UTF-8");
        }
    }

    pub async fn event(&mut self) -> Event {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let field = |name: &str| {
                let mut lines = block.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
            };
            if let (Some(id), Some(name), Some(data)) = (field("id"), field("event"), field("data"))
            {
                let data = serde_json::from_str(&data).expect("JSON");
                return Event { id: id.parse().expect("a version"), name, data };
            }
        }
    }
}

#[tokio::test]
async fn a_hold_is_seen_by_everybody_who_looks() {
    let system = System::start().await;
    let client = system.client();
    let other = system.second_router().await;
    let mut readers = [
        Reader::open(&client, None).await,
        Reader::open(&client, None).await,
        Reader::open(&other, None).await,
    ];
    let held = client.hold(&json!({"seats": ["A-1-2", "B-1-1"]})).await.json();
    for reader in &mut readers {
        let event = tokio::time::timeout(SOON, reader.event()).await.expect("in time");
        assert_eq!((event.name.as_str(), &event.data["v"]), ("delta", &held["version"]));
        assert_eq!(event.id.to_string(), held["version"].to_string());
        assert_eq!(event.data["s"], json!([["A-1-2", "h"], ["B-1-1", "h"]]));
        assert_eq!(event.data["n"], json!({"front": 9, "side": 5}));
    }
}

#[tokio::test]
async fn an_interrupted_stream_is_resumed() {
    let system = System::start().await;
    let client = system.client();
    let mut reader = Reader::open(&client, None).await;
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    let first = reader.event().await;
    client.hold(&json!({"seats": ["A-1-2"]})).await;
    let second = reader.event().await;
    drop(reader);

    let mut resumed = Reader::open(&client, Some(first.id)).await;
    let missed = resumed.event().await;
    assert_eq!((missed.id, &missed.data), (second.id, &second.data));
    let mut knows_all = Reader::open(&client, Some(second.id)).await;
    client.hold(&json!({"seats": ["A-1-3"]})).await;
    let third = knows_all.event().await;
    assert_eq!(third.data["s"], json!([["A-1-3", "h"]]));
    assert_eq!(resumed.event().await.data, third.data);
}

#[tokio::test]
async fn whoever_was_away_too_long_is_sent_to_the_snapshot() {
    let system = System::start().await;
    let client = system.client();
    // The map is first used now: nothing before it is known here.
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    client.hold(&json!({"seats": ["A-1-2"]})).await;
    let other = system.second_router().await;
    let mut reader = Reader::open(&other, Some(1)).await;
    let event = reader.event().await;
    assert_eq!(event.name, "resync");
    assert_eq!(event.data, json!({"snapshot": "/api/v1/events/hall/seats"}));
}

#[tokio::test]
async fn whoever_is_ahead_of_the_map_is_sent_to_the_snapshot_first_of_all() {
    let system = System::start().await;
    let client = system.client();
    client.hold(&json!({"seats": ["A-1-1"]})).await;
    let newest = client.get("/api/v1/events/hall/seats", &[]).await;
    let newest: u64 = newest.header("grid-version").parse().expect("a version");
    let mut reader = Reader::open(&client, Some(newest + 100_000)).await;
    let greeting = reader.block().await.expect("a greeting");
    assert!(!greeting.contains("id:"), "an id of nobody: {greeting}");
    let event = reader.event().await;
    assert_eq!((event.name.as_str(), event.id <= newest), ("resync", true));
}

#[tokio::test]
async fn quiet_streams_are_kept_and_end_with_the_router() {
    let mut system = System::start_with(|config| config.stream_comment_ms = 1_000).await;
    let mut reader = Reader::open(&system.client(), None).await;
    let greeting = reader.block().await.expect("a greeting");
    assert!(greeting.starts_with("retry: "), "{greeting}");
    assert_eq!(reader.block().await.as_deref(), Some(": quiet"));
    system.shutdown.cancel();
    assert_eq!(reader.block().await, None);
    within("the router ends", &mut system.router).await.expect("no panic");
}

#[tokio::test]
async fn streams_are_bounded() {
    let system = System::start_with(|config| config.streams_max = 2).await;
    let client = system.client();
    let first = Reader::open(&client, None).await;
    let _second = Reader::open(&client, None).await;
    let metrics = client.get("/metrics", &[]).await;
    assert!(metrics.text().contains("seatgrid_router_streams 2"), "{}", metrics.text());
    let third = client.get(STREAM, &[]).await;
    assert_eq!(third.problem(), (503, "overloaded".to_owned()));
    assert!(!third.header("retry-after").is_empty());
    drop(first);
    crate::client::until("there is room again", async || {
        let response = client.open(http::Method::GET, STREAM, &[], b"").await;
        (response.status() == 200).then_some(())
    })
    .await;
}
