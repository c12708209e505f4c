//! The waiting room through HTTP (A10): five hundred are there when the sale opens, the draw is made
//! again from what is published, turns come in its order, and nobody holds without one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::Method;
use inventory::{
    Actor, Command, Envelope, EventNo, FeedPosition, OpenQueue, Outcome, QueueRules, SaleRules,
    SetWindow,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Answer, Client, PATIENCE, key, until};
use crate::hall::{self, plan};
use crate::system::System;

const PEOPLE: usize = 500;
/// Connections that they share.
const CONNECTIONS: usize = 16;
const QUEUE: &str = "/api/v1/events/gala/queue";
const HOLDS: &str = "/api/v1/events/gala/holds";
const CLOSES_AT_MS: u64 = 3_900_000_000_000;
const SEED: [u8; 32] = [42; 32];

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64
}

/// A sale that opens in an hour, with a waiting room in front of it.
async fn start(admit_per_s: u32) -> System {
    let system = System::start().await;
    system
        .run("gala", |event| {
            let rules = SaleRules {
                waitlist_ttl_ms: Some(60_000),
                accessible_public_at_ms: Some(1),
                ..SaleRules::default()
            };
            let later = |sale: &mut inventory::Sale| {
                (sale.opens_at_ms, sale.hold_ttl_ms) = (now_ms() + 3_600_000, 1_800_000);
            };
            let (turn_ttl_ms, claim_ttl_ms) = (1_800_000, 1_800_000);
            let rules_of_turns = QueueRules { admit_per_s, turn_ttl_ms, claim_ttl_ms };
            let queue = OpenQueue { event, rules: rules_of_turns, seed: SEED };
            vec![hall::open_with(event, "gala", (rules, plan()), later), Command::OpenQueue(queue)]
        })
        .await;
    system
}

/// The sale opens now: PostgreSQL has everything, and the window begins a moment ago.
async fn open_sale(system: &System) {
    let deadline = Instant::now() + PATIENCE;
    let event = EventNo(system.grid.pin("gala", deadline).await.expect("pinned").number);
    let shard = system.grid.shard_of(event, deadline).await.expect("has a shard");
    let limits = (10_000, Duration::ZERO);
    let feed = system.grid.feed(shard, FeedPosition::default(), limits, deadline).await;
    let last = feed.expect("a feed").records.last().expect("an opening").last();
    system.grid.acknowledge(shard, last, deadline).await.expect("acknowledged");
    let opens_at_ms = now_ms() - 1_000;
    let command = Command::SetWindow(SetWindow { event, opens_at_ms, closes_at_ms: CLOSES_AT_MS });
    let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
    let reply = system.grid.command(event, &envelope, deadline).await.expect("an answer");
    assert_eq!(reply.outcome, Outcome::WindowSet);
}

/// Somebody in the waiting room.
#[derive(Debug, Clone)]
struct Person {
    ticket: String,
    token: String,
    salt: String,
}

async fn enter(client: &Client, key: &str) -> Person {
    let answer = loop {
        let answer = client.post(QUEUE, key, &json!({})).await;
        if answer.status != 503 {
            break answer;
        }
    };
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let text = |member: &str| body[member].as_str().expect("text").to_owned();
    Person { ticket: text("ticket"), token: text("token"), salt: text("salt") }
}

async fn look(client: &Client, person: &Person) -> Value {
    let headers = [("x-hold-token", person.token.as_str())];
    let path = format!("/api/v1/queue/{}", person.ticket);
    loop {
        let answer = client.get(&path, &headers).await;
        if answer.status != 503 {
            assert_eq!(answer.status, 200, "{answer:?}");
            return answer.json();
        }
    }
}

