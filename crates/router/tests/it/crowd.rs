//! A crowd that wants to sit together: nobody is refused while a legal place exists.
//!
//! Seats are only taken here, so once a refusal is right it stays right: whoever asks after somebody
//! was refused must be refused too, and at the end no row may have a place left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use inventory::{Plan, SaleRules};
use serde_json::json;

use crate::client::{Client, key};
use crate::hall;
use crate::system::System;

const ROW_SEATS: usize = 40;
const TOGETHER: usize = 3;
/// Bookers at once; `SEATGRID_CROWD` changes it: 10000 is more than the hall has places for.
const BOOKERS: usize = 160;
/// Connections that they share.
const CONNECTIONS: usize = 64;

/// What became of the crowd.
#[derive(Default)]
struct Tally {
    granted: AtomicUsize,
    refused: AtomicUsize,
    /// Somebody was refused: nobody who asks from now on may be served.
    full: AtomicBool,
}

async fn book(client: &Client, tally: &Tally) {
    let was_full = tally.full.load(Ordering::SeqCst);
    let wish = json!({"best": {"number": TOGETHER, "together": true}});
    let key = key();
    // Too late on a slow machine is no answer to the question: the same key asks again.
    let answer = loop {
        let answer = client.post("/api/v1/events/stalls/holds", &key, &wish).await;
        if answer.status != 503 {
            break answer;
        }
    };
    if answer.status == 201 {
        assert!(!was_full, "served after another was refused");
        assert_eq!(answer.json()["next_to_each_other"], true);
        tally.granted.fetch_add(1, Ordering::SeqCst);
    } else {
        assert_eq!(answer.status, 409, "{answer:?}");
        tally.full.store(true, Ordering::SeqCst);
        tally.refused.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_refused_while_three_sit_together_somewhere() {
    let bookers = std::env::var("SEATGRID_CROWD").map_or(BOOKERS, |n| n.parse().expect("a number"));
    crowd(200, bookers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_there_are_places_for_are_refused_once_none_is_left() {
    crowd(10, BOOKERS).await;
}

async fn crowd(rows: usize, bookers: usize) {
    let system = System::start().await;
    let rules = SaleRules::default();
    let open = |no| {
        vec![hall::open_with(
            no,
            "stalls",
            (rules, Plan::hall((rows * ROW_SEATS) as u32, ROW_SEATS as u32)),
            |sale| sale.hold_ttl_ms = 1_800_000,
        )]
    };
    system.run("stalls", open).await;
    let tally = Arc::new(Tally::default());
    let turn = Arc::new(AtomicUsize::new(0));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS.min(bookers) {
        let (client, tally, turn) = (system.client(), Arc::clone(&tally), Arc::clone(&turn));
        crowd.spawn(async move {
            while turn.fetch_add(1, Ordering::SeqCst) < bookers {
                book(&client, &tally).await;
            }
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.expect("no panic");
    }
    let (granted, refused) =
        (tally.granted.load(Ordering::SeqCst), tally.refused.load(Ordering::SeqCst));
    let places = rows * (ROW_SEATS / TOGETHER);
    assert_eq!(granted + refused, bookers);
    let told = format!("{granted} served, {refused} refused, {places} places");
    assert!(granted >= bookers.min(places * 9 / 10), "{told}");
    no_place_is_left(&system.client(), (granted, refused)).await;
}

/// Reads every seat: as many are held as were granted, and who was refused was refused rightly.
async fn no_place_is_left(client: &Client, (granted, refused): (usize, usize)) {
    let answer = client.get("/api/v1/events/stalls/seats?fresh=true", &[]).await;
    let seats = answer.json()["seats"].as_array().expect("seats").clone();
    let free: Vec<bool> = seats.iter().map(|seat| seat["status"] == "free").collect();
    assert_eq!(free.iter().filter(|free| !**free).count(), granted * TOGETHER);
    let mut rows = free.chunks(ROW_SEATS);
    let has_place = rows.any(|row| row.windows(TOGETHER).any(|run| run.iter().all(|free| *free)));
    assert!(refused == 0 || !has_place, "{refused} were refused though a place is left");
}
