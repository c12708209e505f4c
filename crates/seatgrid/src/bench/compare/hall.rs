//! The hall as seatgrid has it, so that the rivals sell the same seats.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rivals::Hall;
use serde::Deserialize;

use super::super::load::{Request, Wire};

/// The largest hall is rendered once.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Map {
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    id: String,
    status: String,
}

/// The free seats of an event, in the order of the plan.
///
/// # Errors
/// When there is no such event or nothing is free.
pub async fn of(address: &str, event: &str) -> Result<Hall> {
    let mut wire = Wire::new(address, ANSWER_WITHIN);
    let path = format!("/api/v1/events/{event}/seats");
    let answer = wire.ask(Request::get(&path, &[])).await?;
    ensure!(answer.status == 200, "the seats of {event}: {}", answer.code());
    let map: Map = serde_json::from_slice(answer.body).context("the seats")?;
    let free = map.seats.into_iter().filter(|seat| seat.status == "free");
    let seats: Vec<String> = free.map(|seat| seat.id).collect();
    ensure!(!seats.is_empty(), "{event} has no free seats");
    Ok(Hall { event: event.to_owned(), seats })
}
