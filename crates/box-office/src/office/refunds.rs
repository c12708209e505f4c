//! Reading a refund.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, Problem, from_grid};
use inventory::{HoldId, OrderId, RefundId};

use super::answer::{Shopper, private};
use super::bodies::{self, RefundBody};
use super::{Office, stored_orders};

/// Open refunds of a shard that are searched while PostgreSQL does not know the refund yet.
const OPEN_SEARCHED_MAX: u32 = 10_000;

/// A refund.
#[utoipa::path(get, path = "/api/v1/refunds/{id}", tag = "orders", params(
    ("id" = String, Path, description = "The refund"),
    ("X-Hold-Token" = String, Header, description = "The token of its order's hold"),
), responses(
    (status = 200, description = "The refund", body = RefundBody),
    (status = 404, description = "`refund_not_found`, also for what belongs to somebody else"),
))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::RefundNotFound);
    let id: RefundId = id.parse().map_err(|_| missing())?;
    // Without a token nothing is looked for: the search is dearer than the refusal.
    if !shopper.token.is_there() && shopper.claims.is_none() {
        return Err(missing());
    }
    let order_id = office.order_of_refund(id, shopper.deadline).await?;
    let answer = office.grid.order(order_id, shopper.deadline).await;
    let answer = answer.map_err(|error| from_grid(error, Code::RefundNotFound))?;
    let hold = HoldId { event: id.event, no: answer.order.hold };
    office.check_order(order_id, hold, &shopper, Code::RefundNotFound).await?;
    let refund = answer.refunds.iter().find(|refund| refund.no == id.no).ok_or_else(missing)?;
    let plan = office.plans.get(id.event, shopper.deadline).await?;
    let document = bodies::refund(id.event, &answer.order, refund, &plan);
    Ok(private(StatusCode::OK, Some(answer.version), document))
}

impl Office {
    /// A refund's id does not name its order. PostgreSQL knows it once it was written behind;
    /// a refund younger than that is still among the open ones.
    pub(super) async fn order_of_refund(
        &self,
        id: RefundId,
        deadline: Instant,
    ) -> Result<OrderId, Problem> {
        let stored = stored_orders::order_of_refund(&self.database, &id.to_string()).await;
        let away = stored.is_err();
        if let Some(order) = stored.ok().flatten().and_then(|order| order.parse().ok()) {
            return Ok(order);
        }
        let missing = |error| from_grid(error, Code::RefundNotFound);
        let shard = self.grid.shard_of(id.event, deadline).await.map_err(missing)?;
        let open = self.grid.pending_money(shard, OPEN_SEARCHED_MAX, deadline).await;
        let open = open.map_err(missing)?.refunds;
        let found = open.iter().find(|open| open.id == id);
        let nobody_knows = if away { Code::DatabaseUnavailable } else { Code::RefundNotFound };
        let found = found.ok_or_else(|| Problem::new(nobody_knows))?;
        Ok(OrderId { event: id.event, no: found.refund.order })
    }
}
