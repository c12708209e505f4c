//! How the office answers: documents with their headers, who asked, and what belongs to whom.

use http_api::token::ShownToken;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_api::access::Claims;
use http_api::{
    Code, Deadline, GRID_COMPLETE_UP_TO, GRID_DEADLINE_MS, GRID_VERSION, IDEMPOTENT_REPLAYED,
    Problem, from_grid, from_refusal, ip_bytes,
};
use inventory::{
    Actor, Command, Envelope, EventNo, HoldId, OrderId, Outcome, Refusal, Reply, RequestKey,
    SeatIx, Subject,
};
use processing_unit::OrderAnswer;
use serde::Serialize;

use super::Office;
use crate::clock::rfc3339_ms;
use crate::database::DatabaseError;
use crate::language::Language;
use crate::people::orders;

/// The catalogue is the same for all and may be a little old.
const CACHE_CATALOGUE: HeaderValue = HeaderValue::from_static("public, max-age=2");
/// What belongs to one shopper is kept by nobody on the way.
const CACHE_PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// PostgreSQL's silence or refusal as a problem.
impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Away(_) => Self::new(Code::DatabaseUnavailable),
            other => Self::internal(other),
        }
    }
}

/// A document of the catalogue.
pub(super) fn public(body: impl Serialize) -> Response {
    ([(CACHE_CONTROL, CACHE_CATALOGUE)], Json(body)).into_response()
}

/// A shopper's own document.
pub(super) fn private(status: StatusCode, version: Option<u64>, body: impl Serialize) -> Response {
    let mut answer = (status, [(CACHE_CONTROL, CACHE_PRIVATE)], Json(body)).into_response();
    if let Some(version) = version {
        answer.headers_mut().insert(GRID_VERSION, version.into());
    }
    answer
}

/// Says of an answer from the tables before which moment nothing is missing there.
pub(super) fn complete_up_to(mut answer: Response, ms: Option<u64>) -> Response {
    if let Some(told) = ms.and_then(|ms| HeaderValue::from_str(&rfc3339_ms(ms)).ok()) {
        answer.headers_mut().insert(GRID_COMPLETE_UP_TO, told);
    }
    answer
}

/// Marks an answer that repeats an earlier one.
pub(super) fn replayed(mut answer: Response, replayed: bool) -> Response {
    if replayed {
        answer.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

/// Who asks, and how long they wait. An extractor.
pub(super) struct Shopper {
    /// When the shopper stops waiting.
    pub(super) deadline: Instant,
    /// Whether the request itself named that deadline.
    pub(super) deadline_given: bool,
    /// The person who is signed in; nobody for a guest.
    pub(super) claims: Option<Claims>,
    /// For the ledger.
    actor: Actor,
    /// The proof that they show of a hold or a place in a waiting list.
    pub(super) token: ShownToken,
    /// The language that they read, as far as the request says.
    pub(super) language: Option<Language>,
    /// The host under which they reached the shop, as the router saw it.
    pub(super) host: Option<Authority>,
}

impl Shopper {
    /// Whether an order's or hold's buyer is the person who asks.
    pub(super) fn is(&self, buyer: Option<u128>) -> bool {
        self.claims.as_ref().is_some_and(|claims| Some(claims.account.as_u128()) == buyer)
    }

    /// The client's address as the ledger keeps it.
    pub(super) fn ip(&self) -> Option<[u8; 16]> {
        self.actor.ip
    }
}

impl FromRequestParts<Arc<Office>> for Shopper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, office: &Arc<Office>) -> Result<Self, Problem> {
        let Deadline(deadline) = Deadline::from_request_parts(parts, office).await?;
        let headers = &parts.headers;
        let deadline_given = headers.contains_key(GRID_DEADLINE_MS);
        let claims = office.access.signed_in(&parts.method, headers)?;
        let subject = claims
            .as_ref()
            .map_or(Subject::Guest, |claims| Subject::Person(claims.account.as_u128()));
        let actor = Actor { subject, ip: client_ip(headers) };
        let (token, language) = (ShownToken::of(headers), Language::of(headers));
        let host =
            headers.get("x-forwarded-host").and_then(|host| host.to_str().ok()?.parse().ok());
        Ok(Self { deadline, deadline_given, claims, actor, token, language, host })
    }
}

/// The client's address, as the router saw it.
pub(super) fn client_ip(headers: &HeaderMap) -> Option<[u8; 16]> {
    client_address(headers).map(ip_bytes)
}

