//! Another limit of seats for one person: a household, a company, a school class.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, IdempotencyKey, Problem, Strict, from_grid};
use inventory::{Command, EventNo, HoldId, OrderId, Outcome, SetPersonLimit};
use processing_unit::HoldAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::{foreign, private, replayed};
use super::super::bodies::staff::LimitBody;
use super::Staff;

/// Most seats that a person may be given.
const SEATS_MAX: u16 = 1_000;

/// Whose limit, and which. A person is known by what they hold or bought.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct LimitForm {
    /// One of the person's orders; this or a hold.
    #[serde(default)]
    order_id: Option<String>,
    /// A live hold of the person.
    #[serde(default)]
    hold_id: Option<String>,
    /// The limit, 0 to 1,000; absent gives the sale's back.
    #[serde(default)]
    max: Option<u16>,
}

/// Gives one person another limit of seats in one event.
#[utoipa::path(post, path = "/api/v1/admin/events/{id}/limits", tag = "staff",
request_body = LimitForm, params(
    ("id" = String, Path, description = "The event"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
), responses(
    (status = 200, description = "The person's limit", body = LimitBody),
    (status = 400, description = "`invalid_request`, also where the sale counts nobody"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`event_not_found`, `order_not_found`, `hold_not_found`"),
    (status = 409, description = "`idempotency_window_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
    (status = 503, description = "`overloaded`: too many persons have limits of their own"),
))]
pub(in crate::office) async fn set(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    staff: Staff,
    Strict { body, hash }: Strict<LimitForm>,
) -> Result<Response, Problem> {
    if body.max.is_some_and(|max| max > SEATS_MAX) {
        return Err(Problem::invalid_at("/max", "must be 0 to 1,000"));
    }
    let event = office.event_no(&id, staff.deadline).await?;
    let person = office.person_of(event, &body, &staff).await?;
    let max = body.max;
    let command = Command::SetPersonLimit(SetPersonLimit { event, person, max });
    let about = (event, Code::EventNotFound);
    let reply = office.staff_command(about, Some(key.of(hash)), &staff, command).await?;
    if reply.outcome != Outcome::PersonLimitSet {
        return Err(foreign(&reply.outcome));
    }
    let document = LimitBody { event_id: id, person: format!("{person:032x}"), max };
    Ok(replayed(private(StatusCode::OK, Some(reply.version), document), reply.replayed))
}

impl Office {
    async fn person_of(
        &self,
        event: EventNo,
        form: &LimitForm,
        staff: &Staff,
    ) -> Result<u128, Problem> {
        let person = match (&form.order_id, &form.hold_id) {
            (Some(order), None) => {
                let missing = || Problem::new(Code::OrderNotFound);
                let id: OrderId = order.parse().map_err(|_| missing())?;
                let own = id.event == event;
                let order = self.grid.order(id, staff.deadline).await;
                let order = order.map_err(|error| from_grid(error, Code::OrderNotFound))?;
                if own { order.order.terms.person } else { return Err(missing()) }
            }
            (None, Some(hold)) => {
                let missing = || Problem::new(Code::HoldNotFound);
                let id: HoldId = hold.parse().map_err(|_| missing())?;
                let own = id.event == event;
                let hold = self.grid.hold(id, staff.deadline).await;
                match hold.map_err(|error| from_grid(error, Code::HoldNotFound))? {
                    HoldAnswer::Live { hold, .. } if own => hold.terms.person,
                    HoldAnswer::Live { .. } | HoldAnswer::Ended(_) => return Err(missing()),
                }
            }
            (_, _) => {
                return Err(Problem::invalid_at("", "one of order_id and hold_id is needed"));
            }
        };
        person.ok_or_else(|| Problem::invalid_at("", "nobody is counted for it"))
    }
}
