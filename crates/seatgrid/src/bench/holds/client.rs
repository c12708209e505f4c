//! The requests of the load: one key for all attempts, each attempt with a limit, until the answer is
//! definite or patience ends.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use axum::http::Method;
use axum::http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::super::http::{Answer, Call, Http};
use super::super::journal::Line;

/// The longest that one attempt may take: above the service's own limit of two seconds.
const ATTEMPT: Duration = Duration::from_secs(4);
/// Before an attempt is repeated, plus up to as much again by the request's number, so that not all
/// come back at the same moment. The service's own wish counts where it is shorter.
const PAUSE: Duration = Duration::from_millis(50);

/// Names the attempts of one request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Shows that a hold is one's own.
const TOKEN: HeaderName = HeaderName::from_static("x-hold-token");

/// What one request is about.
#[derive(Clone, Copy)]
pub enum Wish<'a> {
    /// Hold the line's seats.
    Hold,
    /// Give the line's hold back.
    Release(&'a str),
    /// Read the line's hold.
    Read(&'a str),
}

/// The body of a granted or read hold, as far as it is of use.
#[derive(Deserialize)]
pub struct Granted {
    pub id: String,
    #[serde(default)]
    pub token: String,
    version: u64,
    expires_in: u64,
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    id: String,
}

/// Free and held seats at a moment.
pub struct SeatMap {
    pub free: Vec<String>,
    pub held: Vec<String>,
    pub version: Option<u64>,
}

/// A client of one event.
pub struct Client {
    http: Http,
    event: String,
    connections: Semaphore,
    patience: Duration,
    /// One clock for all lines: the wall clock once, from then on the one that never jumps.
    started: (Instant, u64),
}

impl Client {
    /// A client with so many connections.
    pub fn new(base: String, event: &str, connections: u32, patience_s: u64) -> Result<Self> {
        let http = Http::new(&base, ATTEMPT)?;
        let since_1970 =
            SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
        let now_ns = u64::try_from(since_1970.as_nanos()).context("a clock far ahead")?;
        Ok(Self {
            http,
            event: event.to_owned(),
            connections: Semaphore::new(connections as usize),
            patience: Duration::from_secs(patience_s),
            started: (Instant::now(), now_ns),
        })
    }

    /// The event's id.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// A moment in nanoseconds since 1970.
    pub fn at(&self, moment: Instant) -> u64 {
        let elapsed = moment.saturating_duration_since(self.started.0);
        self.started.1 + u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Now.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// Free and held seats, as the router knows them.
    pub async fn seat_map(&self) -> Result<SeatMap> {
        let give_up = Instant::now() + self.patience;
        let body: Value = loop {
            let path = format!("/api/v1/events/{}/seats", self.event);
            let call = Call { method: Method::GET, path, header: None, body: [][..].into() };
            match self.http.send(call).await {
                Ok(answer) if answer.status.is_success() => {
                    break serde_json::from_slice(&answer.body).context("the seat map")?;
                }
                answer => {
                    let status = answer.map(|answer| answer.status);
                    ensure!(Instant::now() < give_up, "the seat map: {status:?}");
                    tokio::time::sleep(2 * PAUSE).await;
                }
            }
        };
        let seats = body["seats"].as_array().context("no list of seats")?;
        let with = |status: &str| {
            let of = seats.iter().filter(|seat| seat["status"] == status);
            of.filter_map(|seat| seat["id"].as_str().map(str::to_owned)).collect()
        };
        Ok(SeatMap { free: with("free"), held: with("held"), version: body["version"].as_u64() })
    }

    /// Carries a request to its definite answer and fills its line in.
    pub async fn ask(&self, wish: Wish<'_>, mut line: Line) -> (Line, Option<Granted>) {
        let give_up = Instant::now() + self.patience;
        loop {
            // Never closed.
            let permit = self.connections.acquire().await.ok();
            line.attempts += 1;
            if line.attempts == 1 {
                line.t0 = self.now();
            }
            let answer = self.attempt(wish, &line).await;
            drop(permit);
            if let Ok(answer) = answer
                && !matches!(answer.status.as_u16(), 429 | 502 | 503 | 504)
            {
                line.t1 = Some(self.now());
                let granted = fill_in(&mut line, wish, &answer);
                return (line, granted);
            }
            let pause = PAUSE + PAUSE.mul_f64((line.client % 64) as f64 / 64.0);
            if Instant::now() + pause >= give_up {
                return (line, None);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, wish: Wish<'_>, line: &Line) -> Result<Answer> {
        let hold = line.hold.as_deref().unwrap_or_default();
        let about = |method, token| Call {
            method,
            path: format!("/api/v1/holds/{hold}"),
            header: Some((TOKEN, token)),
            body: [][..].into(),
        };
        let call = match wish {
            Wish::Hold => Call {
                method: Method::POST,
                path: format!("/api/v1/events/{}/holds", self.event),
                header: Some((KEY, &line.key)),
                body: serde_json::to_vec(&serde_json::json!({"seats": line.seats}))?.into(),
            },
            Wish::Release(token) => about(Method::DELETE, token),
            Wish::Read(token) => about(Method::GET, token),
        };
        self.http.send(call).await
    }
}

/// Brings what an answer says into its line.
fn fill_in(line: &mut Line, wish: Wish<'_>, answer: &Answer) -> Option<Granted> {
    line.status = Some(answer.status.as_u16());
    let version = answer.headers.get("grid-version").map(HeaderValue::as_bytes);
    line.version = version.and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
    if !answer.status.is_success() {
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        line.code = problem["code"].as_str().map(str::to_owned);
        return None;
    }
    let granted: Granted = serde_json::from_slice(&answer.body).ok()?;
    line.version = Some(granted.version);
    if let Wish::Hold = wish {
        line.hold = Some(granted.id.clone());
        // Asked again it may have been granted some time before: the earlier end is the safe one.
        line.until = Some(line.t0 + granted.expires_in.saturating_sub(1) * 1_000_000_000);
    } else {
        line.seats = granted.seats.iter().map(|seat| seat.id.clone()).collect();
    }
    Some(granted)
}
