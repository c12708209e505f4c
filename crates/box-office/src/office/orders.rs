//! Orders: placing one from a hold, reading it, giving it up.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{
    Code, FieldError, Id, IdempotencyKey, NoBody, Problem, Strict, after_write, from_grid,
    person_of_account,
};
use inventory::{CancelOrder, Command, HoldId, OrderId, Outcome, PlaceOrder};
use processing_unit::HoldAnswer;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Office;
use super::answer::{Shopper, complete_up_to, foreign, private, replayed};
use super::bodies::{self, OrderBody};
use crate::clock::now_ms;
use crate::contact::{BuyerForm, Contact};

/// An order to place.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderForm {
    /// The hold that becomes the order.
    hold_id: String,
    buyer: BuyerForm,
    /// Must contain `personal_data`; `marketing` is apart from it.
    consents: Vec<String>,
    /// How the buyer wants to be told things: `email`, `push`, `telegram`.
    #[serde(default = "by_email")]
    channels: Vec<String>,
}

fn by_email() -> Vec<String> {
    vec!["email".to_owned()]
}

/// Turns a hold into an order; its deadline stays the hold's.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = OrderForm, params(
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
    ("X-Hold-Token" = String, Header, description = "The hold's token"),
), responses(
    (status = 201, description = "The order waits for its payment", body = OrderBody),
    (status = 400, description = "`invalid_request`, `idempotency_key_required`"),
    (status = 404, description = "`hold_not_found`"),
    (status = 409, description = "`order_state`, `idempotency_window_expired`"),
    (status = 410, description = "`hold_expired`"),
    (status = 422, description = "`idempotency_conflict`"),
))]
pub(super) async fn place(
    State(office): State<Arc<Office>>,
    key: IdempotencyKey,
    shopper: Shopper,
    Strict { body, hash }: Strict<OrderForm>,
) -> Result<Response, Problem> {
    let contact = Contact::check(&body.buyer, &body.consents, &body.channels, now_ms()).map_err(
        |faults| {
            let faults =
                faults.into_iter().map(|fault| FieldError::at(fault.pointer, fault.detail));
            Problem::invalid(faults.collect())
        },
    )?;
    let contact = contact.reading(shopper.language);
    let hold: HoldId = body.hold_id.parse().map_err(|_| Problem::new(Code::HoldNotFound))?;
    office.check_hold(hold, &shopper).await?;
    let buyer = shopper.claims.as_ref().map(|claims| claims.account);
    let contact = office.seal_contact(hold, &shopper, &contact)?;
    let command = PlaceOrder { hold, contact, buyer: buyer.map(|buyer| buyer.as_u128()) };
    let command = Command::PlaceOrder(command);
    let reply = office.command(hold.event, key.of(hash), &shopper, command).await?;
    let Outcome::OrderPlaced(placed) = &reply.outcome else { return Err(foreign(&reply.outcome)) };
    if let Some(buyer) = buyer {
        office.recent.note(buyer, placed.order);
    }
    let plan = office.plans.naming(hold.event, &placed.seats, shopper.deadline).await;
    let plan = plan.map_err(|error| after_write(error.into()))?;
    let document = bodies::placed(placed, &plan);
    Ok(replayed(private(StatusCode::CREATED, Some(reply.version), document), reply.replayed))
}

/// An order with its payments and refunds.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "The order", body = OrderBody, headers(
        ("Grid-Complete-Up-To" = String, description = "For an order that was read from the tables: \
            the moment before which nothing is missing there"),
    )),
    (status = 404, description = "`order_not_found`, also for what belongs to somebody else"),
))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    shopper: Shopper,
) -> Result<Response, Problem> {
    match office.own_order(&id, &shopper).await {
        Ok((id, answer)) => {
            let seats = &answer.order.seats;
            let plan = office.plans.naming(id.event, seats, shopper.deadline).await?;
            let mut document = bodies::order(id.event, &answer, &plan);
            document.offer = office.offer(id, answer.order.offer, shopper.deadline).await?;
            Ok(private(StatusCode::OK, Some(answer.version), document))
        }
        Err(problem) if problem.code() == Code::OrderNotFound => {
            office.stored_order(&id, &shopper).await
        }
        Err(problem) => Err(problem),
    }
}

/// Gives an unpaid order up; its seats are free at once. Money that comes later is given back.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "orders", params(
    ("id" = String, Path, description = "The order"),
    ("Idempotency-Key" = String, Header, description = "UUID, version 7 preferred"),
    ("X-Hold-Token" = String, Header, description = "The token of its hold"),
), responses(
    (status = 200, description = "The order as it is now", body = OrderBody),
    (status = 404, description = "`order_not_found`"),
    (status = 409, description = "`order_state`"),
    (status = 410, description = "`hold_expired`"),
))]
pub(super) async fn cancel(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    key: IdempotencyKey,
    shopper: Shopper,
    NoBody { hash }: NoBody,
) -> Result<Response, Problem> {
    let (id, _) = office.own_order(&id, &shopper).await?;
    let command = Command::CancelOrder(CancelOrder { order: id });
    let reply = office.command(id.event, key.of(hash), &shopper, command).await?;
    let unread = |error| after_write(from_grid(error, Code::OrderNotFound));
    let answer = office.grid.order(id, shopper.deadline).await.map_err(unread)?;
    let plan = office.plans.get(id.event, shopper.deadline).await.map_err(unread)?;
    let document = bodies::order(id.event, &answer, &plan);
    Ok(replayed(private(StatusCode::OK, Some(answer.version), document), reply.replayed))
}

impl Office {
    /// Refuses a shopper who neither has the hold's token nor took it signed in.
    async fn check_hold(&self, hold: HoldId, shopper: &Shopper) -> Result<(), Problem> {
        let refused = match self.check_token(hold, shopper, Code::HoldNotFound) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        let Some(claims) = &shopper.claims else { return Err(refused) };
        let own = person_of_account(&self.tokens, hold.event, claims.account);
        match self.grid.hold(hold, shopper.deadline).await {
            Ok(HoldAnswer::Live { hold, .. }) if hold.terms.person == Some(own) => Ok(()),
            Ok(HoldAnswer::Live { .. } | HoldAnswer::Ended(_)) => Err(refused),
            Err(error) => Err(from_grid(error, Code::HoldNotFound)),
        }
    }

    /// Sealed under the person's own key, or under the shop's for a guest. Needs no database.
    fn seal_contact(
        &self,
        hold: HoldId,
        shopper: &Shopper,
        contact: &Contact,
    ) -> Result<Vec<u8>, Problem> {
        let plain = contact.to_bytes();
        let sealed = match &shopper.claims {
            Some(claims) => self.person_key(claims)?.seal(hold, &plain),
            None => self.contacts.seal(hold, &plain),
        };
        sealed.map_err(Problem::internal)
    }

    /// An order that the grid has forgotten. While PostgreSQL is away there is none.
    async fn stored_order(&self, id: &str, shopper: &Shopper) -> Result<Response, Problem> {
        let missing = || Problem::new(Code::OrderNotFound);
        // Only what could be an id of ours is asked for.
        let id: OrderId = id.parse().map_err(|_| missing())?;
        let told = self.history.order(id).await.ok().flatten().ok_or_else(missing)?;
        let hold: HoldId = told.what.hold_id.parse().map_err(|_| missing())?;
        self.check_order(id, hold, shopper, Code::OrderNotFound).await?;
        Ok(complete_up_to(private(StatusCode::OK, None, told.what), told.complete_up_to_ms))
    }
}
