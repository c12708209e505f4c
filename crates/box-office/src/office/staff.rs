//! Calls of staff: what an organiser does to a sale, its seats, orders, codes and limits.
//!
//! In the flow: a call is one command to the grid, which alone decides; what outlives the sale
//! (window, codes, plan) is put into the catalogue first, so that the publisher tells the grid
//! again whatever got lost on the way. Nothing here works without a staff token, or the token of
//! somebody who signed in and is an organiser or administrator.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use http_api::access::{Role, bearer};
use http_api::{Code, Deadline, Problem, from_grid, from_refusal};
use inventory::{Actor, Command, Envelope, EventNo, Outcome, Reply, RequestKey, Subject};
use uuid::Uuid;

use super::Office;
use super::answer::client_ip;

pub(super) mod artists;
pub(super) mod audit;
pub(super) mod codes;
pub(super) mod event_form;
pub(super) mod events;
pub(super) mod gateways;
pub(super) mod jobs;
pub(super) mod limits;
pub(super) mod moving;
pub(super) mod orders;
pub(super) mod payouts;
pub(super) mod plan;
pub(super) mod plans;
pub(super) mod queue;
pub(super) mod sale;
pub(super) mod seats;
pub(super) mod venues;
pub(super) mod window;

mod catalogue;
mod checks;
mod entries;
mod event_rows;
mod rules_form;
mod shelf;

/// A member of staff, and how long they wait. An extractor that refuses everybody else.
pub(super) struct Staff {
    /// When they stop waiting.
    pub(super) deadline: Instant,
    /// For the ledger.
    actor: Actor,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<Office>> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, office: &Arc<Office>) -> Result<Self, Problem> {
        let Deadline(deadline) = Deadline::from_request_parts(parts, office).await?;
        let headers = parts.headers.clone();
        let subject = office.member(&parts.method, &headers, Role::is_staff).await?;
        let actor = Actor { subject, ip: client_ip(&headers) };
        Ok(Self { deadline, actor, headers })
    }
}

/// Somebody at a door: a steward or any other member of staff. An extractor that refuses everybody else.
pub(super) struct Gatekeeper {
    /// When they stop waiting.
    pub(super) deadline: Instant,
    /// Who it is, as the tables have it.
    pub(super) subject: Option<Uuid>,
}

impl FromRequestParts<Arc<Office>> for Gatekeeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, office: &Arc<Office>) -> Result<Self, Problem> {
        let Deadline(deadline) = Deadline::from_request_parts(parts, office).await?;
        let may = |role: Role| role != Role::User;
        let subject = office.member(&parts.method, &parts.headers, may).await?;
        Ok(Self { deadline, subject: as_uuid(subject) })
    }
}

fn as_uuid(subject: Subject) -> Option<Uuid> {
    match subject {
        Subject::Person(id) => Some(Uuid::from_u128(id)),
        Subject::System | Subject::Guest => None,
    }
}

impl Office {
    /// A member of staff by token, or somebody who signed in and whose role is allowed this.
    async fn member(
        &self,
        method: &Method,
        headers: &HeaderMap,
        may: impl Fn(Role) -> bool,
    ) -> Result<Subject, Problem> {
        let known = bearer(headers).and_then(|token| self.staff.subject(token));
        match known {
            Some(subject) => Ok(subject),
            None => self.staff_account(method, headers, may).await,
        }
    }

    /// Somebody who signed in and whose role allows calls of staff. The role is the database's;
    /// while that is away it is the token's, which is minutes old at most.
    async fn staff_account(
        &self,
        method: &Method,
        headers: &HeaderMap,
        may: impl Fn(Role) -> bool,
    ) -> Result<Subject, Problem> {
        let claims = self.access.signed_in(method, headers)?;
        let claims = claims.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
        let role = match self.live_account(&claims).await {
            Ok(account) => account.role(),
            Err(problem) if problem.code() == Code::DatabaseUnavailable => claims.role,
            Err(problem) => return Err(problem),
        };
        if !may(role) {
            return Err(Problem::new(Code::Forbidden));
        }
        Ok(Subject::Person(claims.account.as_u128()))
    }
}

impl Staff {
    /// Who it is, as the tables have it.
    fn subject(&self) -> Option<Uuid> {
        as_uuid(self.actor.subject)
    }

    /// The revision that an edit is based on, from `If-Match: "<number>"`.
    pub(super) fn if_match(&self) -> Result<i64, Problem> {
        let given = self.headers.get(header::IF_MATCH);
        let given = given.ok_or_else(|| Problem::new(Code::PreconditionRequired))?;
        let text = given.to_str().unwrap_or_default().trim();
        let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        // What was never a revision of ours matches none.
        number
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Problem::new(Code::VersionMismatch))
    }
}

impl Office {
    /// The number of an event that is known to the grid.
    pub(super) async fn event_no(&self, id: &str, deadline: Instant) -> Result<EventNo, Problem> {
        let pin = self.grid.route(id, deadline).await;
        let pin = pin.map_err(|error| from_grid(error, Code::EventNotFound))?;
        Ok(EventNo(pin.number))
    }

    /// Sends one command of staff; refusals name seats by the event's plan.
    async fn staff_command(
        &self,
        (event, missing): (EventNo, Code),
        key: Option<RequestKey>,
        staff: &Staff,
        command: Command,
    ) -> Result<Reply, Problem> {
        let envelope = Envelope { key, actor: staff.actor, command };
        let reply = self.grid.command(event, &envelope, staff.deadline).await;
        let reply = reply.map_err(|error| from_grid(error, missing))?;
        let Outcome::Refused(refusal) = &reply.outcome else { return Ok(reply) };
        let plan = self.plans.get(event, staff.deadline).await.ok();
        let name = |seat| plan.as_ref().and_then(|plan| Some(plan.name(seat)?.id()));
        Err(from_refusal(refusal, |seat| name(seat).unwrap_or_else(|| seat.0.to_string())))
    }
}
