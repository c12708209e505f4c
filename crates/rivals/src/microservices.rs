//! The microservice version: a gateway with the product's edge, and behind it a reservation service
//! with its own database and a cache of taken seats in front of that.
//!
//! The cache refuses most wishes for taken seats without the database; it is written after the commit,
//! so that it may only say "taken" too late, never too early for longer than a release takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router as Routes};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backend::{Choice, Lost, Verdict, Wish};
use crate::postgres::Postgres;
use crate::redis::{Connection, Value};
use crate::{HOLD_TTL_S, RivalError};

/// How long the gateway waits for the service.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Connections that are kept open.
const IDLE_MAX: usize = 256;
/// An answer is a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Before the number of a taken seat in the cache; such an entry ends with its hold.
const TAKEN: &str = "taken:";

/// The contract between the two services.
#[derive(Debug, Serialize, Deserialize)]
struct Reservation {
    key: Uuid,
    hash: i64,
    seats: Vec<i32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Told {
    Granted { hold: u64, seats: Vec<i32>, is_replay: bool },
    Taken,
    Conflict,
}

/// The gateway's client of the service.
pub(crate) struct Remote {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Remote {
    pub(crate) fn new(service: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self { client, base: format!("http://{service}/reservations") }
    }

    pub(crate) async fn hold(&self, wish: Wish) -> Result<Verdict, Lost> {
        let Choice::Seats(seats) = wish.choice else {
            return Err(Lost("this rival takes named seats only".to_owned()));
        };
        let body = Reservation { key: wish.key, hash: wish.hash, seats };
        let body = serde_json::to_vec(&body).map_err(lost)?;
        let answer = self.call(Method::POST, self.base.clone(), body.into()).await?;
        Ok(match serde_json::from_slice(&answer).map_err(lost)? {
            Told::Granted { hold, seats, is_replay } => Verdict::Granted { hold, seats, is_replay },
            Told::Taken => Verdict::Taken,
            Told::Conflict => Verdict::Conflict,
        })
    }

    pub(crate) async fn release(&self, hold: u64) -> Result<(), Lost> {
        let address = format!("{}/{hold}", self.base);
        self.call(Method::DELETE, address, Bytes::new()).await.map(drop)
    }

    async fn call(&self, method: Method, address: String, body: Bytes) -> Result<Bytes, Lost> {
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(lost)?;
        let called = async {
            let answer = self.client.request(request).await.map_err(lost)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| Lost(error.to_string()))?.to_bytes();
            match head.status {
                StatusCode::OK | StatusCode::NO_CONTENT => Ok(body),
                other => Err(Lost(format!("the reservation service answered {other}"))),
            }
        };
        let late = |_| Lost("no answer of the reservation service in time".to_owned());
        tokio::time::timeout(ANSWER_WITHIN, called).await.map_err(late)?
    }
}

fn lost(error: impl std::fmt::Display) -> Lost {
    Lost(error.to_string())
}

/// The reservation service.
struct Service {
    postgres: Postgres,
    cache: Connection,
}

/// Its port.
pub(crate) async fn reservations(url: &str, cache: SocketAddr) -> Result<Routes, RivalError> {
    let postgres = Postgres::connect(url).await?;
    let cache = Connection::open(cache, 0).await;
    let cache = cache.map_err(|error| RivalError::Redis(error.to_string()))?;
    let service = Arc::new(Service { postgres, cache });
    Ok(Routes::new()
        .route("/reservations", post(reserve))
        .route("/reservations/{hold}", axum::routing::delete(let_go))
        .route("/readyz", get(|| async { "ready" }))
        .with_state(service))
}

async fn reserve(
    State(service): State<Arc<Service>>,
    Json(asked): Json<Reservation>,
) -> Result<Json<Told>, StatusCode> {
    let words = words("MGET", &asked.seats);
    let cached = service.cache.call(&words).await.map_err(unavailable)?;
    // A repeated wish finds its own seats taken: the cache knows by which key.
    let own = asked.key.simple().to_string();
    let is_taken = |value: &Value| matches!(value, Value::Text(by) if *by != own);
    if matches!(&cached, Value::List(owners) if owners.iter().any(is_taken)) {
        return Ok(Json(Told::Taken));
    }
    let Reservation { key, hash, seats } = asked;
    let wish = Wish { key, hash, choice: Choice::Seats(seats) };
    let verdict = service.postgres.hold(wish).await.map_err(unavailable)?;
    Ok(Json(match verdict {
        Verdict::Granted { hold, seats, is_replay } => {
            service.note(&seats, &own).await;
            Told::Granted { hold, seats, is_replay }
        }
        Verdict::Taken => Told::Taken,
        Verdict::Conflict => Told::Conflict,
    }))
}

async fn let_go(
    State(service): State<Arc<Service>>,
    Path(hold): Path<u64>,
) -> Result<StatusCode, StatusCode> {
    let seats = service.postgres.release(hold).await.map_err(unavailable)?;
    if !seats.is_empty() {
        // The cache may say "taken" for a moment longer.
        let forgotten = service.cache.call(&words("DEL", &seats)).await;
        forgotten.map_err(unavailable)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Service {
    /// Notes taken seats; a cache that does not know it costs the next wish a question more.
    async fn note(&self, seats: &[i32], key: &str) {
        for seat in seats {
            let entry = [
                "SET".to_owned(),
                format!("{TAKEN}{seat}"),
                key.to_owned(),
                "EX".to_owned(),
                HOLD_TTL_S.to_string(),
            ];
            if let Err(error) = self.cache.call(&entry).await {
                tracing::warn!(%error, "the cache does not know of a hold");
            }
        }
    }
}

fn words(command: &str, seats: &[i32]) -> Vec<String> {
    let keys = seats.iter().map(|seat| format!("{TAKEN}{seat}"));
    std::iter::once(command.to_owned()).chain(keys).collect()
}

fn unavailable(error: Lost) -> StatusCode {
    tracing::warn!(%error, "a reservation failed");
    StatusCode::SERVICE_UNAVAILABLE
}
