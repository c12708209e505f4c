//! Between processes that are ready and a shop that is open: what is on sale can be looked at by a
//! visitor, through the public port. Only then does `up` say `ready`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::http_call;

/// How long the doors stay closed for an event that cannot be looked at; then the others are sold.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Events that are looked at.
const EVENTS_MAX: usize = 16;
const OK: u16 = 200;

/// Waits until the events that the shop lists answer from the grid; with demo data until there are any.
/// Never longer than [`OPEN_MAX`].
pub async fn wait(port: u16, is_demo: bool) {
    let shop = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let give_up = Instant::now() + OPEN_MAX;
    while Instant::now() < give_up {
        match listed(shop).await {
            Some(events) if !events.is_empty() || !is_demo => {
                return all_open(shop, events, give_up).await;
            }
            Some(_) | None => sleep(LOOK_EVERY).await,
        }
    }
    tracing::warn!("the catalogue does not answer yet");
}

async fn all_open(shop: SocketAddr, events: Vec<String>, give_up: Instant) {
    for event in events {
        let path = format!("/api/v1/events/{event}/availability?fresh=true");
        while !answers(shop, &path).await {
            if Instant::now() > give_up {
                tracing::warn!(event, "an event does not answer yet");
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn answers(shop: SocketAddr, path: &str) -> bool {
    http_call::get(shop, path).await.is_ok_and(|(status, _)| status == OK)
}

/// The first events of the shop's list; `None` while it cannot be read.
async fn listed(shop: SocketAddr) -> Option<Vec<String>> {
    let path = format!("/api/v1/events?limit={EVENTS_MAX}");
    let (status, body) = http_call::get(shop, &path).await.ok()?;
    if status != OK {
        return None;
    }
    let list: Value = serde_json::from_str(&body).ok()?;
    let id = |event: &Value| event["id"].as_str().map(str::to_owned);
    Some(list["items"].as_array()?.iter().filter_map(id).collect())
}
