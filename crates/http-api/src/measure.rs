//! The layer that counts and times requests by route. Labels are route patterns, never addresses,
//! so that the number of series is bounded.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

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
    let status = response.status().as_str().to_owned();
    metrics::histogram!("seatgrid_http_request_seconds", "route" => route.clone())
        .record(started.elapsed().as_secs_f64());
    metrics::counter!(
        "seatgrid_http_requests_total", "route" => route, "method" => method, "status" => status
    )
    .increment(1);
    response
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
