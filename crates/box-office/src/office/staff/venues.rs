//! Venues, as staff keeps them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use http_api::{Code, Id, OptionalKey, Params, Problem, Strict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::Office;
use super::Staff;
use super::checks::Faults;
use super::entries::Kind;
use super::shelf::{Form, PageParams};

/// A place where events happen.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct VenueForm {
    name: String,
    city: String,
    address: String,
    /// IANA name, such as `Europe/Moscow`; times at the door are told in it.
    timezone: String,
}

impl Form for VenueForm {
    const KIND: Kind = Kind {
        table: "venue",
        columns: "name, city, address, timezone",
        missing: Code::VenueNotFound,
    };

    fn check(&self, faults: &mut Faults) {
        faults.text("/name", &self.name, 1..=200);
        faults.text("/city", &self.city, 1..=100);
        faults.text("/address", &self.address, 1..=300);
        if jiff::tz::TimeZone::get(&self.timezone).is_err() {
            faults.add("/timezone", "must be the IANA name of a time zone, such as Europe/Moscow");
        }
    }

    fn of_row(row: &Value) -> Value {
        let told = |name: &str| row[name].clone();
        json!({"name": told("name"), "city": told("city"), "address": told("address"),
            "timezone": told("timezone")})
    }
}

/// All venues, by id.
#[utoipa::path(get, path = "/api/v1/admin/venues", tag = "staff", params(PageParams), responses(
    (status = 200, description = "A page: `{\"items\":[…],\"next_cursor\":…}`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn list(
    State(office): State<Arc<Office>>,
    _: Staff,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    office.shelf_list::<VenueForm>(&params).await
}

/// One venue with its revision, also the `ETag`.
#[utoipa::path(get, path = "/api/v1/admin/venues/{id}", tag = "staff",
params(("id" = String, Path, description = "The venue")), responses(
    (status = 200, description = "The venue", body = VenueForm),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`venue_not_found`"),
))]
pub(in crate::office) async fn read(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    _: Staff,
) -> Result<Response, Problem> {
    office.shelf_read::<VenueForm>(&id).await
}

/// A new venue.
#[utoipa::path(post, path = "/api/v1/admin/venues", tag = "staff", request_body = VenueForm,
params(("Idempotency-Key" = Option<String>, Header, description = "UUID, version 7 preferred")),
responses(
    (status = 201, description = "The venue with its id", body = VenueForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 422, description = "`idempotency_conflict`"),
))]
pub(in crate::office) async fn create(
    State(office): State<Arc<Office>>,
    key: OptionalKey,
    staff: Staff,
    Strict { body, hash }: Strict<VenueForm>,
) -> Result<Response, Problem> {
    office.shelf_add(&staff, key.of(hash), body).await
}

/// Edits a venue: members that are given replace, null clears (RFC 7396).
#[utoipa::path(patch, path = "/api/v1/admin/venues/{id}", tag = "staff",
request_body = VenueForm, params(
    ("id" = String, Path, description = "The venue"),
    ("If-Match" = String, Header, description = "The `ETag` that the edit is based on"),
), responses(
    (status = 200, description = "The venue as it is now", body = VenueForm),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`venue_not_found`"),
    (status = 412, description = "`version_mismatch`"),
    (status = 428, description = "`precondition_required`"),
))]
pub(in crate::office) async fn edit(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
    Strict { body, .. }: Strict<Value>,
) -> Result<Response, Problem> {
    office.shelf_edit::<VenueForm>(&staff, &id, body).await
}

/// Removes a venue of no event and no plan.
#[utoipa::path(delete, path = "/api/v1/admin/venues/{id}", tag = "staff",
params(("id" = String, Path, description = "The venue")), responses(
    (status = 204, description = "Gone; what was changed stays on record"),
    (status = 401, description = "`unauthenticated`"),
    (status = 404, description = "`venue_not_found`"),
    (status = 409, description = "`refused_unsafe`: an event or a plan needs it"),
))]
pub(in crate::office) async fn remove(
    State(office): State<Arc<Office>>,
    Id(id): Id,
    staff: Staff,
) -> Result<StatusCode, Problem> {
    office.shelf_remove::<VenueForm>(&staff, &id).await
}
