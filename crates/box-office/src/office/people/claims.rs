//! A guest's order becomes an account's: when the order's address or number is one that the person has
//! shown to be theirs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Problem, Strict};
use inventory::{HoldId, OrderId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Office;
use super::super::answer::private;
use super::super::bodies::OrderBody;
use super::{Opened, SignedIn, problem};
use crate::contact::Contact;
use crate::people::orders;

/// Which order.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct ClaimForm {
    order_id: String,
}

/// Takes an order of a guest over, whose e-mail address or number the person has confirmed.
#[utoipa::path(post, path = "/api/v1/me/claims", tag = "people", request_body = ClaimForm,
responses(
    (status = 200, description = "The order is the person's", body = OrderBody),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`order_not_found`: there is none, or it is not theirs"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn claim(
    State(office): State<Arc<Office>>,
    person: SignedIn,
    Strict { body, .. }: Strict<ClaimForm>,
) -> Result<Response, Problem> {
    let missing = || Problem::new(Code::OrderNotFound);
    let id: OrderId = body.order_id.parse().map_err(|_| missing())?;
    let opened = office.opened_account(&person.claims).await?;
    let contact = office.contact_of(id, &person).await.ok_or_else(missing)?;
    if !opened.has_shown(&contact) {
        return Err(missing());
    }
    let account = opened.row.id;
    orders::claim(&office.database, account, id.to_string()).await.map_err(problem)?;
    let order = office.any_order(id.to_string(), person.deadline).await?;
    Ok(private(StatusCode::OK, None, order.ok_or_else(missing)?))
}

impl Opened {
    /// Whether a contact has an address or number that the person has confirmed.
    fn has_shown(&self, contact: &Contact) -> bool {
        let (row, own) = (&self.row, &self.profile);
        let by_email =
            row.email_verified && own.email.to_lowercase() == contact.email.to_lowercase();
        let by_phone =
            row.phone_verified && contact.phone.as_ref().is_some_and(|phone| own.phone == *phone);
        by_email || by_phone
    }
}

impl Office {
    /// The contact of a guest's order that the grid knows.
    async fn contact_of(&self, id: OrderId, person: &SignedIn) -> Option<Contact> {
        let order = self.grid.order(id, person.deadline).await.ok()?.order;
        if order.buyer.is_some() {
            return None;
        }
        let hold = HoldId { event: id.event, no: order.hold };
        let plain = self.contacts.open(hold, &order.contact).ok()?;
        Contact::from_bytes(&plain)
    }
}
