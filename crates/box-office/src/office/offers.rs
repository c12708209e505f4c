//! Other seats offered for money that came late: how an order tells of them, and the answer.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, IdempotencyKey, Problem, Strict, after_write};
use inventory::{AnswerOffer, Command, HoldId, OrderId, Outcome, PaymentId};
use processing_unit::HoldAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, foreign, private, replayed};
use super::bodies::{self, OfferBody, PaymentBody};

/// The answer to an offer.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferForm {
    /// Whether to take the seats; otherwise the money goes back.
    accept: bool,
}

/// Takes or declines the seats offered for a payment. After the offer's own window the money is on
/// its way back whatever is answered.
#[utoipa::path(post, path = "/api/v1/payments/{id}/offer", tag = "orders", request_body = OfferForm,
params(
    ("id" = String, Path, description = "The payment"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
    ("X-Hold-Token" = String, Header, description = "The token of its order's hold"),
), responses(
    (status = 200, description = "The payment: `settled_as` says what its money became: \
        `swapped` or `refunded`", body = PaymentBody),
    (status = 400, description = "`invalid_request`, `idempotency_key_required`"),
    (status = 404, description = "`payment_not_found`"),
    (status = 409, description = "`offer_gone`, `idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
))]
pub(super) async fn answer(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    shopper: Shopper,
    Strict { body, hash }: Strict<OfferForm>,
) -> Result<Response, Problem> {
    let id: PaymentId = id.parse().map_err(|_| Problem::new(Code::PaymentNotFound))?;
    let known = office.payment(id, shopper.deadline).await?;
    let order = OrderId { event: id.event, no: known.payment.order };
    office.check_order(order, known.hold, &shopper, Code::PaymentNotFound).await?;
    let command = Command::AnswerOffer(AnswerOffer { payment: id, accept: body.accept });
    let reply = office.command(id.event, key.of(hash), &shopper, command).await?;
    let Outcome::Settled(_) = &reply.outcome else { return Err(foreign(&reply.outcome)) };
    let now = office.payment(id, shopper.deadline).await.map_err(after_write)?;
    let plan = office.plans.get(id.event, shopper.deadline).await;
    let plan = plan.map_err(|error| after_write(error.into()))?;
    let document = bodies::payment(id.event, &now, &plan);
    Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
}

impl Office {
    /// What is offered to an order; `None` when nothing is, or not any more.
    pub(super) async fn offer(
        &self,
        order: OrderId,
        offer: Option<u64>,
        deadline: Instant,
    ) -> Result<Option<OfferBody>, Problem> {
        let Some(no) = offer else { return Ok(None) };
        let hold = HoldId { event: order.event, no };
        let HoldAnswer::Live { hold, at_ms, .. } = self.grid.hold(hold, deadline).await? else {
            return Ok(None);
        };
        let plan = self.plans.naming(order.event, &hold.seats, deadline).await?;
        Ok(bodies::offer(order.event, &hold, at_ms, &plan))
    }
}
