//! The OpenAPI document of the office's routes, generated from the handlers.

use axum::Json;
use utoipa::OpenApi;

use super::{events, offers, orders, payments_api, refunds, tickets, waitlist, webhooks};

#[derive(OpenApi)]
#[openapi(
    info(title = "seatgrid", description = "Concert tickets: catalogue, orders, payments"),
    paths(
        events::list,
        events::read,
        events::artists,
        events::read_artist,
        events::read_venue,
        orders::place,
        orders::read,
        orders::cancel,
        payments_api::start,
        payments_api::read,
        offers::answer,
        waitlist::join,
        waitlist::read,
        waitlist::leave,
        tickets::list,
        refunds::read,
        webhooks::receive,
    )
)]
struct Document;

/// The document; the router merges it with its own.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Serves the document.
pub(super) async fn read() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}
