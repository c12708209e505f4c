//! The edge of all rivals: the product's layers, extractors, checks and answers around a back end.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router as Routes};
use http::header::{CACHE_CONTROL, LOCATION};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_api::token::{ShownToken, TokenKey};
use http_api::{
    Code, Deadline, GRID_VERSION, Guest, Id, IdempotencyKey, Money, Problem, Strict, carry,
    measure, method_not_allowed, time,
};
use inventory::{EventNo, HoldId};
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, Choice, Lost, Verdict, Wish};
use crate::{HOLD_TTL_S, Hall};

/// Every seat costs the same; the product looks prices up as well.
const PRICE_MINOR: i64 = 250_000;
const CURRENCY: [u8; 3] = *b"RUB";
const EVENT: EventNo = EventNo(1);
/// Seats in one request, as the product has it.
const SEATS_MAX: usize = 100;

struct App {
    backend: Backend,
    hall: Hall,
    numbers: HashMap<String, i32>,
    tokens: TokenKey,
}

/// The whole public port.
pub(crate) fn routes(backend: Backend, hall: Hall) -> Routes {
    let (numbers, tokens) = (hall.numbers(), TokenKey::new(&[7; 32]));
    let app = Arc::new(App { backend, hall, numbers, tokens });
    Routes::new()
        .route("/api/v1/events/{id}/holds", post(create))
        .route("/api/v1/holds/{id}", delete(release))
        .route("/readyz", get(|| async { "ready" }))
        .with_state(app)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(measure))
        .layer(from_fn(carry))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldRequest {
    seats: Option<Vec<String>>,
    best: Option<Best>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Best {
    number: i32,
    #[serde(default)]
    #[expect(dead_code, reason = "taken as the product takes it; a rival has no such rule")]
    prevent_orphans: bool,
}

/// The headers of a request with a sane deadline, as the product's own extractor takes them.
struct Caller(HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Deadline::from_request_parts(parts, state).await?;
        Ok(Self(parts.headers.clone()))
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Caller(headers): Caller,
    key: IdempotencyKey,
    Strict { body, hash }: Strict<HoldRequest>,
) -> Result<Response, Problem> {
    if id != app.hall.event {
        return Err(Problem::new(Code::EventNotFound));
    }
    let guest = Guest::of(&ShownToken::of(&headers), &app.tokens, key);
    let wish = Wish { key: key.0, hash: hash.cast_signed(), choice: choice(&app, body)? };
    match app.backend.hold(wish).await.map_err(lost)? {
        Verdict::Granted { hold, seats, is_replay: _ } => {
            let hold = HoldId { event: EVENT, no: hold };
            let token = guest.token(&app.tokens, hold);
            let headers = [
                (GRID_VERSION, hold.no.to_string()),
                (LOCATION, format!("/api/v1/holds/{hold}")),
                (CACHE_CONTROL, "no-store".to_owned()),
            ];
            let body = Json(Answer::of(&app.hall, hold, token, &seats));
            Ok((StatusCode::CREATED, headers, body).into_response())
        }
        Verdict::Taken => Err(Problem::new(Code::SeatTaken)),
        Verdict::Conflict => Err(Problem::new(Code::IdempotencyConflict)),
    }
}

/// The seats of a wish by number, in their order, each once.
fn choice(app: &App, body: HoldRequest) -> Result<Choice, Problem> {
    match body {
        HoldRequest { seats: Some(names), best: None } if names.len() <= SEATS_MAX => {
            let number = |(at, name): (usize, &String)| {
                let unknown = || Problem::invalid_at(format!("/seats/{at}"), "No such seat");
                app.numbers.get(name).copied().ok_or_else(unknown)
            };
            let seats = names.iter().enumerate().map(number);
            let mut seats: Vec<i32> = seats.collect::<Result<_, _>>()?;
            seats.sort_unstable();
            seats.dedup();
            Ok(Choice::Seats(seats))
        }
        HoldRequest { seats: None, best: Some(best) } => Ok(Choice::Best(best.number)),
        HoldRequest { .. } => Err(Problem::invalid_at("", "Either seats or best is expected")),
    }
}

async fn release(
    State(app): State<Arc<App>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hold: HoldId = id.parse().map_err(|_| Problem::new(Code::HoldNotFound))?;
    app.tokens.check(hold, &ShownToken::of(&headers), Code::HoldNotFound)?;
    app.backend.release(hold.no).await.map_err(lost)?;
    Ok((StatusCode::NO_CONTENT, [(GRID_VERSION, hold.no.to_string())]).into_response())
}

fn lost(error: Lost) -> Problem {
    tracing::warn!(%error, "what keeps the seats did not answer");
    Problem::new(Code::OutcomeUnknown)
}

/// As the product answers a granted hold.
#[derive(Serialize)]
struct Answer {
    id: String,
    token: String,
    event_id: String,
    seats: Vec<Seat>,
    next_to_each_other: bool,
    fees: Money,
    total: Money,
    expires_at: String,
    expires_in: u32,
    version: u64,
    status: &'static str,
}

#[derive(Serialize)]
struct Seat {
    id: String,
    section: String,
    row: String,
    number: String,
    tier: String,
    price: Money,
}

impl Answer {
    fn of(hall: &Hall, hold: HoldId, token: String, seats: &[i32]) -> Self {
        let money = |minor| Money::from_minor(minor, CURRENCY);
        let expires_at_ms = time::now_ms() + u64::from(HOLD_TTL_S) * 1_000;
        Self {
            id: hold.to_string(),
            token,
            event_id: hall.event.clone(),
            seats: seats.iter().filter_map(|seat| Seat::of(hall, *seat)).collect(),
            next_to_each_other: seats.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            fees: money(0),
            total: money(PRICE_MINOR * seats.len() as i64),
            expires_at: time::rfc3339_ms(expires_at_ms),
            expires_in: HOLD_TTL_S,
            version: hold.no,
            status: "held",
        }
    }
}

impl Seat {
    fn of(hall: &Hall, seat: i32) -> Option<Self> {
        let id = hall.seats.get(usize::try_from(seat).ok()?)?;
        let mut parts = id.rsplitn(3, '-');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (number, row, section) = (part(), part(), part());
        let price = Money::from_minor(PRICE_MINOR, CURRENCY);
        Some(Self { id: id.clone(), section, row, number, tier: "all".to_owned(), price })
    }
}
