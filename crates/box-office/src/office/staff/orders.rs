//! Orders in the hands of staff: read, seated elsewhere, refunded seat by seat; refunds that were
//! given up are tried again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, FieldError, Id, IdempotencyKey, NoBody, Problem, Strict, from_grid};
use inventory::{
    Command, OrderId, Outcome, ReassignSeats, RefundId, RefundSeats, RetryRefund, SeatIx,
    WHOLE_BASIS_POINTS,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::super::bodies::staff::StaffRefundBody;
use super::super::bodies::{self, OrderBody, RefundBody};
use super::Staff;
use super::seats::indices_or_all;
use crate::payouts;
use crate::plans::EventPlan;

/// Moves of one call: as many seats as an order can have.
const MOVES_MAX: usize = 100;

/// Where to seat an order's owner.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ReassignForm {
    /// Seats and what takes their place, 1 to 100.
    moves: Vec<MoveForm>,
    /// Whether the old seats are kept back instead of sold again.
    #[serde(default)]
    block: bool,
}

/// One seat for another.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct MoveForm {
    /// A seat that the order owns.
    from: String,
    /// A free or blocked seat.
    to: String,
}

/// What to give back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct RefundForm {
    /// Which of its seats; none or absent means all.
    #[serde(default)]
    seats: Option<Vec<String>>,
    /// How much of each price, in hundredths of a percent; absent means all of it.
    #[serde(default = "whole")]
    share_basis_points: u16,
    /// Whether of the fee as well.
    #[serde(default = "yes")]
    with_fee: bool,
    /// Whether the seats are kept back instead of sold again.
    #[serde(default)]
    block: bool,
}

fn whole() -> u16 {
    WHOLE_BASIS_POINTS
}

fn yes() -> bool {
    true
}

/// Any order.
#[utoipa::path(get, path = "/api/v1/admin/orders/{id}", tag = "staff", params(
    ("id" = String, Path, description = "The order"),
), responses(
    (status = 200, description = "The order", body = OrderBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`order_not_found`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<Response, Problem> {
    let id = order_id(&id)?;
    let (version, order) = office.staff_order(id, &staff).await?;
    Ok(private(StatusCode::OK, Some(version), order))
}

/// Seats the owner of an order elsewhere, at the prices that were paid. They are told.
#[utoipa::path(post, path = "/api/v1/admin/orders/{id}/reassign", tag = "staff",
request_body = ReassignForm, params(
    ("id" = String, Path, description = "The order"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The order as it is now", body = OrderBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`seat_taken`: a seat is neither free nor kept back; \
        `order_state`, `idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`persistence_backlog`"),
))]
pub(in crate::office) async fn reassign(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<ReassignForm>,
) -> Result<Response, Problem> {
    let order = order_id(&id)?;
    let plan = office.newest_plan(order.event, &staff).await?;
    let moves = body.moves(&plan)?;
    let command = Command::ReassignSeats(ReassignSeats { order, moves, block: body.block });
    let about = (order.event, Code::OrderNotFound);
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    if reply.outcome != Outcome::SeatsReassigned {
        return Err(foreign(&reply.outcome));
    }
    let (version, order) = office.staff_order(order, &staff).await?;
    Ok(replayed(private(StatusCode::OK, Some(version), order), reply.replayed))
}

/// Takes seats back from an order and gives their money back. The owner is told.
#[utoipa::path(post, path = "/api/v1/admin/orders/{id}/refunds", tag = "staff",
request_body = RefundForm, params(
    ("id" = String, Path, description = "The order"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 201, description = "The refund that was decided", body = StaffRefundBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_state`, `idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`persistence_backlog`"),
))]
pub(in crate::office) async fn refund(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<RefundForm>,
) -> Result<Response, Problem> {
    let order = order_id(&id)?;
    let plan = office.newest_plan(order.event, &staff).await?;
    let seats = indices_or_all(&plan, body.seats.as_deref(), "/seats")?;
    let command = Command::RefundSeats(RefundSeats {
        order,
        seats,
        share_basis_points: body.share_basis_points,
        with_fee: body.with_fee,
        block: body.block,
    });
    let about = (order.event, Code::OrderNotFound);
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    let document = StaffRefundBody::of(order, &reply.outcome, plan.currency())?;
    Ok(replayed(private(StatusCode::CREATED, Some(reply.version), document), reply.replayed))
}

/// Tries a refund again that was given up, under a new key at the gateway.
#[utoipa::path(post, path = "/api/v1/admin/refunds/{id}/retry", tag = "staff", params(
    ("id" = String, Path, description = "The refund"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The refund as it is now", body = RefundBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`refund_not_found`"),
    (status = 409, description = "`order_state`: it was not given up; `taken`: it was paid by hand; \
        `idempotency_window_expired`"),
    (status = 503, description = "`persistence_backlog`, `database_unavailable`"),
))]
pub(in crate::office) async fn retry(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::RefundNotFound);
    let refund: RefundId = id.parse().map_err(|_| missing())?;
    // Whoever pays it by hand meanwhile waits, and finds it open again.
    let mut work = payouts::alone(&office.database, refund).await?;
    if let Some(reference) = payouts::reference(&mut work, refund).await? {
        let problem = Problem::new(Code::Taken).detail("It was paid by hand");
        return Err(problem.fact("reference", reference));
    }
    let command = Command::RetryRefund(RetryRefund { refund });
    let about = (refund.event, Code::RefundNotFound);
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    drop(work);
    if reply.outcome != Outcome::RefundRetried {
        return Err(foreign(&reply.outcome));
    }
    let order = office.order_of_refund(refund, staff.deadline).await?;
    let answer = office.grid.order(order, staff.deadline).await;
    let answer = answer.map_err(|error| from_grid(error, Code::RefundNotFound))?;
    let known = answer.refunds.iter().find(|known| known.no == refund.no).ok_or_else(missing)?;
    let plan = office.plans.get(refund.event, staff.deadline).await?;
    let document = bodies::refund(refund.event, &answer.order, known, &plan);
    Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
}

fn order_id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::OrderNotFound))
}

impl ReassignForm {
    fn moves(&self, plan: &EventPlan) -> Result<Vec<(SeatIx, SeatIx)>, Problem> {
        if !(1..=MOVES_MAX).contains(&self.moves.len()) {
            return Err(Problem::invalid_at("/moves", "must have 1 to 100 moves"));
        }
        let ids = self.moves.iter().flat_map(|one| [one.from.as_str(), one.to.as_str()]);
        let known = plan.indices(ids);
        let (mut moves, mut faults) = (Vec::new(), Vec::new());
        for (at, one) in self.moves.iter().enumerate() {
            let ends = (known.get(one.from.as_str()), known.get(one.to.as_str()));
            match ends {
                (Some(from), Some(to)) => moves.push((*from, *to)),
                (_, _) => faults.push(FieldError::at(format!("/moves/{at}"), "no such seat")),
            }
        }
        if faults.is_empty() { Ok(moves) } else { Err(Problem::invalid(faults)) }
    }
}

impl Office {
    /// Any order as the grid has it, with the event's version.
    async fn staff_order(&self, id: OrderId, staff: &Staff) -> Result<(u64, OrderBody), Problem> {
        let answer = self.grid.order(id, staff.deadline).await;
        let answer = answer.map_err(|error| from_grid(error, Code::OrderNotFound))?;
        let seats = &answer.order.seats;
        let plan = self.plans.naming(id.event, seats, staff.deadline).await?;
        Ok((answer.version, bodies::order(id.event, &answer, &plan)))
    }
}