async fn hold(client: &Client, token: Option<&str>) -> Answer {
    let key = key();
    let mut headers = vec![("content-type", "application/json"), ("idempotency-key", &*key)];
    headers.extend(token.map(|token| ("x-hold-token", token)));
    client.send(Method::POST, HOLDS, &headers, br#"{"best":{"number":1}}"#).await
}

/// The crowd comes over several connections at once.
async fn crowd(system: &System) -> Vec<Person> {
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = system.client();
        tasks.push(tokio::spawn(async move {
            let mut people = Vec::new();
            for _ in 0..PEOPLE.div_ceil(CONNECTIONS) {
                people.push(enter(&client, &key()).await);
            }
            people
        }));
    }
    let mut people = Vec::new();
    for task in tasks {
        people.extend(task.await.expect("came in"));
    }
    people
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

fn sha(parts: &[&[u8]]) -> Vec<u8> {
    Sha256::digest(parts.concat()).to_vec()
}

/// Everything published about a draw, page by page.
async fn published(client: &Client) -> (Value, Vec<Value>) {
    let first = client.get("/api/v1/events/gala/draw?limit=200", &[]).await.json();
    let (mut page, mut items) = (first.clone(), Vec::new());
    loop {
        items.extend(page["items"].as_array().expect("a list").clone());
        let Some(after) = page["next_after"].as_u64() else { return (first, items) };
        let path = format!("/api/v1/events/gala/draw?after={after}&limit=200");
        page = client.get(&path, &[]).await.json();
    }
}

/// The draw made again by nothing but SHA-256 from the published document: place by number.
fn drawn_again(told: &Value, items: &[Value]) -> BTreeMap<u64, u64> {
    let seed = bytes(told["seed"].as_str().expect("told"));
    assert_eq!(sha(&[&seed]), bytes(told["commitment"].as_str().expect("told")), "promised");
    let mut crowd = vec![0; 32];
    for (at, item) in items.iter().enumerate() {
        let number = at as u64 + 1;
        assert_eq!(item["number"], number);
        let salt = bytes(item["salt"].as_str().expect("told"));
        crowd = sha(&[&crowd, &number.to_be_bytes(), &salt]);
    }
    assert_eq!(crowd, bytes(told["crowd"].as_str().expect("told")), "nobody added or left out");
    let draw = sha(&[&seed, &crowd]);
    let mut ranks: Vec<(Vec<u8>, u64)> = (1..=items.len() as u64)
        .map(|number| (sha(&[&draw, &number.to_be_bytes()]), number))
        .collect();
    ranks.sort();
    ranks.into_iter().zip(1..).map(|((_, number), place)| (number, place)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draw_for_everybody_present_that_anybody_can_make_again() {
    let system = start(10).await;
    let client = system.client();
    let before = client.get("/api/v1/events/gala/draw", &[]).await.json();
    assert_eq!((&before["status"], &before["seed"]), (&json!("open"), &Value::Null));
    let people = crowd(&system).await;
    let tickets: BTreeSet<&str> = people.iter().map(|one| one.ticket.as_str()).collect();
    assert!(people.len() >= PEOPLE && tickets.len() == people.len());
    let one = look(&client, &people[0]).await;
    assert_eq!((&one["status"], &one["place"]), (&json!("waiting"), &Value::Null), "{one}");
    assert_eq!(one["present"], people.len());
    let early = hold(&client, Some(&people[0].token)).await;
    assert_eq!(early.problem(), (409, "sale_not_open".into()));

    open_sale(&system).await;
    until("the draw is made", async || {
        let told = client.get("/api/v1/events/gala/draw?limit=1", &[]).await.json();
        (told["status"] == "drawn").then_some(())
    })
    .await;
    let (told, items) = published(&client).await;
    assert_eq!(told["commitment"], before["commitment"]);
    assert_eq!((told["places"].as_u64(), items.len()), (Some(people.len() as u64), people.len()));
    let places = drawn_again(&told, &items);
    for item in &items {
        let number = item["number"].as_u64().expect("a number");
        assert_eq!(item["place"].as_u64(), places.get(&number).copied(), "{item}");
    }
    // Everybody finds what they brought along under their own number.
    for person in &people {
        let number = number_of(&person.ticket);
        assert_eq!(items[number as usize - 1]["salt"], person.salt, "{person:?}");
    }

    let of = |place: u64| {
        let is = |person: &&Person| places[&number_of(&person.ticket)] == place;
        people.iter().find(is).expect("somebody has the place")
    };
    // The first has a turn and holds; the last waits, with an honest place and time.
    let (first, last) = (of(1), of(people.len() as u64));
    until("the first turn", async || {
        (look(&client, first).await["status"] == "ready").then_some(())
    })
    .await;
    assert_eq!(hold(&client, Some(&first.token)).await.status, 201);
    let waits = look(&client, last).await;
    let place = waits["place"].as_u64().expect("in the line");
    assert_eq!(waits["status"], "waiting");
    assert_eq!(waits["eta_s"].as_u64(), Some(place.div_ceil(10)), "{waits}");
    assert!(place <= people.len() as u64 && waits["remaining_seats"].as_u64() < Some(26));
    // Nobody else holds: not who waits, not a stranger, not with somebody else's place.
    for token in [Some(last.token.as_str()), None] {
        let refused = hold(&client, token).await;
        assert_eq!(refused.problem(), (403, "queue_required".into()));
        assert_eq!(refused.json()["queue"], QUEUE);
    }
    let other = [("x-hold-token", last.token.as_str())];
    let foreign = client.get(&format!("/api/v1/queue/{}", first.ticket), &other).await;
    assert_eq!(foreign.problem(), (404, "not_found".into()));
}

/// The number that stands in a ticket: `q<event>-<number>`.
fn number_of(ticket: &str) -> u64 {
    ticket.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_place_a_person_and_none_when_nothing_is_left() {
    // D74, D75, D77.
    let system = start(10_000).await;
    let client = system.client();
    let again = key();
    let person = enter(&client, &again).await;
    assert_eq!(enter(&client, &again).await.ticket, person.ticket, "a retry");
    let key = key();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", &*key),
        ("x-hold-token", &*person.token),
    ];
    let tab = client.send(Method::POST, QUEUE, &headers, b"{}").await.json();
    assert_eq!(tab["ticket"], person.ticket, "another tab");
    let nobody = client.get("/api/v1/queue/q1-77", &[]).await;
    assert_eq!(nobody.problem(), (404, "not_found".into()));
    let none = client.post("/api/v1/events/hall/queue", &again, &json!({})).await;
    assert_eq!(none.problem(), (404, "not_found".into()), "it has no waiting room");
    let none = client.get("/api/v1/events/hall/draw", &[]).await;
    assert_eq!(none.problem(), (404, "not_found".into()));

    open_sale(&system).await;
    let ready = until("the turn", async || {
        let told = look(&client, &person).await;
        (told["status"] == "ready").then_some(told)
    })
    .await;
    assert!(ready["expires_in"].as_u64() > Some(1_000), "taken by looking: {ready}");
    let client = Arc::new(client);
    for _ in 0..hall::SEATS {
        assert_eq!(hold(&client, Some(&person.token)).await.status, 201);
    }
    // All is held, so something may come back: people are let in and told the truth.
    let late = enter(&client, &crate::client::key()).await;
    let told = look(&client, &late).await;
    assert_eq!((&told["status"], &told["remaining_seats"]), (&json!("waiting"), &json!(0)));
}

#[tokio::test]
async fn pages_know_where_people_wait() {
    let system = start(5).await;
    let client = system.client();
    until("the page shows the room", async || {
        let page = client.get("/events/gala", &[]).await;
        page.text().contains("data-room=\"outside\"").then_some(())
    })
    .await;
    let gala = client.get("/events/gala", &[]).await;
    assert!(gala.text().contains("data-waitlist=\"yes\""));
    let hall = client.get("/events/hall", &[]).await;
    assert_eq!(hall.status, 200);
    assert!(!hall.text().contains("data-room=") && !hall.text().contains("data-waitlist="));
}
