//! The layer that counts and times requests by route. Labels are route patterns, never addresses,
//! so that the number of series is bounded.

use std::sync::OnceLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use metrics::{Counter, Histogram, SharedString};

/// The least number that a status has.
const STATUS_MIN: usize = 100;
/// How many there are: up to 599.
const STATUSES: usize = 500;

/// The layer; use with `axum::middleware::from_fn`.
///
/// `seatgrid_http_requests_total{route,method,status}`, `seatgrid_http_request_seconds{route}`:
/// from the arrival to the head of the answer.
pub async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = method_label(request.method());
    let started = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    seconds(route.clone()).record(started.elapsed().as_secs_f64());
    requests(route, method, response.status()).increment(1);
    response
}

/// Counts and times one route whose name is known, as [`measure`] does; for who answers without layers.
pub struct RouteMeter {
    route: &'static str,
    method: &'static str,
    seconds: Histogram,
    /// By status, from the least on; made when one occurs first.
    counts: [OnceLock<Counter>; STATUSES],
}

impl RouteMeter {
    /// A meter of a route, told by its pattern, and a method.
    pub fn new(route: &'static str, method: &'static str) -> Self {
        Self {
            route,
            method,
            seconds: seconds(route),
            counts: [const { OnceLock::new() }; STATUSES],
        }
    }

    /// An answer to a request that began then.
    pub fn record(&self, started: Instant, status: StatusCode) {
        self.seconds.record(started.elapsed().as_secs_f64());
        let at = usize::from(status.as_u16()).checked_sub(STATUS_MIN);
        let Some(count) = at.and_then(|at| self.counts.get(at)) else { return };
        count.get_or_init(|| requests(self.route, self.method, status)).increment(1);
    }
}

fn seconds(route: impl Into<SharedString>) -> Histogram {
    metrics::histogram!("seatgrid_http_request_seconds", "route" => route.into())
}

fn requests(route: impl Into<SharedString>, method: &'static str, status: StatusCode) -> Counter {
    let status = status.as_str().to_owned();
    metrics::counter!(
        "seatgrid_http_requests_total",
        "route" => route.into(), "method" => method, "status" => status
    )
}

/// Clients may invent methods; series must not follow them.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
