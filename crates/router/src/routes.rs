//! All addresses of the public port and the layers in front of them, as lists to be read. The calls of
//! a rush never come here (`hot.rs`): a check belongs into its handler, where both find it.

use std::sync::Arc;

use axum::Router as Routes;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http_api::admin::{metrics_answer, probe_routes};
use http_api::{Peer, carry, measure, method_not_allowed, not_found};
use storefront::AppView;

use crate::api::{availability, hold_change, holds, openapi, plan, proxy, queue, seats, stream};
use crate::pages;
use crate::state::App;
use crate::{attempts, credits};

/// Addresses of the calls of a rush.
pub(crate) const HOLDS: &str = "/api/v1/events/{id}/holds";
pub(crate) const HOLD: &str = "/api/v1/holds/{id}";
pub(crate) const SEATS: &str = "/api/v1/events/{id}/seats";
pub(crate) const AVAILABILITY: &str = "/api/v1/events/{id}/availability";

/// The whole public port.
pub(crate) fn public(app: App) -> Routes {
    let probes = probe_routes(app.probes.clone());
    let attempts = Arc::clone(&app.attempts);
    Routes::new()
        .merge(shopping(&app))
        .merge(shop_pages())
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&app))
        .merge(probes)
        .method_not_allowed_fallback(method_not_allowed)
        // Inside the naming layer, where a problem still says its code.
        .layer(from_fn_with_state(attempts, attempts::watch))
        // Inside the naming layer, so that panics and problems are counted as they are answered;
        // outside the routes, so that it sees which route matched.
        .layer(from_fn(measure))
        // Outermost: whatever happens further in has a request id and is answered as a problem.
        .layer(from_fn(carry))
}

/// The API: what concerns seats is answered here, everything else by the office.
fn shopping(app: &App) -> Routes<App> {
    // Before the body is read, so that a refusal costs little.
    let guarded = from_fn_with_state(Arc::clone(app), credits::guard);
    Routes::new()
        .route("/api/v1/events/{id}/plan", get(plan::read))
        .route(AVAILABILITY, get(availability::read))
        .route(SEATS, get(seats::read))
        .route("/api/v1/events/{id}/seats/stream", get(stream::open))
        .route(HOLDS, post(holds::create).layer(guarded))
        .route(HOLD, get(holds::read).patch(hold_change::change).delete(holds::release))
        .route("/api/v1/events/{id}/queue", post(queue::enter))
        .route("/api/v1/events/{id}/draw", get(queue::draw))
        .route("/api/v1/queue/{id}", get(queue::read))
        .route("/api/v1/openapi.json", get(openapi::read))
        .route("/api/v1/{*rest}", any(proxy::pass_on))
}

/// What a browser shows.
fn shop_pages() -> Routes<App> {
    let frames = |routes: Routes<App>, view: AppView| routes.route(view.path(), get(pages::app));
    AppView::all()
        .fold(Routes::new(), frames)
        .route("/", get(pages::browse::home))
        .route("/artists/{id}", get(pages::browse::artist))
        .route("/artists/{id}/poster.svg", get(pages::posters::artist))
        .route("/events/{id}/poster.svg", get(pages::posters::event))
        .route("/events/{id}", get(pages::event))
        .route("/events/{id}/calendar.ics", get(pages::browse::calendar))
        .route("/orders/{id}", get(pages::order))
        .route("/orders/{id}/tickets/{ticket}", get(pages::ticket))
        .route("/consent/{kind}", get(pages::consent))
        .route("/assets/{*rest}", get(pages::asset))
        .route("/favicon.ico", get(pages::asset))
        .route("/manifest.webmanifest", get(pages::asset))
        .route("/worker.js", get(pages::asset))
        .fallback(pages::nowhere)
}

/// Metrics on the public port for this machine only, and not through a proxy on it; others scrape
/// the admin port.
async fn metrics(
    State(app): State<App>,
    peer: Option<axum::Extension<Peer>>,
    headers: http::HeaderMap,
) -> Response {
    let local = peer.is_some_and(|peer| peer.0.0.ip().is_loopback());
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if local && !forwarded {
        metrics_answer(&app.metrics)
    } else {
        not_found().await.into_response()
    }
}
