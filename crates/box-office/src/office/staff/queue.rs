//! The waiting room in front of a sale: opened once, before the sale or during it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, IdempotencyKey, Problem, Strict, to_hex};
use inventory::{Command, OpenQueue, Outcome, QueueRules};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::Staff;
use crate::sealing::random_seed;

/// Milliseconds of a second.
const SECOND_MS: u32 = 1_000;
/// How long a turn lasts where nothing is said, in seconds: a hold or two and some looking.
const TURN_TTL_S: u32 = 600;
/// How long a turn waits to be taken where nothing is said, in seconds.
const CLAIM_TTL_S: u32 = 120;
/// Longest times taken, in seconds; the rules have their own limits below.
const TTL_S_MAX: u32 = 86_400;

/// How turns come.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct QueueForm {
    /// Turns a second, 1 to 10,000.
    admit_per_s: u32,
    /// How long a turn lasts once it is taken, 10 to 86,400 seconds; 600 where nothing is said.
    #[serde(default)]
    turn_ttl_s: Option<u32>,
    /// How long it waits to be taken, 5 to 3,600 seconds; 120 where nothing is said.
    #[serde(default)]
    claim_ttl_s: Option<u32>,
}

/// A waiting room that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::office) struct OpenedQueueBody {
    event_id: String,
    /// SHA-256 of the seed from which the draw will be made, hexadecimal: publish it.
    commitment: String,
    admit_per_s: u32,
    turn_ttl_s: u32,
    claim_ttl_s: u32,
    /// Where everybody finds the draw.
    draw: String,
}

/// Puts a waiting room in front of the event's sale: from then on nobody holds without a turn. The
/// draw's seed is made here, told to nobody and kept by the grid until the draw.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/queue", tag = "staff",
request_body = QueueForm, params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The waiting room", body = OpenedQueueBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`: also one that is not in the grid yet"),
    (status = 409, description = "`sale_closed`, `event_cancelled`, `idempotency_window_expired`"),
    (status = 412, description = "`version_mismatch`: it has a waiting room already"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`overloaded`: the shard has as many as it may; `no_leader`"),
))]
pub(in crate::office) async fn open(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<QueueForm>,
) -> Result<Response, Problem> {
    let rules = body.rules()?;
    let event = office.event_no(&id, staff.deadline).await?;
    let seed = random_seed().map_err(Problem::internal)?;
    let command = Command::OpenQueue(OpenQueue { event, rules, seed });
    let about = (event, Code::EventNotFound);
    // A retry with the same key gets the first answer, whatever seed it brings.
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    let Outcome::QueueOpened { commitment } = reply.outcome else {
        return Err(foreign(&reply.outcome));
    };
    let document = OpenedQueueBody {
        draw: format!("/api/v1/events/{id}/draw"),
        event_id: id,
        commitment: to_hex(&commitment),
        admit_per_s: rules.admit_per_s,
        turn_ttl_s: rules.turn_ttl_ms / SECOND_MS,
        claim_ttl_s: rules.claim_ttl_ms / SECOND_MS,
    };
    Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
}

impl QueueForm {
    fn rules(&self) -> Result<QueueRules, Problem> {
        let time = |given: Option<u32>, default_s: u32, pointer: &'static str| {
            let seconds = given.unwrap_or(default_s);
            if seconds <= TTL_S_MAX {
                Ok(seconds * SECOND_MS)
            } else {
                Err(Problem::invalid_at(pointer, "must be a day at most"))
            }
        };
        Ok(QueueRules {
            admit_per_s: self.admit_per_s,
            turn_ttl_ms: time(self.turn_ttl_s, TURN_TTL_S, "/turn_ttl_s")?,
            claim_ttl_ms: time(self.claim_ttl_s, CLAIM_TTL_S, "/claim_ttl_s")?,
        })
    }
}
