//! The door: a code is shown, and whoever has it comes in or does not; what devices let in by themselves
//! is sent later; codes that are void are listed for them.
//!
//! In the flow: the signature is checked first, then the ticket as the grid has it, last and in one
//! statement whether somebody came in by it before. For stewards, organisers and administrators.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::time::parse_rfc3339_ms;
use http_api::{Code, Id, Problem, Strict, from_grid};
use inventory::{Order, TicketId};
use processing_unit::GridError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Office;
use super::answer::private;
use super::staff::Gatekeeper;
use crate::checkins::{self, Decided, Reason, Scan};
use crate::clock::{now_ms, text_signed};
use crate::ticket_code::{TicketClaim, TicketCodeError};
use crate::ticket_standing::{Standing, standing};

/// How far ahead of ours a device's clock may be, milliseconds.
const AHEAD_MS_MAX: u64 = 5 * 60 * 1_000;
/// Scans of one upload.
const SCANS_MAX: usize = 100;
/// Void tickets that are listed of one event: as many as the largest plan has seats.
const REVOKED_MAX: i64 = 100_000;

/// A code that was shown at a door.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanForm {
    /// The text of the code.
    code: String,
    /// Which door, 1 to 64 characters.
    gate: String,
    /// The device's name for this scan; the same one again gets the same answer.
    #[schema(value_type = String, format = "uuid")]
    nonce: Uuid,
    /// When it was, RFC 3339; now unless given.
    #[serde(default)]
    at: Option<String>,
    /// The device could not ask and has let somebody in.
    #[serde(default)]
    force: bool,
    /// The event that this door is for; a ticket of another one is refused.
    #[serde(default)]
    event_id: Option<String>,
}

/// Scans that were made while a device could not ask.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScansForm {
    /// 1 to 100.
    scans: Vec<ScanForm>,
}

/// What became of a scan.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ScanBody {
    nonce: String,
    /// `admitted` or `refused`.
    status: String,
    /// `unknown_code`, `not_signed`, `wrong_event`, `unknown_ticket`, `not_paid`, `refunded`, `replaced`,
    /// `expired` or `already_used`.
    reason: Option<String>,
    /// Somebody got in who should not have: a person must look.
    conflict: bool,
    ticket_id: Option<String>,
    /// The scan that used the ticket up.
    first: Option<FirstBody>,
}

/// The scan that used a ticket up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct FirstBody {
    at: String,
    gate: String,
}

/// What became of several scans, in their order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ScansBody {
    items: Vec<ScanBody>,
}

/// What a device needs to check codes by itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RevocationsBody {
    /// Public half of the key of all codes, Ed25519, base64.
    verify_key: String,
    /// Codes that became void before this moment are all here; unknown while nothing was written yet.
    as_of: Option<String>,
    /// How old that is.
    age_ms: Option<u64>,
    items: Vec<RevokedBody>,
}

/// A void ticket.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct RevokedBody {
    ticket_id: String,
    seat: String,
    /// `refunded` or `replaced`.
    reason: &'static str,
}

/// How a door's evening goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DoorBody {
    /// Tickets by which somebody came in.
    used: i64,
    /// Scans that let nobody in.
    refused: i64,
    /// Scans by which somebody got in who should not have.
    conflicts: i64,
}

/// Shows a code at the door. The first scan of a good ticket wins.
#[utoipa::path(post, path = "/api/v1/checkins", tag = "door", request_body = ScanForm, responses(
    (status = 200, description = "Admitted or refused, with the reason", body = ScanBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 403, description = "`forbidden`: not a steward"),
    (status = 422, description = "`idempotency_conflict`: the nonce was another scan's"),
    (status = 503, description = "`database_unavailable`, `no_leader`: check offline, upload later"),
))]
pub(super) async fn scan(
    State(office): State<Arc<Office>>,
    gatekeeper: Gatekeeper,
    Strict { body, .. }: Strict<ScanForm>,
) -> Result<Response, Problem> {
    let decided = office.decide_scan(&body, "", &gatekeeper).await?;
    Ok(private(StatusCode::OK, None, decided))
}