/// The same, to be written.
pub(super) fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    let given = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    // The router sets one address; of several only the last was added by somebody we trust.
    let last = given.and_then(|list| list.rsplit(',').next());
    last.and_then(|text| text.trim().parse().ok())
}

/// A refusal of a command that names no seats.
pub(super) fn refused(refusal: &Refusal) -> Problem {
    from_refusal(refusal, |seat: SeatIx| seat.0.to_string())
}

/// An outcome that its command cannot have.
pub(super) fn foreign(outcome: &Outcome) -> Problem {
    match outcome {
        Outcome::Refused(refusal) => refused(refusal),
        other => Problem::internal(format!("the grid answered another command: {other:?}")),
    }
}

impl Office {
    /// Sends one command of a shopper with its key.
    pub(super) async fn command(
        &self,
        event: EventNo,
        key: RequestKey,
        shopper: &Shopper,
        command: Command,
    ) -> Result<Reply, Problem> {
        let missing = match &command {
            Command::PlaceOrder(_) => Code::HoldNotFound,
            Command::JoinWaitlist(_) => Code::EventNotFound,
            _ => Code::OrderNotFound,
        };
        let envelope = Envelope { key: Some(key), actor: shopper.actor, command };
        let reply = self.grid.command(event, &envelope, shopper.deadline).await;
        let reply = reply.map_err(|error| from_grid(error, missing))?;
        match &reply.outcome {
            Outcome::Refused(refusal) => Err(refused(refusal)),
            _ => Ok(reply),
        }
    }

    /// The answer that an earlier call of this key got, where it was carried out. The command must be
    /// one that the grid refuses in every state.
    pub(super) async fn repeated(
        &self,
        event: EventNo,
        key: RequestKey,
        shopper: &Shopper,
        command: Command,
    ) -> Result<Option<Reply>, Problem> {
        let envelope = Envelope { key: Some(key), actor: shopper.actor, command };
        let reply = self.grid.command(event, &envelope, shopper.deadline).await;
        let reply = reply.map_err(|error| from_grid(error, Code::OrderNotFound))?;
        match &reply.outcome {
            Outcome::Refused(refusal @ Refusal::IdempotencyConflict) => Err(refused(refusal)),
            Outcome::Refused(_) => Ok(None),
            _ => Ok(Some(reply)),
        }
    }

    /// Sends one command of a shopper that is safe to repeat.
    pub(super) async fn command_unkeyed(
        &self,
        event: EventNo,
        shopper: &Shopper,
        command: Command,
    ) -> Result<Reply, Problem> {
        let envelope = Envelope { key: None, actor: shopper.actor, command };
        let reply = self.grid.command(event, &envelope, shopper.deadline).await;
        reply.map_err(|error| from_grid(error, Code::NotFound))
    }

    /// Refuses a shopper without the hold's token: for them there is no such thing.
    pub(super) fn check_token(
        &self,
        hold: HoldId,
        shopper: &Shopper,
        missing: Code,
    ) -> Result<(), Problem> {
        self.tokens.check(hold, &shopper.token, missing)
    }

    /// An order of the shopper who has its hold's token or bought it signed in; for everybody else
    /// there is none.
    pub(super) async fn own_order(
        &self,
        id: &str,
        shopper: &Shopper,
    ) -> Result<(OrderId, OrderAnswer), Problem> {
        let id: OrderId = id.parse().map_err(|_| Problem::new(Code::OrderNotFound))?;
        let answer = self.grid.order(id, shopper.deadline).await;
        let answer = answer.map_err(|error| from_grid(error, Code::OrderNotFound))?;
        let hold = HoldId { event: id.event, no: answer.order.hold };
        if !shopper.is(answer.order.buyer) {
            self.check_order(id, hold, shopper, Code::OrderNotFound).await?;
        }
        Ok((id, answer))
    }

    /// Refuses a shopper who neither has the hold's token nor bought the order signed in, nor has
    /// shown since that it is theirs.
    pub(super) async fn check_order(
        &self,
        order: OrderId,
        hold: HoldId,
        shopper: &Shopper,
        missing: Code,
    ) -> Result<(), Problem> {
        let refused = match self.check_token(hold, shopper, missing) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let Some(claims) = &shopper.claims else { return Err(refused) };
        let known = self.grid.order(order, shopper.deadline).await;
        if known.is_ok_and(|known| shopper.is(known.order.buyer)) {
            return Ok(());
        }
        let owned = orders::is_of(&self.database, claims.account, order.to_string()).await;
        if owned.unwrap_or(false) { Ok(()) } else { Err(refused) }
    }
}
