//! Notices as people read them: by the token of what they are about, until there are accounts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, Problem};
use inventory::{HoldId, OrderId, WaitId};
use processing_unit::GridError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Shopper, private};
use super::{Office, stored_orders};
use crate::clock::text_signed;
use crate::outbox;

/// A notice.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct NoticeBody {
    pub(crate) id: String,
    /// `purchase_confirmed`, `hold_expired`, `payment_failed`, `payment_late`, `refund_started`,
    /// `money_returned`, `refund_failed`, `turn_came`, `seats_moved`, `seats_removed`,
    /// `seats_refunded`, `event_cancelled`, `event_moved`, `hold_withdrawn` or `reminder`.
    pub(crate) kind: String,
    /// `seats`, `hold_id`, `number`, `until_ms`, `payment_id`, `refund_id`, `settled_as`,
    /// `amount_minor`, `currency`, `starts_at_ms`, `from`, `to`, as the kind has them.
    #[schema(value_type = Object)]
    pub(crate) facts: Value,
    pub(crate) at: String,
}

/// What happened to an order, newest first.
#[utoipa::path(get, path = "/api/v1/orders/{id}/notices", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "The latest 200", body = Vec<NoticeBody>),
    (status = 404, description = "`order_not_found`, also for what belongs to somebody else"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn of_order(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::OrderNotFound);
    let order: OrderId = id.parse().map_err(|_| missing())?;
    let hold = office.hold_of_order(order, &shopper).await?;
    let hold = hold.ok_or_else(missing)?;
    office.check_order(order, hold, &shopper, Code::OrderNotFound).await?;
    office.notices(&order.to_string()).await
}

/// What happened to a place in a waiting list, newest first; also once it was served.
#[utoipa::path(get, path = "/api/v1/waitlist/{id}/notices", tag = "shopping", params(
    ("id" = String, Path, description = "The place"),
    ("X-Hold-Token" = String, Header, description = "The place's token"),
), responses(
    (status = 200, description = "The latest 200", body = Vec<NoticeBody>),
    (status = 404, description = "`not_found`: not a place of this shopper"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn of_place(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let entry: WaitId = id.parse().map_err(|_| Problem::new(Code::NotFound))?;
    office.tokens.check_wait(entry, &shopper.token)?;
    office.notices(&entry.to_string()).await
}

/// What happened to a hold, newest first.
#[utoipa::path(get, path = "/api/v1/holds/{id}/notices", tag = "shopping", params(
    ("id" = String, Path, description = "The hold"),
    ("X-Hold-Token" = String, Header, description = "The hold's token"),
), responses(
    (status = 200, description = "The latest 200", body = Vec<NoticeBody>),
    (status = 404, description = "`hold_not_found`, also for what belongs to somebody else"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(super) async fn of_hold(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    let hold: HoldId = id.parse().map_err(|_| Problem::new(Code::HoldNotFound))?;
    office.check_token(hold, &shopper, Code::HoldNotFound)?;
    office.notices(&hold.to_string()).await
}

impl Office {
    async fn notices(&self, about: &str) -> Result<Response, Problem> {
        let found = outbox::about(&self.database, about).await?;
        let body = |notice: outbox::Notice| NoticeBody {
            id: notice.id.to_string(),
            kind: notice.kind,
            facts: notice.facts.0,
            at: text_signed(notice.at_ms),
        };
        let all: Vec<NoticeBody> = found.into_iter().map(body).collect();
        Ok(private(StatusCode::OK, None, all))
    }

    /// The hold that an order came from, also of an order that the grid has forgotten.
    async fn hold_of_order(
        &self,
        order: OrderId,
        shopper: &Shopper,
    ) -> Result<Option<HoldId>, Problem> {
        match self.grid.order(order, shopper.deadline).await {
            Ok(known) => return Ok(Some(HoldId { event: order.event, no: known.order.hold })),
            Err(GridError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let stored = stored_orders::hold_of_order(&self.database, &order.to_string()).await;
        Ok(stored?.and_then(|id| id.parse().ok()))
    }
}
