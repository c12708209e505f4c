//! The office's addresses and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use http_api::{carry, measure, method_not_allowed, not_found};

use super::{
    Office, events, offers, openapi, orders, payments_api, refunds, tickets, waitlist, webhooks,
};

/// All routes.
pub(super) fn routes(office: Arc<Office>) -> Router {
    Router::new()
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/{id}", get(events::read))
        .route("/api/v1/artists", get(events::artists))
        .route("/api/v1/artists/{id}", get(events::read_artist))
        .route("/api/v1/venues/{id}", get(events::read_venue))
        .route("/api/v1/orders", post(orders::place))
        .route("/api/v1/orders/{id}", get(orders::read))
        .route("/api/v1/orders/{id}/cancel", post(orders::cancel))
        .route("/api/v1/orders/{id}/payments", post(payments_api::start))
        .route("/api/v1/orders/{id}/tickets", get(tickets::list))
        .route("/api/v1/payments/{id}", get(payments_api::read))
        .route("/api/v1/payments/{id}/offer", post(offers::answer))
        .route("/api/v1/events/{id}/waitlist", post(waitlist::join))
        .route("/api/v1/waitlist/{id}", get(waitlist::read).delete(waitlist::leave))
        .route("/api/v1/refunds/{id}", get(refunds::read))
        .route("/api/v1/webhooks/{provider}", post(webhooks::receive))
        .route("/api/v1/openapi.json", get(openapi::read))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        // Counts by route, so it stands inside the router's matching.
        .route_layer(from_fn(measure))
        // Outermost: names the request, tells problems their instance, answers for a panic.
        .layer(from_fn(carry))
        .with_state(office)
}