/// Uploads scans that were made offline, in the order in which they were made.
#[utoipa::path(post, path = "/api/v1/checkins/batch", tag = "door", request_body = ScansForm,
responses(
    (status = 200, description = "What became of each", body = ScansBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 403, description = "`forbidden`: not a steward"),
    (status = 422, description = "`idempotency_conflict`: a nonce was another scan's"),
    (status = 503, description = "`database_unavailable`, `no_leader`: upload all of them again"),
))]
pub(super) async fn upload(
    State(office): State<Arc<Office>>,
    gatekeeper: Gatekeeper,
    Strict { body, .. }: Strict<ScansForm, 131_072>,
) -> Result<Response, Problem> {
    if !(1..=SCANS_MAX).contains(&body.scans.len()) {
        return Err(Problem::invalid_at("/scans", "must have 1 to 100 scans"));
    }
    let mut items = Vec::with_capacity(body.scans.len());
    for (at, form) in body.scans.iter().enumerate() {
        let pointer = format!("/scans/{at}");
        items.push(office.decide_scan(form, &pointer, &gatekeeper).await?);
    }
    Ok(private(StatusCode::OK, None, ScansBody { items }))
}

/// What a device needs to go on while it cannot ask: the key of all codes, and those that are void.
#[utoipa::path(get, path = "/api/v1/events/{id}/revocations", tag = "door", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "Void tickets", body = RevocationsBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 403, description = "`forbidden`: not a steward"),
    (status = 404, description = "`event_not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn revocations(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    gatekeeper: Gatekeeper,
) -> Result<Response, Problem> {
    let event = office.event_no(&id, gatekeeper.deadline).await?;
    let plan = office.plans.get(event, gatekeeper.deadline).await?;
    let read = |pool| checkins::revoked(pool, id.clone(), REVOKED_MAX);
    let (as_of_ms, revoked) = office.database.run(read).await?;
    let seats = plan.indices(revoked.iter().map(|one| one.seat_id.as_str()));
    let item = |one: &checkins::Revoked| {
        let (order, seat) = (one.order_id.parse().ok()?, *seats.get(one.seat_id.as_str())?);
        let reason = if one.status == "refunded" { "refunded" } else { "replaced" };
        let ticket_id = TicketId { order, seat }.to_string();
        Some(RevokedBody { ticket_id, seat: one.seat_id.clone(), reason })
    };
    let age = |ms| now_ms().saturating_sub(u64::try_from(ms).unwrap_or(0));
    let document = RevocationsBody {
        verify_key: office.verifier.to_base64(),
        as_of: as_of_ms.map(text_signed),
        age_ms: as_of_ms.map(age),
        items: revoked.iter().filter_map(item).collect(),
    };
    Ok(private(StatusCode::OK, None, document))
}

