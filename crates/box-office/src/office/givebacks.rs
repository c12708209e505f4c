//! An owner gives tickets up: how much of the price goes back by the table of the shop, and the refund
//! itself, which the grid decides and the worker carries out.
//!
//! A ticket by which somebody came in is not taken back. Whoever was told that the event takes place at
//! another time gets everything back for some days.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, IdempotencyKey, Problem, Strict};
use inventory::{
    Command, OrderId, Outcome, RefundSeats, Refusal, SeatIx, TicketId, WHOLE_BASIS_POINTS,
};
use processing_unit::OrderAnswer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, foreign, private, replayed};
use super::bodies::staff::StaffRefundBody;
use super::staff::seats::indices_or_all;
use super::tickets::TicketDesk;
use crate::checkins;
use crate::clock::now_ms;
use crate::outbox::moves;
use crate::plans::EventPlan;
use crate::refund_terms::{RefundStep, days_before};

/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;
/// More than all: the grid carries no such refund out, but it answers a repeat by its key.
const MORE_THAN_ALL: u16 = WHOLE_BASIS_POINTS + 1;

/// What to give up.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GivebackForm {
    /// Which of its seats; absent means all.
    #[serde(default)]
    seats: Option<Vec<String>>,
    /// Why. Bounded and not kept: it may say anything of a person.
    #[serde(default)]
    reason: Option<String>,
}

/// What would go back now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct GivebackTermsBody {
    /// How much of each price goes back now, in hundredths of a percent; 0 for nothing.
    share_basis_points: u16,
    /// `table`, or `moved`: the event takes place at another time or place than was bought.
    because: &'static str,
    /// Whether the fee goes back in the same share.
    with_fee: bool,
    /// Whole days before the event on the venue's calendar.
    days_before: i64,
    /// The table.
    steps: Vec<RefundStep>,
}

/// What an owner would get back today.
#[utoipa::path(get, path = "/api/v1/orders/{id}/refund-terms", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "How much goes back", body = GivebackTermsBody),
    (status = 404, description = "`order_not_found`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn terms(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let (order, answer) = office.own_order(&id, &shopper).await?;
    let plan = office.plans.get(order.event, shopper.deadline).await?;
    let terms = office.giveback_terms(&plan, answer.order.paid_at_ms).await?;
    Ok(private(StatusCode::OK, None, terms))
}

/// Gives tickets up. Their codes are void at once, the seats are sold again, and the money is on its way
/// back by the table of `refund-terms`.
#[utoipa::path(post, path = "/api/v1/orders/{id}/refunds", tag = "orders",
request_body = GivebackForm, params(
    ("id" = String, Path, description = "The order"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 201, description = "The refund that was decided", body = StaffRefundBody),
    (status = 400, description = "`invalid_request`"),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_state`; `refund_refused`: too late, or somebody came in"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`database_unavailable`, `persistence_backlog`"),
))]
pub(super) async fn give_back(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    shopper: Shopper,
    Strict { body, hash }: Strict<GivebackForm>,
) -> Result<Response, Problem> {
    let (order, answer) = office.own_order(&id, &shopper).await?;
    let plan = office.plans.naming(order.event, &answer.order.seats, shopper.deadline).await?;
    let seats = body.checked(&plan)?;
    let decided = office.giveback_share(&plan, (order, &answer), &seats).await;
    let command = Command::RefundSeats(RefundSeats {
        order,
        seats,
        share_basis_points: *decided.as_ref().unwrap_or(&MORE_THAN_ALL),
        with_fee: office.refunds.with_fee,
        block: false,
    });
    let key = key.of(hash);
    let reply = match decided {
        Ok(_) => office.command(order.event, key, &shopper, command).await?,
        // A repeat of a call that was granted is answered as it was, whatever has happened since.
        Err(refused) => {
            let known = office.repeated(order.event, key, &shopper, command).await?;
            known.ok_or(refused)?
        }
    };
    let document = StaffRefundBody::of(order, &reply.outcome, plan.currency())?;
    Ok(replayed(private(StatusCode::CREATED, Some(reply.version), document), reply.replayed))
}

fn refused(why: &'static str) -> Problem {
    Problem::new(Code::RefundRefused).fact("reason", why)
}

impl GivebackForm {
    fn checked(&self, plan: &EventPlan) -> Result<Vec<SeatIx>, Problem> {
        let long = |reason: &String| reason.chars().count() > REASON_CHARS_MAX;
        if self.reason.as_ref().is_some_and(long) {
            return Err(Problem::invalid_at("/reason", "must have at most 500 characters"));
        }
        indices_or_all(plan, self.seats.as_deref(), "/seats")
    }
}

impl Office {
    /// How much goes back of what an order owns now; why nothing does.
    async fn giveback_share(
        &self,
        plan: &EventPlan,
        (id, answer): (OrderId, &OrderAnswer),
        seats: &[SeatIx],
    ) -> Result<u16, Problem> {
        let status = answer.order.status;
        if !status.owns_seats() {
            return Err(foreign(&Outcome::Refused(Refusal::OrderState { status })));
        }
        let terms = self.giveback_terms(plan, answer.order.paid_at_ms).await?;
        if terms.share_basis_points == 0 {
            return Err(refused("too_late").fact("days_before", terms.days_before));
        }
        self.check_unused(id, seats).await?;
        Ok(terms.share_basis_points)
    }

    async fn giveback_terms(
        &self,
        plan: &EventPlan,
        paid_at_ms: Option<u64>,
    ) -> Result<GivebackTermsBody, Problem> {
        let TicketDesk { starts_at_ms, timezone, .. } = self.ticket_desk(plan);
        let now = now_ms();
        let days = days_before(now, starts_at_ms, &timezone);
        let has_begun = now >= starts_at_ms;
        let moved = !has_begun && self.was_moved(&plan.sale.event_id, paid_at_ms).await?;
        Ok(GivebackTermsBody {
            share_basis_points: match (has_begun, moved) {
                (true, _) => 0,
                (false, true) => WHOLE_BASIS_POINTS,
                (false, false) => self.refunds.share(days),
            },
            because: if moved { "moved" } else { "table" },
            with_fee: self.refunds.with_fee,
            days_before: days,
            steps: self.refunds.steps.clone(),
        })
    }

    /// Whether the event was moved after it was paid for, and so lately that everything goes back.
    async fn was_moved(&self, event_id: &str, paid_at_ms: Option<u64>) -> Result<bool, Problem> {
        let Some(paid_at_ms) = paid_at_ms else { return Ok(false) };
        let paid_at_ms = i64::try_from(paid_at_ms).unwrap_or(i64::MAX);
        let within_days = self.refunds.moved_days;
        Ok(moves::moved_since(&self.database, event_id, paid_at_ms, within_days).await?)
    }

    /// Refuses when somebody came in by one of the tickets.
    async fn check_unused(&self, order: OrderId, seats: &[SeatIx]) -> Result<(), Problem> {
        let used = checkins::used(&self.database, order.to_string()).await?;
        let concerned = |id: &String| {
            let ticket: Option<TicketId> = id.parse().ok();
            ticket.is_some_and(|ticket| seats.is_empty() || seats.contains(&ticket.seat))
        };
        if used.iter().any(concerned) { Err(refused("used")) } else { Ok(()) }
    }
}