/// How many came in, how many did not.
#[utoipa::path(get, path = "/api/v1/events/{id}/checkins", tag = "door", params(
    ("id" = String, Path, description = "The event"),
), responses(
    (status = 200, description = "Counts", body = DoorBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 403, description = "`forbidden`: not a steward"),
    (status = 404, description = "`event_not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn door(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    gatekeeper: Gatekeeper,
) -> Result<Response, Problem> {
    office.event_no(&id, gatekeeper.deadline).await?;
    let counts = checkins::counts(&office.database, id).await?;
    let (used, refused, conflicts) = (counts.used, counts.refused, counts.conflicts);
    Ok(private(StatusCode::OK, None, DoorBody { used, refused, conflicts }))
}

impl ScanForm {
    /// Checks every field; the moment of the scan.
    fn checked(&self, pointer: &str) -> Result<u64, Problem> {
        let wrong =
            |field: &str, detail: &str| Problem::invalid_at(format!("{pointer}{field}"), detail);
        let gate = self.gate.trim();
        if gate.is_empty() || gate.chars().count() > 64 || gate.chars().any(char::is_control) {
            return Err(wrong("/gate", "must have 1 to 64 characters"));
        }
        let now = now_ms();
        let Some(at) = &self.at else { return Ok(now) };
        let at = parse_rfc3339_ms(at).ok_or_else(|| wrong("/at", "must be an RFC 3339 time"))?;
        if at > now + AHEAD_MS_MAX {
            return Err(wrong("/at", "is in the future: set the device's clock"));
        }
        Ok(at)
    }
}

impl Office {
    async fn decide_scan(
        &self,
        form: &ScanForm,
        pointer: &str,
        gatekeeper: &Gatekeeper,
    ) -> Result<ScanBody, Problem> {
        let at_ms = form.checked(pointer)?;
        let claim = self.verifier.verify(&form.code);
        let scan = Scan {
            nonce: form.nonce,
            ticket: claim.as_ref().ok().map(|claim| claim.ticket),
            event_id: claim.as_ref().ok().map(|claim| claim.event_id.clone()),
            gate: form.gate.trim().to_owned(),
            at_ms: i64::try_from(at_ms).unwrap_or(i64::MAX),
            subject: gatekeeper.subject,
            forced: form.force,
        };
        let is_new = checkins::known(&self.database, scan.nonce).await?.is_none();
        let is_told = match (is_new, scan.forced) {
            (true, _) => {
                self.keep_scan(&scan, claim, form, gatekeeper).await?;
                true
            }
            // Our refusal was lost on its way, and the device has let somebody in since.
            (false, true) => checkins::let_in_since(&self.database, scan.nonce).await?,
            (false, false) => false,
        };
        let decided = checkins::known(&self.database, scan.nonce).await?;
        let decided = decided.ok_or_else(|| Problem::internal("a scan was not kept"))?;
        let ticket_id = scan.ticket.map(|ticket| ticket.to_string());
        if (&decided.ticket_id, &decided.gate) != (&ticket_id, &scan.gate) {
            return Err(Problem::new(Code::IdempotencyConflict));
        }
        if is_told {
            tell(&decided);
        }
        Ok(ScanBody::new(scan.nonce, decided))
    }

    async fn keep_scan(
        &self,
        scan: &Scan,
        claim: Result<TicketClaim, TicketCodeError>,
        form: &ScanForm,
        gatekeeper: &Gatekeeper,
    ) -> Result<(), Problem> {
        let refused = match claim {
            Err(TicketCodeError::Form) => Some(Reason::UnknownCode),
            Err(TicketCodeError::Signature) => Some(Reason::NotSigned),
            Ok(claim) if form.event_id.as_ref().is_some_and(|id| *id != claim.event_id) => {
                Some(Reason::WrongEvent)
            }
            Ok(claim) => self.void(&claim, scan, gatekeeper).await?,
        };
        match (refused, scan.ticket) {
            (None, Some(ticket)) => checkins::admit(&self.database, scan, ticket).await?,
            (refused, _) => {
                let reason = refused.unwrap_or(Reason::UnknownCode);
                checkins::refuse(&self.database, scan, reason).await?;
            }
        }
        Ok(())
    }

    /// Why a ticket with a true code is not good; `None` when it is.
    async fn void(
        &self,
        claim: &TicketClaim,
        scan: &Scan,
        gatekeeper: &Gatekeeper,
    ) -> Result<Option<Reason>, Problem> {
        let answer = match self.grid.order(claim.ticket.order, gatekeeper.deadline).await {
            Ok(answer) => answer,
            Err(GridError::NotFound) => {
                return Ok(Some(Reason::UnknownTicket));
            }
            Err(error) => return Err(from_grid(error, Code::OrderNotFound)),
        };
        if let Some(reason) = void_by_order(claim.ticket, &answer.order) {
            return Ok(Some(reason));
        }
        let plan = self.plans.get(claim.ticket.order.event, gatekeeper.deadline).await?;
        let is_over = self.ticket_desk(&plan).is_over(u64::try_from(scan.at_ms).unwrap_or(0));
        Ok(is_over.then_some(Reason::Expired))
    }
}

/// What the order says against a ticket.
fn void_by_order(ticket: TicketId, order: &Order) -> Option<Reason> {
    match standing(order, ticket.seat) {
        Standing::Good(_) => None,
        Standing::NotPaid => Some(Reason::NotPaid),
        Standing::Refunded => Some(Reason::Refunded),
        Standing::Replaced => Some(Reason::Replaced),
        Standing::Unknown => Some(Reason::UnknownTicket),
    }
}

impl ScanBody {
    fn new(nonce: Uuid, decided: Decided) -> Self {
        let first = decided.first_ms.zip(decided.first_gate);
        let first = first.map(|(ms, gate)| FirstBody { at: text_signed(ms), gate });
        Self {
            nonce: nonce.to_string(),
            status: decided.status,
            reason: decided.reason,
            conflict: decided.conflict,
            ticket_id: decided.ticket_id,
            first,
        }
    }
}

/// Counts a scan, and says when a person must look at it.
fn tell(decided: &Decided) {
    let outcome = match (decided.conflict, decided.status.as_str()) {
        (true, _) => "conflict",
        (false, "admitted") => "admitted",
        (false, _) => "refused",
    };
    metrics::counter!("seatgrid_checkins_total", "outcome" => outcome).increment(1);
    if decided.conflict {
        let ticket = decided.ticket_id.as_deref().unwrap_or_default();
        tracing::warn!(ticket, gate = decided.gate, "somebody got in who should not have");
    }
}
